/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One client connection as core knows it: who it is, what it may do, what it wants to hear. */
#ifndef CORDON_CORE_CLIENT_H
#define CORDON_CORE_CLIENT_H

#include "core/guest.h"
#include "ipc/call.h"
#include "proto/room.x.h"

#define CLIENT_SUBS_MAX 256       /* event registrations of one connection */
#define CLIENT_CALLS_OWN 64       /* calls of cordon-conn beside max_client_requests of its client's */

struct client_sub {
	int id;                   /* callbackID */
	int event;                /* virDomainEventID */
	bool one;                 /* this guest only */
	bool fresh;               /* not told yet what was kept for it (held.h) */
	uint8_t uuid[16];
};

struct client {
	struct ipc_chan ch;
	struct arena *arena;      /* of who */
	struct identity who;
	uint64_t id;
	const struct role *role;
	bool readonly;
	char name[32];            /* for the log */
	int next_sub;
	unsigned n_subs;
	struct client_sub *subs;
	struct event *catch_up;   /* to be told what was kept; NULL: never was */
	struct client *next, **link;
};

/* Serve a connection; takes the descriptor. */
int client_new(const struct room_client *rc, int fd);
struct client *client_first(void);

/* The client behind a call from cordon-conn. */
struct client *client_of(const struct ipc_call *call);

/*
 * The guest that a client names, if this row's permission holds for it; NULL
 * with call->err filled (NO_DOMAIN names the uuid as libvirt does).
 */
struct guest *client_guest(struct ipc_call *call, const struct remote_nonnull_domain *dom);

/* As client_guest(), running. OPERATION_INVALID when it is off. */
struct guest *client_running(struct ipc_call *call, const struct remote_nonnull_domain *dom);

#endif
