/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exact descriptor list of a caged program. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/cage_child.h"
#include "sandbox/sandbox.h"

/* Above every number that a descriptor may get inside, so that nothing is overwritten. */
static int lift(int fd)
{
	int up = fcntl(fd, F_DUPFD_CLOEXEC, CAGE_FD_TOP + 1);

	return up < 0 ? -errno : up;
}

static int place_null(const struct cage_spec *s, int at)
{
	int fd;

	for (size_t i = 0; i < s->n_fds; i++)
		if (s->fds[i].at == at)
			return 0;
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fd == at)
		return fcntl(fd, F_SETFD, 0) < 0 ? -errno : 0;
	if (dup2(fd, at) < 0)
		return -errno;
	fd_close(&fd);
	return 0;
}

int cage_child_place_fds(const struct cage_spec *s, int *args_fd, int *proc_fd, struct err *err)
{
	int up[CAGE_FDS_MAX], keep[CAGE_FDS_MAX + 5];
	size_t n = 0;
	int args = lift(*args_fd), proc = lift(*proc_fd), r = 0;

	if (args < 0 || proc < 0)
		return err_sys(err, args < 0 ? args : proc, "cage: moving descriptors");
	for (size_t i = 0; i < s->n_fds; i++) {
		up[i] = lift(s->fds[i].fd);
		if (up[i] < 0)
			return err_sys(err, up[i], "cage: descriptor for %d", s->fds[i].at);
	}
	*args_fd = args;
	*proc_fd = proc;
	for (size_t i = 0; i < s->n_fds; i++) {
		if (dup2(up[i], s->fds[i].at) < 0)
			return err_sys(err, -errno, "cage: descriptor %d", s->fds[i].at);
		keep[n++] = s->fds[i].at;
	}
	for (int at = 0; r == 0 && at < 3; at++) {
		r = place_null(s, at);
		keep[n++] = at;
	}
	keep[n++] = args;
	keep[n++] = proc;
	if (r == 0)
		r = sandbox_close_others(keep, n);
	return r < 0 ? err_sys(err, r, "cage: descriptors") : 0;
}
