/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What clients ask about labels: SELinux's where there is a policy, and the guest's own uid. */
#include <errno.h>
#include <string.h>

#include "core/client.h"
#include "core/host.h"

#define DAC "dac"
#define SELINUX "selinux"

/* virSecurityModel is of one model; the first is SELinux's, as in <capabilities>. */
static const char *first_model(void)
{
	return host_facts() && host_facts()->selinux ? SELINUX : DAC;
}

int remote_on_node_get_security_model(struct ipc_call *call)
{
	const char *model = first_model();
	struct remote_node_get_security_model_ret ret = {
		.model = (char *)(uintptr_t)model, .doi = (char *)(uintptr_t)"0",
		.n_model = (uint32_t)strlen(model) + 1, .n_doi = sizeof("0"),
	};

	return remote_reply_node_get_security_model(call, &ret);
}

/* The running guest's label of a model; "" for a guest that is off or has none. In `a`, or NULL. */
static char *live_label(const struct guest *g, const char *model, struct arena *a)
{
	const struct domain *d = guest_active(g) ? &g->run->rec.live : NULL;

	for (uint32_t i = 0; d && i < d->n_seclabels; i++)
		if (d->seclabels[i].model && strcmp(d->seclabels[i].model, model) == 0 &&
		    d->seclabels[i].label)
			return arena_strdup(a, d->seclabels[i].label);
	/* with type='none' images keep their owner; the uid is the guest's own all the same */
	if (d && strcmp(model, DAC) == 0)
		return arena_printf(a, "+%u:+%u", g->run->rec.launched.guest_uid,
				    g->run->rec.launched.guest_uid);
	return arena_strdup(a, "");
}

static int label_of(struct ipc_call *call, const struct guest *g, const char *model,
		    struct remote_domain_get_security_label_ret *ret)
{
	const struct host_selinux *host = host_facts() ? host_facts()->selinux : NULL;

	ret->label = live_label(g, model, call->arena);
	if (!ret->label)
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	ret->n_label = (uint32_t)strlen(ret->label) + 1;
	ret->enforcing = guest_active(g) && strcmp(model, SELINUX) == 0 && host && host->enforcing;
	return 0;
}

/* The mode may have changed since the facts were read: they are read anew before the answer. */
static int when_fresh(struct ipc_call *call, void (*answer)(void *ctx))
{
	if ((host_facts() && !host_facts()->selinux) || host_fetch(answer, call))
		answer(call);
	return 0;
}

static void answer_one(void *ctx)
{
	struct ipc_call *call = ctx;
	const struct remote_domain_get_security_label_args *args = call->args;
	struct remote_domain_get_security_label_ret ret = { 0 };
	struct guest *g = guest_by_uuid(args->dom.uuid);

	if (!g)
		ipc_refuse_text(call, -ENOENT, ERR_NO_DOMAIN, "Domain not found");
	else if (label_of(call, g, first_model(), &ret))
		ipc_refuse(call, -ENOMEM, &call->err);
	else
		remote_reply_domain_get_security_label(call, &ret);
}

int remote_on_domain_get_security_label(struct ipc_call *call,
					const struct remote_domain_get_security_label_args *args)
{
	return client_guest(call, &args->dom) ? when_fresh(call, answer_one) : -ENOENT;
}

static void answer_list(void *ctx)
{
	struct ipc_call *call = ctx;
	const struct remote_domain_get_security_label_list_args *args = call->args;
	struct remote_domain_get_security_label_ret labels[2] = { 0 };
	struct remote_domain_get_security_label_list_ret ret = { .labels = labels };
	struct guest *g = guest_by_uuid(args->dom.uuid);
	int rc = 0;

	if (!g) {
		ipc_refuse_text(call, -ENOENT, ERR_NO_DOMAIN, "Domain not found");
		return;
	}
	if (guest_active(g) && strcmp(first_model(), SELINUX) == 0)
		rc = label_of(call, g, SELINUX, &labels[ret.n_labels++]);
	if (!rc && guest_active(g))
		rc = label_of(call, g, DAC, &labels[ret.n_labels++]);
	ret.ret = (int)ret.n_labels;
	if (rc)
		ipc_refuse(call, rc, &call->err);
	else
		remote_reply_domain_get_security_label_list(call, &ret);
}

int remote_on_domain_get_security_label_list(
	struct ipc_call *call, const struct remote_domain_get_security_label_list_args *args)
{
	return client_guest(call, &args->dom) ? when_fresh(call, answer_list) : -ENOENT;
}
