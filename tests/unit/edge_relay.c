/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The viewer's relay: order, back-pressure, half-closed sides, a side that goes away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "edge/relay.h"
#include "ipc/ev.h"

static struct event_base *base;
static const char *reason;

static void on_end(const char *why)
{
	reason = why;
	event_base_loopbreak(base);
}

static void turn(void)
{
	for (int i = 0; i < 16; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* One relay per process: everything in one go. */
static void test_relay(void **state)
{
	int viewer[2], guest[2];
	static char out[65536], in[65536];
	size_t sent = 0, got = 0;
	ssize_t n;

	(void)state;
	base = ipc_ev_base();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, viewer), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, guest), 0);
	assert_int_equal(relay_start(base, viewer[1], guest[1], on_end), 0);

	assert_int_equal(write(viewer[0], "RFB", 3), 3);
	turn();
	assert_int_equal(read(guest[0], in, sizeof(in)), 3);
	assert_memory_equal(in, "RFB", 3);

	/* a viewer that does not read: what is taken from the guest is bounded */
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7);
	for (int idle = 0; idle < 4;) {
		n = write(guest[0], out + sent % sizeof(out), sizeof(out) - sent % sizeof(out));
		idle = n > 0 ? 0 : idle + 1;
		sent += n > 0 ? (size_t)n : 0;
		turn();
	}
	assert_true(sent > RELAY_BUFFER && sent < 4u << 20);
	while ((n = read(viewer[0], in, 1000)) > 0 || got < sent) {
		for (ssize_t i = 0; i < n; i++)
			if (in[i] != out[(got + (size_t)i) % sizeof(out)])
				fail_msg("byte %zu differs", got + (size_t)i);
		got += n > 0 ? (size_t)n : 0;
		turn();
	}
	assert_int_equal(got, sent);

	/* the viewer has said all; the guest still answers */
	assert_int_equal(shutdown(viewer[0], SHUT_WR), 0);
	turn();
	assert_int_equal(read(guest[0], in, sizeof(in)), 0);
	assert_null(reason);
	assert_int_equal(write(guest[0], "bye", 3), 3);
	turn();
	assert_int_equal(read(viewer[0], in, sizeof(in)), 3);
	close(guest[0]);
	turn();
	assert_non_null(reason);
	assert_int_equal(read(viewer[0], in, sizeof(in)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_relay) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
