/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which image may stand below which, by what definition and header say; opens nothing. */
#ifndef CORDON_DISK_CHAIN_H
#define CORDON_DISK_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "proto/disk.x.h"
#include "proto/image.x.h"

struct chain_image {
	const char *path;              /* normalized */
	uint32_t format;               /* enum dom_disk_format */
	bool block;
	uint32_t roots;                /* enum file_roots */
};

/*
 * Judge image number `depth` (0: the top one), whose header said `info` (NULL
 * for raw, whose bytes are nobody's header), and tell what stands below it:
 * *ret_more false for nothing. A format is never guessed, a backing file is
 * one that the definition lists, or, when it lists none at all, one below
 * backing_roots. The same folder as the overlay is not enough: a broken-in
 * QEMU can write any name into its own header, and the neighbours' images live
 * there. `next` lives in `a`. -errno with the image named.
 */
int chain_step(struct arena *a, const struct disk_open_args *args, unsigned depth,
	       const struct chain_image *image, const struct image_info *info,
	       struct chain_image *ret_next, bool *ret_more, struct err *err);

#endif
