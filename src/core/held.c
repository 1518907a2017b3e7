/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/held.h"

#include <string.h>

#include "base/log.h"
#include "core/may.h"
#include "proto/remote.x.h"

struct held {
	struct held *next;
	uint8_t uuid[16];
	int id;                   /* virDomainEventID */
	unsigned index;           /* row of program remote */
	void *msg;
};

static struct arena *arena;       /* of all of them; NULL: nothing is kept at this time */
static struct held *first, **last = &first;
static unsigned count;
static struct event *timer;

static void over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	for (struct client *c = client_first(), *next; c; c = next) {
		next = c->next;
		held_catch_up(c);
	}
	arena_freep(&arena);
	first = NULL;
	last = &first;
	count = 0;
}

void held_begin(void)
{
	static const struct timeval grace = { HELD_GRACE_S, 0 };

	if (!timer)
		timer = evtimer_new(core.base, over, NULL);
	if (!timer || event_pending(timer, EV_TIMEOUT, NULL))
		return;
	arena = arena_new(HELD_BYTES_MAX);
	if (arena)
		event_add(timer, &grace);
}

void held_keep(const struct guest *g, int id, unsigned index, const void *msg)
{
	const struct xdr_type *t = ipc_row_args(&remote_program.rows[index]);
	struct held *h;

	if (!arena || !g->run || !g->run->adopted || count > HELD_EVENTS_MAX)
		return;
	h = arena_calloc(arena, 1, sizeof(*h));
	if (h)
		h->msg = arena_alloc(arena, t->size);
	if (count++ == HELD_EVENTS_MAX || !h || !h->msg || xdr_copy(t, msg, arena, h->msg)) {
		log_warn("more events than can be kept for clients that come back");
		count = HELD_EVENTS_MAX + 1;
		return;
	}
	memcpy(h->uuid, g->uuid, 16);
	h->id = id;
	h->index = index;
	*last = h;
	last = &h->next;
}

static void tell(struct client *c, const struct held *h)
{
	for (unsigned i = 0; i < c->n_subs; i++) {
		const struct client_sub *s = &c->subs[i];

		if (!s->fresh || s->event != h->id || (s->one && memcmp(s->uuid, h->uuid, 16)))
			continue;
		*(int32_t *)h->msg = s->id;
		if (ipc_send_event(&c->ch, &remote_program, h->index, h->msg, NULL, 0))
			log_warn("%s: does not read its events", c->name);
	}
}

static void catch_up(struct client *c)
{
	event_del(c->catch_up);
	for (const struct held *h = first; h; h = h->next)
		if (may_see(c, PERM_DOMAIN_GETATTR, guest_by_uuid(h->uuid)))
			tell(c, h);
	for (unsigned i = 0; i < c->n_subs; i++)
		c->subs[i].fresh = false;
}

void held_catch_up(struct client *c)
{
	if (c->catch_up && event_pending(c->catch_up, EV_TIMEOUT, NULL))
		catch_up(c);
}

static void settled(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	catch_up(arg);
}

void held_registered(struct client *c)
{
	static const struct timeval settle = { 0, HELD_SETTLE_MS * 1000 };

	if (!arena)
		return;
	c->subs[c->n_subs - 1].fresh = true;
	if (!c->catch_up)
		c->catch_up = evtimer_new(core.base, settled, c);
	if (c->catch_up)
		event_add(c->catch_up, &settle);
}

void held_forget(struct client *c)
{
	if (c->catch_up)
		event_free(c->catch_up);
	c->catch_up = NULL;
}
