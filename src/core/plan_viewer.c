/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Step "viewer": cordond listens where the guest's <graphics> says. */
#include <errno.h>
#include <string.h>

#include "core/plan_steps.h"
#include "ipc/call.h"

static struct dom_graphics *graphics_of(struct plan *p)
{
	struct domain *d = &p->run->rec.live;

	for (unsigned i = 0; i < d->n_graphics; i++)
		if (d->graphics[i].type == DOM_GRAPHICS_TYPE_VNC)
			return &d->graphics[i];
	return NULL;
}

static void listening(void *ctx, struct ipc_reply *r)
{
	struct plan *p = ctx;
	struct dom_graphics *g = graphics_of(p);

	if (!r->rc && g->listen != DOM_LISTEN_TYPE_SOCKET) {
		g->port = (int)((const struct sup_listen_ret *)r->ret)->port;
		p->run->rec.viewer_port = (unsigned)g->port;
	}
	plan_continue(p, r->rc, r->err);
}

int viewer_prepare(struct plan *p)
{
	struct dom_graphics *g = graphics_of(p);
	struct sup_listen_args args = { .kind = LISTEN_KIND_TCP };
	struct ipc_chan *ch = core_peer(&core.cordond, &p->err);
	int rc;

	if (!g || g->listen == DOM_LISTEN_TYPE_NONE)
		return 0;
	if (!ch)
		return -EAGAIN;
	memcpy(args.guest, p->guest->uuid, 16);
	args.address = g->address ? g->address : core.conf.vnc_listen;
	args.port_min = core.conf.vnc_port_min;
	args.port_max = core.conf.vnc_port_max;
	if (g->autoport != DOM_YESNO_YES && g->port > 0)
		args.port_min = args.port_max = (unsigned)g->port;
	if (g->listen == DOM_LISTEN_TYPE_SOCKET) {
		args.kind = LISTEN_KIND_UNIX_PATH;
		args.path = g->socket;
	}
	rc = sup_call_listen(ch, &args, NULL, 0, listening, p);
	if (rc)
		return err_sys(&p->err, rc, "domain '%s': viewer", p->guest->name);
	return 1;
}

int viewer_release(struct plan *p)
{
	struct ipc_chan *ch = core_peer(&core.cordond, NULL);
	struct sup_guest_args args;

	if (ch && graphics_of(p)) {
		memcpy(args.guest, p->guest->uuid, 16);
		(void)sup_call_unlisten(ch, &args, NULL, 0, NULL, NULL);
	}
	return 0;
}
