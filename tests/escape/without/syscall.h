/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syscall(2) as the linker's --wrap=syscall has it, for a layer's file: that
 * defines layer_syscall(), which may change the arguments, or answers itself.
 */
#ifndef CORDON_ESCAPE_SYSCALL_H
#define CORDON_ESCAPE_SYSCALL_H

#include <stdarg.h>
#include <stdbool.h>

#define SYSCALL_ARGS 6

long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);

/* true: done, the answer is 0. */
static bool layer_syscall(long nr, long a[SYSCALL_ARGS]);

long __wrap_syscall(long nr, ...)
{
	long a[SYSCALL_ARGS];
	va_list list;

	va_start(list, nr);
	for (int i = 0; i < SYSCALL_ARGS; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	return layer_syscall(nr, a) ? 0 : __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

#endif
