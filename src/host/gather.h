/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Collecting the facts from /proc and /sys. */
#ifndef CORDON_HOST_GATHER_H
#define CORDON_HOST_GATHER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "proto/host.x.h"

#define GATHER_ARENA_MAX (16u << 20)
#define GATHER_MARK_MAX 1024

/* All that the kernel's files tell; what they do not tell is left empty. In `a`. -ENOMEM. */
int gather_facts(struct arena *a, struct host_facts *ret, struct err *err);

/* The control group controllers that limit guests and are not here, as a list of words; false: none. */
bool gather_missing_limits(char *out, size_t size);

/* A text that changes when the facts did: processors, memory, name. */
void gather_mark(char out[GATHER_MARK_MAX]);

#endif
