/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests/escape only, linked in the place of src/sandbox/seccomp_sys.c: a
 * cordond and a cordon-launch that load no system call filter. Never installed.
 */
#include <errno.h>
#include <sys/prctl.h>

#include "sandbox/sandbox.h"

int sandbox_load_policy(const struct sandbox_policy *p, bool audit, struct err *err)
{
	(void)audit;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, -errno, "sandbox '%s': no-new-privs", p->name);
	return 0;
}

int sandbox_load_policy_exec(const struct sandbox_policy *p, bool audit, const char *path,
			     char *const *argv, char *const *envp, struct err *err)
{
	(void)path;
	(void)argv;
	(void)envp;
	return sandbox_load_policy(p, audit, err);
}
