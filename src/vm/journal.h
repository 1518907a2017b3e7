/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a replacement has to know when cordon-vm dies: facts, and the events
 * that core has not acknowledged. Records are appended to one of two slots of a
 * file; when that is long, what still matters is written to the other slot, whose
 * head is written last. So a kill at any moment leaves one slot that is whole.
 * It is in memory (tmpfs) and not synced: when the machine dies, so do its guests.
 */
#ifndef CORDON_VM_JOURNAL_H
#define CORDON_VM_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_SLOT (8u << 20)        /* bytes from one slot to the other */
#define JOURNAL_COMPACT (128u << 10)   /* rewritten when this much was appended since the last time */
#define JOURNAL_RECORD_MAX (64u << 10)

enum journal_type { JOURNAL_FACTS = 1, JOURNAL_EVENT, JOURNAL_ACK };

struct journal {
	int fd;
	unsigned slot;
	uint32_t generation;
	uint32_t at;           /* where the next record goes, from the slot's begin */
	uint32_t base;         /* length after the last rewriting */
	bool broken;           /* a write failed; said once */
};

/* A record that was found; the body is borrowed. */
typedef void journal_each_fn(void *ctx, enum journal_type type, const void *body, size_t len);

/*
 * Read the newest whole slot; `each` runs for its records in order, up to the
 * first that is torn. 0, or -ENODATA when there is no journal: it is begun then.
 */
int journal_open(struct journal *j, int fd, journal_each_fn *each, void *ctx);

/* Append a record. -EFBIG: the slot is full (rewrite it), or -errno. */
int journal_append(struct journal *j, enum journal_type type, const void *body, size_t len);

/* Is it time to rewrite? */
bool journal_is_long(const struct journal *j);

/*
 * Begin a rewriting: appends go to the other slot from here on. journal_end()
 * makes it the one that counts.
 */
void journal_begin(struct journal *j);
int journal_end(struct journal *j);

#endif
