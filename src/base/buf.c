/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_KEEP 65536   /* a reset buffer larger than this gives its memory back */

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

static int buf_reserve(struct buf *b, size_t n)
{
	size_t need = b->len + n + 1, cap = b->cap ? b->cap : 256;
	uint8_t *p;

	if (b->error)
		return b->error;
	if (need < n || b->len + n > b->max)
		return b->error = -E2BIG;
	if (need <= b->cap)
		return 0;
	while (cap < need)
		cap *= 2;
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

void buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || buf_reserve(b, (size_t)n)) {
		b->error = b->error ? b->error : -EINVAL;
		return;
	}
	va_start(ap, fmt);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n < b->len)
		memmove(b->data, b->data + n, b->len - n);
	b->len = n < b->len ? b->len - n : 0;
	if (b->data)
		b->data[b->len] = '\0';
}

void buf_reset(struct buf *b)
{
	if (b->cap > BUF_KEEP)
		buf_free(b);
	b->len = 0;
	b->error = 0;
}

const char *buf_str(const struct buf *b)
{
	return b->data && b->len ? (const char *)b->data : "";
}
