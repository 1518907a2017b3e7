/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much we read from somebody in a while, so that a flood costs a bounded share of a processor. */
#ifndef CORDON_VM_RATE_H
#define CORDON_VM_RATE_H

#include <stddef.h>
#include <stdint.h>

#define RATE_WINDOW_MS 20

struct rate {
	uint64_t window;    /* ms, monotonic: when the current one began */
	size_t bytes;       /* read in it */
};

/*
 * Count `n` bytes at `now_ms`. The result is 0 to read on, or the number of milliseconds
 * to pause because more than `per_window` bytes came in one window.
 */
static inline unsigned rate_add(struct rate *r, uint64_t now_ms, size_t n, size_t per_window)
{
	if (now_ms - r->window >= RATE_WINDOW_MS) {
		r->window = now_ms;
		r->bytes = 0;
	}
	r->bytes += n;
	return r->bytes < per_window ? 0 : (unsigned)(RATE_WINDOW_MS - (now_ms - r->window));
}

#endif
