/* SPDX-License-Identifier: GPL-2.0-or-later */
/* may(): one place that decides who may do what, from the generated table's permissions. */
#ifndef CORDON_CORE_MAY_H
#define CORDON_CORE_MAY_H

#include "core/client.h"

struct role;

/* Role of an identity; never NULL (an unknown one may nothing). */
const struct role *may_role(const struct identity *who);
const char *may_role_name(const struct role *r);

/* True when a read-only connection could hold the permission: getattr, read, search_*. */
bool may_readonly_perm(unsigned perm);

/*
 * Does the client hold what `row` asks for, with these flags, on `g` (NULL: no
 * object yet)? -EACCES/-EPERM with `err` naming role and permission.
 */
int may(const struct client *c, const struct ipc_row *row, uint32_t flags, const struct guest *g,
	struct err *err);

/* As may(), for a list's filter or an event; without a permission (the row has no filter) nothing is. */
bool may_see(const struct client *c, unsigned perm, const struct guest *g);

/* Bit n set: client procedure n may be tried. For conn, before it parses XML. */
void may_bitmap(const struct client *c, uint8_t out[64]);

#endif
