/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Channels driven by libevent: reads at once, writes gathered until the loop turns. */
#ifndef CORDON_IPC_EV_H
#define CORDON_IPC_EV_H

#include <event2/event.h>

#include "ipc/chan.h"

/* A loop with the settings all rooms share. NULL when memory is short. */
struct event_base *ipc_ev_base(void);

/* Milliseconds of CLOCK_MONOTONIC: what deadlines and rates are counted in. */
uint64_t ipc_ev_ms(void);

/*
 * Let `base` drive an initialised channel. When the channel ends, on_closed
 * runs and the descriptor is closed; the owner frees the struct there.
 * 0 or -ENOMEM.
 */
int ipc_ev_attach(struct event_base *base, struct ipc_chan *ch);

/* Stop driving it and close its descriptor; on_closed does not run. */
void ipc_ev_detach(struct ipc_chan *ch);

#endif
