/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Step "viewer": cordond listens where the guest's <graphics> says. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
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
		if (!g->address)
			g->address = arena_strdup(p->run->arena, core.conf.vnc_listen);
	}
	plan_continue(p, r->rc, r->err);
}

/* Where the guest's viewers come in; false when nowhere. */
static bool listen_args(struct plan *p, struct sup_listen_args *args)
{
	struct dom_graphics *g = graphics_of(p);

	if (!g || g->listen == DOM_LISTEN_TYPE_NONE)
		return false;
	*args = (struct sup_listen_args){ .kind = LISTEN_KIND_TCP };
	memcpy(args->guest, p->guest->uuid, 16);
	args->address = g->address ? g->address : core.conf.vnc_listen;
	args->port_min = core.conf.vnc_port_min;
	args->port_max = core.conf.vnc_port_max;
	/* a port the user gave, or the one that an adopted guest's viewers know */
	if (g->port > 0 && (g->autoport != DOM_YESNO_YES || p->adopting))
		args->port_min = args->port_max = (unsigned)g->port;
	if (g->listen == DOM_LISTEN_TYPE_SOCKET) {
		args->kind = LISTEN_KIND_UNIX_PATH;
		args->path = g->socket;
	}
	return true;
}

int viewer_prepare(struct plan *p)
{
	struct ipc_chan *ch = core_peer(&core.cordond, &p->err);
	struct sup_listen_args args;
	int rc;

	if (!listen_args(p, &args))
		return 0;
	if (!ch)
		return -EAGAIN;
	rc = sup_call_listen(ch, &args, NULL, 0, listening, p);
	if (rc)
		return err_sys(&p->err, rc, "domain '%s': viewer", p->guest->name);
	return 1;
}

static void again(void *ctx, struct ipc_reply *r)
{
	(void)ctx;
	if (r->rc)
		log_warn("viewer of an adopted guest: %s", r->err->text);
}

void viewer_adopt(struct plan *p)
{
	struct ipc_chan *ch = core_peer(&core.cordond, NULL);
	struct sup_listen_args args;

	if (ch && listen_args(p, &args))
		(void)sup_call_listen(ch, &args, NULL, 0, again, NULL);
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
