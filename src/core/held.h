/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events for clients that are on their way back. A core that died took all connections along; what
 * it missed is told by the next one as soon as it knows, which is before most clients are there
 * again. So for a short time after guests were taken over, their events are kept, and a client that
 * registers is told what it would have heard: once, in order, before anything newer.
 */
#ifndef CORDON_CORE_HELD_H
#define CORDON_CORE_HELD_H

#include "core/client.h"

#define HELD_GRACE_S 5             /* how long after adoption began */
#define HELD_EVENTS_MAX 4096u      /* kept; later ones are told to those who are there only */
#define HELD_BYTES_MAX (4u << 20)
#define HELD_SETTLE_MS 50          /* a client that registers for many kinds does so in one go */

/* Guests are taken over: the time begins. */
void held_begin(void);

/*
 * Keep the event of a guest that was taken over, if it is the time for that: `msg` (copied) of
 * row `index` of program remote.
 */
void held_keep(const struct guest *g, int id, unsigned index, const void *msg);

/* The client registered for something; it will be told. */
void held_registered(struct client *c);

/* Tell it now, if it was not told yet: something newer is about to be. */
void held_catch_up(struct client *c);

/* The client goes. */
void held_forget(struct client *c);

#endif
