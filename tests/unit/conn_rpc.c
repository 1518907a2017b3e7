/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Framing, order of answers, limits, events and streams of cordon-conn. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conn_stub.h"

/* ---- core as these tests want it ---- */

static struct ipc_call *held[8];
static unsigned n_held;
static int console_fd = -1;

/* lookups are answered when the test says so */
int remote_on_domain_lookup_by_name(struct ipc_call *call,
				    const struct remote_domain_lookup_by_name_args *args)
{
	(void)args;
	held[n_held++] = call;
	return 0;
}

static void answer_held(unsigned i)
{
	struct remote_domain_lookup_by_name_ret ret = { .dom = { .name = (char[]){ "g" }, .id = -1 } };

	remote_reply_domain_lookup_by_name(held[i], &ret);
}

int remote_on_domain_open_console(struct ipc_call *call,
				  const struct remote_domain_open_console_args *args)
{
	int fds[2];

	(void)args;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return err_sys(&call->err, -errno, "socketpair");
	console_fd = fds[1];
	ipc_reply(call, NULL, fds, 1);
	close(fds[0]);
	return 0;
}

int remote_on_domain_open_graphics_fd(struct ipc_call *call,
				      const struct remote_domain_open_graphics_fd_args *args)
{
	int fds[2];

	(void)args;
	if (pipe(fds))
		return err_sys(&call->err, -errno, "pipe");
	console_fd = fds[1];
	ipc_reply(call, NULL, fds, 1);
	close(fds[0]);
	return 0;
}

/* ---- the client's side ---- */

static void put(struct stub *s, uint32_t proc, uint32_t type, uint32_t serial, uint32_t status,
		const void *body, size_t len)
{
	struct packet p = { .prog = REMOTE_PROGRAM, .vers = 1, .proc = proc, .type = type,
			    .serial = serial, .status = status };
	uint8_t head[PACKET_HEAD];

	packet_head(head, &p, len);
	assert_int_equal(send(s->sock, head, sizeof(head), MSG_NOSIGNAL), sizeof(head));
	if (len)
		assert_int_equal(send(s->sock, body, len, MSG_NOSIGNAL), len);
}

static uint8_t in[1 << 20];

/* The next packet from the server; false when there is none. */
static bool get(struct stub *s, struct packet *p)
{
	ssize_t n;

	stub_turn(s);
	n = recv(s->sock, in, PACKET_HEAD, MSG_DONTWAIT);
	if (n <= 0)
		return false;
	assert_int_equal(n, PACKET_HEAD);
	n = recv(s->sock, in + PACKET_HEAD, be_get32(in) - PACKET_HEAD, MSG_DONTWAIT);
	n = n < 0 ? 0 : n;
	assert_int_equal(packet_parse(in, PACKET_HEAD + (size_t)n, PACKET_MAX, p), 1);
	return true;
}

static void must_get(struct stub *s, struct packet *p, uint32_t proc, uint32_t type,
		     uint32_t serial, uint32_t status)
{
	assert_true(get(s, p));
	assert_int_equal(p->proc, proc);
	assert_int_equal(p->type, type);
	assert_int_equal(p->serial, serial);
	assert_int_equal(p->status, status);
}

static void opened(struct stub *s)
{
	static const uint8_t args[8];
	struct packet p;

	n_held = 0;
	assert_int_equal(stub_start(s), 0);
	put(s, REMOTE_CONNECT_OPEN, PACKET_CALL, 0, PACKET_OK, args, sizeof(args));
	must_get(s, &p, REMOTE_CONNECT_OPEN, PACKET_REPLY, 0, PACKET_OK);
}

static void lookup(struct stub *s, uint32_t serial)
{
	static const uint8_t args[8] = { 0, 0, 0, 1, 'g' };

	put(s, REMOTE_DOMAIN_LOOKUP_BY_NAME, PACKET_CALL, serial, PACKET_OK, args, sizeof(args));
	stub_turn(s);
}

/* name, uuid, id of a guest, and what follows them */
static size_t dom_args(uint8_t *out, size_t zeros)
{
	memset(out, 0, 28 + zeros);
	out[3] = 1;
	out[4] = 'g';
	return 28 + zeros;
}

/* ---- tests ---- */

static void test_parse(void **state)
{
	uint8_t b[64] = { 0, 0, 0, 32, 0x20, 0, 0x80, 0x86 };
	struct packet p;

	(void)state;
	for (size_t n = 0; n < 32; n++) {
		assert_int_equal(packet_parse(b, n, PACKET_MAX, &p), 0);
		assert_int_equal(p.total, n < 4 ? 4 : 32);
	}
	assert_int_equal(packet_parse(b, 32, PACKET_MAX, &p), 1);
	assert_int_equal(p.prog, REMOTE_PROGRAM);
	assert_int_equal(p.len, 4);
	assert_int_equal(packet_parse(b, 32, 31, &p), -E2BIG);
	b[19] = PACKET_CALL_FDS;
	b[31] = 2;
	assert_int_equal(packet_parse(b, 33, PACKET_MAX, &p), 0);
	assert_int_equal(p.total, 34);
	assert_int_equal(packet_parse(b, 34, PACKET_MAX, &p), 1);
	assert_int_equal(p.n_fds, 2);
	assert_int_equal(p.len, 0);
	b[31] = 33;
	assert_int_equal(packet_parse(b, 64, PACKET_MAX, &p), -EPROTO);
	b[3] = 27;
	assert_int_equal(packet_parse(b, 4, PACKET_MAX, &p), -EPROTO);
	be_put32(b, PACKET_MAX);
	assert_int_equal(packet_parse(b, 4, PACKET_MAX, &p), 0);
	be_put32(b, PACKET_MAX + 1);
	assert_int_equal(packet_parse(b, 4, PACKET_MAX, &p), -EPROTO);
}

static void test_out_of_order(void **state)
{
	struct packet p;
	struct stub s;

	(void)state;
	opened(&s);
	lookup(&s, 10);
	lookup(&s, 11);
	lookup(&s, 12);
	assert_int_equal(n_held, 3);
	answer_held(2);
	must_get(&s, &p, REMOTE_DOMAIN_LOOKUP_BY_NAME, PACKET_REPLY, 12, PACKET_OK);
	answer_held(0);
	must_get(&s, &p, REMOTE_DOMAIN_LOOKUP_BY_NAME, PACKET_REPLY, 10, PACKET_OK);
	/* one that is answered here overtakes one that core works on */
	put(&s, REMOTE_CONNECT_GET_TYPE, PACKET_CALL, 13, PACKET_OK, NULL, 0);
	must_get(&s, &p, REMOTE_CONNECT_GET_TYPE, PACKET_REPLY, 13, PACKET_OK);
	answer_held(1);
	must_get(&s, &p, REMOTE_DOMAIN_LOOKUP_BY_NAME, PACKET_REPLY, 11, PACKET_OK);
	stub_stop(&s);
}

static void test_max_requests(void **state)
{
	struct packet p;
	struct stub s;

	(void)state;
	opened(&s);
	for (uint32_t i = 0; i < 7; i++)
		lookup(&s, i);
	assert_int_equal(n_held, 5);
	answer_held(0);
	must_get(&s, &p, REMOTE_DOMAIN_LOOKUP_BY_NAME, PACKET_REPLY, 0, PACKET_OK);
	stub_turn(&s);
	assert_int_equal(n_held, 6);
	for (unsigned i = 1; i < 6; i++)
		answer_held(i);
	stub_turn(&s);
	assert_int_equal(n_held, 7);
	answer_held(6);
	stub_stop(&s);
}

static void test_events(void **state)
{
	struct remote_domain_event_callback_lifecycle_msg m = {
		.callbackID = 3, .msg = { .dom = { .name = (char[]){ "g" }, .id = -1 }, .event = 2 },
	};
	struct packet p;
	struct stub s;

	(void)state;
	assert_int_equal(stub_start(&s), 0);
	/* nothing before the connection is open */
	remote_send_domain_event_callback_lifecycle(&s.core, &m);
	assert_false(get(&s, &p));
	stub_stop(&s);
	opened(&s);
	remote_send_domain_event_callback_lifecycle(&s.core, &m);
	must_get(&s, &p, REMOTE_DOMAIN_EVENT_CALLBACK_LIFECYCLE, PACKET_MESSAGE, 0, PACKET_OK);
	assert_int_equal(be_get32(p.body), 3);
	stub_stop(&s);
}

static void test_core_ends(void **state)
{
	struct packet p;
	struct stub s;

	(void)state;
	opened(&s);
	put(&s, REMOTE_CONNECT_REGISTER_CLOSE_CALLBACK, PACKET_CALL, 1, PACKET_OK, NULL, 0);
	must_get(&s, &p, REMOTE_CONNECT_REGISTER_CLOSE_CALLBACK, PACKET_REPLY, 1, PACKET_OK);
	lookup(&s, 2);
	ipc_chan_close(&s.core, "test");
	must_get(&s, &p, REMOTE_DOMAIN_LOOKUP_BY_NAME, PACKET_REPLY, 2, PACKET_ERROR);
	must_get(&s, &p, REMOTE_CONNECT_EVENT_CONNECTION_CLOSED, PACKET_MESSAGE, 0, PACKET_OK);
	stub_turn(&s);
	assert_true(s.ended);
	stub_stop(&s);
}

static void open_console(struct stub *s, uint32_t serial)
{
	uint8_t args[64];
	struct packet p;

	put(s, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_CALL, serial, PACKET_OK, args, dom_args(args, 8));
	must_get(s, &p, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_REPLY, serial, PACKET_OK);
}

static void test_console(void **state)
{
	struct packet p;
	struct stub s;
	char text[16];

	(void)state;
	opened(&s);
	open_console(&s, 5);
	assert_int_equal(send(console_fd, "login:", 6, 0), 6);
	must_get(&s, &p, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_STREAM, 5, PACKET_CONTINUE);
	assert_int_equal(p.len, 6);
	assert_memory_equal(p.body, "login:", 6);
	put(&s, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_STREAM, 5, PACKET_CONTINUE, "root\r", 5);
	stub_turn(&s);
	assert_int_equal(recv(console_fd, text, sizeof(text), MSG_DONTWAIT), 5);
	assert_memory_equal(text, "root\r", 5);
	/* another serial's packets are nobody's */
	put(&s, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_STREAM, 6, PACKET_CONTINUE, "x", 1);
	stub_turn(&s);
	assert_int_equal(recv(console_fd, text, sizeof(text), MSG_DONTWAIT), -1);
	put(&s, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_STREAM, 5, PACKET_OK, NULL, 0);
	must_get(&s, &p, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_STREAM, 5, PACKET_OK);
	assert_int_equal(recv(console_fd, text, sizeof(text), 0), 0);
	close(console_fd);
	stub_stop(&s);
}

static void test_stream_ends(void **state)
{
	struct packet p;
	struct stub s;

	(void)state;
	opened(&s);
	open_console(&s, 5);
	close(console_fd);
	must_get(&s, &p, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_STREAM, 5, PACKET_CONTINUE);
	assert_int_equal(p.len, 0);
	put(&s, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_STREAM, 5, PACKET_ERROR, NULL, 0);
	must_get(&s, &p, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_STREAM, 5, PACKET_OK);
	assert_int_equal(s.c.n_streams, 0);
	/* a hole is for sparse streams only */
	open_console(&s, 6);
	put(&s, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_HOLE, 6, PACKET_CONTINUE,
	    "\0\0\0\0\0\0\0\1\0\0\0\0", 12);
	must_get(&s, &p, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_STREAM, 6, PACKET_ERROR);
	assert_int_equal(s.c.n_streams, 0);
	close(console_fd);
	stub_stop(&s);
}

static uint8_t chunk[65536];

/* Send to a console whose guest does not read, until nobody takes any more. */
static void fill_console(struct stub *s)
{
	struct packet p = { .prog = REMOTE_PROGRAM, .vers = 1, .proc = REMOTE_DOMAIN_OPEN_CONSOLE,
			    .type = PACKET_STREAM, .serial = 5, .status = PACKET_CONTINUE };
	size_t sent = 0, idle = 0;

	open_console(s, 5);
	packet_head(chunk, &p, sizeof(chunk) - PACKET_HEAD);
	while (idle < 5) {
		ssize_t n = send(s->sock, chunk + sent % sizeof(chunk),
				 sizeof(chunk) - sent % sizeof(chunk), MSG_DONTWAIT | MSG_NOSIGNAL);

		idle = n > 0 ? 0 : idle + 1;
		sent += n > 0 ? (size_t)n : 0;
		stub_turn(s);
	}
	assert_true(sent < 2u << 20);
	assert_true(s->c.blocked);
}

static void empty_console(struct stub *s)
{
	fd_set_nonblock(console_fd, 1);
	while (recv(console_fd, chunk, sizeof(chunk), MSG_DONTWAIT) > 0)
		stub_turn(s);
}

/* Neither a guest that does not read nor a client that does not read costs memory. */
static void test_backpressure(void **state)
{
	size_t sent, idle;
	struct stub s;

	(void)state;
	opened(&s);
	fill_console(&s);
	/* and it goes on when the guest reads */
	empty_console(&s);
	assert_false(s.c.blocked);
	for (idle = 0, sent = 0; idle < 5;) {
		ssize_t n = send(console_fd, chunk, sizeof(chunk), MSG_DONTWAIT | MSG_NOSIGNAL);

		idle = n > 0 ? 0 : idle + 1;
		sent += n > 0 ? (size_t)n : 0;
		stub_turn(&s);
	}
	assert_true(s.c.out_bytes < 1u << 20);
	assert_true(sent < 3u << 20);
	close(console_fd);
	stub_stop(&s);
}

/* A client that is not read because one of its packets waits is missed all the same. */
static void test_gone_while_it_waits(void **state)
{
	struct stub s;

	(void)state;
	opened(&s);
	fill_console(&s);
	close(s.sock);
	s.sock = -1;
	stub_turn(&s);
	assert_true(s.ended);
	close(console_fd);
	stub_stop(&s);
	/* nor do calls that core works on keep it */
	opened(&s);
	for (uint32_t i = 0; i < 7; i++)
		lookup(&s, i);
	assert_true(s.c.blocked);
	close(s.sock);
	s.sock = -1;
	stub_turn(&s);
	assert_true(s.ended);
	stub_stop(&s);
}

/* One that only has no more to send is not gone before all of it was handled. */
static void test_half_closed_while_it_waits(void **state)
{
	struct stub s;

	(void)state;
	opened(&s);
	fill_console(&s);
	assert_int_equal(shutdown(s.sock, SHUT_WR), 0);
	stub_turn(&s);
	assert_false(s.ended);
	empty_console(&s);
	assert_true(s.ended);
	close(console_fd);
	stub_stop(&s);
}

/* What comes in lumps, to a client that reads a little at a time, arrives whole and in order. */
static void test_slow_reader(void **state)
{
	static uint8_t got[1 << 20];
	static const int small = 30000;
	size_t sent = 0, have = 0, seen = 0;
	struct packet p;
	struct stub s;

	(void)state;
	opened(&s);
	open_console(&s, 5);
	fd_set_nonblock(console_fd, 1);
	/* a lump does not fit: a part of it goes at once */
	assert_int_equal(setsockopt(s.c.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	while (seen < 3u << 20) {
		uint8_t piece[7001];
		ssize_t n;

		do {
			for (size_t i = 0; i < sizeof(piece); i++)
				piece[i] = (uint8_t)((sent + i) % 251);
			n = send(console_fd, piece, sizeof(piece), MSG_NOSIGNAL);
			sent += n > 0 ? (size_t)n : 0;
		} while (n > 0);
		loop_turn(0);
		client_settle(&s.c);
		while ((n = recv(s.sock, got + have, 5003, MSG_DONTWAIT)) > 0) {
			have += (size_t)n;
			if (have % 3)
				client_settle(&s.c);
		}
		while (packet_parse(got, have, PACKET_MAX, &p) == 1) {
			assert_int_equal(p.type, PACKET_STREAM);
			for (size_t i = 0; i < p.len; i++)
				assert_int_equal(p.body[i], (seen + i) % 251);
			seen += p.len;
			have -= p.total;
			memmove(got, got + p.total, have);
		}
	}
	assert_false(s.ended);
	close(console_fd);
	stub_stop(&s);
}

static void test_streams_max(void **state)
{
	uint8_t args[64];
	struct packet p;
	struct stub s;

	(void)state;
	opened(&s);
	for (uint32_t i = 1; i < CONN_STREAMS_MAX; i++) {
		open_console(&s, i);
		close(console_fd);
		assert_true(get(&s, &p));    /* its end */
	}
	/* one that is being opened counts */
	put(&s, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_CALL, 98, PACKET_OK, args, dom_args(args, 8));
	put(&s, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_CALL, 99, PACKET_OK, args, dom_args(args, 8));
	must_get(&s, &p, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_REPLY, 99, PACKET_ERROR);
	must_get(&s, &p, REMOTE_DOMAIN_OPEN_CONSOLE, PACKET_REPLY, 98, PACKET_OK);
	assert_int_equal(s.c.n_streams, CONN_STREAMS_MAX);
	close(console_fd);
	stub_stop(&s);
}

static void test_descriptor_out(void **state)
{
	_Alignas(struct cmsghdr) char ctrl[CMSG_SPACE(sizeof(int))];
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctrl,
			     .msg_controllen = sizeof(ctrl) };
	uint8_t args[64];
	struct packet p;
	struct stub s;
	int fd;

	(void)state;
	opened(&s);
	put(&s, REMOTE_DOMAIN_OPEN_GRAPHICS_FD, PACKET_CALL, 4, PACKET_OK, args, dom_args(args, 8));
	must_get(&s, &p, REMOTE_DOMAIN_OPEN_GRAPHICS_FD, PACKET_REPLY_FDS, 4, PACKET_OK);
	assert_int_equal(p.len, 4);
	assert_int_equal(be_get32(p.body), 1);
	assert_int_equal(recvmsg(s.sock, &mh, MSG_DONTWAIT), 1);
	assert_int_equal(byte, 0);
	assert_non_null(CMSG_FIRSTHDR(&mh));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof(fd));
	assert_int_equal(write(console_fd, "v", 1), 1);
	assert_int_equal(read(fd, &byte, 1), 1);
	close(fd);
	close(console_fd);
	stub_stop(&s);
}

static void test_announced_only(void **state)
{
	static const uint8_t head[8] = { 1, 0xf0, 0, 0, 0x20, 0, 0x80, 0x86 };   /* 31 MiB */
	struct stub s;

	(void)state;
	opened(&s);
	assert_int_equal(send(s.sock, head, sizeof(head), 0), sizeof(head));
	stub_turn(&s);
	assert_false(s.ended);
	assert_ptr_equal(s.c.rx, s.c.rx_base);
	stub_stop(&s);
}

static void test_half_open(void **state)
{
	struct stub s;

	(void)state;
	assert_int_equal(stub_start_with(&s, 1), 0);
	for (int i = 0; i < 30 && !s.ended; i++) {
		usleep(50000);
		stub_turn(&s);
	}
	assert_true(s.ended);
	stub_stop(&s);
}

/* Two pings of ours without an answer, then the end. */
static void test_keepalive(void **state)
{
	static const uint8_t feature[4] = { 0, 0, 0, 10 };
	unsigned pings = 0;
	struct packet p;
	struct stub s;

	(void)state;
	opened(&s);
	s.c.limits.keepalive_interval = 1;
	s.c.limits.keepalive_count = 2;
	put(&s, REMOTE_CONNECT_SUPPORTS_FEATURE, PACKET_CALL, 1, PACKET_OK, feature, 4);
	must_get(&s, &p, REMOTE_CONNECT_SUPPORTS_FEATURE, PACKET_REPLY, 1, PACKET_OK);
	for (int i = 0; i < 120 && !s.ended; i++) {
		usleep(50000);
		if (!get(&s, &p))
			continue;
		assert_int_equal(p.prog, KEEPALIVE_PROGRAM);
		assert_int_equal(p.proc, KEEPALIVE_PING);
		assert_int_equal(p.type, PACKET_MESSAGE);
		pings++;
	}
	assert_true(s.ended);
	assert_int_equal(pings, 2);
	stub_stop(&s);
}

static void check_name(const char *row, const char *want)
{
	struct {
		struct ipc_row row;
		char name[ERROR_NAME_MAX];
	} book = { .row.name = sizeof(struct ipc_row) };
	char name[ERROR_NAME_MAX];

	snprintf(book.name, sizeof(book.name), "%s", row);
	error_api_name(&remote_program, &book.row, name);
	assert_string_equal(name, want);
}

static void test_names(void **state)
{
	char name[ERROR_NAME_MAX];

	(void)state;
	check_name("DOMAIN_DEFINE_XML", "virDomainDefineXML");
	check_name("NODE_GET_CPU_STATS", "virNodeGetCPUStats");
	check_name("CONNECT_LIST_ALL_NWFILTERS", "virConnectListAllNWFilters");
	check_name("CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY", "virConnectDomainEventRegisterAny");
	check_name("DOMAIN_FSTRIM", "virDomainFSTrim");
	/* no row's name is too long */
	for (uint32_t i = 0; i < remote_program.n_rows; i++)
		error_api_name(&remote_program, &remote_program.rows[i], name);
	error_api_name(&qemu_program, &qemu_program.rows[0], name);
	assert_string_equal(name, "virDomainQemuMonitorCommand");
}

/* The example of the protocol's description, to the byte. */
static void test_error_bytes(void **state)
{
	struct err err = { .code = ERR_NO_DOMAIN,
			   .text = "Domain not found: no domain with matching name 'a'" };
	CLEAN_BUF struct buf b = { 0 };

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(error_encode(&remote_program, ipc_row_find(&remote_program,
			 REMOTE_DOMAIN_LOOKUP_BY_NAME), &err, &b), 0);
	assert_int_equal(b.len, 188 - PACKET_HEAD);
	assert_int_equal(be_get32(b.data), 42);
	assert_int_equal(be_get32(b.data + 4), 10);
	assert_memory_equal(b.data + 12, "\0\0\0\x32""Domain not found: no domain", 31);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_max_requests),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_core_ends),
		cmocka_unit_test(test_console),
		cmocka_unit_test(test_stream_ends),
		cmocka_unit_test(test_backpressure),
		cmocka_unit_test(test_gone_while_it_waits),
		cmocka_unit_test(test_half_closed_while_it_waits),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_streams_max),
		cmocka_unit_test(test_descriptor_out),
		cmocka_unit_test(test_announced_only),
		cmocka_unit_test(test_half_open),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_error_bytes),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
