/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host as clients see it: facts from cordon-host by way of core, in libvirt's shapes. */
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "conn/conn.h"
#include "hv/qemu/plan.h"
#include "hv/qemu/table.h"

#define VCPUS_MAX 255   /* what the older of the two chipsets takes */

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void got_host(void *ctx, struct ipc_reply *r)
{
	struct request *rq = ctx;
	struct client *c = rq->c;

	if (r->rc) {
		reply_error(rq, r->err);
		return;
	}
	arena_free(c->host_arena);
	c->host_arena = take_ptr(r->arena);
	c->host = r->ret;
	c->host_at = now();
	rq->then(rq, c->host);
}

/* Facts, asked for at most once in CONN_HOST_FRESH seconds, then `then`. */
static void with_host(struct request *rq, void (*then)(struct request *, const struct host_facts *))
{
	struct client *c = rq->c;
	int rc;

	if (c->host && now() - c->host_at < CONN_HOST_FRESH) {
		then(rq, c->host);
		return;
	}
	rq->then = then;
	rc = core_call_host(&c->core, NULL, 0, got_host, rq);
	if (rc)
		reply_unsent(rq, rc);
}

static void hostname(struct request *rq, const struct host_facts *h)
{
	struct remote_connect_get_hostname_ret ret = { .hostname = h->hostname };

	reply_typed(rq, &ret);
}

void node_hostname(struct request *rq, const void *args)
{
	(void)args;
	with_host(rq, hostname);
}

static void version(struct request *rq, const struct host_facts *h)
{
	struct remote_connect_get_version_ret ret = { .hv_ver = h->qemu_version };

	if (!h->qemu_version)
		reply_refuse(rq, ERR_INTERNAL_ERROR, "there is no QEMU on this host");
	else
		reply_typed(rq, &ret);
}

void node_version(struct request *rq, const void *args)
{
	(void)args;
	with_host(rq, version);
}

static void info(struct request *rq, const struct host_facts *h)
{
	struct remote_node_get_info_ret ret = {
		.memory = h->memory_kib, .cpus = (int32_t)h->cpus, .mhz = (int32_t)h->mhz,
		.nodes = (int32_t)h->nodes, .sockets = (int32_t)h->sockets,
		.cores = (int32_t)(h->cores * (h->dies ? h->dies : 1)),
		.threads = (int32_t)h->threads,
	};

	snprintf(ret.model, sizeof(ret.model), "%s", h->arch);
	reply_typed(rq, &ret);
}

void node_info(struct request *rq, const void *args)
{
	(void)args;
	with_host(rq, info);
}

static void capabilities(struct request *rq, const struct host_facts *h)
{
	struct remote_connect_get_capabilities_ret ret;
	CLEAN_BUF struct buf b = { 0 };

	buf_init(&b, REMOTE_STRING_MAX);
	if (plan_capabilities_xml(h, &b)) {
		reply_refuse(rq, ERR_NO_MEMORY, "no memory for the capabilities");
		return;
	}
	ret.capabilities = (char *)(uintptr_t)buf_str(&b);
	reply_typed(rq, &ret);
}

void node_capabilities(struct request *rq, const void *args)
{
	(void)args;
	with_host(rq, capabilities);
}

static void domcapabilities(struct request *rq, const struct host_facts *h)
{
	const struct remote_connect_get_domain_capabilities_args *a = rq->args;
	struct remote_connect_get_domain_capabilities_ret ret;
	CLEAN_BUF struct buf b = { 0 };
	struct err err = { 0 };

	buf_init(&b, REMOTE_STRING_MAX);
	if (plan_domcapabilities_xml(h, a->emulatorbin, a->arch, a->machine, a->virttype, &b, &err)) {
		reply_error(rq, &err);
		return;
	}
	ret.capabilities = (char *)(uintptr_t)buf_str(&b);
	reply_typed(rq, &ret);
}

void node_domcapabilities(struct request *rq, const void *args)
{
	const struct remote_connect_get_domain_capabilities_args *a = args;

	if (a->flags)
		reply_refuse(rq, ERR_INVALID_ARG, "unsupported flags (0x%x) in function "
			     "virConnectGetDomainCapabilities", a->flags);
	else
		with_host(rq, domcapabilities);
}

void node_cpu_models(struct request *rq, const void *args)
{
	const struct remote_connect_get_cpu_model_names_args *a = args;
	struct remote_connect_get_cpu_model_names_ret ret = { 0 };
	char **names = NULL;

	if (a->flags || strcmp(a->arch, "x86_64") != 0) {
		reply_refuse(rq, ERR_INVALID_ARG, a->flags ? "unsupported flags in function "
			     "virConnectGetCPUModelNames" : "only architecture x86_64 is supported");
		return;
	}
	ret.ret = (int32_t)n_plan_cpu_models;
	if (a->need_results) {
		names = arena_calloc(rq->arena, n_plan_cpu_models, sizeof(*names));
		if (!names) {
			reply_refuse(rq, ERR_NO_MEMORY, "no memory for the names");
			return;
		}
		for (size_t i = 0; i < n_plan_cpu_models; i++)
			names[i] = (char *)(uintptr_t)plan_cpu_models[i].name;
		ret.n_models = (uint32_t)n_plan_cpu_models;
		ret.models = names;
	}
	reply_typed(rq, &ret);
}

void node_max_vcpus(struct request *rq, const void *args)
{
	const struct remote_connect_get_max_vcpus_args *a = args;
	struct remote_connect_get_max_vcpus_ret ret = { .max_vcpus = VCPUS_MAX };

	if (a->type && strcasecmp(a->type, "qemu") != 0 && strcasecmp(a->type, "kvm") != 0)
		reply_refuse(rq, ERR_INVALID_ARG, "unknown type '%.40s'", a->type);
	else
		reply_typed(rq, &ret);
}
