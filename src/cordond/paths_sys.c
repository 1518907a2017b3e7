/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cordond/setup.h"

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

struct folder {
	const char *path;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	bool ours;      /* gets this owner and mode; another is left as it is */
};

int paths_init(const char *dir, struct paths *ret, struct err *err)
{
	const struct {
		char *to;
		const char *installed, *below;
	} rows[] = {
		{ ret->instance, "", "" },
		{ ret->conf, "/etc/cordon/cordond.conf", "/cordond.conf" },
		{ ret->base, "/var/lib/cordon", "" },
		{ ret->state, "/var/lib/cordon/state", "/state" },
		{ ret->nvram, "/var/lib/cordon/nvram", "/nvram" },
		{ ret->labels, "/var/lib/cordon/labels", "/labels" },
		{ ret->tpm, "/var/lib/cordon/tpm", "/tpm" },
		{ ret->run, HOST_RUN, "/run" },
		{ ret->lock, HOST_RUN "/cordond.lock", "/run/cordond.lock" },
		{ ret->empty, HOST_RUN "/empty", "/run/empty" },
		{ ret->viewers, HOST_RUN "/viewers", "/run/viewers" },
		{ ret->log, "/var/log/cordon", "/log" },
	};
	char real[PATH_MAX] = "";

	if (dir && ((mkdir(dir, 0755) < 0 && errno != EEXIST) || !realpath(dir, real)))
		return err_sys(err, -errno, "instance folder '%s'", dir);
	for (size_t i = 0; i < N(rows); i++)
		if (snprintf(rows[i].to, PATH_MAX, "%s%s", real,
			     dir ? rows[i].below : rows[i].installed) >= PATH_MAX)
			return err_set(err, -ENAMETOOLONG, ERR_CONF_SYNTAX, "'%s' is too long", real);
	return 0;
}

/* Make a folder, or take one that is there, but only if nobody else could have prepared it. */
static int make_one(const struct folder *f, struct err *err)
{
	int CLEAN_FD fd = -1;
	struct stat st;

	if (mkdir(f->path, f->mode) < 0 && errno != EEXIST)
		return err_sys(err, -errno, "making '%s'", f->path);
	fd = open(f->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "folder '%s'", f->path);
	if (st.st_uid != f->uid && st.st_uid != 0)
		return err_set(err, -EPERM, ERR_OPERATION_DENIED, "folder '%s' belongs to uid %u; it "
			       "must belong to uid %u", f->path, st.st_uid, f->uid);
	if (st.st_mode & S_IWOTH)
		return err_set(err, -EPERM, ERR_OPERATION_DENIED, "folder '%s' can be written to by "
			       "everybody; chmod o-w it", f->path);
	/* a change of owner takes the bits above the permissions away, so that the mode comes last */
	if (f->ours && (st.st_uid != f->uid || st.st_gid != f->gid || (st.st_mode & 07777) != f->mode) &&
	    (fchown(fd, f->uid, f->gid) < 0 || fchmod(fd, f->mode) < 0))
		return err_sys(err, -errno, "owner and mode of '%s'", f->path);
	return 0;
}

static int make(const struct folder *f, size_t n, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = make_one(&f[i], err);
	return r;
}

int paths_make_first(const struct paths *p, struct err *err)
{
	const struct folder rows[] = {
		{ HOST_RUN, 0755, 0, 0, false }, { p->base, 0755, 0, 0, false },
		{ p->run, 0755, 0, 0, true }, { p->empty, 0555, 0, 0, true },
	};
	int fd, r = make(rows, N(rows), err);

	if (r < 0)
		return r;
	fd = open(p->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);   /* held until we end */
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_sys(err, -errno, "locking '%s'", p->lock);
	return err_set(err, -EBUSY, ERR_RESOURCE_BUSY, "another cordond serves '%s' already",
		       p->instance[0] ? p->instance : "this host");
}

int paths_make_rest(const struct paths *p, const struct config *c, struct err *err)
{
	const struct folder rows[] = {
		{ p->state, 0700, c->uid_core, c->uid_core, true },
		{ p->nvram, 0700, c->uid_file, c->uid_file, true },
		{ p->labels, 0700, c->uid_disk, c->uid_disk, true },
		{ p->tpm, 0700, 0, 0, true },
		{ p->log, 0755, 0, 0, true },
		/* sockets in there take the folder's group */
		{ p->viewers, 02711, c->uid_door, c->unix_sock_gid, true },
		{ c->unix_sock_dir, 0755, 0, 0, false },
	};

	return make(rows, N(rows), err);
}
