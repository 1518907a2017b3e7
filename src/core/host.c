/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host facts from cordon-host: passed on to conn, kept for starts. */
#include "core/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "core/client.h"
#include "ipc/call.h"
#include "proto/hostd.x.h"

static struct arena *arena;
static const struct host_facts *facts;

/* Once, at the first answer: what of the wall this host cannot have. */
static void tell_missing(void)
{
	const struct host_selinux *s = facts->selinux;
	static bool told;

	if (told)
		return;
	told = true;
	if (!s)
		log_warn("no SELinux policy is loaded on this host: guests get no labels (sVirt); uids, "
			 "namespaces, control groups and system call filters alone keep them apart");
	else if (!s->process[0] || !s->image[0] || !s->content[0])
		log_warn("SELinux policy '%s' does not say which labels guests and images get "
			 "(contexts/virtual_domain_context, virtual_image_context): no guest that wants "
			 "one will start", s->policy);
	else if (!s->mls)
		log_warn("SELinux policy '%s' has no categories: all guests get the same label, which "
			 "does not keep them apart", s->policy);
	if (s && !s->enforcing)
		log_warn("SELinux is permissive: guests get labels, but nothing is refused");
}

static void keep(struct ipc_reply *r)
{
	if (r->rc) {
		log_warn("host facts: %s", r->err->text);
		return;
	}
	arena_free(arena);
	arena = take_ptr(r->arena);
	facts = r->ret;
	tell_missing();
}

/* Who waits for facts. */
struct waiter {
	void (*done)(void *ctx);
	void *ctx;
};

static void got(void *ctx, struct ipc_reply *r)
{
	struct waiter *w = ctx;

	keep(r);
	if (w->done)
		w->done(w->ctx);
	free(w);
}

int host_fetch(void (*done)(void *ctx), void *ctx)
{
	struct ipc_chan *ch = core_peer(&core.host, NULL);
	struct waiter *w = malloc(sizeof(*w));
	int rc = !ch ? -EAGAIN : !w ? -ENOMEM : 0;

	if (w)
		*w = (struct waiter){ done, ctx };
	if (!rc)
		rc = hostd_call_facts(ch, NULL, 0, got, w);
	if (rc) {
		log_warn("host facts cannot be asked for: %s", strerrordesc_np(-rc));
		free(w);
	}
	return rc;
}

void host_refresh(void)
{
	(void)host_fetch(NULL, NULL);
}

const struct host_facts *host_facts(void)
{
	return facts;
}

int host_can_run(const struct domain *d, struct err *err)
{
	if (d->type != DOM_TYPE_KVM || !facts || facts->kvm)
		return 0;
	return err_set(err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED,
		       "domain '%s' has type='kvm', but KVM cannot be used on this host: %s; "
		       "type='qemu' runs everywhere", d->name, facts->kvm_reason ? facts->kvm_reason : "unknown");
}

static void got_facts(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;

	if (r->rc) {
		core_refuse_reply(call, r);
		return;
	}
	ipc_reply_raw(call, r->raw, r->raw_len, NULL, 0);
	keep(r);
}

int core_on_host(struct ipc_call *call)
{
	struct ipc_chan *ch = core_peer(&core.host, &call->err);

	return ch ? hostd_call_facts(ch, NULL, 0, got_facts, call) : -EAGAIN;
}
