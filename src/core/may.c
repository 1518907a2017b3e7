/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/may.h"

#include <errno.h>
#include <string.h>

#include "proto/remote.x.h"

/*
 * A role is a list of permission patterns, "class:perm" with '*' at the end of
 * either. Which identities have which role is data as well: later capabilities
 * read both from the configuration.
 */
struct role {
	const char *name;
	const char *grants[8];
};

static const struct role roles[] = {
	{ "admin",   { "*:*" } },
	{ "monitor", { "*:getattr", "*:read", "connect:search_*", "domain:search_*" } },
	{ "none",    { NULL } },
};

static bool word_matches(const char *pattern, size_t n, const char *word, size_t w)
{
	if (n && pattern[n - 1] == '*')
		return w >= n - 1 && !memcmp(pattern, word, n - 1);
	return n == w && !memcmp(pattern, word, n);
}

static bool grants(const struct role *r, const char *perm)
{
	const char *colon = strchr(perm, ':');

	for (size_t i = 0; i < sizeof(r->grants) / sizeof(r->grants[0]) && r->grants[i]; i++) {
		const char *g = r->grants[i], *gc = strchr(g, ':');

		if (word_matches(g, (size_t)(gc - g), perm, (size_t)(colon - perm)) &&
		    word_matches(gc + 1, strlen(gc + 1), colon + 1, strlen(colon + 1)))
			return true;
	}
	return false;
}

/* roles x permissions, computed once: a call costs an array look-up */
static bool allowed[sizeof(roles) / sizeof(roles[0])][PERM_COUNT];
static bool computed;

static void compute(void)
{
	for (size_t r = 0; r < sizeof(roles) / sizeof(roles[0]); r++)
		for (unsigned p = 1; p < PERM_COUNT; p++)
			allowed[r][p] = grants(&roles[r], perm_names[p]);
	computed = true;
}

static bool has(const struct role *r, unsigned perm)
{
	if (!computed)
		compute();
	return perm == PERM_NONE || allowed[r - roles][perm];
}

const struct role *may_role(const struct identity *who)
{
	/* door let it in: by the read-write socket's list, or the read-only one's */
	if (who->asserter != ROOM_DOOR)
		return &roles[2];
	return who->readonly ? &roles[1] : &roles[0];
}

const char *may_role_name(const struct role *r)
{
	return r->name;
}

bool may_readonly_perm(unsigned perm)
{
	return has(&roles[1], perm);
}

static int refuse(const struct client *c, const struct ipc_row *row, unsigned perm,
		  const struct guest *g, struct err *err)
{
	if (c->readonly)
		return err_set(err, -EPERM, ERR_OPERATION_DENIED,
			       "operation forbidden: read only access prevents %s", ipc_row_name(row));
	return err_set(err, -EACCES, ERR_ACCESS_DENIED,
		       "access denied: role '%s' lacks %s for %s%s%s", c->role->name,
		       perm_names[perm], ipc_row_name(row), g ? " on domain " : "", g ? g->name : "");
}

static bool holds(const struct client *c, unsigned perm)
{
	return has(c->role, perm) && (!c->readonly || may_readonly_perm(perm));
}

int may(const struct client *c, const struct ipc_row *row, uint32_t flags, const struct guest *g,
	struct err *err)
{
	if (c->readonly && row->flags & IPC_WRITE)
		return refuse(c, row, row->perm, g, err);
	if (!holds(c, row->perm))
		return refuse(c, row, row->perm, g, err);
	for (const struct ipc_when *w = ipc_row_when(row); row->when && w->perm; w++)
		if (((flags & w->mask) != 0) != w->negate && !holds(c, w->perm))
			return refuse(c, row, w->perm, g, err);
	return 0;
}

bool may_see(const struct client *c, unsigned perm, const struct guest *g)
{
	(void)g;   /* roles bound to single guests come with the roles' configuration */
	return perm != PERM_NONE && holds(c, perm);
}

void may_bitmap(const struct client *c, uint8_t out[64])
{
	memset(out, 0, 64);
	for (uint32_t i = 0; i < remote_program.n_rows; i++) {
		const struct ipc_row *row = &remote_program.rows[i];

		if (row->num < 512 && !may(c, row, 0, NULL, NULL))
			out[row->num / 8] |= (uint8_t)(1u << row->num % 8);
	}
}
