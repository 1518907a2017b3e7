/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Step "viewer": door listens where the guest's <graphics> says. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "core/plan_steps.h"
#include "ipc/call.h"

static struct dom_graphics *graphics_of(struct guest_run *run)
{
	struct domain *d = &run->rec.live;

	for (unsigned i = 0; i < d->n_graphics; i++)
		if (d->graphics[i].type == DOM_GRAPHICS_TYPE_VNC)
			return &d->graphics[i];
	return NULL;
}

static void listening(void *ctx, struct ipc_reply *r)
{
	struct plan *p = ctx;
	struct dom_graphics *g = graphics_of(p->run);
	const struct door_listen_ret *ret = r->ret;

	if (!r->rc && g->listen == DOM_LISTEN_TYPE_SOCKET) {
		g->socket = arena_strdup(p->run->arena, ret->path);
	} else if (!r->rc) {
		g->port = (int)ret->port;
		p->run->rec.viewer_port = (unsigned)g->port;
		if (!g->address)
			g->address = arena_strdup(p->run->arena, core.conf.vnc_listen);
	}
	plan_continue(p, r->rc, r->err);
}

/* Where the guest's viewers come in; false when nowhere. */
static bool listen_args(struct guest_run *run, const uint8_t guest[16], bool adopting,
			struct door_listen_args *args)
{
	struct dom_graphics *g = graphics_of(run);

	if (!g || g->listen == DOM_LISTEN_TYPE_NONE)
		return false;
	*args = (struct door_listen_args){ .kind = LISTEN_KIND_TCP };
	memcpy(args->guest, guest, 16);
	args->address = g->address ? g->address : core.conf.vnc_listen;
	args->port_min = core.conf.vnc_port_min;
	args->port_max = core.conf.vnc_port_max;
	/* a port the user gave, or the one that an adopted guest's viewers know */
	if (g->port > 0 && (g->autoport != DOM_YESNO_YES || adopting))
		args->port_min = args->port_max = (unsigned)g->port;
	if (g->listen == DOM_LISTEN_TYPE_SOCKET) {
		args->kind = LISTEN_KIND_UNIX_PATH;
		args->path = g->socket && g->socket[0] ? g->socket : NULL;
	}
	return true;
}

int viewer_prepare(struct plan *p)
{
	struct ipc_chan *ch = core_peer(&core.door, &p->err);
	struct door_listen_args args;
	int rc;

	if (!listen_args(p->run, p->guest->uuid, false, &args))
		return 0;
	if (!ch)
		return -EAGAIN;
	rc = door_call_listen(ch, &args, NULL, 0, listening, p);
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

void viewer_adopt(struct guest *g)
{
	struct ipc_chan *ch = core_peer(&core.door, NULL);
	struct door_listen_args args;

	if (ch && listen_args(g->run, g->uuid, true, &args))
		(void)door_call_listen(ch, &args, NULL, 0, again, NULL);
}

int viewer_release(struct plan *p)
{
	struct ipc_chan *ch = core_peer(&core.door, NULL);
	struct door_guest_args args;

	if (ch && graphics_of(p->run)) {
		memcpy(args.guest, p->guest->uuid, 16);
		(void)door_call_unlisten(ch, &args, NULL, 0, NULL, NULL);
	}
	return 0;
}
