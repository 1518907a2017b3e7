/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting a cage: the caller's side and the order of the child's steps. */
#include "launch/cage.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

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
