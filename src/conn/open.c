/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The beginning and the end of a connection, and what is known without asking anybody. */
#include <string.h>

#include "conn/conn.h"

#define URI_SYSTEM "qemu:///system"
#define OPEN_RO 1u
#define OPEN_NO_ALIASES 2u

/*
 * What this side of the protocol can do. Migration (3, 4, 6, 7, 12, 13) is not
 * there yet: a client that is told so fails early, with a clear text.
 */
enum feature {
	FEATURE_FD_PASSING = 8,
	FEATURE_TYPED_PARAM_STRING = 9,
	FEATURE_PROGRAM_KEEPALIVE = 10,
	FEATURE_XML_MIGRATABLE = 11,
	FEATURE_REMOTE_EVENT_CALLBACK = 14,
	FEATURE_REMOTE_CLOSE_CALLBACK = 15,
	FEATURE_NETWORK_UPDATE_HAS_CORRECT_ORDER = 16,
};

void open_auth_list(struct request *rq, const void *args)
{
	/* who the client is was settled before its first byte */
	int32_t none = REMOTE_AUTH_TYPE_NONE;
	struct remote_auth_list_ret ret = { .n_types = 1, .types = &none };

	(void)args;
	reply_typed(rq, &ret);
}

void open_auth_other(struct request *rq, const void *args)
{
	(void)args;
	reply_refuse(rq, ERR_AUTH_FAILED, "%s is not offered here, only 'none' is",
		     rq->row->num == REMOTE_AUTH_POLKIT ? "polkit" : "SASL");
}

void open_supports_feature(struct request *rq, const void *args)
{
	const struct remote_connect_supports_feature_args *a = args;
	struct remote_connect_supports_feature_ret ret = { 0 };

	switch (a->feature) {
	case FEATURE_PROGRAM_KEEPALIVE:
		keepalive_start(rq->c);
		ret.supported = 1;
		break;
	case FEATURE_FD_PASSING:
		ret.supported = rq->c->local;
		break;
	case FEATURE_TYPED_PARAM_STRING:
	case FEATURE_XML_MIGRATABLE:
	case FEATURE_REMOTE_EVENT_CALLBACK:
	case FEATURE_REMOTE_CLOSE_CALLBACK:
	case FEATURE_NETWORK_UPDATE_HAS_CORRECT_ORDER:
		ret.supported = 1;
		break;
	}
	reply_typed(rq, &ret);
}

static void opened(void *ctx, struct ipc_reply *r)
{
	struct request *rq = ctx;
	struct client *c = rq->c;
	const struct core_open_ret *ret = r->ret;

	if (r->rc) {
		c->state = CONN_FRESH;
		reply_error(rq, r->err);
		return;
	}
	c->state = CONN_OPEN;
	c->deadline = 0;
	if (c->on_open)
		c->on_open(c);
	memcpy(c->may, ret->may_remote, sizeof(c->may));
	c->readonly = c->readonly || ret->readonly;
	if (ret->max_requests)
		c->limits.max_requests = ret->max_requests;
	if (ret->memory_max)
		c->limits.memory_max = ret->memory_max;
	c->limits.keepalive_count = ret->keepalive_count;
	if (c->limits.keepalive_interval != ret->keepalive_interval) {
		c->limits.keepalive_interval = ret->keepalive_interval;
		if (c->keepalive_at)
			keepalive_start(c);
	}
	reply_void(rq);
}

/* True for what may be opened here; else answered. */
static bool uri_ok(struct request *rq, const char *uri)
{
	if (!strncmp(uri, URI_SYSTEM, strlen(URI_SYSTEM)) &&
	    (uri[strlen(URI_SYSTEM)] == '\0' || uri[strlen(URI_SYSTEM)] == '?')) {
		if (strlen(uri) < CONN_URI_MAX)
			return true;
		reply_refuse(rq, ERR_INVALID_ARG, "the URI is longer than %u bytes", CONN_URI_MAX - 1);
	} else if (!strncmp(uri, "qemu:", 5)) {
		reply_refuse(rq, ERR_INTERNAL_ERROR, "URI '%.200s' is not served: there is one "
			     "instance for all users of this host, open " URI_SYSTEM, uri);
	} else {
		reply_refuse(rq, ERR_NO_CONNECT, "%.200s", uri);
	}
	return false;
}

void open_connect(struct request *rq, const void *args)
{
	const struct remote_connect_open_args *a = args;
	struct client *c = rq->c;
	struct core_open_args open = { .readonly = a->flags & OPEN_RO };
	const char *uri = a->name && *a->name ? a->name : URI_SYSTEM;
	int rc;

	if (c->state != CONN_FRESH) {
		reply_refuse(rq, ERR_INTERNAL_ERROR, "connection already open");
		return;
	}
	if (a->flags & ~(OPEN_RO | OPEN_NO_ALIASES)) {
		reply_refuse(rq, ERR_INVALID_ARG, "unsupported flags (0x%x) in function "
			     "virConnectOpen", a->flags & ~(OPEN_RO | OPEN_NO_ALIASES));
		return;
	}
	if (!uri_ok(rq, uri))
		return;
	snprintf(c->uri, sizeof(c->uri), "%s", uri);
	open.readonly = open.readonly || c->readonly;
	rc = core_call_open(&c->core, &open, NULL, 0, opened, rq);
	if (rc)
		reply_unsent(rq, rc);
	else
		c->state = CONN_OPENING;
}

void open_close(struct request *rq, const void *args)
{
	struct client *c = rq->c;

	(void)args;
	reply_void(rq);
	client_close(c);
}

void open_get_uri(struct request *rq, const void *args)
{
	struct remote_connect_get_uri_ret ret = { .uri = rq->c->uri };

	(void)args;
	reply_typed(rq, &ret);
}

void open_get_type(struct request *rq, const void *args)
{
	static char type[] = "QEMU";   /* clients branch on it */
	struct remote_connect_get_type_ret ret = { .type = type };

	(void)args;
	reply_typed(rq, &ret);
}

void open_lib_version(struct request *rq, const void *args)
{
	struct remote_connect_get_lib_version_ret ret = { .lib_ver = CONN_LIB_VERSION };

	(void)args;
	reply_typed(rq, &ret);
}

void open_is_secure(struct request *rq, const void *args)
{
	/* nobody can listen on a socket of this machine */
	struct remote_connect_is_secure_ret ret = { .secure = rq->c->local };

	(void)args;
	reply_typed(rq, &ret);
}

void open_register_close(struct request *rq, const void *args)
{
	(void)args;
	if (rq->c->close_callback) {
		reply_refuse(rq, ERR_INTERNAL_ERROR, "a close callback is already registered");
		return;
	}
	rq->c->close_callback = true;
	reply_void(rq);
}

void open_unregister_close(struct request *rq, const void *args)
{
	(void)args;
	if (!rq->c->close_callback) {
		reply_refuse(rq, ERR_INTERNAL_ERROR, "the close callback is not registered");
		return;
	}
	rq->c->close_callback = false;
	reply_void(rq);
}
