/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Channels: calls, answers, descriptors, long messages, and peers that break the rules. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/chan.h"
#include "ipc/msg.h"
#include "proto/disk.x.h"
#include "proto/vm.x.h"

/* One side serves program disk by hand-made handlers, the other calls. */
static struct ipc_chan client, server;
static struct ipc_call *kept;
static struct ipc_reply last;
static char last_text[ERR_TEXT_MAX];
static int answers, got_fd;

static int on_release(struct ipc_call *call, const void *args)
{
	(void)args;
	kept = call;
	return 0;
}

static int on_open_plain(struct ipc_call *call, const void *args)
{
	const struct disk_plain_args *a = args;
	char none[] = "";
	const struct disk_one_ret ret = { .image = { .path = none, .label = none, .fs = none } };
	int fd;

	if (!strcmp(a->path, "/refuse"))
		return err_set(&call->err, -EACCES, ERR_ACCESS_DENIED, "roots refuse %s", a->path);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ipc_reply(call, &ret, &fd, 1);
	close(fd);
	return 0;
}

static size_t wanted;   /* bytes for the answer, of the call's arena */
static bool had;

static int on_stat(struct ipc_call *call, const void *args)
{
	const struct disk_stat_args *a = args;
	struct disk_stat_ret ret = { .capacity = strlen(a->path) };

	had = !wanted || arena_alloc(call->arena, wanted);
	return ipc_reply(call, &ret, NULL, 0);
}

static ipc_handler_fn *const handlers[] = { NULL, on_open_plain, NULL, on_release, NULL, on_stat,
					    NULL, NULL, NULL };
#define DISK_HEAD .program = DISK_PROGRAM, .version = DISK_VERSION

static const struct ipc_handlers serves = { .program = &disk_program, .fn = handlers };

static void done(void *ctx, struct ipc_reply *r)
{
	(void)ctx;
	last = *r;
	if (r->err)
		memcpy(last_text, r->err->text, sizeof(last_text));
	if (r->n_fds)
		got_fd = take_fd(&r->fds[0]);
	answers++;
}

static void turn(void)
{
	for (int i = 0; i < 4000; i++) {
		ipc_chan_flush(&client);
		if (!server.closed)
			ipc_chan_read(&server);
		if (!server.closed)
			ipc_chan_flush(&server);
		if (!client.closed)
			ipc_chan_read(&client);
		if (!client.out_head && !server.out_head && i > 40)
			break;
	}
}

static int setup(void **state)
{
	int fds[2];

	(void)state;
	log_open("test", LOG_LEVEL_ERROR, NULL);
	if (ipc_pair(fds))
		return -1;
	ipc_chan_init(&client, fds[0], "server", IPC_ROOM_DISK);
	ipc_chan_init(&server, fds[1], "client", IPC_ROOM_CORE);
	ipc_chan_queue(&client);
	ipc_chan_queue(&server);
	server.serves[0] = &serves;
	answers = 0;
	got_fd = -1;
	kept = NULL;
	memset(&last, 0, sizeof(last));
	last_text[0] = '\0';
	return 0;
}

/* as conn and core have it */
static int setup_batch(void **state)
{
	if (setup(state))
		return -1;
	ipc_chan_batch(&client);
	ipc_chan_batch(&server);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ipc_chan_close(&client, "end");
	ipc_chan_close(&server, "end");
	if (kept)
		ipc_reply(kept, NULL, NULL, 0);
	fd_close(&client.fd);
	fd_close(&server.fd);
	fd_close(&got_fd);
	return 0;
}

static void test_call_and_fd(void **state)
{
	struct disk_plain_args a = { .path = (char *)(uintptr_t)"/kernel" };

	(void)state;
	assert_int_equal(disk_call_open_plain(&client, &a, NULL, 0, done, NULL), 0);
	turn();
	assert_int_equal(answers, 1);
	assert_int_equal(last.rc, 0);
	assert_true(got_fd >= 0);
	assert_true(fcntl(got_fd, F_GETFD) & FD_CLOEXEC);
}

static void test_refusal(void **state)
{
	struct disk_plain_args a = { .path = (char *)(uintptr_t)"/refuse" };

	(void)state;
	assert_int_equal(disk_call_open_plain(&client, &a, NULL, 0, done, NULL), 0);
	turn();
	assert_int_equal(last.rc, -EACCES);
	assert_string_equal(last_text, "roots refuse /refuse");
}

/* Longer than many packets, and the answer to a later call does not wait for an earlier one. */
static void test_long_and_out_of_order(void **state)
{
	struct disk_guest_args g = { 0 };
	struct disk_stat_args a = { 0 };
	struct vm_monitor_args long_one = { 0 };
	char *text = malloc(1000001);

	(void)state;
	memset(text, 'x', 1000000);
	text[1000000] = '\0';
	long_one.command = text;
	/* a program that the peer does not serve ends the channel: it is checked last */
	a.path = (char *)(uintptr_t)"12345";
	assert_int_equal(disk_call_release(&client, &g, NULL, 0, done, NULL), 0);
	assert_int_equal(disk_call_stat(&client, &a, NULL, 0, done, NULL), 0);
	turn();
	assert_int_equal(answers, 1);
	ipc_reply(take_ptr(kept), NULL, NULL, 0);
	turn();
	assert_int_equal(answers, 2);
	assert_int_equal(vm_call_monitor(&client, &long_one, NULL, 0, done, NULL), 0);
	turn();
	assert_true(server.closed);
	fd_close(&server.fd);
	turn();
	assert_int_equal(answers, 3);
	assert_int_equal(last.rc, -EPIPE);
	free(text);
}

/* The answer may take more memory than what was asked decoded to, and has an end as well. */
static void test_memory_of_an_answer(void **state)
{
	struct disk_stat_args a = { .path = (char *)(uintptr_t)"/short" };

	(void)state;
	wanted = IPC_WORK_MAX;
	assert_int_equal(disk_call_stat(&client, &a, NULL, 0, done, NULL), 0);
	turn();
	assert_int_equal(last.rc, 0);
	assert_true(had);
	wanted++;
	assert_int_equal(disk_call_stat(&client, &a, NULL, 0, done, NULL), 0);
	turn();
	wanted = 0;
	assert_int_equal(answers, 2);
	assert_false(had);
}

/* Whoever waits learns that the peer is gone; an unanswered call can still be answered safely. */
static void test_peer_gone(void **state)
{
	struct disk_guest_args g = { 0 };

	(void)state;
	assert_int_equal(disk_call_release(&client, &g, NULL, 0, done, NULL), 0);
	turn();
	ipc_chan_close(&server, "dies");
	fd_close(&server.fd);
	assert_null(kept->ch);
	turn();
	assert_int_equal(answers, 1);
	assert_int_equal(last.rc, -EPIPE);
	assert_true(client.closed);
}

/* Rows say who may send them: a channel to somebody else does not serve them. */
static void test_wrong_sender(void **state)
{
	struct disk_guest_args g = { 0 };

	(void)state;
	server.peer = IPC_ROOM_CONN;
	assert_int_equal(disk_call_release(&client, &g, NULL, 0, done, NULL), 0);
	turn();
	assert_null(kept);
	assert_true(server.closed);
}

static void send_raw(struct ipc_head *h, const void *body, size_t n)
{
	struct iovec iov[2] = { { h, sizeof(*h) }, { (void *)(uintptr_t)body, n } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };

	assert_true(sendmsg(client.fd, &mh, 0) > 0);
	ipc_chan_read(&server);
}

/* Each forged head ends the channel; none is served. Only the first one is as it has to be. */
static void test_forged_heads(void **state)
{
	static const struct disk_guest_args g = { 0 };
	static const struct ipc_head forged[] = {
		{ .magic = IPC_MAGIC, .kind = IPC_CALL, DISK_HEAD, .num = DISK_RELEASE },
		{ .magic = 1, .kind = IPC_CALL, DISK_HEAD, .num = DISK_RELEASE },
		{ .magic = IPC_MAGIC, .kind = 9, DISK_HEAD, .num = DISK_RELEASE },
		{ .magic = IPC_MAGIC, .kind = IPC_CALL, DISK_HEAD, .num = 99 },
		{ .magic = IPC_MAGIC, .kind = IPC_CALL, .program = 12, .version = DISK_VERSION, .num = DISK_RELEASE },
		{ .magic = IPC_MAGIC, .kind = IPC_CALL, .program = DISK_PROGRAM, .version = DISK_VERSION + 1,
		  .num = DISK_RELEASE },
		{ .magic = IPC_MAGIC, .kind = IPC_EVENT_MSG, DISK_HEAD, .num = DISK_RELEASE },
		{ .magic = IPC_MAGIC, .kind = IPC_CALL, DISK_HEAD, .num = DISK_RELEASE,
		  .n_fds = 1 },
		{ .magic = IPC_MAGIC, .kind = IPC_CALL, DISK_HEAD, .num = DISK_RELEASE,
		  .body_len = UINT32_MAX },
		{ .magic = IPC_MAGIC, .kind = IPC_CALL, DISK_HEAD, .num = DISK_RELEASE,
		  .body_len = 20, .offset = 8 },
		{ .magic = IPC_MAGIC, .kind = IPC_REPLY, DISK_HEAD, .num = DISK_RELEASE,
		  .serial = 77 },
	};

	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
		struct ipc_head h = forged[i];
		CLEAN_BUF struct buf body;

		buf_init(&body, 64);
		assert_int_equal(xdr_encode(&disk_guest_args_xdr, &g, &body), 0);
		if (!h.body_len)
			h.body_len = (uint32_t)body.len;
		send_raw(&h, body.data, body.len);
		assert_int_equal(server.closed, i > 0);
		assert_int_equal(kept != NULL, i == 0);
		teardown(state);
		assert_int_equal(setup(state), 0);
	}
}

/* A peer that asks and asks is cut off at its limit. */
static void test_too_many_calls(void **state)
{
	struct disk_guest_args g = { 0 };
	struct ipc_call *first;

	(void)state;
	server.calls_max = 2;
	assert_int_equal(disk_call_release(&client, &g, NULL, 0, done, NULL), 0);
	turn();
	first = take_ptr(kept);
	ipc_reply(first, NULL, NULL, 0);
	assert_int_equal(disk_call_release(&client, &g, NULL, 0, done, NULL), 0);
	turn();
	first = take_ptr(kept);
	assert_int_equal(disk_call_release(&client, &g, NULL, 0, done, NULL), 0);
	turn();
	assert_false(server.closed);
	assert_int_equal(disk_call_release(&client, &g, NULL, 0, done, NULL), 0);
	turn();
	assert_true(server.closed);
	ipc_reply(first, NULL, NULL, 0);
}

static void in_order(void *ctx, struct ipc_reply *r)
{
	const struct disk_stat_ret *ret = r->ret;

	assert_int_equal(r->rc, 0);
	assert_int_equal((uintptr_t)ctx, answers);
	assert_int_equal(ret->capacity, answers % 4000);
	answers++;
}

/* What does not fit into the socket waits, and nothing overtakes it. */
static void test_full_socket(void **state)
{
	static char path[4001];
	struct disk_stat_args a = { .path = path };
	uintptr_t n;

	(void)state;
	for (n = 0; !client.out_head || n < 3000; n++) {
		memset(path, 'x', n % 4000);
		path[n % 4000] = '\0';
		assert_int_equal(disk_call_stat(&client, &a, NULL, 0, in_order, (void *)n), 0);
	}
	for (int i = 0; i < 1000 && (uintptr_t)answers < n; i++)
		turn();
	assert_int_equal(answers, n);
	assert_null(client.out_head);
	assert_int_equal(client.out_bytes, 0);
}

/* The first packets of a message whose sender dies then: nothing is kept of them. */
static void test_half_a_message(void **state)
{
	static const uint8_t share[IPC_PACKET_MAX - sizeof(struct ipc_head)];
	struct ipc_head h = { .magic = IPC_MAGIC, .kind = IPC_CALL, DISK_HEAD,
			      .num = DISK_RELEASE, .body_len = 1 << 20 };

	(void)state;
	send_raw(&h, share, sizeof(share));
	h.offset = sizeof(share);
	send_raw(&h, share, sizeof(share));
	assert_false(server.closed);
	assert_int_equal(server.in.len, sizeof(h) + 2 * sizeof(share));
	/* the rest belongs to another message */
	h.offset = 2 * sizeof(share);
	h.serial = 7;
	send_raw(&h, share, sizeof(share));
	assert_true(server.closed);
	assert_null(server.in.data);
	assert_null(kept);
}

/* As the rooms with capabilities have it: no queue. */
static int setup_plain(void **state)
{
	int rc = setup(state);

	client.queue = server.queue = NULL;
	return rc;
}

/* A sender without a queue waits while its peer is slow; each message arrives once and whole. */
static void test_plain_sender_waits(void **state)
{
	enum { N = 40 };
	static char path[4096];
	struct disk_stat_args a = { .path = path };
	int status, before;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		usleep(200000);
		for (int n = 0; n < N && !server.closed; n++) {
			struct pollfd p = { server.fd, POLLIN, 0 };

			if (poll(&p, 1, 5000) != 1 || ipc_chan_read(&server))
				_exit(1);
		}
		_exit(server.closed);
	}
	/* so that the kernel has room for a few only */
	before = 4096;
	assert_int_equal(setsockopt(client.fd, SOL_SOCKET, SO_SNDBUF, &before, sizeof(before)), 0);
	memset(path, 'x', 4000);
	for (int n = 0; n < N; n++)
		assert_int_equal(disk_call_stat(&client, &a, NULL, 0, done, NULL), 0);
	assert_null(client.out_head);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* What comes in several packets is refused there, with the channel. */
static void test_plain_takes_one_packet(void **state)
{
	static const uint8_t share[IPC_SHARE_MAX];
	struct ipc_head h = { .magic = IPC_MAGIC, .kind = IPC_CALL, DISK_HEAD,
			      .num = DISK_RELEASE, .body_len = 1 << 20 };

	(void)state;
	send_raw(&h, share, sizeof(share));
	assert_true(server.closed);
	assert_null(server.in.data);
}

/* A long answer of a plain side arrives at one that collects. */
static void test_plain_sends_long(void **state)
{
	const struct disk_guest_args g = { 0 };
	static uint8_t body[200000];

	(void)state;
	ipc_chan_queue(&client);
	assert_int_equal(disk_call_release(&client, &g, NULL, 0, done, NULL), 0);
	turn();
	assert_non_null(kept);
	ipc_reply_raw(take_ptr(kept), body, sizeof(body), NULL, 0);
	turn();
	assert_int_equal(answers, 1);
	assert_int_equal(last.rc, -EPROTO);   /* whole, and longer than the row says */
}

static void free_it(struct ipc_chan *ch)
{
	close(ch->fd);
	/* so that a look at it afterwards shows, sanitizer or not */
	memset(ch, 0, sizeof(*ch));
	free(ch);
}

/* on_closed may free the channel, whether the peer went away or broke the rules. */
static void test_freed_in_on_closed(void **state)
{
	struct ipc_head forged = { .magic = 1 };
	int fds[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct ipc_chan *ch = malloc(sizeof(*ch));

		assert_int_equal(ipc_pair(fds), 0);
		ipc_chan_init(ch, fds[0], "peer", IPC_ROOM_CORE);
		ipc_chan_queue(ch);
		ch->on_closed = free_it;
		if (i)
			assert_int_equal(write(fds[1], &forged, sizeof(forged)), sizeof(forged));
		close(fds[1]);
		assert_int_equal(ipc_chan_read(ch), -EPIPE);
	}
}

/* An answer in a wrong form ends the channel, and whoever asked hears of it. */
static void test_wrong_answers(void **state)
{
	struct disk_guest_args g = { 0 };

	for (int i = 0; i < 2; i++) {
		assert_int_equal(disk_call_release(&client, &g, NULL, 0, done, NULL), 0);
		turn();
		assert_non_null(kept);
		if (i == 0)
			ipc_reply_raw(take_ptr(kept), "long", 4, NULL, 0);
		else
			ipc_reply_raw(take_ptr(kept), NULL, 0, &(int){ STDERR_FILENO }, 1);
		turn();
		assert_int_equal(answers, 1);
		assert_int_equal(last.rc, -EPROTO);
		assert_true(client.closed);
		teardown(state);
		assert_int_equal(setup(state), 0);
	}
}

/* A refusal is none, whatever errno is in it. */
static void test_refused_as_protocol(void **state)
{
	struct disk_guest_args g = { 0 };

	(void)state;
	assert_int_equal(disk_call_release(&client, &g, NULL, 0, done, NULL), 0);
	turn();
	ipc_refuse_text(take_ptr(kept), -EPROTO, ERR_INVALID_ARG, "of an unknown kind");
	turn();
	assert_int_equal(answers, 1);
	assert_string_equal(last_text, "of an unknown kind");
	assert_false(client.closed);
}

static void test_forget(void **state)
{
	struct disk_guest_args g = { 0 };
	int ctx;

	(void)state;
	assert_int_equal(disk_call_release(&client, &g, NULL, 0, done, &ctx), 0);
	ipc_calls_forget(&client, &ctx);
	turn();
	ipc_reply(take_ptr(kept), NULL, NULL, 0);
	turn();
	assert_int_equal(answers, 0);
	assert_false(client.closed);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown), \
	cmocka_unit_test_setup_teardown(f, setup_batch, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_call_and_fd), T(test_refusal), T(test_memory_of_an_answer),
		T(test_long_and_out_of_order), T(test_peer_gone),
		T(test_wrong_sender), T(test_forged_heads), T(test_too_many_calls), T(test_full_socket),
		T(test_half_a_message), T(test_freed_in_on_closed), T(test_forget),
		T(test_wrong_answers), T(test_refused_as_protocol),
		cmocka_unit_test_setup_teardown(test_plain_sender_waits, setup_plain, teardown),
		cmocka_unit_test_setup_teardown(test_plain_takes_one_packet, setup_plain, teardown),
		cmocka_unit_test_setup_teardown(test_plain_sends_long, setup_plain, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
