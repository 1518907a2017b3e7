/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Title, description and the elements inside <metadata>. An element is changed
 * on the copy that core sends; core takes it back only for the generation it
 * was read from, so that two clients cannot undo each other.
 */
#include <errno.h>
#include <string.h>

#include "conn/conn.h"
#include "xml/domain.h"
#include "xml/metadata.h"

enum { TYPE_DESCRIPTION, TYPE_TITLE, TYPE_ELEMENT };   /* virDomainMetadataType */
enum { AFFECT_LIVE = 1, AFFECT_CONFIG = 2 };           /* virDomainModificationImpact */
#define ATTEMPTS_MAX 3u
#define ARENA_MAX (8u << 20)

static bool flags_ok(struct request *rq, int type, unsigned flags, const char *function)
{
	if (flags & ~(unsigned)(AFFECT_LIVE | AFFECT_CONFIG)) {
		reply_refuse(rq, ERR_INVALID_ARG, "unsupported flags (0x%x) in function %s",
			     flags, function);
		return false;
	}
	if (type < TYPE_DESCRIPTION || type > TYPE_ELEMENT) {
		reply_refuse(rq, ERR_INVALID_ARG, "unknown metadata type %d", type);
		return false;
	}
	return true;
}

static int ask_model(struct request *rq, const struct remote_nonnull_domain *dom, unsigned target,
		     ipc_reply_fn *done)
{
	struct core_model_args m = {
		.dom = *dom, .flags = target == AFFECT_CONFIG ? DOMAIN_XML_INACTIVE : 0,
	};

	return core_call_model(&rq->c->core, &m, NULL, 0, done, rq);
}

/* Core shows the running guest where there is no stored one. */
static bool is_transient(const struct core_model_ret *m, unsigned target)
{
	return target == AFFECT_CONFIG && m->active;
}

static void refuse_transient(struct request *rq)
{
	reply_refuse(rq, ERR_OPERATION_INVALID,
		     "transient domains do not have any persistent config");
}

/* Otherwise the client has been told why not. */
static bool has_model(struct request *rq, const struct ipc_reply *r, const struct arena *mem)
{
	if (r->rc)
		reply_error(rq, r->err);
	else if (!mem)
		reply_refuse(rq, ERR_NO_MEMORY, "no memory for the metadata");
	return !r->rc && mem;
}

/* ---- get ---- */

static void got_for_get(void *ctx, struct ipc_reply *r)
{
	struct request *rq = ctx;
	const struct remote_domain_get_metadata_args *a = rq->args;
	const struct core_model_ret *m = r->ret;
	struct remote_domain_get_metadata_ret ret = { 0 };
	CLEAN_ARENA struct arena *mem = arena_new(ARENA_MAX);
	struct err err = { 0 };
	int rc = 0;

	if (!has_model(rq, r, mem))
		return;
	if (a->flags & AFFECT_LIVE && !m->active) {
		reply_refuse(rq, ERR_OPERATION_INVALID, "domain is not running");
		return;
	}
	if (is_transient(m, a->flags)) {
		refuse_transient(rq);
		return;
	}
	if (a->type == TYPE_TITLE)
		ret.metadata = m->model.title;
	else if (a->type == TYPE_DESCRIPTION)
		ret.metadata = m->model.description;
	else
		rc = xml_metadata_get(m->model.metadata, a->uri, mem, &ret.metadata, &err);
	if (rc)
		reply_error(rq, &err);
	else if (!ret.metadata)
		reply_refuse(rq, ERR_NO_DOMAIN_METADATA,
			     "Requested metadata element is not present");
	else
		reply_typed(rq, &ret);
}

void metadata_get(struct request *rq, const void *args)
{
	const struct remote_domain_get_metadata_args *a = args;
	int rc;

	if (!flags_ok(rq, a->type, a->flags, "virDomainGetMetadata"))
		return;
	if (a->flags == (AFFECT_LIVE | AFFECT_CONFIG)) {
		reply_refuse(rq, ERR_INVALID_ARG, "the running guest's metadata or the stored one "
			     "can be read, not both at once");
		return;
	}
	if (a->type == TYPE_ELEMENT && !a->uri) {
		reply_refuse(rq, ERR_INVALID_ARG, "an element is found by its namespace's URI");
		return;
	}
	rc = ask_model(rq, &a->dom, a->flags, got_for_get);
	if (rc)
		reply_unsent(rq, rc);
}

/* ---- set ---- */

static void next_target(struct request *rq);

static void stored(void *ctx, struct ipc_reply *r)
{
	struct request *rq = ctx;

	/* somebody was faster: once more on what is there now */
	if (r->rc == -ESTALE && ++rq->attempts < ATTEMPTS_MAX) {
		next_target(rq);
		return;
	}
	if (r->rc) {
		reply_error(rq, r->err);
		return;
	}
	/* the lowest one was done: live before stored */
	rq->targets &= rq->targets - 1;
	rq->attempts = 0;
	if (rq->targets)
		next_target(rq);
	else
		reply_void(rq);
}

static void got_for_set(void *ctx, struct ipc_reply *r)
{
	struct request *rq = ctx;
	const struct remote_domain_set_metadata_args *a = rq->args;
	const char *text = a->metadata && *a->metadata ? a->metadata : NULL;
	const struct core_model_ret *m = r->ret;
	struct core_metadata_args set = { .dom = a->dom, .type = a->type, .uri = a->uri };
	CLEAN_ARENA struct arena *mem = arena_new(ARENA_MAX);
	struct err err = { 0 };
	int rc;

	if (!has_model(rq, r, mem))
		return;
	if (!rq->targets)
		rq->targets = m->active ? AFFECT_LIVE : AFFECT_CONFIG;
	set.flags = rq->targets & AFFECT_LIVE ? AFFECT_LIVE : AFFECT_CONFIG;
	if (set.flags == AFFECT_LIVE && !m->active) {
		reply_refuse(rq, ERR_OPERATION_INVALID, "domain is not running");
		return;
	}
	set.value = (char *)(uintptr_t)text;
	if (a->type == TYPE_ELEMENT) {
		if (xml_metadata_set(m->model.metadata, text, a->key, a->uri, mem, &set.value,
				     &err)) {
			reply_error(rq, &err);
			return;
		}
		set.generation = m->generation;
	}
	rc = core_call_metadata(&rq->c->core, &set, NULL, 0, stored, rq);
	if (rc)
		reply_unsent(rq, rc);
}

static void next_target(struct request *rq)
{
	const struct remote_domain_set_metadata_args *a = rq->args;
	unsigned target = rq->targets & AFFECT_LIVE ? AFFECT_LIVE : rq->targets;
	int rc = ask_model(rq, &a->dom, target, got_for_set);

	if (rc)
		reply_unsent(rq, rc);
}

/* Before the running guest is changed: is there a stored one to be changed too? */
static void got_for_both(void *ctx, struct ipc_reply *r)
{
	struct request *rq = ctx;

	if (r->rc)
		reply_error(rq, r->err);
	else if (is_transient(r->ret, AFFECT_CONFIG))
		refuse_transient(rq);
	else
		next_target(rq);
}

/* Length of the UTF-8 sequence at `s`; 0 for what is none, or is none that XML can carry. */
static unsigned utf8_len(const unsigned char *s)
{
	unsigned n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	uint32_t c = s[0] & (0xffu >> (n + 1));

	if (s[0] < 0x80)
		return s[0] >= 0x20 || strchr("\t\n\r", s[0]) ? 1 : 0;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (unsigned i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || c > 0x10ffff ||
	    (c >= 0xd800 && c <= 0xdfff) || (c & 0xfffeu) == 0xfffeu)
		return 0;
	return n;
}

static bool text_ok(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned n = 1;

	for (; *s && n; s += n)
		n = utf8_len(s);
	return n != 0;
}

/* What libvirt's own front end refuses, and what XML could not carry. NULL: fine. */
static const char *set_refusal(const struct remote_domain_set_metadata_args *a)
{
	if (a->type == TYPE_ELEMENT) {
		if (!a->uri)
			return "an element is found by its namespace's URI";
		return a->metadata && !a->key ? "an element needs a prefix for its namespace" : NULL;
	}
	if (a->uri || a->key)
		return "title and description have no namespace";
	if (!a->metadata)
		return NULL;
	if (strlen(a->metadata) > DOM_TEXT_MAX)
		return "title and description may have 65536 bytes";
	if (a->type == TYPE_TITLE && strchr(a->metadata, '\n'))
		return "metadata title can't contain newlines";
	if (!text_ok(a->metadata))
		return "the text holds characters that XML cannot carry";
	return NULL;
}

void metadata_set(struct request *rq, const void *args)
{
	const struct remote_domain_set_metadata_args *a = args;
	const char *why;
	int rc;

	if (!flags_ok(rq, a->type, a->flags, "virDomainSetMetadata"))
		return;
	why = set_refusal(a);
	if (why) {
		reply_refuse(rq, ERR_INVALID_ARG, "%s", why);
		return;
	}
	rq->targets = a->flags;
	if (a->flags != (AFFECT_LIVE | AFFECT_CONFIG)) {
		next_target(rq);
		return;
	}
	rc = ask_model(rq, &a->dom, AFFECT_CONFIG, got_for_both);
	if (rc)
		reply_unsent(rq, rc);
}
