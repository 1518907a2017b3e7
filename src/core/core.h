/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-core as a whole: what its parts share. */
#ifndef CORDON_CORE_CORE_H
#define CORDON_CORE_CORE_H

#include <event2/event.h>

#include "ipc/chan.h"
#include "proto/core.x.h"
#include "proto/disk.x.h"
#include "proto/launch.x.h"
#include "proto/ledger.x.h"
#include "proto/room.x.h"
#include "proto/store.x.h"

/* The neighbours; a channel with `up` false waits for the room to be started again. */
struct core_peer {
	struct ipc_chan ch;
	bool up;
};

struct core {
	struct event_base *base;
	struct arena *arena;            /* the configuration's memory */
	struct config conf;
	uint8_t boot_id[16];            /* of the running kernel */
	struct store_host stored;
	struct core_peer cordond;
	struct core_peer door;
	struct core_peer launch;
	struct core_peer ledger;
	struct core_peer disk;
	struct core_peer host;
};

extern struct core core;

/* The neighbour's channel, or NULL with `err` saying that it is being restarted. */
struct ipc_chan *core_peer(struct core_peer *p, struct err *err);

/* Pass a peer's refusal on: fills call->err from the reply and answers. Always 0. */
int core_refuse_reply(struct ipc_call *call, const struct ipc_reply *r);

#endif
