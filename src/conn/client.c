/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's socket: read in large pieces, hand on whole packets, stop when it asks too much. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/fd.h"
#include "base/log.h"
#include "conn/conn.h"

#define RX_BASE 65536u            /* enough for nearly every packet; pages cost only when touched */
#define RX_SLACK 4096u
#define MEMORY_MAX_DEFAULT (64u << 20)

static uint8_t rx_static[RX_BASE];

void conn_limits_from(const struct config *conf, struct conn_limits *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->max_requests = conf->max_client_requests ? conf->max_client_requests : 1;
	ret->keepalive_interval = conf->keepalive_interval;
	ret->keepalive_count = conf->keepalive_count;
	ret->memory_max = conf->client_memory_max ? conf->client_memory_max : MEMORY_MAX_DEFAULT;
	ret->half_open_timeout = conf->half_open_timeout;
	snprintf(ret->nvram_dir, sizeof(ret->nvram_dir), "%s", conf->nvram_dir ? conf->nvram_dir : "");
}

int64_t client_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- the end ---- */

static void release(struct client *c)
{
	stream_free_all(c);
	pools_free(c);
	out_free(c);
	if (c->rx != c->rx_base)
		free(c->rx);
	c->rx = c->rx_base;
	ipc_chan_close(&c->core, "the client is gone");
	watch_chan_settle(&c->core_watch);
	while (c->all)
		request_free(c->all);
	while (c->spare) {
		struct request *rq = c->spare;

		c->spare = rq->next;
		free(rq);
	}
	arena_free(c->scratch);
	arena_free(c->host_arena);
	c->scratch = c->host_arena = NULL;
	c->host = NULL;
	watch_set(&c->watch, 0);
	fd_close(&c->fd);
}

/* Callers higher up still use the client, so that freeing waits for client_settle(). */
void client_end(struct client *c, const char *why)
{
	if (c->ended)
		return;
	c->ended = true;
	log_debug("client %llu: %s", (unsigned long long)c->id, why);
	shutdown(c->fd, SHUT_RDWR);
	/* calls that core still works on are answered to nobody */
	for (struct request *rq = c->all; rq; rq = rq->next)
		ipc_calls_forget(&c->core, rq);
}

static void core_closed(struct ipc_chan *ch)
{
	struct client *c = ch->ctx;

	if (c->ended)
		return;
	log_info("client %llu: core is gone", (unsigned long long)c->id);
	event_send_closed(c);
	client_close(c);
}

void client_close(struct client *c)
{
	if (c->ended)
		return;
	c->closing = true;
	c->deadline = client_now_ms() + CONN_LINGER * 1000;
}

/* ---- reading ---- */

/* Bytes that may be read now behind rx_len; the buffer grows only when it is full. */
static size_t rx_room(struct client *c, size_t need)
{
	size_t left = c->rx_len - c->rx_start, cap;
	uint8_t *p;

	if (c->rx_start && (left == 0 || c->rx_cap - c->rx_len < RX_SLACK)) {
		if (left)
			memmove(c->rx, c->rx + c->rx_start, left);
		c->rx_start = 0;
		c->rx_len = left;
	}
	if (c->rx_len < c->rx_cap)
		return c->rx_cap - c->rx_len;
	/* full of one packet whose bytes really came: twice as much, up to what it announced */
	cap = c->rx_cap * 2 < need ? c->rx_cap * 2 : need;
	p = cap > c->rx_cap ? realloc(c->rx == c->rx_base ? NULL : c->rx, cap) : NULL;
	if (!p)
		return 0;
	if (c->rx == c->rx_base)
		memcpy(p, c->rx_base, c->rx_len);
	c->rx = p;
	c->rx_cap = cap;
	return c->rx_cap - c->rx_len;
}

/* The memory of a long packet goes back as soon as it was handled. */
static void rx_shrink(struct client *c)
{
	size_t left = c->rx_len - c->rx_start;

	if (c->rx == c->rx_base || c->rx_need > RX_BASE || left > RX_BASE)
		return;
	memcpy(c->rx_base, c->rx + c->rx_start, left);
	free(c->rx);
	c->rx = c->rx_base;
	c->rx_cap = RX_BASE;
	c->rx_start = 0;
	c->rx_len = left;
}

/* A packet is held twice at most: here, and decoded or on its way to core. */
static size_t packet_max(const struct client *c)
{
	uint64_t half = c->limits.memory_max / 2 + 4;

	return half < PACKET_MAX ? (size_t)half : PACKET_MAX;
}

/* Handle all whole packets that need not wait. */
static void parse(struct client *c)
{
	while (!c->ended && !c->closing) {
		struct packet p;
		int rc = packet_parse(c->rx + c->rx_start, c->rx_len - c->rx_start, packet_max(c), &p);

		if (rc < 0) {
			log_warn("client %llu: %s", (unsigned long long)c->id, rc == -E2BIG ?
				 "packet is longer than half of client_memory_max" : "sends no packets");
			client_end(c, "broke the protocol");
			return;
		}
		if (rc == 0) {
			c->rx_need = p.total;
			rx_shrink(c);
			return;
		}
		if (call_must_wait(c, &p)) {
			c->blocked = true;
			return;
		}
		c->rx_start += p.total;
		c->heard = true;
		c->core.more = c->rx_start < c->rx_len;
		call_packet(c, &p);
	}
}

static void readable(struct client *c)
{
	size_t room = rx_room(c, c->rx_need < RX_BASE ? RX_BASE : c->rx_need);
	ssize_t n;

	if (!room) {
		client_end(c, "out of memory");
		return;
	}
	/* descriptors that come along are dropped by the kernel: no row takes any yet */
	n = recv(c->fd, c->rx + c->rx_len, room, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_end(c, n ? "cannot be read" : "gone");
		return;
	}
	c->rx_len += (size_t)n;
	parse(c);
}

/* Writing is tried after every turn anyway: that it can go on is all that EPOLLOUT says. */
static void ready(void *ctx, uint32_t events)
{
	struct client *c = ctx;

	if (c->ended || c->closing)
		return;
	if (c->blocked && events & (EPOLLHUP | EPOLLERR))
		client_end(c, "gone");
	else if (!c->blocked && events & ~(uint32_t)EPOLLOUT)
		readable(c);
}

void client_resume(struct client *c)
{
	c->resume = c->blocked;
}

/* ---- after each turn ---- */

static void flush(struct client *c)
{
	size_t before = c->out_bytes;
	int rc = before ? out_flush(c) : 0;

	if (rc && rc != -EAGAIN)
		client_end(c, "cannot be written");
	else if (!rc && c->closing)
		client_end(c, "closed");
	else if (c->out_bytes < before && c->out_bytes <= CONN_OUT_HIGH / 2)
		client_resume(c);
}

static void clocks(struct client *c)
{
	int64_t now = client_now_ms();

	if (c->keepalive_at && now >= c->keepalive_at)
		keepalive_tick(c);
	if (!c->deadline || now < c->deadline)
		return;
	if (!c->closing)
		log_info("client %llu: did not open within half_open_timeout",
			 (unsigned long long)c->id);
	client_end(c, c->closing ? "does not read its last answers" : "half open");
}

int client_wait_ms(const struct client *c)
{
	int64_t at = c->deadline, left;

	if (c->keepalive_at && (!at || c->keepalive_at < at))
		at = c->keepalive_at;
	if (!at)
		return -1;
	/* one more than what is left: the clock is coarse, and early would mean a turn for nothing */
	left = at - client_now_ms() + 1;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

void client_settle(struct client *c)
{
	if (c->keepalive_at || c->deadline)
		clocks(c);
	do {
		if (c->resume) {
			c->resume = c->blocked = false;
			parse(c);
		}
		watch_chan_settle(&c->core_watch);
		if (!c->ended)
			flush(c);
	} while (c->resume && !c->ended);
	if (!c->ended && c->streams)
		stream_settle(c);
	/* one that is not read is still heard to hang up; one that only shut its sending side stays */
	if (!c->ended && watch_set(&c->watch, (c->closing ? 0 : c->blocked ? EPOLLHUP : EPOLLIN) |
				   (c->out_head ? EPOLLOUT : 0)))
		client_end(c, "cannot be waited for");
	if (!c->ended)
		return;
	if (c->on_end)
		c->on_end(c);
	release(c);
}

/* ---- the beginning ---- */

int client_start(struct client *c, int fd, int core_fd, uint64_t id, const struct identity *who)
{
	int rc;

	c->fd = fd;
	c->id = id;
	c->readonly = who->readonly;
	c->local = who->kind == IDENTITY_KIND_UNIX_USER;
	c->rx = c->rx_base = rx_static;
	c->rx_cap = RX_BASE;
	ipc_chan_init(&c->core, core_fd, "core", IPC_ROOM_CORE);
	ipc_chan_batch(&c->core);
	c->core.ctx = c;
	c->core.serves[0] = &event_server;
	c->core.on_closed = core_closed;
	c->watch = (struct watch){ .fd = fd, .ready = ready, .ctx = c };
	if (c->limits.half_open_timeout)
		c->deadline = client_now_ms() + c->limits.half_open_timeout * INT64_C(1000);
	c->scratch = arena_new(CONN_DECODE_BASE * 2);
	rc = watch_chan_start(&c->core_watch, &c->core);
	if (!rc)
		rc = c->scratch ? watch_set(&c->watch, EPOLLIN) : -ENOMEM;
	if (rc)
		release(c);
	return rc;
}
