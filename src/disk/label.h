/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Labels of images while guests use them. A file's entry in the journal is
 * written before the file is touched; its label goes back when its last user
 * does.
 */
#ifndef CORDON_DISK_LABEL_H
#define CORDON_DISK_LABEL_H

#include "base/err.h"
#include "disk/journal.h"

#define LABEL_RETRY_S 60         /* until what could not be put back is tried again */
#define LABEL_KEEP_S 300         /* what was put back stays in the journal: see putback.c */

struct label_room {
	struct journal journal;
	struct journal_files files;
	uint8_t boot[16];
	bool settled;            /* every guest that runs has been adopted */
};
extern struct label_room label_room;

/* Open the journal in the folder `dir`, which stays the caller's; before the sandbox closes. */
int label_open(int dir, struct err *err);

/* Read it. The loop is there, and so is cordon-file. 0 or -errno. */
int label_load(struct err *err);

/* cordon-file is there again: what could not be put back is tried again. */
void label_retry(void);

/* The guest runs: what it uses stays labelled. */
void label_adopt(const uint8_t guest[16]);

/* Every guest that runs was adopted: users that were not are gone. */
void label_settle(void);

/*
 * The guest is gone. `call` (disk.RELEASE) is answered when nothing of its is
 * left to be put back, or that cannot be done now.
 */
int label_release(struct ipc_call *call, const uint8_t guest[16]);

/* ---- between label.c and putback.c ---- */

/* Questions about an entry came to their end: who waits is looked after, from the loop. */
void label_woken(void);
void label_advance(void);

/* It is being worked at, or has users of which nobody knows yet whether they live. */
bool label_in_flux(const struct entry *e);

/* An entry without users gets its label back, if it is not being worked at. */
void putback(struct entry *e);

#endif
