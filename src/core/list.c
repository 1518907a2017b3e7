/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking guests up and listing them, filtered by what the asker may see. */
#include <string.h>

#include "core/args.h"
#include "core/client.h"
#include "core/list.h"
#include "core/may.h"

/* virConnectListAllDomainsFlags, in groups: a guest must match each group that is asked for */
#define LIST_ACTIVE 0x1u
#define LIST_INACTIVE 0x2u
#define LIST_PERSISTENT 0x4u
#define LIST_TRANSIENT 0x8u
#define LIST_RUNNING 0x10u
#define LIST_PAUSED 0x20u
#define LIST_SHUTOFF 0x40u
#define LIST_OTHER 0x80u
#define LIST_MANAGEDSAVE 0x100u
#define LIST_NO_MANAGEDSAVE 0x200u
#define LIST_AUTOSTART 0x400u
#define LIST_NO_AUTOSTART 0x800u
#define LIST_HAS_SNAPSHOT 0x1000u
#define LIST_NO_SNAPSHOT 0x2000u
#define LIST_HAS_CHECKPOINT 0x4000u
#define LIST_NO_CHECKPOINT 0x8000u
#define LIST_ALL_KNOWN 0xffffu

static const uint32_t groups[] = {
	LIST_ACTIVE | LIST_INACTIVE, LIST_PERSISTENT | LIST_TRANSIENT,
	LIST_RUNNING | LIST_PAUSED | LIST_SHUTOFF | LIST_OTHER,
	LIST_MANAGEDSAVE | LIST_NO_MANAGEDSAVE, LIST_AUTOSTART | LIST_NO_AUTOSTART,
	LIST_HAS_SNAPSHOT | LIST_NO_SNAPSHOT, LIST_HAS_CHECKPOINT | LIST_NO_CHECKPOINT,
};

/* All the flags that describe this guest. */
static uint32_t traits(const struct guest *g)
{
	int reason, state = guest_state(g, &reason);
	uint32_t t = LIST_NO_MANAGEDSAVE | LIST_NO_SNAPSHOT | LIST_NO_CHECKPOINT;

	t |= guest_active(g) ? LIST_ACTIVE : LIST_INACTIVE;
	t |= g->persistent ? LIST_PERSISTENT : LIST_TRANSIENT;
	t |= g->autostart ? LIST_AUTOSTART : LIST_NO_AUTOSTART;
	t |= state == GUEST_RUNNING ? LIST_RUNNING : state == GUEST_PAUSED ? LIST_PAUSED :
	     state == GUEST_SHUTOFF ? LIST_SHUTOFF : LIST_OTHER;
	return t;
}

bool list_matches(const struct guest *g, uint32_t flags)
{
	uint32_t t = traits(g);

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (flags & groups[i] && !(flags & groups[i] & t))
			return false;
	return true;
}

/* The first or next guest that matches, and passes the row's filter for the client. */
static struct guest *next_seen(const struct ipc_call *call, struct guest *after, uint32_t flags)
{
	struct guest *g = guest_next(after);

	while (g && (!may_see(client_of(call), call->row->filter, g) || !list_matches(g, flags)))
		g = guest_next(g);
	return g;
}

static int count_seen(const struct ipc_call *call, uint32_t flags)
{
	int n = 0;

	for (struct guest *g = next_seen(call, NULL, flags); g; g = next_seen(call, g, flags))
		n++;
	return n;
}

int remote_on_connect_list_all_domains(struct ipc_call *call,
				       const struct remote_connect_list_all_domains_args *args)
{
	struct remote_connect_list_all_domains_ret ret = { 0 };
	unsigned max = guest_count();
	int rc = args_flags(call, args->flags, LIST_ALL_KNOWN);

	if (rc)
		return rc;
	ret.domains = arena_calloc(call->arena, max + 1, sizeof(*ret.domains));
	if (!ret.domains)
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	for (struct guest *g = next_seen(call, NULL, args->flags); g; g = next_seen(call, g, args->flags))
		ret.domains[ret.ret++] = guest_wire(g);
	ret.n_domains = args->need_results ? ret.ret : 0;
	return remote_reply_connect_list_all_domains(call, &ret);
}

int remote_on_connect_num_of_domains(struct ipc_call *call)
{
	struct remote_connect_num_of_domains_ret ret = { count_seen(call, LIST_ACTIVE) };

	return remote_reply_connect_num_of_domains(call, &ret);
}

int remote_on_connect_num_of_defined_domains(struct ipc_call *call)
{
	struct remote_connect_num_of_defined_domains_ret ret = {
		count_seen(call, LIST_INACTIVE) };

	return remote_reply_connect_num_of_defined_domains(call, &ret);
}

int remote_on_connect_list_domains(struct ipc_call *call,
				   const struct remote_connect_list_domains_args *args)
{
	struct remote_connect_list_domains_ret ret = { 0 };

	ret.ids = arena_calloc(call->arena, guest_count() + 1, sizeof(*ret.ids));
	if (!ret.ids)
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	for (struct guest *g = next_seen(call, NULL, LIST_ACTIVE); g && (int)ret.n_ids < args->maxids;
	     g = next_seen(call, g, LIST_ACTIVE))
		ret.ids[ret.n_ids++] = guest_id(g);
	return remote_reply_connect_list_domains(call, &ret);
}

int remote_on_connect_list_defined_domains(struct ipc_call *call,
					   const struct remote_connect_list_defined_domains_args *args)
{
	struct remote_connect_list_defined_domains_ret ret = { 0 };

	ret.names = arena_calloc(call->arena, guest_count() + 1, sizeof(*ret.names));
	if (!ret.names)
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	for (struct guest *g = next_seen(call, NULL, LIST_INACTIVE); g && (int)ret.n_names < args->maxnames;
	     g = next_seen(call, g, LIST_INACTIVE))
		ret.names[ret.n_names++] = g->name;
	return remote_reply_connect_list_defined_domains(call, &ret);
}

/* ---- one guest ---- */

static bool seen(struct ipc_call *call, const struct guest *g)
{
	return g && may_see(client_of(call), PERM_DOMAIN_GETATTR, g);
}

int remote_on_domain_lookup_by_name(struct ipc_call *call,
				    const struct remote_domain_lookup_by_name_args *args)
{
	struct remote_domain_lookup_by_name_ret ret;
	struct guest *g = guest_by_name(args->name);

	if (!seen(call, g))
		return err_set(&call->err, -ENOENT, ERR_NO_DOMAIN,
			       "Domain not found: no domain with matching name '%.255s'", args->name);
	ret.dom = guest_wire(g);
	return remote_reply_domain_lookup_by_name(call, &ret);
}

int remote_on_domain_lookup_by_uuid(struct ipc_call *call,
				    const struct remote_domain_lookup_by_uuid_args *args)
{
	struct remote_domain_lookup_by_uuid_ret ret;
	struct guest *g = guest_by_uuid(args->uuid);
	char uuid[GUEST_UUID_TEXT];

	guest_uuid_text(args->uuid, uuid);
	if (!seen(call, g))
		return err_set(&call->err, -ENOENT, ERR_NO_DOMAIN,
			       "Domain not found: no domain with matching uuid '%s'", uuid);
	ret.dom = guest_wire(g);
	return remote_reply_domain_lookup_by_uuid(call, &ret);
}

int remote_on_domain_lookup_by_id(struct ipc_call *call,
				  const struct remote_domain_lookup_by_id_args *args)
{
	struct remote_domain_lookup_by_id_ret ret;
	struct guest *g = guest_by_id(args->id);

	if (!seen(call, g))
		return err_set(&call->err, -ENOENT, ERR_NO_DOMAIN,
			       "Domain not found: no domain with matching id %d", args->id);
	ret.dom = guest_wire(g);
	return remote_reply_domain_lookup_by_id(call, &ret);
}
