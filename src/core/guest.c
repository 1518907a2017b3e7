/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/guest.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024               /* a power of two */
#define TRIM_AFTER (256u << 10)    /* freed bytes after which memory goes back to the kernel */

static struct guest *by_uuid[BUCKETS];
static struct guest *by_name[BUCKETS];
static unsigned count;
static size_t freed;

static unsigned hash(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 16777619u;
	return (h ^ h >> 16) % BUCKETS;
}

struct guest *guest_by_uuid(const uint8_t uuid[16])
{
	struct guest *g = by_uuid[hash(uuid, 16)];

	while (g && memcmp(g->uuid, uuid, 16))
		g = g->next_uuid;
	return g;
}

struct guest *guest_by_name(const char *name)
{
	struct guest *g = by_name[hash(name, strlen(name))];

	while (g && strcmp(g->name, name))
		g = g->next_name;
	return g;
}

struct guest *guest_next(struct guest *after)
{
	unsigned i = 0;

	if (after) {
		if (after->next_uuid)
			return after->next_uuid;
		i = hash(after->uuid, 16) + 1;
	}
	for (; i < BUCKETS; i++)
		if (by_uuid[i])
			return by_uuid[i];
	return NULL;
}

struct guest *guest_by_id(int id)
{
	for (struct guest *g = guest_next(NULL); g; g = guest_next(g))
		if (id >= 0 && guest_id(g) == id)
			return g;
	return NULL;
}

unsigned guest_count(void)
{
	return count;
}

struct guest *guest_add(const uint8_t uuid[16], const char *name)
{
	struct guest *g = calloc(1, sizeof(*g));
	struct guest **u, **n;

	if (!g || !(g->name = strdup(name))) {
		free(g);
		return NULL;
	}
	memcpy(g->uuid, uuid, 16);
	g->role = FILE_ROLE_ADMIN;
	u = &by_uuid[hash(uuid, 16)];
	n = &by_name[hash(name, strlen(name))];
	g->next_uuid = *u;
	g->next_name = *n;
	*u = *n = g;
	count++;
	return g;
}

static void name_unlink(struct guest *g)
{
	struct guest **p = &by_name[hash(g->name, strlen(g->name))];

	while (*p != g)
		p = &(*p)->next_name;
	*p = g->next_name;
}

uint8_t *guest_encode(const struct domain *d, uint32_t *ret_len)
{
	CLEAN_BUF struct buf b = { 0 };
	uint8_t *copy;

	buf_init(&b, GUEST_MODEL_MAX);
	if (xdr_encode(&domain_xdr, d, &b))
		return NULL;
	copy = malloc(b.len);
	if (!copy)
		return NULL;
	memcpy(copy, b.data, b.len);
	*ret_len = (uint32_t)b.len;
	return copy;
}

void guest_take_model(struct guest *g, uint8_t *model, uint32_t len)
{
	free(g->model);
	g->model = model;
	g->n_model = len;
}

void guest_drop_model(struct guest *g)
{
	freed += g->n_model;
	free(g->model);
	g->model = NULL;
	g->n_model = 0;
	g->persistent = false;
}

void guest_remove(struct guest *g)
{
	struct guest **p = &by_uuid[hash(g->uuid, 16)];

	while (*p != g)
		p = &(*p)->next_uuid;
	*p = g->next_uuid;
	name_unlink(g);
	count--;
	guest_drop_model(g);
	free(g->name);
	free(g);
	if (freed > TRIM_AFTER) {
		freed = 0;
		malloc_trim(0);
	}
}

int guest_model(const struct guest *g, struct arena *a, struct domain *ret, struct err *err)
{
	if (!g->model)
		return err_set(err, -ENOENT, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: domain '%s' is not persistent",
			       g->name);
	return xdr_decode(&domain_xdr, g->model, g->n_model, a, ret, NULL, err);
}

int guest_view(const struct guest *g, bool inactive, struct arena *a, struct domain *ret,
	       struct err *err)
{
	if (!g->run || (inactive && g->model))
		return guest_model(g, a, ret, err);
	*ret = g->run->rec.live;
	return 0;
}

struct guest_run *guest_run_new(struct guest *g)
{
	struct guest_run *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->arena = arena_new(GUEST_MODEL_MAX);
	if (!r->arena) {
		free(r);
		return NULL;
	}
	r->guest = g;
	r->rec.id = -1;
	g->run = r;
	return r;
}

void guest_run_free(struct guest *g)
{
	struct guest_run *r = g->run;

	g->run = NULL;
	if (r->vm_timer)
		event_free(r->vm_timer);
	if (r->grace_timer)
		event_free(r->grace_timer);
	freed += arena_used(r->arena);
	arena_free(r->arena);
	free(r->why);
	free(r);
}

int guest_id(const struct guest *g)
{
	return g->run ? g->run->rec.id : -1;
}

bool guest_active(const struct guest *g)
{
	return g->run && g->run->rec.id >= 0;
}

int guest_state(const struct guest *g, int *ret_reason)
{
	if (guest_active(g) && g->run->ended) {
		*ret_reason = 0;   /* VIR_DOMAIN_SHUTDOWN_UNKNOWN */
		return GUEST_SHUTDOWN;
	}
	if (guest_active(g)) {
		*ret_reason = g->run->rec.reason;
		return g->run->rec.state;
	}
	*ret_reason = g->shutoff_reason;
	return GUEST_SHUTOFF;
}

void guest_take_state(struct guest_run *run, int state, int reason)
{
	if (state == GUEST_SHUTOFF)
		return;
	run->rec.state = state;
	run->rec.reason = reason;
}

struct remote_nonnull_domain guest_wire(const struct guest *g)
{
	struct remote_nonnull_domain d = { .name = g->name, .id = guest_id(g) };

	memcpy(d.uuid, g->uuid, 16);
	return d;
}

void guest_uuid_text(const uint8_t u[16], char out[GUEST_UUID_TEXT])
{
	snprintf(out, GUEST_UUID_TEXT,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11],
		 u[12], u[13], u[14], u[15]);
}
