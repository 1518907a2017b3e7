/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of cage_spawn(); nobody else calls it. */
#ifndef CORDON_LAUNCH_CAGE_CHILD_H
#define CORDON_LAUNCH_CAGE_CHILD_H

#include "launch/cage.h"

/* In the new process: build the cage, wait for the arguments, exec. Ends the process on failure. */
void cage_child_run(const struct cage_spec *spec) __attribute__((noreturn));

/*
 * Place the descriptors, give 0 to 2 something to point at, close all others.
 * *args_fd and *proc_fd move out of the way, to numbers above CAGE_FD_TOP,
 * close-on-exec. Called inside the new root.
 */
int cage_child_place_fds(const struct cage_spec *spec, int *args_fd, int *proc_fd,
			 struct err *err);

/*
 * Wait for the argument list, load the filter that lets exactly this exec
 * pass, exec. Returns only on failure.
 */
int cage_child_exec(const struct root_template *root, int args_fd, struct err *err);

#endif
