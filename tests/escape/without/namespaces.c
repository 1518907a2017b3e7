/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests/escape only: a cordon-launch whose cages stay in the host's
 * namespaces and in its root. The linker's --wrap puts these in the place of
 * what the cage calls; the product's sources are the product's. Built twice:
 * with WITHOUT_LANDLOCK there is no Landlock either.
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launch/cage.h"
#include "syscall.h"

#define APART (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWUSER | \
	       CLONE_NEWCGROUP)

int __real_unshare(int flags);
int __real_openat64(int dir, const char *path, int flags, mode_t mode);

int __wrap_unshare(int flags);
int __wrap_sethostname(const char *name, size_t n);
int __wrap_root_enter(const struct cage_spec *s, struct err *err);
int __wrap_openat64(int dir, const char *path, int flags, mode_t mode);

static bool layer_syscall(long nr, long a[SYSCALL_ARGS])
{
#ifdef WITHOUT_LANDLOCK
	if (nr == SYS_landlock_restrict_self)
		return true;
#endif
	if (nr == SYS_clone3)
		((struct clone_args *)a[0])->flags &= ~(uint64_t)APART;
	return false;
}

/* launch's own mount namespace, in which templates are mounted, stays. */
int __wrap_unshare(int flags)
{
	return flags == CLONE_NEWNS ? __real_unshare(flags) : 0;
}

int __wrap_sethostname(const char *name, size_t n)
{
	(void)name;
	(void)n;
	return 0;
}

int __wrap_root_enter(const struct cage_spec *s, struct err *err)
{
	(void)s;
	(void)err;
	return 0;
}

/* No user namespace, nothing to map in it. */
int __wrap_openat64(int dir, const char *path, int flags, mode_t mode)
{
	if (!strcmp(path, "setgroups") || !strcmp(path, "uid_map") || !strcmp(path, "gid_map"))
		path = "/dev/null";
	return __real_openat64(dir, path, flags, mode);
}
