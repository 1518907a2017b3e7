/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A byte ring that grows up to a limit, then refuses or drops its oldest. Pure. */
#ifndef CORDON_VM_RING_H
#define CORDON_VM_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ring {
	char *data;
	size_t cap, max;
	size_t at, len;       /* first byte, how many */
};

void ring_init(struct ring *r, size_t max);
void ring_free(struct ring *r);

/* Room before the limit. */
static inline size_t ring_room(const struct ring *r)
{
	return r->max - r->len;
}

/* Append; beyond the limit (or without memory) the oldest bytes go. How many were dropped. */
size_t ring_put(struct ring *r, const char *p, size_t n);

/* The next bytes in one piece: their number, *ret_p set. */
size_t ring_peek(const struct ring *r, const char **ret_p);
void ring_take(struct ring *r, size_t n);

#endif
