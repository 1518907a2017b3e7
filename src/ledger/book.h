/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host-wide book of what guests have to themselves: uids, and the SELinux label. A folder that
 * all instances on a host share. A claim is a symbolic link in it, "INSTANCE.GUEST" -> "UID SHARE
 * LABEL", made and removed in one step; "INSTANCE" is a file that the cordon-ledger of that
 * instance holds locked while it lives.
 */
#ifndef CORDON_LEDGER_BOOK_H
#define CORDON_LEDGER_BOOK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "ledger/seclabel.h"
#include "proto/conf.x.h"

#define BOOK_UIDS_EACH CONF_UIDS_EACH
#define BOOK_CLAIMS_MAX 65536u
#define BOOK_GUEST 36                 /* a guest's uuid as text */

struct book_claim {
	char guest[BOOK_GUEST + 1];
	uid_t uid;                      /* the first of its four */
	bool share;                     /* of label: others may have it too */
	struct seclabel label;          /* .text "": none */
};

/* What label is wanted: the one given, or a pair of categories added to it. */
struct book_want {
	const struct seclabel *label;   /* NULL: none */
	bool fixed, share;
	unsigned categories;            /* not fixed: how many the policy has */
};

struct book {
	int dir;
	int proc;                       /* /proc */
	int run;                        /* the instance's run folder, in which launch has "guests" */
	int lock;
	char instance[40];
	uid_t uid_first;
	uint32_t uid_count;
	uint32_t next;                  /* where to look for free uids: numbers rest before reuse */
	uint32_t reclaimed;             /* claims of dead instances dropped so far, for the log */
	char *const *types;             /* that the policy has for guests: set after book_open() */
	size_t n_types;
};

/*
 * Use the folder `dir` (which stays the caller's, like `proc` and `run`) for the instance that is known by a
 * device and inode number, until book_close() or the end of this process. Claims of instances that
 * are gone are dropped unless a process still runs under them; our own of an earlier run are kept:
 * see book_each(). `name` is for messages. -EBUSY: another process serves this instance.
 */
int book_open(int dir, int proc, int run, const char *name, uint64_t device, uint64_t inode,
	      uid_t uid_first, uint32_t uid_count, struct book *ret, struct err *err);

/* Forget the instance, if it has no claims. */
void book_close(struct book *l);

/*
 * Claim for `guest` (a uuid as text), until book_release(): BOOK_UIDS_EACH consecutive uids
 * that no guest, process or other instance has (the gid of each is the same number), and the label.
 * A pair of categories is nobody's: no claim of any instance meets it (seclabel_meet()), and no label
 * of a process of this host that has two categories at most or is of a type in `types`. A fixed label
 * is given if nobody's meets it, or all who have such share (of processes that is taken for granted).
 * A guest that has a claim gets the same again. -EUSERS: all are used up; -EBUSY: the fixed label is
 * another's.
 */
int book_claim(struct book *l, const char *guest, const struct book_want *want,
		 struct book_claim *ret, struct err *err);

/* The claim of a guest of this instance. 0, or -ENOENT. */
int book_find(const struct book *l, const char *guest, struct book_claim *ret);

/*
 * Drop the guest's claim; none: success. -EBUSY while launch has a folder for the guest below `run`,
 * or the kernel counts a process under one of its uids.
 */
int book_release(const struct book *l, const char *guest, struct err *err);

/* Call `each` for every claim of this instance; stops at non-zero and returns it. */
int book_each(const struct book *l, int (*each)(void *ctx, const struct book_claim *c),
		void *ctx, struct err *err);

/*
 * The pure part, for tests: the lower sensitivity of the wanted label with two of its categories
 * that meet none of the claims, tried from pair number `start` on. -EUSERS: none is left; -EINVAL:
 * the text grows too long.
 */
int book_pick_pair(const struct book_claim *c, uint32_t n, const struct book_want *w,
		     uint64_t start, struct seclabel *ret);

#endif
