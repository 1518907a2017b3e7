/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cordond/setup.h"

int setup_join(char *out, const char *dir, const char *name, struct err *err)
{
	if (snprintf(out, PATH_MAX, "%s%s", dir, name) < PATH_MAX)
		return 0;
	return err_set(err, -ENAMETOOLONG, ERR_CONF_SYNTAX, "'%s': path too long", dir);
}

/* The folder's name ends in messages, defaults and addresses. */
static int check_name(const char *dir, struct err *err)
{
	for (const char *s = dir; *s; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f || strchr("\"'\\,@", *s))
			return err_set(err, -EINVAL, ERR_CONF_SYNTAX, "instance folder '%s': blanks, "
				       "quotes, backslash, comma and @ are not possible", dir);
	return 0;
}

int paths_init(const char *dir, bool check, struct paths *ret, struct err *err)
{
	char real[PATH_MAX];
	int r;

	*ret = (struct paths){
		.conf = "/etc/cordon/cordond.conf", .base = "/var/lib/cordon",
		.state = "/var/lib/cordon/state", .nvram = "/var/lib/cordon/nvram",
		.run = HOST_RUN, .log = "/var/log/cordon",
	};
	if (!dir)
		return 0;
	if (!check && mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_sys(err, -errno, "making '%s'", dir);
	if (!realpath(dir, real))
		return err_sys(err, -errno, "instance folder '%s'", dir);
	r = check_name(real, err);
	if (r == 0)
		r = setup_join(ret->instance, real, "", err);
	if (r == 0)
		r = setup_join(ret->base, real, "", err);
	if (r == 0)
		r = setup_join(ret->conf, real, "/cordond.conf", err);
	if (r == 0)
		r = setup_join(ret->state, real, "/state", err);
	if (r == 0)
		r = setup_join(ret->nvram, real, "/nvram", err);
	if (r == 0)
		r = setup_join(ret->run, real, "/run", err);
	return r < 0 ? r : setup_join(ret->log, real, "/log", err);
}

int setup_folder(const char *path, mode_t mode, uid_t uid, bool ours, int *ret_fd, struct err *err)
{
	int CLEAN_FD fd = -1;
	struct stat st;

	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return err_sys(err, -errno, "making '%s'", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "folder '%s'", path);
	if (st.st_uid != uid && st.st_uid != 0)
		return err_set(err, -EPERM, ERR_OPERATION_DENIED, "folder '%s' belongs to uid %u; it "
			       "must belong to uid %u", path, st.st_uid, uid);
	if (st.st_mode & S_IWOTH)
		return err_set(err, -EPERM, ERR_OPERATION_DENIED, "folder '%s' can be written to by "
			       "everybody; chmod o-w it", path);
	if (ours && (st.st_uid != uid || st.st_gid != uid) && fchown(fd, uid, uid) < 0)
		return err_sys(err, -errno, "owner of '%s'", path);
	if (ours && (st.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
		return err_sys(err, -errno, "mode of '%s'", path);
	if (ret_fd)
		*ret_fd = take_fd(&fd);
	return 0;
}

int setup_lock(const char *path, int *ret_fd, struct err *err)
{
	int CLEAN_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		return err_sys(err, -errno, "lock '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : err_sys(err, -errno, "lock '%s'", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

int paths_make_first(const struct paths *p, int *ret_empty, struct err *err)
{
	char lock[PATH_MAX], empty[PATH_MAX];
	int r, fd;

	r = setup_folder(HOST_RUN, 0755, 0, false, NULL, err);
	if (r == 0)
		r = setup_folder(p->base, 0755, 0, false, NULL, err);
	if (r == 0)
		r = setup_folder(p->run, 0755, 0, true, NULL, err);
	if (r == 0)
		r = setup_join(lock, p->run, "/cordond.lock", err);
	if (r == 0)
		r = setup_join(empty, p->run, "/empty", err);
	if (r < 0)
		return r;
	r = setup_lock(lock, &fd, err);   /* held until we end */
	if (r == -EBUSY)
		return err_set(err, r, ERR_RESOURCE_BUSY, "another cordond serves '%s' already",
			       p->instance[0] ? p->instance : "this host");
	return r < 0 ? r : setup_folder(empty, 0555, 0, true, ret_empty, err);
}

int paths_make_rest(const struct paths *p, const struct config *c, struct err *err)
{
	int r;

	r = setup_folder(p->state, 0700, c->uid_core, true, NULL, err);
	if (r == 0)
		r = setup_folder(p->nvram, 0700, c->uid_file, true, NULL, err);
	if (r == 0)
		r = setup_folder(p->log, 0755, 0, true, NULL, err);
	return r < 0 ? r : setup_folder(c->unix_sock_dir, 0755, 0, false, NULL, err);
}
