/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/viewer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "core/vmlink.h"
#include "ipc/call.h"
#include "ipc/ev.h"
#include "proto/core.x.h"

extern const struct ipc_handlers viewer_server;

enum { PHASE_INITIALIZE = 1, PHASE_DISCONNECT = 2 };   /* virDomainEventGraphicsPhase */

struct viewer {
	struct ipc_chan ch;       /* fresh: nothing asked; auth: it asked to get in; open: it is in */
	uint64_t number;          /* never used again, by later cores either */
	uint8_t guest[16];
	char peer[256];
};

/* cordon-vm tells the clients, so that connect, initialize and disconnect come in their order. */
static void tell(const struct viewer *w, int phase)
{
	struct vm_viewer_phase args = { .viewer = w->number, .phase = phase };
	struct guest *g = guest_by_uuid(w->guest);
	struct ipc_chan *vm = w->ch.state != IPC_STATE_FRESH && g ? vmlink_chan(g, NULL) : NULL;

	if (vm)
		(void)vm_call_viewer_phase(vm, &args, NULL, 0, NULL, NULL);
}

static void closed(struct ipc_chan *ch)
{
	tell(ch->ctx, PHASE_DISCONNECT);
	free(ch->ctx);
}

static uint64_t new_number(void)
{
	static uint64_t last;
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return last = last ? last + 1 : (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int viewer_new(const struct room_viewer *v, int fd)
{
	struct viewer *w = calloc(1, sizeof(*w));

	if (!w) {
		fd_close(&fd);
		return -ENOMEM;
	}
	w->number = new_number();
	memcpy(w->guest, v->guest, 16);
	snprintf(w->peer, sizeof(w->peer), "%s", v->peer);
	ipc_chan_init(&w->ch, fd, "edge", IPC_ROOM_EDGE);
	w->ch.ctx = w;
	w->ch.serves[0] = &viewer_server;
	w->ch.body_max = 4096;
	w->ch.on_closed = closed;
	if (ipc_ev_attach(core.base, &w->ch)) {
		fd_close(&fd);
		free(w);
		return -ENOMEM;
	}
	return 0;
}

static void attached(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;

	if (r->rc)
		core_refuse_reply(call, r);
	else
		ipc_reply(call, NULL, r->fds, 1);
}

int viewer_on_attach(struct ipc_call *call, const struct viewer_attach_args *args)
{
	struct viewer *w = call->ch->ctx;
	struct guest *g = guest_by_uuid(w->guest);
	struct vm_device_args dev = { .device = (char *)(uintptr_t)"", .peer = w->peer,
				      .viewer = w->number };
	struct ipc_chan *vm;

	/* the guest is the one whose listener the viewer came to, whatever edge says */
	if (!g || memcmp(args->guest, w->guest, 16))
		return err_set(&call->err, -ENOENT, ERR_NO_DOMAIN, "the viewer's guest is gone");
	vm = vmlink_chan(g, &call->err);
	if (!vm)
		return -EAGAIN;
	w->ch.state = IPC_STATE_AUTH;
	return vm_call_viewer(vm, &dev, NULL, 0, attached, call);
}

int viewer_on_initialized(struct ipc_call *call)
{
	call->ch->state = IPC_STATE_OPEN;
	tell(call->ch->ctx, PHASE_INITIALIZE);
	return ipc_reply(call, NULL, NULL, 0);
}
