/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who uses which image: one writer per inode, unless all of its users share. */
#ifndef CORDON_DISK_CLAIMS_H
#define CORDON_DISK_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "disk/node.h"

#define CLAIMS_MAX 65536

struct claim {
	uint8_t guest[16];
	uint64_t dev;          /* of the file; of a block device its own number, with ino 0 */
	uint64_t ino;
	bool write;
	bool shareable;
	bool locked;           /* wanted, and claims_locked() */
	struct node *node;     /* what was opened; NULL for a guest that was adopted */
};

struct claims {
	struct claim *list;
	size_t n;
	size_t room;
};

/*
 * locks_sys.c: does a process of this host use the image, open as `fd`, in a way that excludes what
 * is wanted? Whatever core has told of its guests, or has not. False where a server would have to say.
 */
bool claims_locked(int fd, const struct claim *want);

/* Likewise: does any process of this host use the file, open as `fd`, as an image, for whatever? */
bool claims_in_use(int fd);

/*
 * Claim all of want[0..n) or none; their nodes are owned by the claims then.
 * -EBUSY: one is in use in a way that excludes this; `paths` names them in the
 * text. -ENOMEM, -ENOSPC at CLAIMS_MAX.
 */
int claims_take(struct claims *c, const struct claim *want, size_t n, const char *const *paths,
		struct err *err);

/* Claim without asking: the guest has the images open already. 0, -ENOMEM, -ENOSPC. */
int claims_adopt(struct claims *c, const struct claim *have, size_t n);

/* Forget all that `guest` holds. */
void claims_release(struct claims *c, const uint8_t guest[16]);

/* The guest's claim on this inode, with a node if there is one that has it, or NULL. */
const struct claim *claims_of(const struct claims *c, const uint8_t guest[16], uint64_t dev,
			      uint64_t ino);

/* A claim on what was opened by this path, or NULL. */
const struct claim *claims_by_path(const struct claims *c, const char *path);

/* "xxxxxxxx-xxxx-..." into out[37]. */
void claims_uuid(const uint8_t guest[16], char out[37]);

#endif
