/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many clients there are, whose they are, and who has to go first. Pure. */
#ifndef CORDON_DOOR_CLIENTS_H
#define CORDON_DOOR_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CLIENTS_ROOT_RESERVE 8      /* places of max_clients that only uid 0 gets */
#define CLIENTS_ANON_GRACE_MS 1000  /* how long a newcomer is safe when there are too many */

struct user {
	struct user *next;
	uid_t uid;
	unsigned n, n_anon;
};

/* `anon`: no authenticated call yet; those stand in a queue, oldest first. */
struct client {
	struct user *user;              /* NULL: not counted */
	bool anon;
	uint64_t since;                 /* milliseconds */
	struct client *prev, *next;
};

struct clients {
	unsigned max, max_per_user;
	unsigned max_anon;              /* 0: no such limit */
	unsigned n, n_anon;
	struct user *users;
	struct client *oldest, *newest;
};

/*
 * The name of the limit that one more client of `uid` would break, or NULL.
 * uid 0 is not held to max_clients_per_user, so that nobody locks it out.
 */
const char *clients_full(const struct clients *cs, uid_t uid);

/* Count a newcomer. 0 or -ENOMEM: `c` is not counted then. */
int clients_add(struct clients *cs, struct client *c, uid_t uid, uint64_t now);

/* It made an authenticated call; it is gone. Both may be told twice. */
void clients_known(struct clients *cs, struct client *c);
void clients_gone(struct clients *cs, struct client *c);

/*
 * With more anonymous clients than allowed: the oldest one, past its grace, of
 * the user who has most of them. NULL when nobody has to go (now).
 */
struct client *clients_excess(const struct clients *cs, uint64_t now);

#endif
