/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A changed definition takes the place of the old one: on disk, then in memory. */
#include <errno.h>
#include <stdlib.h>

#include "core/guest.h"
#include "core/store.h"

int guest_change(struct guest *g, const struct guest *to, const struct domain *d,
		 struct err *err)
{
	CLEAN_ARENA struct arena *a = d ? NULL : arena_new(GUEST_MODEL_MAX);
	struct guest next = *to;
	uint8_t *model = NULL;
	struct domain same;
	uint32_t len = 0;
	int rc = 0;

	if (d) {
		next.generation = g->generation + 1;
		model = guest_encode(d, &len);
	} else if (a) {
		rc = guest_model(g, a, &same, err);
	}
	if (rc)
		return rc;
	if (!model && !a)
		return err_sys(err, -ENOMEM, "domain '%s'", g->name);
	rc = store_save_domain(&next, d ? d : &same, err);
	if (rc) {
		free(model);
		return rc;
	}
	/* from here on nothing fails */
	g->generation = next.generation;
	g->autostart = next.autostart;
	g->role = next.role;
	g->persistent = next.persistent;
	if (model)
		guest_take_model(g, model, len);
	return 0;
}
