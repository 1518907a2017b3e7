/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The label journal: which file was given a label, what it had before, and who
 * uses it. Two files of which one is in force; records are added at its end,
 * until it is full and all that still holds is written to the other one.
 *
 * A record is a frame (magic, generation of the file, length, CRC-32C) and a
 * struct disk_record; the last one about an entry holds. A record that is not
 * whole, or of an earlier generation, ends the file.
 */
#ifndef CORDON_DISK_JOURNAL_H
#define CORDON_DISK_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "disk/node.h"

#define JOURNAL_BUCKETS 1024
#define JOURNAL_SIZE_MIN (1u << 20)      /* bytes of a file, zeroed in advance */
#define JOURNAL_SIZE_MAX (256u << 20)

struct user {
	uint8_t guest[16];
	bool known;              /* labelled by this process, or adopted: it lives */
};

/* One file that was given a label. */
struct entry {
	struct entry *next;      /* of its bucket by inode number */
	struct entry *next_number;   /* likewise by `number` */
	uint64_t number;
	struct disk_node id;     /* texts are the entry's */
	char *before;            /* label when the first user came */
	char *label;             /* what it is given */
	char *left;              /* what it was given before that and may still have; "": nothing */
	char *now;               /* what it has; NULL: it has to be looked at */
	bool shared;             /* by users that all agree to that */
	struct user *users;
	uint32_t n_users;
	uint8_t boot[16];        /* in which `id` was read */
	int64_t restored;        /* seconds, CLOCK_BOOTTIME, when it got `before` back; 0: it has not */
	/* not in the journal */
	uint64_t seen;           /* node_tick() when `now` was found out */
	bool busy;               /* cordon-file is being asked about it */
	bool stuck;              /* it could not be put back; later again */
	bool told;               /* that was logged */
};

struct journal {
	struct entry *by_ino[JOURNAL_BUCKETS];
	struct entry *by_number[JOURNAL_BUCKETS];
	uint64_t last;           /* highest number given out */
};

/* ---- entries ---- */

/* A new one for this file, without users and label, which has `before` now. NULL: no memory. */
struct entry *journal_add(struct journal *j, const struct disk_node *id, const char *before);

/* The entry of this file, or NULL. */
struct entry *journal_find(const struct journal *j, const struct disk_node *id);

struct entry *journal_by_number(const struct journal *j, uint64_t number);

/* All, in no order; `e` NULL: the first. An entry may be removed once its successor is known. */
struct entry *journal_next(const struct journal *j, const struct entry *e);

void journal_remove(struct journal *j, struct entry *e);
void journal_clear(struct journal *j);

/* It was found at this path, by these numbers, in this boot. 0 or -ENOMEM. */
int entry_found(struct entry *e, const struct disk_node *id, const uint8_t boot[16]);

bool entry_has_user(const struct entry *e, const uint8_t guest[16]);
/* 0 or -ENOMEM; one that is there already becomes known. */
int entry_add_user(struct entry *e, const uint8_t guest[16]);
/* True when it was there. */
bool entry_remove_user(struct entry *e, const uint8_t guest[16]);
/* Is that a label which it was given, and not the one that it had before? */
bool entry_gave(const struct entry *e, const char *label);
/* Replace one of the entry's texts. 0 or -ENOMEM. */
int entry_set_text(char **text, const char *value);

/* ---- bytes ---- */

/* Append a record about `e` as it is; about number `gone`, when `e` is NULL. */
void journal_put(struct buf *out, uint64_t generation, const struct entry *e, uint64_t gone);

/* A whole file: the head, which has to be there for it to count, and all entries. */
void journal_put_head(struct buf *out, uint64_t generation);
void journal_put_all(struct buf *out, uint64_t generation, const struct journal *j);

/* Generation of a file whose head is whole; 0: none. */
uint64_t journal_generation(const uint8_t *data, size_t len);

/*
 * Read the records of a file into an empty journal; *ret_end is where the next
 * one goes. 0, -ENOMEM, or -ENODATA without a head.
 */
int journal_replay(struct journal *j, const uint8_t *data, size_t len, size_t *ret_end);

/* ---- files (journal_sys.c) ---- */

struct journal_files {
	int fd[2];
	unsigned active;
	uint64_t generation;
	size_t size[2];
	size_t end;              /* of the active one */
};

/* Open or make both in a folder, which stays the caller's; before the sandbox closes. 0 or -errno. */
int journal_open(struct journal_files *f, int dir, struct err *err);

/* Read what is in force. Only a failure to read or write is one: what is damaged is logged. */
int journal_load(struct journal_files *f, struct journal *j, struct err *err);

/*
 * Append the records in `b` (made for f->generation); with `sync` they are on
 * the disk when this returns. When the file is full all of `j` is written anew
 * instead, so `j` must say already what the records say. 0 or -errno: it may be
 * there or not.
 */
int journal_append(struct journal_files *f, const struct journal *j, const struct buf *b, bool sync);

#endif
