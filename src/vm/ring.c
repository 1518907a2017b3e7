/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/ring.h"

#include <stdlib.h>
#include <string.h>

#define RING_FIRST 1024u

void ring_init(struct ring *r, size_t max)
{
	*r = (struct ring){ .max = max };
}

void ring_free(struct ring *r)
{
	free(r->data);
	ring_init(r, r->max);
}

/* Straighten into a larger block. */
static void grow(struct ring *r, size_t want)
{
	size_t cap = r->cap ? r->cap : RING_FIRST, first;
	char *p;

	while (cap < want)
		cap *= 2;
	if (cap > r->max)
		cap = r->max;
	p = cap > r->cap ? malloc(cap) : NULL;
	if (!p)
		return;
	first = r->len < r->cap - r->at ? r->len : r->cap - r->at;
	if (r->len) {
		memcpy(p, r->data + r->at, first);
		memcpy(p + first, r->data, r->len - first);
	}
	free(r->data);
	r->data = p;
	r->cap = cap;
	r->at = 0;
}

size_t ring_put(struct ring *r, const char *p, size_t n)
{
	size_t dropped = 0, to, first;

	if (r->len + n > r->cap)
		grow(r, r->len + n);
	if (n > r->cap) {
		dropped = n - r->cap;
		p += dropped;
		n = r->cap;
	}
	if (r->len + n > r->cap) {
		size_t old = r->len + n - r->cap;

		ring_take(r, old);
		dropped += old;
	}
	if (!n)
		return dropped;
	to = (r->at + r->len) % r->cap;
	first = n < r->cap - to ? n : r->cap - to;
	memcpy(r->data + to, p, first);
	memcpy(r->data, p + first, n - first);
	r->len += n;
	return dropped;
}

size_t ring_peek(const struct ring *r, const char **ret_p)
{
	*ret_p = r->data + r->at;
	return r->len < r->cap - r->at ? r->len : r->cap - r->at;
}

void ring_take(struct ring *r, size_t n)
{
	r->at = r->cap ? (r->at + n) % r->cap : 0;
	r->len -= n;
	if (!r->len)
		r->at = 0;
}
