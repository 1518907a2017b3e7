/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Core's line to one guest's cordon-vm: made, lost, made again; events come in by it. */
#ifndef CORDON_CORE_VMLINK_H
#define CORDON_CORE_VMLINK_H

#include "core/guest.h"
#include "proto/vm.x.h"

#define VMLINK_TRIES_MAX 20          /* replacements of one cordon-vm before it is left alone */
#define VMLINK_RETRY_MS 20           /* before the first one; doubles up to 5 s */
#define VMLINK_PATIENCE_S 6          /* an unanswered call is followed by a question whether it lives,
				      * and that one, unanswered as long, by a replacement */

struct vmlink {
	struct ipc_chan ch;
	struct guest_run *run;       /* NULL once the run let go of it */
	struct event *watch;         /* while calls are unanswered */
	bool asked;                  /* STATUS, which takes it no time, is one of them */
	char name[300];
};

/* Serve the channel; takes the descriptor. 0 or -ENOMEM. */
int vmlink_attach(struct guest_run *run, int fd, struct err *err);
void vmlink_detach(struct guest_run *run);

/* BOOT a new guest, or reconnect to one that runs through launch.RESPAWN. */
int vmlink_boot(struct guest_run *run, bool paused, ipc_reply_fn *done, void *ctx, struct err *err);
int vmlink_reconnect(struct guest_run *run, ipc_reply_fn *done, void *ctx, struct err *err);

/* Reconnect by itself, later and later. */
void vmlink_retry(struct guest_run *run);

/* State, reason and the like as vm told. */
void vmlink_take_status(struct guest_run *run, const struct vm_status *st);

/* Refuse a call for figures that QEMU, which does not answer its monitor, did not tell. */
void vmlink_refuse_stuck(struct ipc_call *call, const struct remote_nonnull_domain *dom);

/* Figures that are not all there: refused with the reason. True: `call` is answered. */
bool vmlink_refuse_partial(struct ipc_call *call, const struct remote_nonnull_domain *dom,
			   const struct vm_stats_ret *st);

/* The guest's channel for a call, or NULL with `err` (its supervisor is being replaced). */
struct ipc_chan *vmlink_chan(struct guest *g, struct err *err);

#endif
