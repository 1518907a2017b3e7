/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests/escape only: a cordon-launch whose cages have no Landlock rules. */
#include <sys/syscall.h>

#include "syscall.h"

static bool layer_syscall(long nr, long a[SYSCALL_ARGS])
{
	(void)a;
	return nr == SYS_landlock_restrict_self;
}
