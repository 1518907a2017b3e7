/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "door/clients.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

static struct user *user_get(struct clients *cs, uid_t uid)
{
	struct user *u;

	for (u = cs->users; u; u = u->next)
		if (u->uid == uid)
			return u;
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->uid = uid;
	u->next = cs->users;
	cs->users = u;
	return u;
}

static void user_put(struct clients *cs, struct user *u)
{
	struct user **at = &cs->users;

	if (u->n)
		return;
	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	free(u);
}

const char *clients_full(const struct clients *cs, uid_t uid)
{
	unsigned reserve = uid != 0 && cs->max > 2 * CLIENTS_ROOT_RESERVE ? CLIENTS_ROOT_RESERVE : 0;

	if (cs->n >= cs->max - reserve)
		return "max_clients";
	for (const struct user *u = cs->users; u && uid != 0; u = u->next)
		if (u->uid == uid && u->n >= cs->max_per_user)
			return "max_clients_per_user";
	return NULL;
}

int clients_add(struct clients *cs, struct client *c, uid_t uid, uint64_t now)
{
	struct user *u = user_get(cs, uid);

	if (!u)
		return -ENOMEM;
	*c = (struct client){ .user = u, .anon = true, .since = now, .prev = cs->newest };
	*(cs->newest ? &cs->newest->next : &cs->oldest) = c;
	cs->newest = c;
	cs->n++;
	cs->n_anon++;
	u->n++;
	u->n_anon++;
	return 0;
}

void clients_known(struct clients *cs, struct client *c)
{
	if (!c->user || !c->anon)
		return;
	*(c->prev ? &c->prev->next : &cs->oldest) = c->next;
	*(c->next ? &c->next->prev : &cs->newest) = c->prev;
	c->prev = c->next = NULL;
	c->anon = false;
	cs->n_anon--;
	c->user->n_anon--;
}

void clients_gone(struct clients *cs, struct client *c)
{
	if (!c->user)
		return;
	clients_known(cs, c);
	cs->n--;
	c->user->n--;
	user_put(cs, c->user);
	c->user = NULL;
}

struct client *clients_excess(const struct clients *cs, uint64_t now)
{
	const struct user *most = NULL;
	struct client *c;

	if (!cs->max_anon || cs->n_anon <= cs->max_anon)
		return NULL;
	for (const struct user *u = cs->users; u; u = u->next)
		if (!most || u->n_anon > most->n_anon)
			most = u;
	for (c = cs->oldest; c && c->user != most; c = c->next)
		;
	return c && now - c->since >= CLIENTS_ANON_GRACE_MS ? c : NULL;
}
