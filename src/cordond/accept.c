/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two client sockets: who comes, whether there is room, and off to a conn of its own. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "cordond/cordond.h"
#include "ipc/call.h"

#define ACCEPT_BATCH 16       /* clients taken before the loop turns */
#define NO_FD_PAUSE_MS 100    /* when there are no descriptors left */
#define EXCESS_CHECK_MS 250
#define REFUSALS_LOGGED 10    /* lines in a second */

static struct door {
	int fd;
	bool readonly;
	struct event *ev;
} doors[2] = { { -1, false, NULL }, { -1, true, NULL } };

static uint64_t next_conn_id;
static bool excess_checking;

/* A crowd at the door must not fill the log. */
static void log_refusal(const struct identity *who, const char *why)
{
	static uint64_t second;
	static unsigned lines;
	uint64_t now = now_ms() / 1000;

	if (now != second)
		lines = 0;
	second = now;
	if (lines++ < REFUSALS_LOGGED)
		log_warn("uid %u pid %d refused on the %s socket: %s", who->uid, who->pid,
			 who->readonly ? "read-only" : "read-write", why);
}

static void client_died(struct proc *p)
{
	clients_gone(&sup.clients, &p->client);
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
	while ((c = clients_excess(&sup.clients, now_ms()))) {
		struct proc *p = (struct proc *)(void *)((char *)c - offsetof(struct proc, client));

		dropped++;
		last = c->user->uid;
		clients_gone(&sup.clients, c);
		proc_kill(p);
	}
	if (dropped)
		log_warn("%u clients that never made a call were dropped (the last of uid %u): "
			 "max_anonymous_clients", dropped, last);
	if (sup.clients.max_anon && sup.clients.n_anon > sup.clients.max_anon && !sup.stopping) {
		excess_checking = true;
		after_ms(EXCESS_CHECK_MS, check_excess, NULL);
	}
}

int sup_on_known(struct ipc_call *call)
{
	struct proc *p = call->ch->ctx;

	clients_known(&sup.clients, &p->client);
	ipc_reply(call, NULL, NULL, 0);
	return 0;
}

static int hand_over(struct proc *p, int fd, const struct identity *who)
{
	const struct room_client args = { .conn_id = ++next_conn_id, .who = *who };
	int pair[2], to_conn[2], r;

	r = ipc_pair(pair);
	if (r < 0)
		return r;
	to_conn[0] = fd;
	to_conn[1] = pair[0];
	r = intake_send_client_fds(&sup.core->ch, &args, &pair[1], 1);
	if (r == 0)
		r = room_send_client_fds(&p->ch, &args, to_conn, 2);
	fd_close_all(pair, 2);
	return r;
}

static void serve(int fd, const struct identity *who)
{
	struct err err = { 0 };
	struct proc *p;
	const char *limit = clients_full(&sup.clients, who->uid);

	if (limit) {
		log_refusal(who, limit);
		return;
	}
	p = pool_take(&err);
	if (!p) {
		log_error("%s", err.text);
		return;
	}
	p->used = true;
	p->on_death = client_died;
	if (clients_add(&sup.clients, &p->client, who->uid, now_ms()) < 0 ||
	    hand_over(p, fd, who) < 0) {
		log_warn("uid %u: a client could not be handed over", who->uid);
		proc_end(p);
	}
}

static void newcomer(const struct door *d, int fd)
{
	uint32_t gids[ROOM_GIDS_MAX];
	struct identity who;
	int r;

	r = identity_of_peer(fd, d->readonly, gids, &who);
	if (r < 0)
		log_warn("who is at the other end? %s", strerrordesc_np(-r));
	else if (!identity_admitted(&sup.conf, &who))
		log_refusal(&who, "not in the lists (unix_rw_*, unix_ro_*)");
	else
		serve(fd, &who);
}

static void come_back(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	accept_pause(!sup.core || sup.stopping);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	const struct door *d = arg;

	(void)what;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int CLEAN_FD client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (client >= 0) {
			newcomer(d, client);
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
	sup.clients.max = sup.conf.max_clients;
	sup.clients.max_per_user = sup.conf.max_clients_per_user;
	sup.clients.max_anon = sup.conf.max_anonymous_clients;
	doors[0].fd = rw_fd;
	doors[1].fd = ro_fd;
	for (int i = 0; i < 2; i++) {
		doors[i].ev = event_new(sup.base, doors[i].fd, EV_READ | EV_PERSIST, on_accept,
					&doors[i]);
		if (!doors[i].ev)
			return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	}
	return 0;
}

void accept_pause(bool paused)
{
	for (int i = 0; i < 2; i++) {
		if (!doors[i].ev)
			continue;
		if (paused)
			event_del(doors[i].ev);
		else
			event_add(doors[i].ev, NULL);
	}
}

void accept_drop_all(void)
{
	for (struct proc *p = sup.procs; p; p = p->next)
		if (p->which == ROOM_CONN && p->used)
			proc_end(p);
}
