/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "door/listen.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "door/door.h"

#define PORT_LOWEST 1024
#define VIEWERS "viewers"       /* below run_dir; cordond made it ours */

static int spec_tcp(const struct door_listen_args *a, struct listen_spec *s, struct err *err)
{
	struct sockaddr_in *v4 = (void *)&s->addr;
	struct sockaddr_in6 *v6 = (void *)&s->addr;

	if (inet_pton(AF_INET, a->address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		s->addr_len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, a->address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		s->addr_len = sizeof(*v6);
	} else {
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED, "viewer address '%s' is not a "
			       "numeric IPv4 or IPv6 address", a->address);
	}
	if (a->port_min < PORT_LOWEST || a->port_max > 65535 || a->port_min > a->port_max)
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED, "viewer port %u is not in "
			       "%u .. 65535", a->port_min, PORT_LOWEST);
	s->port_min = a->port_min;
	s->port_max = a->port_max;
	return 0;
}

static int spec_unix(const struct door_listen_args *a, const char *run_dir, struct listen_spec *s,
		     struct err *err)
{
	const uint8_t *u = a->guest;
	int n;

	if (a->path && (a->path[0] != '/' || !strrchr(a->path, '/')[1]))
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED, "viewer socket '%s' is no "
			       "absolute path to a socket", a->path);
	if (a->path)
		n = snprintf(s->path, sizeof(s->path), "%s", a->path);
	else
		n = snprintf(s->path, sizeof(s->path), "%s/" VIEWERS "/%02x%02x%02x%02x-%02x%02x-"
			     "%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x.sock", run_dir, u[0], u[1],
			     u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
			     u[13], u[14], u[15]);
	if (n < (int)sizeof(s->path))
		return 0;
	return err_set(err, -ENAMETOOLONG, ERR_CONFIG_UNSUPPORTED, "viewer socket '%s...' is longer "
		       "than the %zu bytes that the kernel takes", s->path, sizeof(s->path) - 1);
}

int listen_spec_from(const struct door_listen_args *args, const char *run_dir,
		     struct listen_spec *ret, struct err *err)
{
	*ret = (struct listen_spec){ .kind = args->kind };
	memcpy(ret->guest, args->guest, sizeof(ret->guest));
	return args->kind == LISTEN_KIND_TCP ? spec_tcp(args, ret, err)
					     : spec_unix(args, run_dir, ret, err);
}

bool listen_same(const struct listen_spec *have, const struct listen_spec *want)
{
	if (memcmp(have->guest, want->guest, sizeof(have->guest)) != 0 || have->kind != want->kind)
		return false;
	if (have->kind == LISTEN_KIND_UNIX_PATH)
		return strcmp(have->path, want->path) == 0;
	/* the port stands apart from the address */
	return memcmp(&have->addr, &want->addr, sizeof(have->addr)) == 0 &&
	       have->port >= want->port_min && have->port <= want->port_max;
}

static int listen_tcp(struct listen_spec *s, int backlog, int *ret_fd, struct err *err)
{
	static const int on = 1;

	for (unsigned port = s->port_min; port <= s->port_max; port++) {
		int CLEAN_FD fd = socket(s->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		struct sockaddr_storage a = s->addr;

		if (fd < 0)
			return err_sys(err, -errno, "socket for viewers");
		/* a port that was in use a moment ago; one that is listened on stays refused */
		if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
			return err_sys(err, -errno, "socket for viewers");
		if (a.ss_family == AF_INET)
			((struct sockaddr_in *)(void *)&a)->sin_port = htons((uint16_t)port);
		else
			((struct sockaddr_in6 *)(void *)&a)->sin6_port = htons((uint16_t)port);
		if (bind(fd, (struct sockaddr *)&a, s->addr_len) == 0 && listen(fd, backlog) == 0) {
			s->port = port;
			*ret_fd = take_fd(&fd);
			return 0;
		}
		/* in a range, a port that the SELinux policy has for something else is one in use */
		if (errno == EACCES && s->port_min == s->port_max)
			return err_set(err, -EACCES, ERR_OPERATION_DENIED, "listening for viewers on port %u "
				       "is refused: it is below 1024, or the SELinux policy has it for "
				       "something else; `semanage port -m -t vnc_port_t -p tcp %u` gives it "
				       "to viewers", port, port);
		if (errno != EADDRINUSE && errno != EACCES)
			return err_sys(err, -errno, "listening for viewers on port %u", port);
	}
	return err_set(err, -EADDRINUSE, ERR_OPERATION_FAILED, "no port for viewers is free in %u .. %u",
		       s->port_min, s->port_max);
}

/* The folder of a path, if not everybody decides what stands in it. */
static int open_folder(const char *path, int *ret_fd, struct err *err)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct stat st;
	char *slash;
	int CLEAN_FD fd = -1;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	slash[slash == dir] = '\0';
	fd = (int)syscall(SYS_openat2, AT_FDCWD, dir, &how, sizeof(how));
	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == EACCES ? -EACCES :
			err_sys(err, -errno, "folder of the viewer socket '%s'", path);
	if (st.st_mode & S_IWOTH)
		return err_set(err, -EPERM, ERR_OPERATION_DENIED, "folder of the viewer socket '%s' "
			       "must be closed to writing by others", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Our sockets are known by their owner, which nothing else on the host has. */
static bool is_leftover(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode) &&
	       st.st_uid == geteuid();
}

/* bind() knows no directory descriptor, so we step into the folder for the moment. */
static int bind_in(int dir, int fd, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int r;

	memcpy(a.sun_path, name, strlen(name) + 1);
	r = fchdir(dir) < 0 ? -errno : 0;
	if (r == 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		r = -errno;
	if (chdir("/") < 0 && r == 0)
		r = -errno;
	return r;
}

static int listen_unix(struct listen_spec *s, int backlog, int *ret_fd, struct err *err)
{
	const char *name = strrchr(s->path, '/') + 1;
	int CLEAN_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int CLEAN_FD dir = -1;
	int r;

	if (fd < 0)
		return err_sys(err, -errno, "socket for viewers");
	r = open_folder(s->path, &dir, err);
	if (r < 0 && r != -EACCES)
		return r;
	if (r == 0)
		r = bind_in(dir, fd, name);
	if (r == -EADDRINUSE && is_leftover(dir, name)) {
		r = unlinkat(dir, name, 0) < 0 ? -errno : 0;
		if (r == 0)
			r = bind_in(dir, fd, name);
	}
	if (r == -EACCES)
		return err_set(err, r, ERR_OPERATION_DENIED, "viewer socket '%s': cordon-door (uid %u) "
			       "may not make it there by the folder's permissions; leave the path out, "
			       "choose one in '%s/" VIEWERS "', or let group %u write to the folder",
			       s->path, geteuid(), door.conf.run_dir, getegid());
	if (r == 0 && listen(fd, backlog) < 0)
		r = -errno;
	if (r < 0)
		return err_sys(err, r, "listening for viewers on '%s'", s->path);
	*ret_fd = take_fd(&fd);
	return 0;
}

void listen_sweep(void)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/" VIEWERS, door.conf.run_dir);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (is_leftover(dirfd(d), e->d_name))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

int listen_open(struct listen_spec *spec, int backlog, int *ret_fd, struct err *err)
{
	return spec->kind == LISTEN_KIND_TCP ? listen_tcp(spec, backlog, ret_fd, err)
					     : listen_unix(spec, backlog, ret_fd, err);
}

void listen_unlink(const char *path)
{
	int CLEAN_FD dir = -1;
	const char *name = strrchr(path, '/') + 1;

	if (open_folder(path, &dir, NULL) == 0 && is_leftover(dir, name))
		(void)unlinkat(dir, name, 0);
}

static void name_of(const struct sockaddr_storage *a, char *out)
{
	const struct sockaddr_in *v4 = (const void *)a;
	const struct sockaddr_in6 *v6 = (const void *)a;
	char text[INET6_ADDRSTRLEN] = "";
	bool four = a->ss_family == AF_INET;

	inet_ntop(a->ss_family, four ? (const void *)&v4->sin_addr : &v6->sin6_addr, text,
		  sizeof(text));
	snprintf(out, LISTEN_NAME_MAX, "%s;%u", text, ntohs(four ? v4->sin_port : v6->sin6_port));
}

void listen_names(int fd, const struct listen_spec *spec, char *ret_peer, char *ret_local)
{
	struct sockaddr_storage a = { 0 };
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);

	if (spec->kind == LISTEN_KIND_UNIX_PATH) {
		(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
		snprintf(ret_peer, LISTEN_NAME_MAX, "uid %u", cred.uid);
		snprintf(ret_local, LISTEN_NAME_MAX, "%.100s", spec->path);
		return;
	}
	len = sizeof(a);
	if (getpeername(fd, (struct sockaddr *)&a, &len) == 0)
		name_of(&a, ret_peer);
	else
		snprintf(ret_peer, LISTEN_NAME_MAX, "?");
	len = sizeof(a);
	if (getsockname(fd, (struct sockaddr *)&a, &len) == 0)
		name_of(&a, ret_local);
	else
		snprintf(ret_local, LISTEN_NAME_MAX, "?");
}
