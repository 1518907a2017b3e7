/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "file/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "file/file.h"

#define NO_LINKS (RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS)

/* What image_deny names, as inodes: another mount of /etc is still /etc. */
struct denied {
	unsigned n;
	struct { dev_t dev; ino_t ino; } list[CONF_LIST_MAX];
};

int resolve_at(int dir, const char *name, int flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY)),
		.resolve = resolve,
	};
	int fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static bool under_dev(const struct resolve_req *req)
{
	return req->block && path_below("/dev", req->path) && req->path[4] == '/';
}

/* Entries that do not bind this request: devices may be opened where block devices live. */
static bool deny_skipped(const struct resolve_req *req, const char *entry)
{
	if (req->boot && !req->write && path_below("/boot", entry))
		return true;
	return under_dev(req) && strcmp(entry, "/dev") == 0;
}

static int deny_by_name(const struct resolve_req *req, struct denied *ret, struct err *err)
{
	const struct config *c = file_room.conf;
	struct stat st;

	ret->n = 0;
	for (uint32_t i = 0; i < c->n_image_deny; i++) {
		const char *entry = c->image_deny[i];

		if (deny_skipped(req, entry))
			continue;
		if (path_below(entry, req->path))
			return err_set(err, -EACCES, ERR_ACCESS_DENIED,
				       "Cannot access storage file '%s': it lies below '%s', which image_deny in cordond.conf closes to guests",
				       req->path, entry);
		if (ret->n < CONF_LIST_MAX && stat(entry, &st) == 0) {
			ret->list[ret->n].dev = st.st_dev;
			ret->list[ret->n++].ino = st.st_ino;
		}
	}
	return 0;
}

static int deny_by_inode(const struct denied *d, const struct stat *st, const char *path,
			 struct err *err)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->list[i].dev == st->st_dev && d->list[i].ino == st->st_ino)
			return err_set(err, -EACCES, ERR_ACCESS_DENIED,
				       "Cannot access storage file '%s': it leads into a folder that image_deny in cordond.conf closes to guests",
				       path);
	return 0;
}

/* Cordon-disk knows the way out (src/disk/advice.c). */
static int refuse_sys(int r, const struct resolve_req *req, struct err *err)
{
	return err_sys(err, r, "Cannot access storage file '%s'", req->path);
}

/* The configured folder the path lies below; "/" for root's own. NULL: none. */
static const char *root_of(const struct resolve_req *req)
{
	const struct config *c = file_room.conf;
	uint32_t n = c->n_image_roots;
	char *const *list = c->image_roots;

	if (req->roots == FILE_ROOTS_BACKING) {
		n = c->n_backing_roots;
		list = c->backing_roots;
	} else if (req->roots == FILE_ROOTS_NVRAM) {
		n = 1;
		list = &c->nvram_dir;
	} else if (req->role == FILE_ROLE_ROOT) {
		return "/";
	}
	for (uint32_t i = 0; i < n; i++)
		if (list[i][0] == '/' && path_below(list[i], req->path))
			return list[i];
	return NULL;
}

static int refuse_roots(const struct resolve_req *req, struct err *err)
{
	if (req->roots == FILE_ROOTS_BACKING)
		return err_set(err, -EACCES, ERR_ACCESS_DENIED,
			       "backing file '%s' is not listed in the disk's definition: name it in <backingStore>, or add its folder to backing_roots in cordond.conf (`cordon storage add-root --backing FOLDER`)",
			       req->path);
	return err_set(err, -EACCES, ERR_ACCESS_DENIED,
		       "Cannot access storage file '%s': administrators other than root may use files below image_roots of cordond.conf only; `cordon storage add-root FOLDER` adds one",
		       req->path);
}

/* Walk from `root` to the folder of the last part; each step is looked at. */
static int walk(const struct resolve_req *req, const char *root, const struct denied *d,
		int *ret_dir, const char **ret_name, struct err *err)
{
	const char *s = req->path + strlen(root);
	CLEAN_FD int dir = resolve_at(AT_FDCWD, root, O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS);
	char part[NAME_MAX + 1];
	struct stat st;
	int r;

	if (dir < 0)
		return refuse_sys(dir, req, err);
	for (;;) {
		size_t n;

		if (fstat(dir, &st) < 0)
			return refuse_sys(-errno, req, err);
		r = deny_by_inode(d, &st, req->path, err);
		if (r < 0)
			return r;
		s += strspn(s, "/");
		n = strcspn(s, "/");
		if (!s[n])
			break;
		if (n > NAME_MAX)
			return refuse_sys(-ENAMETOOLONG, req, err);
		memcpy(part, s, n);
		part[n] = '\0';
		r = resolve_at(dir, part, O_PATH | O_DIRECTORY, NO_LINKS);
		if (r < 0)
			return refuse_sys(r, req, err);
		fd_close(&dir);
		dir = r;
		s += n;
	}
	if (!*s)
		return refuse_sys(-EISDIR, req, err);
	*ret_dir = take_fd(&dir);
	*ret_name = s;
	return 0;
}

static int check_type(const struct resolve_req *req, const struct stat *st, struct err *err)
{
	if (req->block ? S_ISBLK(st->st_mode) : S_ISREG(st->st_mode))
		return 0;
	if (S_ISBLK(st->st_mode))
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "'%s' is a block device: declare the disk type='block' with <source dev=...>",
			       req->path);
	if (S_ISREG(st->st_mode))
		return err_set(err, -ENOTBLK, ERR_CONFIG_UNSUPPORTED,
			       "'%s' is a file, not a block device: declare the disk type='file' with <source file=...>",
			       req->path);
	return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
		       "Cannot access storage file '%s': it is neither a regular file nor a block device",
		       req->path);
}

static bool same_object(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       (a->st_mode & S_IFMT) == (b->st_mode & S_IFMT) && a->st_rdev == b->st_rdev;
}

/*
 * Look before opening, for opening a device acts on it; then make sure that
 * what was opened is what was looked at.
 */
static int open_checked(const struct resolve_req *req, int dir, const char *name, uint64_t resolve,
			const struct denied *d, int *ret_fd, struct stat *ret_st, struct err *err)
{
	int flags = (req->write ? O_RDWR : O_RDONLY) | O_NONBLOCK;
	CLEAN_FD int look = resolve_at(dir, name, O_PATH, resolve);
	CLEAN_FD int fd = -1;
	struct stat seen, st;
	int r;

	if (look < 0)
		return refuse_sys(look, req, err);
	if (fstat(look, &seen) < 0)
		return refuse_sys(-errno, req, err);
	r = deny_by_inode(d, &seen, req->path, err);
	if (r == 0)
		r = check_type(req, &seen, err);
	if (r < 0)
		return r;
	fd = resolve_at(dir, name, flags, resolve);
	if (fd < 0)
		return refuse_sys(fd, req, err);
	if (fstat(fd, &st) < 0)
		return refuse_sys(-errno, req, err);
	if (!same_object(&seen, &st))
		return err_set(err, -ESTALE, ERR_OPERATION_FAILED,
			       "Cannot access storage file '%s': it was replaced while it was opened",
			       req->path);
	r = fd_set_nonblock(fd, 0);
	if (r < 0)
		return refuse_sys(r, req, err);
	*ret_fd = take_fd(&fd);
	*ret_st = st;
	return 0;
}

/* /dev/mapper/x and /dev/VG/LV are links to /dev/dm-N: they may stay inside /dev. */
static int open_dev(const struct resolve_req *req, const struct denied *d, int *ret_fd,
		    struct stat *ret_st, struct err *err)
{
	CLEAN_FD int dev = resolve_at(AT_FDCWD, "/dev", O_PATH | O_DIRECTORY, NO_LINKS);

	if (dev < 0)
		return refuse_sys(dev, req, err);
	return open_checked(req, dev, req->path + strlen("/dev/"),
			    RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, d, ret_fd, ret_st, err);
}

/* What holds for every request, before the first look at the file system. */
static int begin(const struct resolve_req *req, const char **ret_root, struct denied *d,
		 struct err *err)
{
	if (!path_is_normal(req->path))
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED, "'%s' is no plain path",
			       req->path);
	*ret_root = root_of(req);
	if (!*ret_root)
		return refuse_roots(req, err);
	resolve_act_as(req->path);
	return deny_by_name(req, d, err);
}

int resolve_open(const struct resolve_req *req, int *ret_fd, struct stat *ret_st, struct err *err)
{
	const char *root, *name;
	CLEAN_FD int dir = -1;
	struct denied d;
	int r = begin(req, &root, &d, err);

	if (r < 0)
		return r;
	if (under_dev(req))
		return open_dev(req, &d, ret_fd, ret_st, err);
	r = walk(req, root, &d, &dir, &name, err);
	return r < 0 ? r : open_checked(req, dir, name, NO_LINKS, &d, ret_fd, ret_st, err);
}

int resolve_parent(const struct resolve_req *req, int *ret_dir, const char **ret_name,
		   struct err *err)
{
	const char *root;
	struct denied d;
	int r = begin(req, &root, &d, err);

	return r < 0 ? r : walk(req, root, &d, ret_dir, ret_name, err);
}

bool resolve_denied(const char *path, bool block)
{
	const struct resolve_req req = { .path = path, .block = block, .boot = true };
	struct denied d;

	return deny_by_name(&req, &d, NULL) < 0;
}

void resolve_act_as(const char *path)
{
	const struct config *c = file_room.conf;
	uint32_t uid = file_room.worker ? 0 : c->uid_file, gid = uid;

	for (uint32_t i = 0; i < c->n_image_open_as; i++)
		if (path_below(c->image_open_as[i].path, path)) {
			uid = c->image_open_as[i].uid;
			gid = c->image_open_as[i].gid;
		}
	/* FUSE looks at all uids; here those stay ours, lest its other users may signal us */
	if (!file_room.worker) {
		setfsgid(gid);
		setfsuid(uid);
	} else if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0) {
		_exit(EXIT_FAILURE);
	}
}
