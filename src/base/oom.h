/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORDON_BASE_OOM_H
#define CORDON_BASE_OOM_H

/*
 * Be among the first that the kernel ends when memory is short: what strangers
 * make us spend must not cost core or a guest its life. Needs no privilege, but
 * /proc; without it the kernel chooses by size alone.
 */
void oom_first(void);

#endif
