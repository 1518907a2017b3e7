/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Definitions: new, replaced, removed; and guests that only run. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "core/args.h"
#include "core/audit.h"
#include "core/client.h"
#include "core/events.h"
#include "core/host.h"
#include "core/life.h"
#include "core/store.h"

/* virDomainDefineFlags */
#define DEFINE_VALIDATE 1u

/* Whose roots the paths of a definition are opened with: of the client who gives it. */
static enum file_role role_of(const struct ipc_call *call)
{
	return client_of(call)->who.uid == 0 ? FILE_ROLE_ROOT : FILE_ROLE_ADMIN;
}

static bool nonzero(const uint8_t uuid[16])
{
	static const uint8_t zero[16];

	return memcmp(uuid, zero, 16) != 0;
}

/*
 * The guest that a definition replaces, or NULL with *ret 0 when it is new, or
 * NULL with *ret < 0: name or uuid belong to another one (libvirt's code 9).
 */
static struct guest *replaced(struct ipc_call *call, const struct domain *d, int *ret)
{
	struct guest *by_uuid = guest_by_uuid(d->uuid);
	struct guest *by_name = guest_by_name(d->name);
	char uuid[GUEST_UUID_TEXT];

	*ret = 0;
	if (by_uuid && strcmp(by_uuid->name, d->name)) {
		guest_uuid_text(d->uuid, uuid);
		*ret = err_set(&call->err, -EEXIST, ERR_OPERATION_FAILED,
			       "operation failed: domain '%s' is already defined with uuid %s",
			       by_uuid->name, uuid);
		return NULL;
	}
	if (!by_uuid && by_name) {
		guest_uuid_text(by_name->uuid, uuid);
		*ret = err_set(&call->err, -EEXIST, ERR_OPERATION_FAILED,
			       "operation failed: domain '%s' already exists with uuid %s", d->name, uuid);
		return NULL;
	}
	return by_uuid;
}

/* A guest more, defined or only running; NULL with the call's error: there is no room for it. */
static struct guest *add(struct ipc_call *call, const struct domain *d)
{
	struct guest *g;

	if (guest_count() >= core.conf.max_guests) {
		err_set(&call->err, -ENOSPC, ERR_OPERATION_FAILED,
			"max_guests (%u) guests are defined or running already", core.conf.max_guests);
		return NULL;
	}
	g = guest_add(d->uuid, d->name);
	if (!g)
		err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	return g;
}

static int check(struct ipc_call *call, const struct domain *d)
{
	audit_subject(call, d->uuid, d->name);
	if (!d->name[0] || !nonzero(d->uuid))
		return err_set(&call->err, -EPROTO, ERR_INTERNAL_ERROR,
			       "a definition without name or uuid");
	return host_can_run(d, &call->err);
}

int core_on_define(struct ipc_call *call, const struct core_define_args *args)
{
	struct core_define_ret ret;
	struct guest *g, to;
	bool is_new, was_persistent;
	int rc = check(call, &args->model);

	if (!rc)
		rc = args_flags(call, args->flags, DEFINE_VALIDATE);
	if (rc)
		return rc;
	g = replaced(call, &args->model, &rc);
	if (rc)
		return rc;
	if (g && args->generation && args->generation != g->generation)
		return err_set(&call->err, -ESTALE, ERR_OPERATION_FAILED,
			       "operation failed: domain '%s' was changed by somebody else meanwhile; "
			       "read it again and repeat", g->name);
	is_new = !g;
	if (is_new)
		g = add(call, &args->model);
	if (!g)
		return -ENOSPC;
	was_persistent = g->persistent;
	to = *g;
	to.role = role_of(call);
	to.persistent = true;
	rc = guest_change(g, &to, &args->model, &call->err);
	if (rc) {
		if (is_new)
			guest_remove(g);
		return rc;
	}
	if (g->run) {
		g->run->rec.persistent = true;
		store_save_run(g);
	}
	events_lifecycle(g, EVENT_DEFINED, was_persistent ? DEFINED_UPDATED : DEFINED_ADDED);
	ret.dom = guest_wire(g);
	return core_reply_define(call, &ret);
}

static void created(struct ipc_call *call, struct guest *g)
{
	struct core_define_ret ret = { .dom = guest_wire(g) };

	core_reply_create(call, &ret);
}

int core_on_create(struct ipc_call *call, const struct core_define_args *args)
{
	struct plan_request req = { .call = call, .answer = created, .role = role_of(call) };
	struct guest *g;
	int rc = check(call, &args->model);

	if (!rc)
		rc = args_flags(call, args->flags, START_PAUSED | START_AUTODESTROY | START_VALIDATE |
				START_BYPASS_CACHE | START_FORCE_BOOT);
	if (rc)
		return rc;
	g = replaced(call, &args->model, &rc);
	if (rc)
		return rc;
	if (g && g->run)
		return err_set(&call->err, -EEXIST, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: domain is already active as '%s'",
			       g->name);
	if (!g)
		g = add(call, &args->model);
	if (!g)
		return -ENOSPC;
	req.paused = args->flags & START_PAUSED;
	req.autodestroy = args->flags & START_AUTODESTROY ? client_of(call) : NULL;
	rc = plan_start(g, &args->model, &req, &call->err);
	if (rc && !g->persistent && !g->run)
		guest_remove(g);
	return rc;
}

int core_on_model(struct ipc_call *call, const struct core_model_args *args)
{
	struct guest *g = client_guest(call, &args->dom);
	struct core_model_ret ret;
	struct domain d;
	int rc;

	if (!g)
		return -ENOENT;
	rc = args_flags(call, args->flags, 1 | 2 | 4 | 8);
	if (!rc)
		rc = guest_view(g, args->flags & 2, call->arena, &d, &call->err);
	/* a copy: wiping secrets must not reach the guest's own */
	if (!rc)
		rc = xdr_copy(&domain_xdr, &d, call->arena, &ret.model);
	if (rc)
		return rc;
	if (!(args->flags & 1))
		xdr_wipe_secrets(&domain_xdr, &ret.model);
	ret.active = guest_active(g) && !(args->flags & 2 && g->model);
	ret.id = guest_id(g);
	ret.generation = g->generation;
	return core_reply_model(call, &ret);
}
