/* SPDX-License-Identifier: GPL-2.0-or-later */
/* XML that becomes a guest: parsed and completed here, judged and kept by core. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "conn/conn.h"
#include "hv/qemu/plan.h"
#include "xml/domain.h"

#define DEFINE_VALIDATE 1u          /* every definition is: nothing unknown gets through */
#define CREATE_FLAGS_KNOWN 0x3fu    /* virDomainCreateFlags */

static int random_bytes(void *ctx, void *out, size_t n)
{
	(void)ctx;
	return getrandom(out, n, 0) == (ssize_t)n ? 0 : -EIO;
}

/* The completed model; memory from `a`. */
static int complete(struct client *c, const char *xml, struct arena *a, struct core_define_args *args,
		    struct err *err)
{
	struct plan_env env = {
		.random = random_bytes,
		.nvram_dir = c->limits.nvram_dir[0] ? c->limits.nvram_dir : NULL,
	};
	int rc = domain_xml_parse(xml, strlen(xml), 0, a, &args->model, err);

	if (!rc)
		rc = plan_complete(&args->model, &env, a, err);
	if (!rc && plan_aliases(&args->model, a))
		rc = err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	return rc;
}

static void defined(void *ctx, struct ipc_reply *r)
{
	struct request *rq = ctx;
	const struct core_define_ret *ret = r->ret;
	/* the rows of define and create answer alike */
	struct remote_domain_define_xml_ret out;

	if (r->rc) {
		reply_error(rq, r->err);
		return;
	}
	out.dom = ret->dom;
	reply_typed(rq, &out);
}

typedef int send_fn(struct ipc_chan *ch, const struct core_define_args *args, const int *fds,
		    unsigned n_fds, ipc_reply_fn *done, void *ctx);

static void submit(struct request *rq, const char *xml, unsigned flags, send_fn *send)
{
	uint64_t max = rq->c->limits.memory_max;
	CLEAN_ARENA struct arena *a =
		arena_new(max < DOMAIN_XML_ARENA_MAX ? (size_t)max : DOMAIN_XML_ARENA_MAX);
	struct core_define_args args = { .flags = flags };
	struct err err = { 0 };
	int rc;

	rc = a ? complete(rq->c, xml, a, &args, &err)
	       : err_set(&err, -ENOMEM, ERR_NO_MEMORY, "no memory for the definition");
	if (rc) {
		reply_error(rq, &err);
		return;
	}
	rc = send(&rq->c->core, &args, NULL, 0, defined, rq);
	if (rc)
		reply_unsent(rq, rc);
}

void define_xml(struct request *rq, const void *args)
{
	submit(rq, ((const struct remote_domain_define_xml_args *)args)->xml, 0, core_call_define);
}

static bool flags_ok(struct request *rq, unsigned flags, unsigned known, const char *function)
{
	if (!(flags & ~known))
		return true;
	reply_refuse(rq, ERR_INVALID_ARG, "unsupported flags (0x%x) in function %s",
		     flags & ~known, function);
	return false;
}

void define_xml_flags(struct request *rq, const void *args)
{
	const struct remote_domain_define_xml_flags_args *a = args;

	if (flags_ok(rq, a->flags, DEFINE_VALIDATE, "virDomainDefineXMLFlags"))
		submit(rq, a->xml, a->flags, core_call_define);
}

void define_create(struct request *rq, const void *args)
{
	const struct remote_domain_create_xml_args *a = args;

	if (flags_ok(rq, a->flags, CREATE_FLAGS_KNOWN, "virDomainCreateXML"))
		submit(rq, a->xml_desc, a->flags, core_call_create);
}
