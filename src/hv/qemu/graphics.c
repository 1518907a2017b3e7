/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Graphics and video. */
#include "hv/qemu/priv.h"

#define VRAM_DEFAULT 16384  /* KiB */

static int one_graphics(struct plan_ctx *c, struct dom_graphics *g)
{
	if (g->type == DOM_GRAPHICS_TYPE_SPICE)
		return plan_refuse(c, "<graphics type='spice'> is not supported; use type='vnc'");
	g->type = DOM_GRAPHICS_TYPE_VNC;
	if (g->websocket)
		return plan_refuse(c, "<graphics websocket=> is not supported; leave it out");
	if (!g->listen) {
		g->listen =
			plan_blank(g->socket) ? DOM_LISTEN_TYPE_ADDRESS : DOM_LISTEN_TYPE_SOCKET;
	}
	if (g->listen != DOM_LISTEN_TYPE_ADDRESS) {
		g->port = 0;
		g->autoport = DOM_YESNO_UNSET;
		return 0;
	}
	if (g->autoport == DOM_YESNO_YES || g->port <= 0) {
		g->autoport = DOM_YESNO_YES;
		g->port = -1;
		return 0;
	}
	g->autoport = DOM_YESNO_NO;
	if (g->port < 5900 || g->port > 65535)
		return plan_refuse(c, "vnc port %d is out of range; use 5900 to 65535 or -1",
				   g->port);
	return 0;
}

static const struct {
	const char *model;
	uint32_t vram;          /* default, KiB */
	bool primary_only;
	bool heads;             /* more than one screen */
} videos[] = {
	{ "virtio", 0, false, true },
	{ "vga", VRAM_DEFAULT, false, false },
	{ "cirrus", VRAM_DEFAULT, true, false },
	{ "bochs", VRAM_DEFAULT, false, false },
	{ "none", 0, true, false },
};

static int one_video(struct plan_ctx *c, uint32_t index)
{
	struct dom_video *v = &c->d->videos[index];
	size_t k;

	if (plan_default(c, &v->model, "cirrus") < 0)
		return -ENOMEM;
	for (k = 0; k < ARRAY_LEN(videos); k++)
		if (strcmp(videos[k].model, v->model) == 0)
			break;
	if (k == ARRAY_LEN(videos))
		return plan_refuse(
			c,
			"video model '%s' is not supported; use 'virtio', 'vga', 'bochs', "
			"'cirrus' or 'none'",
			v->model);
	if (videos[k].primary_only && index)
		return plan_refuse(c, "video model '%s' can only be the first video device",
				   v->model);
	if (v->ram || v->vgamem)
		return plan_bad(c, "%s attribute only supported for video type qxl",
				v->ram ? "ram" : "vgamem");
	if (v->accel3d == DOM_YESNO_YES)
		return plan_refuse(c, "video %u: accel3d is not supported; leave it out", index);
	if (plan_is(v->model, "none"))
		return c->d->n_videos == 1 ? 0 :
			plan_refuse(c, "video model 'none' must be the only video device");
	if (!v->vram)
		v->vram = videos[k].vram;
	if (v->vram && v->vram < 1024)
		return plan_refuse(c, "video %u: vram must be at least 1 MiB", index);
	if (!v->heads)
		v->heads = 1;
	if (v->heads > (videos[k].heads ? 16u : 1u))
		return plan_refuse(c, "video %u: model '%s' has no %u heads", index, v->model,
				   v->heads);
	if (!index)
		v->primary = DOM_YESNO_YES;
	else if (v->primary == DOM_YESNO_YES)
		return plan_bad(c, "only the first video device can be primary");
	return 0;
}

static int default_video(struct plan_ctx *c)
{
	if (!c->d->n_graphics || c->d->n_videos)
		return 0;
	c->d->videos = arena_calloc(c->a, 1, sizeof(*c->d->videos));
	if (!c->d->videos)
		return plan_nomem(c);
	c->d->n_videos = 1;
	return 0;
}

int plan_step_graphics(struct plan_ctx *c)
{
	struct domain *d = c->d;
	int r = 0;

	if (d->n_graphics > 1)
		return plan_refuse(c, "only one <graphics> is supported");
	for (uint32_t i = 0; i < d->n_graphics && r >= 0; i++)
		r = one_graphics(c, &d->graphics[i]);
	if (r >= 0)
		r = default_video(c);
	for (uint32_t i = 0; i < d->n_videos && r >= 0; i++)
		r = one_video(c, i);
	return r;
}
