/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/ptys.h"

#include <string.h>

bool ptys_has_device(const struct dom_chr *c, enum dom_chr_kind kind)
{
	if (c->source == DOM_CHR_SOURCE_TYPE_NULL || c->source == DOM_CHR_SOURCE_TYPE_SPICEVMC)
		return false;
	return kind != DOM_CHR_KIND_CONSOLE || (c->target_type && strcmp(c->target_type, "serial"));
}

static void set_ptys(struct dom_chr *c, unsigned n, enum dom_chr_kind kind, struct arena *a,
		     const struct launch_started *l, unsigned *at)
{
	for (unsigned i = 0; i < n; i++)
		if (ptys_has_device(&c[i], kind) && c[i].source == DOM_CHR_SOURCE_TYPE_PTY &&
		    *at < l->n_ptys)
			c[i].path = arena_strdup(a, l->ptys[(*at)++].path);
}

void ptys_show(struct guest_run *run, const struct launch_started *l)
{
	struct domain *d = &run->rec.live;
	unsigned at = 0;

	set_ptys(d->serials, d->n_serials, DOM_CHR_KIND_SERIAL, run->arena, l, &at);
	set_ptys(d->consoles, d->n_consoles, DOM_CHR_KIND_CONSOLE, run->arena, l, &at);
	set_ptys(d->channels, d->n_channels, DOM_CHR_KIND_CHANNEL, run->arena, l, &at);
	if (!l->n_ptys)
		return;   /* held by the cordon-vm alone, as they were */
	for (unsigned i = 0; i < d->n_consoles; i++)
		if (!ptys_has_device(&d->consoles[i], DOM_CHR_KIND_CONSOLE) && d->n_serials)
			d->consoles[i].path = d->serials[0].path;
}
