/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room's own state. */
#ifndef CORDON_DISK_DISK_H
#define CORDON_DISK_DISK_H

#include <event2/event.h>
#include <stdbool.h>

#include "disk/claims.h"
#include "ipc/chan.h"
#include "proto/conf.x.h"

/* A neighbour; with `up` false it is being started again. */
struct disk_peer {
	const char *name;
	struct ipc_chan ch;
	bool up;
};

struct disk_room {
	struct event_base *base;
	const struct config *conf;
	struct claims claims;
	struct disk_peer core, file, image;
};
extern struct disk_room disk_room;

#endif
