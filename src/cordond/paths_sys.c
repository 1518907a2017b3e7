/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cordond/setup.h"
#include "proto/ledger.x.h"

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

struct folder {
	const char *path;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	bool ours;      /* gets this owner and mode; another is left as it is */
};

#define HOST_RUN "/run/cordon"     /* host-wide, whatever the instance */

char *paths[N_PATHS];
/* installed, and below an instance's folder */
static const char *const places[N_PATHS][2] = {
	[PATH_INSTANCE] = { "", "" },
	[PATH_CONF] = { "/etc/cordon/cordond.conf", "/cordond.conf" },
	[PATH_BASE] = { "/var/lib/cordon", "" },
	[PATH_STATE] = { "/var/lib/cordon/state", "/state" },
	[PATH_NVRAM] = { "/var/lib/cordon/nvram", "/nvram" },
	[PATH_LABELS] = { "/var/lib/cordon/labels", "/labels" },
	[PATH_TPM] = { "/var/lib/cordon/tpm", "/tpm" },
	[PATH_RUN] = { HOST_RUN, "/run" },
	[PATH_LOCK] = { HOST_RUN "/cordond.lock", "/run/cordond.lock" },
	[PATH_EMPTY] = { HOST_RUN "/empty", "/run/empty" },
	[PATH_VIEWERS] = { HOST_RUN "/viewers", "/run/viewers" },
	[PATH_LOG] = { "/var/log/cordon", "/log" },
};

int paths_init(const char *dir, struct err *err)
{
	char real[PATH_MAX] = "";

	if (dir && ((mkdir(dir, 0755) < 0 && errno != EEXIST) || !realpath(dir, real)))
		return err_sys(err, -errno, "instance folder '%s'", dir);
	for (size_t i = 0; i < N_PATHS; i++)
		if (asprintf(&paths[i], "%s%s", real, places[i][dir != NULL]) < 0)
			return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
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
	if ((st.st_uid != f->uid && st.st_uid != 0) || st.st_mode & S_IWOTH)
		return err_set(err, -EPERM, ERR_OPERATION_DENIED, "folder '%s' belongs to uid %u and has "
			       "mode %03o; it must belong to uid %u, and nobody else may write to it",
			       f->path, st.st_uid, st.st_mode & 0777, f->uid);
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

int paths_make_first(struct err *err)
{
	const struct folder rows[] = {
		{ HOST_RUN, 0755, 0, 0, false }, { paths[PATH_BASE], 0755, 0, 0, false },
		{ paths[PATH_RUN], 0755, 0, 0, true }, { paths[PATH_EMPTY], 0555, 0, 0, true },
	};
	int fd, r = make(rows, N(rows), err);

	if (r < 0)
		return r;
	fd = open(paths[PATH_LOCK], O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);   /* held until we end */
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_sys(err, -errno, "locking '%s'", paths[PATH_LOCK]);
	return err_set(err, -EBUSY, ERR_RESOURCE_BUSY, "another cordond serves '%s' already",
		       paths[PATH_INSTANCE][0] ? paths[PATH_INSTANCE] : "this host");
}

int paths_make_rest(const struct config *c, struct err *err)
{
	const struct folder rows[] = {
		{ paths[PATH_STATE], 0700, c->uid_core, c->uid_core, true },
		{ paths[PATH_NVRAM], 0700, c->uid_file, c->uid_file, true },
		{ paths[PATH_LABELS], 0700, c->uid_disk, c->uid_disk, true },
		{ paths[PATH_TPM], 0700, 0, 0, true },
		{ paths[PATH_LOG], 0755, 0, 0, true },
		{ HOST_RUN "/claims", 0700, LEDGER_UID, LEDGER_UID, true },
		/* sockets in there take the folder's group */
		{ paths[PATH_VIEWERS], 02711, c->uid_door, c->unix_sock_gid, true },
		{ c->unix_sock_dir, 0755, 0, 0, false },
	};

	return make(rows, N(rows), err);
}
