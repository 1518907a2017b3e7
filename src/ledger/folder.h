/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the ledger: the folder of claims, and which of them still mean something. */
#ifndef CORDON_LEDGER_FOLDER_H
#define CORDON_LEDGER_FOLDER_H

#include "ledger/book.h"

#define FOLDER_NAME_SIZE 96   /* INSTANCE.GUEST, with room to see that a name is too long */

/* Call `each` for every name in a folder, until non-zero, which is returned. Or -errno. */
int folder_each(int dir, int (*each)(void *ctx, int dir, const char *name), void *ctx);

/* 0, or -errno for what is no claim or just went away. */
int folder_read_claim(int dir, const char *name, struct book_claim *ret);

/* Does any process run under one of a guest's uids? The kernel counts them per user. */
bool folder_uids_busy(uid_t first);

/* Drop the claims of instances that are gone. The caller holds the folder's lock. 0 or -errno. */
int folder_drop_stale(struct book *l);

/*
 * Fill in uids and, as `want` says, a label that nobody has at this moment (choose_sys.c). The caller
 * holds the folder's lock. 0, or -errno as book_claim() says.
 */
int folder_choose(struct book *l, const struct book_want *want, struct book_claim *c, struct err *err);

#endif
