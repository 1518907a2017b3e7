/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordon-conn without its process: a client's socket, and a core that says
 * what the test wants. Link with src/conn (but main.c), and the generated
 * servers of the programs core and remote, whose rows are all optional.
 */
#ifndef CORDON_TESTS_CONN_STUB_H
#define CORDON_TESTS_CONN_STUB_H

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/be.h"
#include "base/fd.h"
#include "conn/conn.h"

extern const struct ipc_handlers remote_server;

struct stub {
	struct client c;
	struct ipc_chan core;
	int sock;                /* the client's end */
	bool ended;
};

static void stub_core_closed(struct ipc_chan *ch)
{
	fd_close(&ch->fd);
}

static void stub_ended(struct client *c)
{
	struct stub *s = (struct stub *)((char *)c - offsetof(struct stub, c));

	s->ended = true;
}

static int stub_start_with(struct stub *s, unsigned half_open_timeout)
{
	struct identity who = { .asserter = ROOM_DOOR, .kind = IDENTITY_KIND_UNIX_USER };
	struct config conf = { .max_client_requests = 5, .keepalive_interval = -1,
			       .client_memory_max = 64u << 20,
			       .half_open_timeout = half_open_timeout };
	int client[2], core[2];

	memset(s, 0, sizeof(*s));
	if (loop_open() || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, client) || ipc_pair(core))
		return -EIO;
	s->sock = client[0];
	s->c.on_end = stub_ended;
	conn_limits_from(&conf, &s->c.limits);
	ipc_chan_init(&s->core, core[1], "conn", IPC_ROOM_CONN);
	ipc_chan_queue(&s->core);
	s->core.serves[0] = &remote_server;
	s->core.serves[1] = &core_server;
	s->core.ctx = s;
	s->core.on_closed = stub_core_closed;
	fd_set_nonblock(s->sock, 1);
	return client_start(&s->c, client[1], core[0], 1, &who);
}

static int stub_start(struct stub *s)
{
	return stub_start_with(s, 0);
}

/* Let both run until nothing is left to do. */
static void stub_turn(struct stub *s)
{
	for (int i = 0; i < 12; i++) {
		if (!s->ended) {
			loop_turn(0);
			client_settle(&s->c);
		}
		if (!s->core.closed)
			ipc_chan_read(&s->core);
		if (!s->core.closed)
			ipc_chan_flush(&s->core);
	}
}

static void stub_stop(struct stub *s)
{
	close(s->sock);
	stub_turn(s);
	if (!s->ended) {
		client_end(&s->c, "test over");
		stub_turn(s);
	}
	ipc_chan_close(&s->core, "test over");
	loop_close();
}

/* What core answers to CONNECT_OPEN: everything is allowed. */
int core_on_open(struct ipc_call *call, const struct core_open_args *args)
{
	struct core_open_ret ret = { .readonly = args->readonly, .max_requests = 5,
				     .keepalive_interval = -1 };

	memset(ret.may_remote, 0xff, sizeof(ret.may_remote));
	return core_reply_open(call, &ret);
}

#endif
