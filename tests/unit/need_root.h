/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rooms take other uids: a test of real ones is skipped for whoever may not. After cmocka.h. */
#ifndef CORDON_TESTS_NEED_ROOT_H
#define CORDON_TESTS_NEED_ROOT_H

#include <unistd.h>

static void need_root(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
}
#define ROOT() need_root(state)

#endif
