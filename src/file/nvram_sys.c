/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guests' firmware variables: each guest has a file of its own, made from a template. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "file/file.h"
#include "file/path.h"
#include "file/resolve.h"

/* Where distributions keep firmware; a template is taken from nowhere else. */
static const char *const firmware_dirs[] = {
	"/usr/share/OVMF", "/usr/share/ovmf", "/usr/share/AAVMF", "/usr/share/qemu",
	"/usr/share/qemu-efi-aarch64", "/usr/share/edk2", "/usr/share/edk2-ovmf",
	"/usr/share/seabios", NULL,
};

/* nvram_dir is cordond's own; a path elsewhere obeys the same rules as an image. */
static int nvram_parent(const char *path, uint32_t role, int *ret_dir, const char **ret_name,
			struct err *err)
{
	const struct resolve_req req = {
		.conf = file_room.conf, .role = role, .path = path, .write = true,
	};
	const char *own = file_room.conf->nvram_dir, *name;
	size_t n = strlen(own);

	while (n && own[n - 1] == '/')
		n--;
	if (!path_below(own, path))
		return resolve_parent(&req, ret_dir, ret_name, err);
	name = path + n + 1;
	if (path[n] != '/' || strchr(name, '/') || strlen(name) > NAME_MAX)
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "variable store '%s' must lie directly in '%s'", path, own);
	*ret_dir = open(own, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir < 0)
		return err_sys(err, -errno, "folder of variable stores '%s'", own);
	*ret_name = name;
	return 0;
}

static int open_existing(int dir, const char *name, const char *path, int *ret_fd, struct err *err)
{
	CLEAN_FD int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return err_sys(err, -errno, "Cannot access variable store '%s'", path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, -errno, "Cannot access variable store '%s'", path);
	/* a second name could be another guest's, or a file of the host */
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "variable store '%s' is not a regular file with one name", path);
	if ((uint64_t)st.st_size > FILE_NVRAM_MAX)
		return err_set(err, -EFBIG, ERR_CONFIG_UNSUPPORTED,
			       "variable store '%s' is longer than %llu bytes", path, FILE_NVRAM_MAX);
	fd_set_nonblock(fd, 0);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int open_template(struct arena *a, const char *given, int *ret_fd, uint64_t *ret_size,
			 struct err *err)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
				.resolve = RESOLVE_NO_MAGICLINKS };
	CLEAN_FD int fd = -1;
	struct stat st;
	char *path;
	int i, r;

	if (!given[0])
		return err_set(err, -ENOENT, ERR_CONFIG_UNSUPPORTED,
			       "the guest has no variable store yet and its definition names no template");
	r = path_normalize(a, given, &path, err);
	if (r < 0)
		return r;
	for (i = 0; firmware_dirs[i] && !path_below(firmware_dirs[i], path); i++)
		;
	if (!firmware_dirs[i])
		return err_set(err, -EACCES, ERR_ACCESS_DENIED,
			       "template '%s' lies in none of the firmware folders (%s, ...)", path,
			       firmware_dirs[0]);
	fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "template '%s'", path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > FILE_NVRAM_MAX)
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "template '%s' is no regular file of at most %llu bytes", path,
			       FILE_NVRAM_MAX);
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = take_fd(&fd);
	return 0;
}

static int copy(int from, int to, uint64_t size)
{
	static uint8_t block[65536];

	while (size) {
		ssize_t n = read(from, block, size < sizeof(block) ? size : sizeof(block));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		r = fd_write_all(to, block, (size_t)n);
		if (r < 0)
			return r;
		size -= (uint64_t)n;
	}
	return fsync(to) < 0 ? -errno : 0;
}

/* It gets its name when it is complete: a crash leaves no half store behind. */
static int make_from(int template, uint64_t size, int dir, const char *name)
{
	char self[64];
	CLEAN_FD int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = copy(template, fd, size);
	if (r < 0)
		return r;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int file_open_nvram(struct arena *a, const struct file_nvram_args *args, bool make, int *ret_fd,
		    struct err *err)
{
	CLEAN_FD int dir = -1, template = -1;
	const char *name;
	uint64_t size = 0;
	char *path;
	int r;

	r = path_normalize(a, args->path, &path, err);
	if (r == 0)
		r = nvram_parent(path, args->role, &dir, &name, err);
	if (r < 0)
		return r;
	r = open_existing(dir, name, path, ret_fd, err);
	if (r != -ENOENT || !make)
		return r;
	r = open_template(a, args->template_path, &template, &size, err);
	if (r < 0)
		return r;
	r = make_from(template, size, dir, name);
	if (r < 0 && r != -EEXIST)
		return err_sys(err, r, "making the variable store '%s'", path);
	return open_existing(dir, name, path, ret_fd, err);
}

int file_unlink_nvram(struct arena *a, const char *given, struct err *err)
{
	CLEAN_FD int dir = -1;
	const char *name;
	struct stat st;
	char *path, uuid[37];
	const struct claim *c;
	int r;

	r = path_normalize(a, given, &path, err);
	if (r < 0)
		return r;
	if (!path_below(file_room.conf->nvram_dir, path))
		return err_set(err, -EACCES, ERR_OPERATION_DENIED,
			       "variable store '%s' is not below '%s': remove it by hand", path,
			       file_room.conf->nvram_dir);
	r = nvram_parent(path, FILE_ROLE_ROOT, &dir, &name, err);
	if (r < 0)
		return r;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, -errno, "variable store '%s'", path);
	c = claims_find(&file_room.claims, st.st_dev, st.st_ino);
	if (c) {
		claims_uuid(c->guest, uuid);
		return err_set(err, -EBUSY, ERR_RESOURCE_BUSY,
			       "variable store '%s' is in use by guest %s", path, uuid);
	}
	if (unlinkat(dir, name, 0) < 0)
		return err_sys(err, -errno, "removing the variable store '%s'", path);
	return 0;
}
