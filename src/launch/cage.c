/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting a cage: the caller's side; and the exact descriptor list of a program that we start. */
#include "launch/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/sandbox.h"

pid_t cage_spawn(const struct cage_spec *spec, struct err *err)
{
	CLEAN_FD int into = -1;
	struct clone_args a = {
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS,
		.exit_signal = SIGCHLD,
	};
	long pid;

	if (spec->uid < CAGE_UID_MIN || spec->uid == (uid_t)-1 ||
	    (spec->host_net && spec->root->program != ROOT_PASST))
		return err_set(err, -EINVAL, ERR_INTERNAL_ERROR, "cage: not for uid %u", spec->uid);
	if (!spec->host_net)
		a.flags |= CLONE_NEWNET;
	into = spec->groups ? cgroup_open_unified(spec->groups, spec->group) : -1;
	if (into >= 0) {
		a.flags |= CLONE_INTO_CGROUP;
		a.cgroup = (uint64_t)into;
	}
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (pid < 0)
		return err_sys(err, -errno, "cage: creating the process");
	if (pid == 0)
		cage_child_run(spec);
	return (pid_t)pid;
}

/* Above every number that a descriptor may get, so that nothing is overwritten. */
static int lift(int *fd)
{
	int up = fcntl(*fd, F_DUPFD_CLOEXEC, CAGE_FD_TOP + 1);

	if (up < 0)
		return -errno;
	*fd = up;
	return 0;
}

int cage_place_fds(const struct cage_fd *fds, size_t n, int *high, size_t n_high, struct err *err)
{
	int up[CAGE_FDS_MAX + 3], keep[CAGE_FDS_MAX + 3 + 4], r = 0;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	size_t k = 0;

	if (null < 0 || n > CAGE_FDS_MAX || n_high > 4)
		return err_sys(err, null < 0 ? -errno : -E2BIG, "cage: descriptors");
	for (size_t i = 0; i < n_high && r == 0; i++) {
		r = lift(&high[i]);
		keep[k++] = high[i];
	}
	for (size_t i = 0; i < n + 3 && r == 0; i++) {
		up[i] = i < 3 ? null : fds[i - 3].fd;
		r = lift(&up[i]);
	}
	/* /dev/null first: what is given takes its place */
	for (size_t i = 0; i < n + 3 && r == 0; i++) {
		keep[k] = i < 3 ? (int)i : fds[i - 3].at;
		if (dup2(up[i], keep[k++]) < 0)
			r = -errno;
	}
	if (r == 0)
		r = sandbox_close_others(keep, k);
	return r < 0 ? err_sys(err, r, "cage: descriptors") : 0;
}
