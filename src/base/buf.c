/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
	memset(b, 0, sizeof(*b));
	b->max = max;
}

void buf_free(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}

int buf_reserve(struct buf *b, size_t n)
{
	size_t need = b->len + n + 1, cap = b->cap ? b->cap : 256;
	uint8_t *p;

	if (b->error)
		return b->error;
	if (n < b->cap - b->len)
		return 0;
	if (need <= n || need - 1 > b->max)
		return b->error = -E2BIG;
	while (cap < need)
		cap *= 2;
	if (cap - 1 > b->max)
		cap = b->max + 1;
	p = realloc(b->data, cap);
	if (!p)
		return b->error = -ENOMEM;
	b->data = p;
	b->cap = cap;
	return 0;
}

void *buf_grow(struct buf *b, size_t n)
{
	uint8_t *p;

	if (buf_reserve(b, n))
		return NULL;
	p = b->data + b->len;
	b->len += n;
	b->data[b->len] = '\0';
	return p;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	void *to = buf_grow(b, n);

	if (to && n)
		memcpy(to, p, n);
}
