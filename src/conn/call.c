/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of a packet. Calls that need XML, the host's facts or only this
 * connection are answered here, by the table; all others go to core as the
 * bytes that came, once the codec has found them to be what the row says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "conn/conn.h"

#define SCRATCH_BODY_MAX 8192u   /* longer bodies are checked in memory of their own */

struct local {
	uint32_t proc;
	bool early;              /* legal before CONNECT_OPEN */
	void (*fn)(struct request *rq, const void *args);
};

static const struct local locals[] = {
	{ REMOTE_CONNECT_OPEN, true, open_connect },
	{ REMOTE_CONNECT_CLOSE, true, open_close },
	{ REMOTE_CONNECT_GET_TYPE, false, open_get_type },
	{ REMOTE_CONNECT_GET_VERSION, false, node_version },
	{ REMOTE_CONNECT_GET_MAX_VCPUS, false, node_max_vcpus },
	{ REMOTE_NODE_GET_INFO, false, node_info },
	{ REMOTE_CONNECT_GET_CAPABILITIES, false, node_capabilities },
	{ REMOTE_DOMAIN_CREATE_XML, false, define_create },
	{ REMOTE_DOMAIN_DEFINE_XML, false, define_xml },
	{ REMOTE_DOMAIN_GET_XML_DESC, false, dumpxml },
	{ REMOTE_CONNECT_GET_HOSTNAME, false, node_hostname },
	{ REMOTE_CONNECT_SUPPORTS_FEATURE, true, open_supports_feature },
	{ REMOTE_AUTH_LIST, true, open_auth_list },
	{ REMOTE_AUTH_SASL_INIT, true, open_auth_other },
	{ REMOTE_AUTH_SASL_START, true, open_auth_other },
	{ REMOTE_AUTH_SASL_STEP, true, open_auth_other },
	{ REMOTE_AUTH_POLKIT, true, open_auth_other },
	{ REMOTE_CONNECT_GET_URI, false, open_get_uri },
	{ REMOTE_CONNECT_GET_LIB_VERSION, false, open_lib_version },
	{ REMOTE_CONNECT_IS_SECURE, false, open_is_secure },
	{ REMOTE_DOMAIN_SET_METADATA, false, metadata_set },
	{ REMOTE_DOMAIN_GET_METADATA, false, metadata_get },
	{ REMOTE_CONNECT_GET_CPU_MODEL_NAMES, false, node_cpu_models },
	{ REMOTE_CONNECT_GET_DOMAIN_CAPABILITIES, false, node_domcapabilities },
	{ REMOTE_DOMAIN_DEFINE_XML_FLAGS, false, define_xml_flags },
	{ REMOTE_CONNECT_LIST_ALL_STORAGE_POOLS, false, pools_list },
	{ REMOTE_STORAGE_POOL_LOOKUP_BY_NAME, false, pools_lookup },
	{ REMOTE_STORAGE_POOL_DEFINE_XML, false, pools_define },
	{ REMOTE_STORAGE_POOL_CREATE, false, pools_nothing },
	{ REMOTE_STORAGE_POOL_BUILD, false, pools_nothing },
	{ REMOTE_STORAGE_POOL_REFRESH, false, pools_nothing },
	{ REMOTE_STORAGE_POOL_SET_AUTOSTART, false, pools_nothing },
	{ REMOTE_STORAGE_POOL_DESTROY, false, pools_nothing },
	{ REMOTE_STORAGE_POOL_UNDEFINE, false, pools_undefine },
	{ REMOTE_STORAGE_POOL_GET_INFO, false, pools_info },
	{ REMOTE_STORAGE_POOL_GET_XML_DESC, false, pools_xml },
	{ REMOTE_STORAGE_POOL_GET_AUTOSTART, false, pools_zero },
	{ REMOTE_STORAGE_POOL_IS_ACTIVE, false, pools_is_active },
	{ REMOTE_STORAGE_POOL_IS_PERSISTENT, false, pools_zero },
	{ REMOTE_STORAGE_POOL_NUM_OF_VOLUMES, false, pools_zero },
	{ REMOTE_STORAGE_POOL_LIST_VOLUMES, false, pools_zero },
	{ REMOTE_STORAGE_POOL_LIST_ALL_VOLUMES, false, pools_zero },
	{ REMOTE_STORAGE_VOL_LOOKUP_BY_NAME, false, pools_no_volume },
	{ REMOTE_STORAGE_VOL_LOOKUP_BY_PATH, false, pools_no_volume },
	{ REMOTE_CONNECT_REGISTER_CLOSE_CALLBACK, false, open_register_close },
	{ REMOTE_CONNECT_UNREGISTER_CLOSE_CALLBACK, false, open_unregister_close },
};

static const struct local *local_find(const struct request *rq)
{
	if (rq->program != &remote_program)
		return NULL;
	for (size_t i = 0; i < sizeof(locals) / sizeof(locals[0]); i++)
		if (locals[i].proc == rq->row->num)
			return &locals[i];
	return NULL;
}

/* ---- requests ---- */

static struct request *request_new(struct client *c, const struct packet *p,
				   const struct ipc_program *program, const struct ipc_row *row)
{
	struct request *rq = c->spare;

	if (rq)
		c->spare = rq->next;
	else
		rq = malloc(sizeof(*rq));
	if (!rq)
		return NULL;
	memset(rq, 0, sizeof(*rq));
	rq->c = c;
	rq->program = program;
	rq->row = row;
	rq->serial = p->serial;
	rq->next = c->all;
	rq->link = &c->all;
	if (rq->next)
		rq->next->link = &rq->next;
	c->all = rq;
	c->n_requests++;
	return rq;
}

void request_free(struct request *rq)
{
	struct client *c = rq->c;

	*rq->link = rq->next;
	if (rq->next)
		rq->next->link = rq->link;
	c->n_requests--;
	arena_free(rq->arena);
	rq->next = c->spare;
	c->spare = rq;
	if (c->blocked)
		client_resume(c);
}

/* ---- to core ---- */

static void forwarded(void *ctx, struct ipc_reply *r)
{
	struct request *rq = ctx;
	struct client *c = rq->c;
	const struct ipc_row *row = rq->row;
	uint32_t serial = rq->serial;

	if (r->rc) {
		reply_error(rq, r->err);
		return;
	}
	if (row->flags & IPC_CLIENT_FDS_OUT) {
		reply_with_fd(rq, r);
		return;
	}
	reply_bytes(rq, r->raw, r->raw_len);
	if (row->flags & (IPC_STREAM_IN | IPC_STREAM_OUT))
		stream_open(c, row, serial, take_fd(&r->fds[0]));
}

static bool opens_stream(const struct request *rq)
{
	return rq->row->flags & (IPC_STREAM_IN | IPC_STREAM_OUT);
}

/* Those that are open and those that were asked for. */
static unsigned streams_begun(const struct client *c)
{
	unsigned n = c->n_streams;

	for (const struct request *rq = c->all; rq; rq = rq->next)
		n += opens_stream(rq);
	return n;
}

static void forward(struct request *rq, const struct packet *p)
{
	int rc;

	if (!rq->row->args) {
		reply_refuse(rq, ERR_NO_SUPPORT, "%s", ipc_row_name(rq->row));
		return;
	}
	if (opens_stream(rq) && streams_begun(rq->c) > CONN_STREAMS_MAX) {
		reply_refuse(rq, ERR_OPERATION_FAILED, "this connection has %u streams open, "
			     "no more are allowed; finish one first", CONN_STREAMS_MAX);
		return;
	}
	rc = ipc_call_raw(&rq->c->core, rq->program, rq->row, p->body, p->len, NULL, 0,
			  forwarded, rq);
	if (rc)
		reply_unsent(rq, rc);
}

/* ---- dispatch ---- */

static size_t decode_max(const struct client *c, size_t len)
{
	uint64_t n = CONN_DECODE_BASE + (uint64_t)len * CONN_DECODE_FACTOR;
	uint64_t half = CONN_DECODE_BASE + c->limits.memory_max / 2;

	return (size_t)(n < half ? n : half);
}

/* Arguments decode into the request's memory, or are only checked. */
static int decode(struct request *rq, const struct packet *p, bool keep)
{
	struct arena *a = rq->c->scratch;
	void *args;
	int rc;

	/* what nobody serves yet is refused by its name, whatever it carries */
	if (!rq->row->args)
		return 0;
	if (keep || p->len > SCRATCH_BODY_MAX) {
		rq->arena = arena_new(decode_max(rq->c, p->len));
		a = rq->arena;
	}
	args = a ? arena_alloc(a, ipc_row_args(rq->row)->size + 1) : NULL;
	/*
	 * Exactly the row's bytes: libvirt ignores trailing bytes, padding that is not zero
	 * and what follows a NUL in a string. No client sends any of these, and what core
	 * would read differently from us is refused here.
	 */
	rc = args ? xdr_decode(ipc_row_args(rq->row), p->body, p->len, a, args, NULL, NULL) : -ENOMEM;
	if (!keep) {
		arena_reset(rq->c->scratch);
		arena_free(rq->arena);
		rq->arena = NULL;
	}
	rq->args = keep ? args : NULL;
	return rc;
}

/* The row's class is checked before anything that its arguments carry is looked into. */
static bool may_try(const struct client *c, const struct ipc_row *row)
{
	return row->cls == IPC_CLASS_NONE || (row->num / 8 < sizeof(c->may) &&
					      c->may[row->num / 8] & 1u << row->num % 8);
}

static void call_row(struct request *rq, const struct packet *p)
{
	const struct local *l = local_find(rq);
	struct client *c = rq->c;
	char name[ERROR_NAME_MAX];
	int rc = decode(rq, p, l && ipc_row_args(rq->row)->size);

	if (rc == -ENOMEM) {
		reply_refuse(rq, ERR_NO_MEMORY, "no memory for the arguments of %s", ipc_row_name(rq->row));
		return;
	}
	if (rc) {
		reply_refuse(rq, ERR_RPC, "Unable to decode message payload");
		return;
	}
	if (c->state != CONN_OPEN && !(l && l->early)) {
		reply_refuse(rq, ERR_INTERNAL_ERROR, "hypervisor connection not open");
		return;
	}
	if (c->readonly && rq->row->flags & IPC_WRITE) {
		error_api_name(rq->program, rq->row, name);
		reply_refuse(rq, ERR_OPERATION_DENIED, "read only access prevents %s", name);
		return;
	}
	if (!l) {
		forward(rq, p);
		return;
	}
	if (!l->early && !may_try(c, rq->row)) {
		error_api_name(rq->program, rq->row, name);
		reply_refuse(rq, ERR_ACCESS_DENIED, "the role of this connection does not allow %s",
			     name);
		return;
	}
	l->fn(rq, rq->args);
}

static void call(struct client *c, const struct packet *p)
{
	const struct ipc_program *program = NULL;
	const struct ipc_row *row;
	struct request *rq;

	if (p->prog == REMOTE_PROGRAM && p->vers == REMOTE_VERSION)
		program = &remote_program;
	else if (p->prog == QEMU_PROGRAM && p->vers == QEMU_VERSION)
		program = &qemu_program;
	if (!program) {
		reply_refuse_packet(c, p, "Cannot find program %u version %u", p->prog, p->vers);
		return;
	}
	if (p->status != PACKET_OK) {
		reply_refuse_packet(c, p, "Unexpected message status %u", p->status);
		return;
	}
	row = ipc_row_find(program, p->proc);
	if (!row || row->flags & IPC_EVENT) {
		reply_refuse_packet(c, p, "unknown procedure: %d", (int)p->proc);
		return;
	}
	rq = request_new(c, p, program, row);
	if (!rq) {
		client_end(c, "out of memory");
		return;
	}
	ipc_req = c->id << 24 | (++c->n_calls & 0xffffff);
	call_row(rq, p);
	ipc_req = 0;
}

bool call_must_wait(const struct client *c, const struct packet *p)
{
	if (c->out_bytes > CONN_OUT_HIGH)
		return true;
	if (p->type == PACKET_STREAM)
		return stream_must_wait(c, p);
	if (p->type != PACKET_CALL && p->type != PACKET_CALL_FDS)
		return false;
	/* core is slow; it has calls of ours to answer, and then this is asked again */
	if (c->core.out_bytes && c->core.out_bytes + p->len > c->limits.memory_max / 2)
		return true;
	/* what follows CONNECT_OPEN in one write means the connection that it opens */
	return c->state == CONN_OPENING || c->n_requests >= c->limits.max_requests;
}

void call_packet(struct client *c, const struct packet *p)
{
	if (p->prog == KEEPALIVE_PROGRAM && p->vers == KEEPALIVE_VERSION &&
	    p->type == PACKET_MESSAGE) {
		keepalive_packet(c, p);
		return;
	}
	if (p->type == PACKET_CALL || p->type == PACKET_CALL_FDS)
		call(c, p);
	else if (p->type == PACKET_STREAM || p->type == PACKET_HOLE)
		stream_packet(c, p);
	/* replies, messages and unknown types are nothing that a client may say: dropped */
}
