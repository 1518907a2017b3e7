/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Binding the client sockets, with their modes and group from the first moment on. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "cordond/setup.h"

static int address(const struct config *c, bool readonly, struct sockaddr_un *ret, struct err *err)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/libvirt-sock%s", c->unix_sock_dir,
		     readonly ? "-ro" : "") < (int)sizeof(ret->sun_path))
		return 0;
	return err_set(err, -ENAMETOOLONG, ERR_CONF_SYNTAX, "a socket's path in '%s' is longer than "
		       "the %zu bytes that the kernel takes; choose a shorter folder",
		       c->unix_sock_dir, sizeof(ret->sun_path) - 1);
}

/* A socket that nobody listens on is a leftover; one that answers has an owner. */
static bool is_served(const struct sockaddr_un *a)
{
	int CLEAN_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 ||
	       (errno != ENOENT && errno != ECONNREFUSED);
}

static int bind_one(const struct config *c, bool readonly, int *ret_fd, struct err *err)
{
	int CLEAN_FD fd = -1;
	struct sockaddr_un a;
	mode_t old;
	int r = address(c, readonly, &a, err);

	if (r < 0)
		return r;
	if (is_served(&a))
		return err_set(err, -EADDRINUSE, ERR_CONF_SYNTAX, "'%s' is served by another process; "
			       "if it is libvirtd: systemctl disable --now libvirtd.service "
			       "libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket "
			       "(or virtqemud and virtproxyd likewise)", a.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	old = umask(0777);   /* nobody gets in before the group is right */
	if ((unlink(a.sun_path) < 0 && errno != ENOENT) ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    lchown(a.sun_path, 0, c->unix_sock_gid) < 0 ||
	    chmod(a.sun_path, readonly ? c->unix_sock_ro_perms : c->unix_sock_rw_perms) < 0 ||
	    listen(fd, (int)c->max_queued_clients) < 0)
		r = err_sys(err, -errno, "binding '%s'", a.sun_path);
	umask(old);
	*ret_fd = r < 0 ? -1 : take_fd(&fd);
	return r;
}

int sockets_bind(const struct config *c, int ret_fds[2], struct err *err)
{
	int r = bind_one(c, false, &ret_fds[0], err);

	return r < 0 ? r : bind_one(c, true, &ret_fds[1], err);
}

void sockets_unlink(const struct config *c)
{
	struct sockaddr_un a;

	for (int i = 0; i < 2; i++)
		if (address(c, i, &a, NULL) == 0 && unlink(a.sun_path) < 0)
			log_warn("removing '%s': %s", a.sun_path, strerrordesc_np(errno));
}
