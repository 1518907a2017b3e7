/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Title, description and the inside of <metadata>, of the running guest or of its definition. */
#include <string.h>

#include "core/args.h"
#include "core/client.h"
#include "core/events.h"
#include "core/store.h"

enum { TYPE_DESCRIPTION, TYPE_TITLE, TYPE_ELEMENT };   /* virDomainMetadataType */
_Static_assert(TYPE_ELEMENT < GUEST_TEXTS, "a place for each");

static char **field(struct domain *d, int type)
{
	if (type == TYPE_DESCRIPTION)
		return &d->description;
	return type == TYPE_TITLE ? &d->title : &d->metadata;
}

/*
 * The run's memory only grows, so a place that is too small is left for one at least twice as large:
 * together they take at most twice the longest text there may be.
 */
static char *put_text(struct guest_run *run, struct guest_text *t, const char *value)
{
	size_t n = strlen(value) + 1, room = t->room * 2;

	if (n > t->room) {
		char *at;

		if (room > DOM_METADATA_MAX + 1)
			room = DOM_METADATA_MAX + 1;
		if (room < n)
			room = n;
		at = arena_alloc(run->arena, room);
		if (!at)
			return NULL;
		*t = (struct guest_text){ at, room };
	}
	return memcpy(t->at, value, n);
}

static int set_live(struct ipc_call *call, struct guest *g, const struct core_metadata_args *args)
{
	char *copy = NULL;

	if (args->value) {
		copy = put_text(g->run, &g->run->texts[args->type], args->value);
		if (!copy)
			return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY,
				       "no memory for the metadata of the running domain '%s'", g->name);
	}
	*field(&g->run->rec.live, args->type) = copy;
	g->generation++;
	store_save_run(g);
	return 0;
}

static int set_stored(struct ipc_call *call, struct guest *g, const struct core_metadata_args *args)
{
	struct domain d;
	int rc = guest_model(g, call->arena, &d, &call->err);

	if (rc)
		return rc;
	*field(&d, args->type) = args->value;
	return guest_change(g, g, &d, &call->err);
}

int core_on_metadata(struct ipc_call *call, const struct core_metadata_args *args)
{
	bool live = args->flags == AFFECT_LIVE;
	struct guest *g = live ? client_running(call, &args->dom) : client_guest(call, &args->dom);
	int rc;

	if (!g)
		return -ENOENT;
	if ((!live && args->flags != AFFECT_CONFIG) || args->type < TYPE_DESCRIPTION ||
	    args->type > TYPE_ELEMENT)
		return err_set(&call->err, -EPROTO, ERR_INVALID_ARG, "metadata of an unknown kind");
	if (!live && !g->persistent)
		return err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: transient domains do not have any "
			       "persistent config");
	if (args->generation && args->generation != g->generation)
		return err_set(&call->err, -ESTALE, ERR_OPERATION_FAILED,
			       "operation failed: domain '%s' was changed by somebody else meanwhile; "
			       "read it again and repeat", g->name);
	rc = live ? set_live(call, g, args) : set_stored(call, g, args);
	if (rc)
		return rc;
	events_metadata(g, args->type, args->type == TYPE_ELEMENT ? args->uri : NULL);
	return core_reply_metadata(call);
}
