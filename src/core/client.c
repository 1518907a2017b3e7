/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/client.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "core/audit.h"
#include "core/held.h"
#include "core/job.h"
#include "core/may.h"
#include "core/plan.h"
#include "ipc/ev.h"
#include "proto/remote.x.h"

extern const struct ipc_handlers remote_server;
extern const struct ipc_handlers core_server;

#define TRIM_AFTER 128        /* clients gone before memory is given back to the kernel */

static struct client *clients;
static unsigned gone;

struct client *client_first(void)
{
	return clients;
}

struct client *client_of(const struct ipc_call *call)
{
	return call->ch->ctx;
}

/* The flags word of a decoded request, where its row has one. */
static uint32_t flags_of(const struct ipc_call *call)
{
	uint32_t v = 0;

	if (call->row->flags_off)
		memcpy(&v, (const char *)call->args + call->row->flags_off - 1, 4);
	return v;
}

/* Runs before every handler: nothing is served that may() did not see. */
static int guard(struct ipc_call *call)
{
	struct client *c = client_of(call);

	audit_call(call);
	if (call->program == &core_program && call->row->num == CORE_OPEN)
		return 0;
	if (c->ch.state != IPC_STATE_OPEN)
		return err_set(&call->err, -EPROTO, ERR_INTERNAL_ERROR,
			       "internal error: hypervisor connection not open");
	return may(c, call->row, flags_of(call), NULL, &call->err);
}

static void closed(struct ipc_chan *ch)
{
	struct client *c = ch->ctx;

	log_debug("%s: connection ends", c->name);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	job_client_gone(c);
	plan_client_gone(c);
	held_forget(c);
	free(c->subs);
	arena_free(c->arena);
	free(c);
	if (++gone >= TRIM_AFTER) {
		gone = 0;
		malloc_trim(0);
	}
}

int client_new(const struct room_client *rc, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		goto nomem;
	c->arena = arena_new(1u << 20);
	if (!c->arena || xdr_copy(&identity_xdr, &rc->who, c->arena, &c->who))
		goto nomem;
	c->id = rc->conn_id;
	c->readonly = c->who.readonly;
	c->role = may_role(&c->who);
	snprintf(c->name, sizeof(c->name), "client %llu", (unsigned long long)c->id);
	ipc_chan_init(&c->ch, fd, c->name, IPC_ROOM_CONN);
	ipc_chan_batch(&c->ch);
	c->ch.ctx = c;
	/* cordon-conn keeps to max_client_requests by itself; one that does not is taken over */
	c->ch.calls_max = core.conf.max_client_requests + CLIENT_CALLS_OWN;
	c->ch.serves[0] = &remote_server;
	c->ch.serves[1] = &core_server;
	c->ch.guard = guard;
	c->ch.on_closed = closed;
	if (ipc_ev_attach(core.base, &c->ch))
		goto nomem;
	c->next = clients;
	c->link = &clients;
	if (c->next)
		c->next->link = &c->next;
	clients = c;
	log_debug("%s: uid %u pid %d role %s", c->name, c->who.uid, c->who.pid,
		  may_role_name(c->role));
	return 0;
nomem:
	if (c)
		arena_free(c->arena);
	free(c);
	fd_close(&fd);
	return -ENOMEM;
}

int core_on_open(struct ipc_call *call, const struct core_open_args *args)
{
	struct client *c = client_of(call);
	struct core_open_ret ret = {
		.max_requests = core.conf.max_client_requests,
		.keepalive_interval = core.conf.keepalive_interval,
		.keepalive_count = core.conf.keepalive_count,
		.memory_max = core.conf.client_memory_max,
	};

	c->readonly = c->readonly || args->readonly;
	c->ch.state = IPC_STATE_OPEN;
	ret.readonly = c->readonly;
	may_bitmap(c, ret.may_remote);
	return core_reply_open(call, &ret);
}

struct guest *client_guest(struct ipc_call *call, const struct remote_nonnull_domain *dom)
{
	struct client *c = client_of(call);
	struct guest *g = guest_by_uuid(dom->uuid);
	char uuid[GUEST_UUID_TEXT];

	audit_subject(call, dom->uuid, dom->name);
	if (!g || !may_see(c, PERM_DOMAIN_GETATTR, g)) {
		guest_uuid_text(dom->uuid, uuid);
		err_set(&call->err, -ENOENT, ERR_NO_DOMAIN,
			"Domain not found: no domain with matching uuid '%s' (%s)", uuid, dom->name);
		return NULL;
	}
	if (may(c, call->row, flags_of(call), g, &call->err))
		return NULL;
	return g;
}

struct guest *client_running(struct ipc_call *call, const struct remote_nonnull_domain *dom)
{
	struct guest *g = client_guest(call, dom);

	if (g && !guest_active(g)) {
		err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID,
			"Requested operation is not valid: domain is not running");
		return NULL;
	}
	return g;
}
