/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest's model as the XML that clients know. */
#include "conn/conn.h"
#include "xml/domain.h"

#define XML_UPDATE_CPU 4u   /* nothing to do: the model holds the CPU as it will be */
#define XML_FLAGS_KNOWN (DOMAIN_XML_SECURE | DOMAIN_XML_INACTIVE | XML_UPDATE_CPU | \
			 DOMAIN_XML_MIGRATABLE)

static void got_model(void *ctx, struct ipc_reply *r)
{
	struct request *rq = ctx;
	const struct remote_domain_get_xml_desc_args *a = rq->args;
	unsigned flags = a->flags & ~XML_UPDATE_CPU;
	const struct core_model_ret *m = r->ret;
	struct remote_domain_get_xml_desc_ret ret;
	CLEAN_BUF struct buf text = { 0 };
	struct err err = { 0 };

	if (r->rc) {
		reply_error(rq, r->err);
		return;
	}
	buf_init(&text, REMOTE_STRING_MAX);
	if (domain_xml_format(&m->model,
			      m->active && !(flags & (DOMAIN_XML_INACTIVE | DOMAIN_XML_MIGRATABLE)) ?
			      &(struct domain_live){ .id = m->id } : NULL, flags, &text, &err)) {
		reply_error(rq, &err);
		return;
	}
	ret.xml = (char *)(uintptr_t)buf_str(&text);
	reply_typed(rq, &ret);
}

void dumpxml(struct request *rq, const void *args)
{
	const struct remote_domain_get_xml_desc_args *a = args;
	struct core_model_args m = { .dom = a->dom, .flags = a->flags & ~XML_UPDATE_CPU };
	int rc;

	if (a->flags & ~XML_FLAGS_KNOWN) {
		reply_refuse(rq, ERR_INVALID_ARG, "unsupported flags (0x%x) in function "
			     "virDomainGetXMLDesc", a->flags & ~XML_FLAGS_KNOWN);
		return;
	}
	rc = core_call_model(&rq->c->core, &m, NULL, 0, got_model, rq);
	if (rc)
		reply_unsent(rq, rc);
}
