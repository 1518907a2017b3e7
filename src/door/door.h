/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordon-door: who comes in. It accepts clients and viewers, asks the kernel
 * who they are, counts them, and hands each to a process of its own. It reads
 * nothing that they send. Own uid, no capability: what takes privilege, the
 * start of a process, the supervisor has done for it.
 */
#ifndef CORDON_DOOR_DOOR_H
#define CORDON_DOOR_DOOR_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/types.h>

#include "door/clients.h"
#include "ipc/chan.h"
#include "proto/conf.x.h"
#include "proto/room.x.h"

/* A conn or edge that was started for us. Lives as long as its channel. */
struct ward {
	struct ward *next, **link;
	enum room which;
	pid_t pid;                          /* 0 until the supervisor answered */
	bool doomed;                        /* to be killed as soon as it did */
	struct ipc_chan ch;
	struct client client;               /* conn in use */
	uint8_t guest[16];                  /* edge */
	void (*on_gone)(struct ward *w);    /* optional; the struct goes next */
};

struct door {
	struct event_base *base;
	struct arena *arena;                /* the configuration's memory */
	struct config conf;
	struct ipc_chan control;            /* the supervisor */
	struct ipc_chan core;
	bool open;                          /* all rooms are up, core among them */
	struct ward *wards;
	struct clients clients;
};
extern struct door door;

/* A one-shot timer that frees itself. Aborts when memory is short. */
void after_ms(unsigned ms, event_callback_fn fn, void *arg);

/* ---- wards.c ---- */

/*
 * Have a conn or edge started. It may be given its first message at
 * once. NULL with `err`; when the supervisor refuses later, on_gone runs.
 */
struct ward *ward_start(enum room which, void (*on_gone)(struct ward *w), struct err *err);

/* Close its channel, which ends one that has nobody to serve; on_gone runs, and `w` is gone. */
void ward_end(struct ward *w);

/* Likewise by SIGKILL, as soon as its pid is known, for one that may not be willing. */
void ward_kill(struct ward *w);

/* ---- pool.c ---- */

int pool_init(struct err *err);
/* A conn that has no client yet, whose on_gone is the caller's now; NULL with `err`. */
struct ward *pool_take(void (*on_gone)(struct ward *w), struct err *err);
/* While paused it is not filled up. */
void pool_pause(bool paused);

/* ---- accept.c ---- */

/* Who knocks in vain must not fill the log: true for the first few lines in a second. */
struct refusals {
	uint64_t second;
	unsigned lines;
};
bool refusals_log(struct refusals *r);

/* Watch the two bound sockets; nothing is accepted before accept_pause(false). */
int accept_init(int rw_fd, int ro_fd, struct err *err);
void accept_pause(bool paused);

/* ---- identity_sys.c ---- */

/*
 * Who is at the other end of a unix socket, by the kernel's word. Lists are
 * put into `gids` (ROOM_GIDS_MAX). 0 or -errno.
 */
int identity_of_peer(int fd, bool readonly, uint32_t *gids, struct identity *ret);

/* May this identity use the read-write, or if it came by that one the read-only socket? Pure. */
bool identity_admitted(const struct config *c, const struct identity *who);

/* ---- listeners.c: viewers ---- */

/* Nobody listens yet: what an earlier door left is removed. */
void listeners_init(void);

/* Core was restarted: what it does not claim again soon is closed. */
void listeners_orphan(void);
/* We end. */
void listeners_close(void);

#endif
