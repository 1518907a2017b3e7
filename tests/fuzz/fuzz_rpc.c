/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a stranger writes to the socket: framing, dispatch, every row's
 * arguments, XML inside them, streams. Core refuses everything but OPEN.
 * The first byte of an input says whether the connection is open already.
 */
#include <signal.h>
#include <stdlib.h>

#include "../unit/conn_stub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A stream to nowhere, so that stream packets have something to meet. */
int remote_on_domain_open_console(struct ipc_call *call,
				  const struct remote_domain_open_console_args *args)
{
	int fds[2];

	(void)args;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return err_sys(&call->err, -errno, "socketpair");
	ipc_reply(call, NULL, fds, 1);
	fd_close_all(fds, 2);
	return 0;
}

static const uint8_t open_call[] = {
	0, 0, 0, 36, 0x20, 0, 0x80, 0x86, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};

static void drain(struct stub *s)
{
	static uint8_t sink[65536];

	while (recv(s->sock, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stub s;
	size_t at = 1;

	signal(SIGPIPE, SIG_IGN);
	if (size < 1 || stub_start(&s))
		return 0;
	if (data[0] & 1) {
		if (send(s.sock, open_call, sizeof(open_call), MSG_NOSIGNAL) < 0)
			abort();
		stub_turn(&s);
	}
	while (at < size && !s.ended) {
		ssize_t n = send(s.sock, data + at, size - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			at += (size_t)n;
		else if (errno != EAGAIN)
			break;
		stub_turn(&s);
		drain(&s);
	}
	stub_turn(&s);
	stub_stop(&s);
	return 0;
}
