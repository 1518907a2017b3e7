/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Binding the client sockets, with their modes and group from the first moment on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "cordond/setup.h"

static int address(const char *path, struct sockaddr_un *ret, struct err *err)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		return err_set(err, -ENAMETOOLONG, ERR_CONF_SYNTAX, "socket path '%s' is longer than "
			       "the %zu bytes that the kernel takes; choose a shorter folder",
			       path, sizeof(ret->sun_path) - 1);
	memcpy(ret->sun_path, path, strlen(path) + 1);
	return 0;
}

/* A socket that nobody listens on is a leftover; one that answers has an owner. */
static int clear_leftover(const struct sockaddr_un *a, struct err *err)
{
	int CLEAN_FD fd = -1;
	struct stat st;

	if (lstat(a->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(err, -errno, "%s", a->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, -EEXIST, ERR_CONF_SYNTAX, "'%s' exists and is no socket",
			       a->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, -errno, "socket");
	if (connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 || errno == EAGAIN)
		return err_set(err, -EADDRINUSE, ERR_CONF_SYNTAX, "'%s' is served by another process; "
			       "if it is libvirtd: systemctl disable --now libvirtd.service "
			       "libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket "
			       "(or virtqemud and virtproxyd likewise)", a->sun_path);
	if (unlink(a->sun_path) < 0)
		return err_sys(err, -errno, "removing the leftover '%s'", a->sun_path);
	return 0;
}

int socket_bind(const char *dir, const char *name, mode_t mode, gid_t gid, int backlog,
		int *ret_fd, struct err *err)
{
	int CLEAN_FD fd = -1;
	struct sockaddr_un a;
	char path[PATH_MAX];
	mode_t old;
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	r = address(path, &a, err);
	if (r == 0)
		r = clear_leftover(&a, err);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, -errno, "socket");
	old = umask(0777);   /* nobody gets in before the group is right */
	r = bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
	umask(old);
	if (r < 0)
		return err_sys(err, r, "binding '%s'", path);
	if (lchown(path, 0, gid) < 0 || chmod(path, mode) < 0)
		return err_sys(err, -errno, "owner and mode of '%s'", path);
	if (listen(fd, backlog) < 0)
		return err_sys(err, -errno, "listening on '%s'", path);
	*ret_fd = take_fd(&fd);
	return 0;
}
