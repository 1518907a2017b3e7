/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/be.h"

#define MAGIC 0x43564a31u   /* "CVJ1" */
#define HEAD 16u            /* magic, generation, checksum, 0 */
#define REC_HEAD 12u        /* length, type, checksum */

/* FNV-1a; the generation is its seed, so that what an older slot left behind is not taken for ours. */
static uint32_t checksum(uint32_t seed, uint32_t type, const uint8_t *p, size_t n)
{
	uint32_t h = 2166136261u ^ seed;

	h = (h ^ type) * 16777619u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

static off_t place(unsigned slot, uint32_t at)
{
	return (off_t)slot * JOURNAL_SLOT + at;
}

static void put_head(uint8_t *h, uint32_t generation)
{
	be_put32(h, MAGIC);
	be_put32(h + 4, generation);
	be_put32(h + 8, checksum(generation, MAGIC, h, 8));
	be_put32(h + 12, 0);
}

/* The generation of a slot, 0 if it is not whole. */
static uint32_t slot_generation(int fd, unsigned slot)
{
	uint8_t h[HEAD], want[HEAD];

	if (pread(fd, h, HEAD, place(slot, 0)) != (ssize_t)HEAD)
		return 0;
	put_head(want, be_get32(h + 4));
	return memcmp(h, want, HEAD) == 0 ? be_get32(h + 4) : 0;
}

/* One record at `at`; its length, 0 when there is none. */
static uint32_t read_record(const struct journal *j, uint32_t at, uint8_t *space, uint32_t *ret_type)
{
	uint8_t h[REC_HEAD];
	uint32_t len;

	if (pread(j->fd, h, REC_HEAD, place(j->slot, at)) != (ssize_t)REC_HEAD)
		return 0;
	len = be_get32(h);
	if (len == 0 || len > JOURNAL_RECORD_MAX || at + REC_HEAD + len > JOURNAL_SLOT ||
	    pread(j->fd, space, len, place(j->slot, at + REC_HEAD)) != (ssize_t)len ||
	    checksum(j->generation, be_get32(h + 4), space, len) != be_get32(h + 8))
		return 0;
	*ret_type = be_get32(h + 4);
	return len;
}

int journal_open(struct journal *j, int fd, journal_each_fn *each, void *ctx)
{
	uint32_t gen[2], len, type;
	uint8_t *space;

	*j = (struct journal){ .fd = fd, .at = HEAD, .base = HEAD };
	gen[0] = slot_generation(fd, 0);
	gen[1] = slot_generation(fd, 1);
	j->slot = gen[1] > gen[0];
	j->generation = gen[j->slot];
	if (!j->generation) {
		journal_begin(j);
		(void)journal_end(j);
		return -ENODATA;
	}
	space = malloc(JOURNAL_RECORD_MAX);
	if (!space)
		return -ENOMEM;
	while ((len = read_record(j, j->at, space, &type)) > 0) {
		each(ctx, (enum journal_type)type, space, len);
		j->at += REC_HEAD + len;
	}
	j->base = j->at;
	free(space);
	return 0;
}

int journal_append(struct journal *j, enum journal_type type, const void *body, size_t len)
{
	uint8_t small[1024], *rec = small;
	ssize_t n;

	if (len == 0 || len > JOURNAL_RECORD_MAX)
		return -EINVAL;
	if (j->at + REC_HEAD + len > JOURNAL_SLOT)
		return -EFBIG;
	if (REC_HEAD + len > sizeof(small))
		rec = malloc(REC_HEAD + len);
	if (!rec)
		return -ENOMEM;
	be_put32(rec, (uint32_t)len);
	be_put32(rec + 4, type);
	be_put32(rec + 8, checksum(j->generation, type, body, len));
	memcpy(rec + REC_HEAD, body, len);
	n = pwrite(j->fd, rec, REC_HEAD + len, place(j->slot, j->at));
	if (rec != small)
		free(rec);
	if (n != (ssize_t)(REC_HEAD + len))
		return n < 0 ? -errno : -ENOSPC;
	j->at += REC_HEAD + (uint32_t)len;
	return 0;
}

bool journal_is_long(const struct journal *j)
{
	return j->at - j->base >= JOURNAL_COMPACT;
}

/*
 * Give its memory back, and leave nothing that a later rewriting of the same generation, after
 * one that was cut short, could take for its own.
 */
static void wipe_slot(int fd, unsigned slot)
{
	(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, place(slot, 0),
			JOURNAL_SLOT);
}

void journal_begin(struct journal *j)
{
	j->slot ^= 1;
	j->generation++;
	j->at = HEAD;
	wipe_slot(j->fd, j->slot);
}

int journal_end(struct journal *j)
{
	uint8_t h[HEAD];

	put_head(h, j->generation);
	if (pwrite(j->fd, h, HEAD, place(j->slot, 0)) != (ssize_t)HEAD)
		return errno ? -errno : -ENOSPC;
	j->base = j->at;
	wipe_slot(j->fd, j->slot ^ 1);
	return 0;
}
