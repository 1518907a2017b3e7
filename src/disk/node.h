/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One opened file: what tells it from others later, and what is known of its label. */
#ifndef CORDON_DISK_NODE_H
#define CORDON_DISK_NODE_H

#include <stdbool.h>

#include "proto/disk.x.h"

struct node {
	struct disk_node id;
	char *label;          /* when it was opened; "" none */
	char *fs;             /* kind of file system */
	bool labels;          /* which keeps labels */
	bool remote;          /* and may have to be waited for */
	bool adopted;         /* only path, device and inode number are known */
	uint64_t seen;        /* node_tick() when it was opened */
	char text[];
};

/* Tells what happened before what: one more each time. */
uint64_t node_tick(void);

/* What cordon-file answered to `req`. NULL when memory is short. */
struct node *node_new(const struct file_open_args *req, const struct file_opened *o);

/* What a guest had open before this process was started. NULL when memory is short. */
struct node *node_adopt(const struct disk_image *image);

void node_free(struct node *n);

/*
 * The same file, found again later, perhaps after a reboot: inode number and
 * generation are the file system's own. Device numbers are not, where they are
 * given out at mount time (network, btrfs, device-mapper), nor are fs_ids where
 * they are made of the device (xfs) or are not there: the first of device,
 * fs_id and path that agrees is enough. Whoever changes a file for it looks at
 * its label as well, which no other file has.
 */
bool node_same(const struct disk_node *a, const struct disk_node *b);

#endif
