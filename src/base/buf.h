/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing byte buffer with a ceiling; the first failure sticks. */
#ifndef CORDON_BASE_BUF_H
#define CORDON_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;   /* always followed by a NUL when anything was put */
	size_t len;
	size_t cap;
	size_t max;
	int error;       /* 0, -ENOMEM or -E2BIG; sticks */
};

/* Start empty; refuses to grow past `max` bytes. Nothing is allocated yet. */
void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
#define CLEAN_BUF __attribute__((cleanup(buf_free)))

/* Append; on failure nothing is appended and b->error is set. */
void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Make sure of room for n more bytes and a NUL. 0, or b->error, which it sets. */
int buf_reserve(struct buf *b, size_t n);

/* Room for n more bytes at the end, counted in already; NULL on failure. */
void *buf_grow(struct buf *b, size_t n);

/* Drop the first n bytes. */
void buf_consume(struct buf *b, size_t n);

/* Empty it, keep the memory if it is small, keep the ceiling, clear the error. */
void buf_reset(struct buf *b);

/* The text so far ("" when empty); valid until the next put. */
const char *buf_str(const struct buf *b);

#endif
