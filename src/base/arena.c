/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_MIN 992    /* with its head what malloc takes from its cache: most calls need no more */
#define ALIGN _Alignof(max_align_t)

struct block {
	struct block *next;
	size_t size;
	size_t used;
	max_align_t data[];
};

struct arena {
	size_t cap;
	size_t used;
	struct block *blocks;   /* newest first */
};

struct arena *arena_new(size_t cap)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a)
		a->cap = cap;
	return a;
}

static struct block *block_add(struct arena *a, size_t need)
{
	size_t size = BLOCK_MIN;
	struct block *b;

	if (a->blocks && a->blocks->size * 2 <= 65536)
		size = a->blocks->size * 2;
	if (size < need)
		size = need;
	b = malloc(sizeof(*b) + size);
	if (!b)
		return NULL;
	b->size = size;
	b->used = 0;
	b->next = a->blocks;
	a->blocks = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t need = (size + ALIGN - 1) & ~(ALIGN - 1);
	struct block *b = a->blocks;
	void *p;

	if (need < size || need > a->cap - a->used)
		return NULL;
	if (!b || b->size - b->used < need)
		b = block_add(a, need);
	if (!b)
		return NULL;
	p = (char *)b->data + b->used;
	b->used += need;
	a->used += need;
	return memset(p, 0, need);
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		return NULL;
	return arena_alloc(a, total);
}

void arena_reset(struct arena *a)
{
	struct block *keep = NULL, *b = a->blocks;

	while (b) {
		struct block *next = b->next;

		if (next) {
			free(b);
		} else {
			b->used = 0;
			keep = b;
		}
		b = next;
	}
	a->blocks = keep;
	a->used = 0;
}

void arena_allow(struct arena *a, size_t more)
{
	a->cap = a->used + more;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	arena_reset(a);
	free(a->blocks);
	free(a);
}
