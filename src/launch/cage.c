/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting a cage: the caller's side and the order of the child's steps. */
#include "launch/cage.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/cage_child.h"

static int check_fds(const struct cage_spec *s, struct err *err)
{
	if (s->n_fds > CAGE_FDS_MAX)
		return err_set(err, -EINVAL, ERR_INVALID_ARG, "cage: more than %d descriptors",
			       CAGE_FDS_MAX);
	for (size_t i = 0; i < s->n_fds; i++) {
		if (s->fds[i].fd < 0 || s->fds[i].at < 0 || s->fds[i].at > CAGE_FD_TOP)
			return err_set(err, -EINVAL, ERR_INVALID_ARG,
				       "cage: descriptor out of range");
		for (size_t j = 0; j < i; j++)
			if (s->fds[j].at == s->fds[i].at)
				return err_set(err, -EINVAL, ERR_INVALID_ARG,
					       "cage: descriptor %d is given twice", s->fds[i].at);
	}
	return 0;
}

static int check(const struct cage_spec *s, struct err *err)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

	if (s->uid < CAGE_UID_MIN || s->gid < CAGE_UID_MIN || s->uid == (uid_t)-1 ||
	    s->gid == (gid_t)-1)
		return err_set(err, -EINVAL, ERR_INVALID_ARG, "cage: uid %u, gid %u are no guest's",
			       s->uid, s->gid);
	if (s->name && (!s->name[0] || strlen(s->name) > CAGE_NAME_MAX ||
			strspn(s->name, allowed) != strlen(s->name)))
		return err_set(err, -EINVAL, ERR_INVALID_ARG, "cage: bad host name");
	if (s->host_net && s->root->program != ROOT_PASST)
		return err_set(err, -EINVAL, ERR_INVALID_ARG,
			       "cage: only passt sees the host's network");
	if (s->limits.nofile < CAGE_NOFILE_MIN)
		return err_set(err, -EINVAL, ERR_INVALID_ARG,
			       "cage: fewer than %d descriptors allowed", CAGE_NOFILE_MIN);
	if (s->args_fd < 0)
		return err_set(err, -EINVAL, ERR_INVALID_ARG, "cage: no argument socket");
	return check_fds(s, err);
}

int cage_spawn(const struct cage_spec *spec, struct cage *ret, struct err *err)
{
	int pidfd = -1, r = check(spec, err);
	struct clone_args a = {
		.flags = CLONE_PIDFD | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid;

	if (r < 0)
		return r;
	if (!spec->host_net)
		a.flags |= CLONE_NEWNET;
	if (spec->group && spec->group->into_fd >= 0) {
		a.flags |= CLONE_INTO_CGROUP;
		a.cgroup = (uint64_t)spec->group->into_fd;
	}
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (pid < 0)
		return err_sys(err, -errno, "cage: creating the process");
	if (pid == 0)
		cage_child_run(spec);
	ret->pid = (pid_t)pid;
	ret->pidfd = pidfd;
	return 0;
}
