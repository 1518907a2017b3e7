/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host facts from cordon-host: passed on to conn, kept for starts. */
#include "core/host.h"

#include <errno.h>

#include "base/fd.h"
#include "base/log.h"
#include "core/client.h"
#include "ipc/call.h"
#include "proto/hostd.x.h"

#define FACTS_MAX (8u << 20)

static struct arena *arena;
static const struct host_facts *facts;

static void keep(void *ctx, struct ipc_reply *r)
{
	(void)ctx;
	if (r->rc) {
		log_warn("host facts: %s", r->err->text);
		return;
	}
	arena_free(arena);
	arena = take_ptr(r->arena);
	facts = r->ret;
}

void host_refresh(void)
{
	struct ipc_chan *ch = core_peer(&core.host, NULL);

	if (ch && hostd_call_facts(ch, NULL, 0, keep, NULL))
		log_warn("host facts cannot be asked for");
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

	if (r->rc)
		core_refuse_reply(call, r);
	else
		ipc_reply_raw(call, r->raw, r->raw_len, NULL, 0);
}

int core_on_host(struct ipc_call *call)
{
	struct ipc_chan *ch = core_peer(&core.host, &call->err);

	return ch ? hostd_call_facts(ch, NULL, 0, got_facts, call) : -EAGAIN;
}
