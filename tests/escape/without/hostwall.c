/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests/escape only: a cordon-launch that says this host is closed to passts, and leaves it open. */
#include "launch/launch.h"

int __wrap_hostwall_raise(int dir, uint32_t resolver, struct err *err);

int __wrap_hostwall_raise(int dir, uint32_t resolver, struct err *err)
{
	(void)dir;
	(void)resolver;
	(void)err;
	return 0;
}
