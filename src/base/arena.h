/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory with one owner and one end: everything decoded lives in an arena with a cap. */
#ifndef CORDON_BASE_ARENA_H
#define CORDON_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

/*
 * A new arena that hands out at most `cap` bytes (its own bookkeeping not
 * counted) before arena_alloc() returns NULL. NULL when memory is short.
 */
struct arena *arena_new(size_t cap);

/* Zeroed memory, aligned for any type; NULL at the cap or when memory is short. */
void *arena_alloc(struct arena *a, size_t size);

/* Zeroed array; NULL also when n * size overflows. */
void *arena_calloc(struct arena *a, size_t n, size_t size);

/* Copies into the arena; NULL at the cap. `s` may be NULL: NULL then. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forget all that was handed out; keeps the first block for reuse. */
void arena_reset(struct arena *a);

/* From now on `more` bytes beside those that were handed out; may be less than before, too. */
void arena_allow(struct arena *a, size_t more);

/* Bytes handed out so far. */
size_t arena_used(const struct arena *a);

void arena_free(struct arena *a);
void arena_freep(struct arena **a);
#define CLEAN_ARENA __attribute__((cleanup(arena_freep)))

#endif
