/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two client sockets: who comes, whether there is room, and off to a conn of its own. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "door/door.h"
#include "ipc/call.h"
#include "ipc/ev.h"

#define ACCEPT_BATCH 16       /* clients taken before the loop turns */
#define NO_FD_PAUSE_MS 100    /* when there are no descriptors left */
#define EXCESS_CHECK_MS 250
#define REFUSALS_LOGGED 10    /* lines in a second */

static struct entrance {
	int fd;
	bool readonly;
	struct event *ev;
} entrances[2] = { { -1, false, NULL }, { -1, true, NULL } };

static uint64_t next_conn_id;
static bool excess_checking;

bool refusals_log(struct refusals *r)
{
	uint64_t now = ipc_ev_ms() / 1000;

	if (now != r->second)
		r->lines = 0;
	r->second = now;
	return r->lines++ < REFUSALS_LOGGED;
}

static void log_refusal(const struct identity *who, const char *why)
{
	static struct refusals clients;

	if (refusals_log(&clients))
		log_warn("uid %u pid %d refused on the %s socket: %s", who->uid, who->pid,
			 who->readonly ? "read-only" : "read-write", why);
}

static void client_gone(struct ward *w)
{
	clients_gone(&door.clients, &w->client);
}

/* There are too many that have not said who they are: the oldest of the greediest goes. */
static void check_excess(evutil_socket_t fd, short what, void *arg)
{
	unsigned dropped = 0;
	struct client *c;
	uid_t last = 0;

	(void)fd;
	(void)what;
	(void)arg;
	excess_checking = false;
	while ((c = clients_excess(&door.clients, ipc_ev_ms()))) {
		struct ward *w = (struct ward *)(void *)((char *)c - offsetof(struct ward, client));

		dropped++;
		last = c->user->uid;
		clients_gone(&door.clients, c);
		ward_kill(w);
	}
	if (dropped)
		log_warn("%u clients that never made a call were dropped (the last of uid %u): "
			 "max_anonymous_clients", dropped, last);
	if (door.clients.max_anon && door.clients.n_anon > door.clients.max_anon && door.open) {
		excess_checking = true;
		after_ms(EXCESS_CHECK_MS, check_excess, NULL);
	}
}

int door_on_known(struct ipc_call *call)
{
	struct ward *w = call->ch->ctx;

	clients_known(&door.clients, &w->client);
	return ipc_reply(call, NULL, NULL, 0);
}

static int hand_over(struct ward *w, int fd, const struct identity *who)
{
	const struct room_client args = { .conn_id = ++next_conn_id, .who = *who };
	int pair[2], to_conn[2], r;

	r = ipc_pair(pair);
	if (r < 0)
		return r;
	to_conn[0] = fd;
	to_conn[1] = pair[0];
	r = intake_send_client_fds(&door.core, &args, &pair[1], 1);
	if (r == 0)
		r = room_send_client_fds(&w->ch, &args, to_conn, 2);
	fd_close_all(pair, 2);
	return r;
}

static void serve(int fd, const struct identity *who)
{
	struct err err = { 0 };
	struct ward *w;
	const char *limit = clients_full(&door.clients, who->uid);

	if (limit) {
		log_refusal(who, limit);
		return;
	}
	w = pool_take(client_gone, &err);
	if (!w) {
		log_error("%s", err.text);
		return;
	}
	if (clients_add(&door.clients, &w->client, who->uid, ipc_ev_ms()) < 0 ||
	    hand_over(w, fd, who) < 0) {
		log_warn("uid %u: a client could not be handed over", who->uid);
		ward_end(w);
	}
}

/* Gone at both ends: nobody would have an answer, and a flood of such costs no conn. */
static bool hung_up(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}

static void newcomer(const struct entrance *e, int fd)
{
	uint32_t gids[ROOM_GIDS_MAX];
	struct identity who;
	int r;

	if (hung_up(fd))
		return;
	r = identity_of_peer(fd, e->readonly, gids, &who);
	if (r < 0)
		log_warn("who is at the other end? %s", strerrordesc_np(-r));
	else if (!identity_admitted(&door.conf, &who))
		log_refusal(&who, "not in the lists (unix_rw_*, unix_ro_*)");
	else
		serve(fd, &who);
}

static void come_back(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	accept_pause(!door.open);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	const struct entrance *e = arg;

	(void)what;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int CLEAN_FD client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (client >= 0) {
			newcomer(e, client);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			log_warn("no client can be taken: %s", strerrordesc_np(errno));
			accept_pause(true);
			after_ms(NO_FD_PAUSE_MS, come_back, NULL);
		}
		break;
	}
	if (!excess_checking)
		check_excess(-1, 0, NULL);
}

int accept_init(int rw_fd, int ro_fd, struct err *err)
{
	door.clients.max = door.conf.max_clients;
	door.clients.max_per_user = door.conf.max_clients_per_user;
	door.clients.max_anon = door.conf.max_anonymous_clients;
	next_conn_id = ipc_ev_ms();   /* above those of an earlier door, whose clients may be in */
	entrances[0].fd = rw_fd;
	entrances[1].fd = ro_fd;
	for (int i = 0; i < 2; i++) {
		entrances[i].ev = event_new(door.base, entrances[i].fd, EV_READ | EV_PERSIST, on_accept,
					&entrances[i]);
		if (!entrances[i].ev)
			return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	}
	return 0;
}

void accept_pause(bool paused)
{
	for (int i = 0; i < 2; i++) {
		if (!entrances[i].ev)
			continue;
		if (paused)
			event_del(entrances[i].ev);
		else
			event_add(entrances[i].ev, NULL);
	}
}
