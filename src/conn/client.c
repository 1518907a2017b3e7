/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's socket: read in large pieces, hand on whole packets, stop when it asks too much. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"
#include "conn/conn.h"
#include "ipc/ev.h"

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

/* ---- the end ---- */

static void events_free(struct client *c)
{
	struct event **ev[] = { &c->ev_in, &c->ev_out, &c->ev_flush, &c->ev_resume,
				&c->ev_half_open };

	for (size_t i = 0; i < sizeof(ev) / sizeof(ev[0]); i++) {
		if (*ev[i])
			event_free(*ev[i]);
		*ev[i] = NULL;
	}
}

static void release(struct client *c)
{
	keepalive_stop(c);
	stream_free_all(c);
	pools_free(c);
	events_free(c);
	out_free(c);
	if (c->rx != c->rx_base)
		free(c->rx);
	c->rx = c->rx_base;
	ipc_ev_detach(&c->core);
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
	fd_close(&c->fd);
}

/* Callers higher up still use the client, so that freeing waits for the loop. */
static void ended(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	release(c);
	if (c->on_end)
		c->on_end(c);
}

void client_end(struct client *c, const char *why)
{
	static const struct timeval now = { 0, 0 };

	if (c->ended)
		return;
	c->ended = true;
	log_debug("client %llu: %s", (unsigned long long)c->id, why);
	shutdown(c->fd, SHUT_RDWR);
	if (c->ev_in)
		event_del(c->ev_in);
	/* calls that core still works on are answered to nobody */
	for (struct request *rq = c->all; rq; rq = rq->next)
		ipc_calls_forget(&c->core, rq);
	if (event_base_once(c->base, -1, EV_TIMEOUT, ended, c, &now))
		abort();
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

/* ---- writing ---- */

static void flush(struct client *c)
{
	int rc = out_flush(c);

	if (rc == -EAGAIN) {
		event_add(c->ev_out, NULL);
		return;
	}
	if (rc)
		client_end(c, "cannot be written");
	else if (c->closing)
		client_end(c, "closed");
}

static void writable(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	if (c->ended)
		return;
	flush(c);
	if (c->ended || c->out_bytes > CONN_OUT_HIGH / 2)
		return;
	if (c->streams_paused)
		stream_out_drained(c);
	if (c->blocked)
		client_resume(c);
}

void client_close(struct client *c)
{
	static const struct timeval linger = { CONN_LINGER, 0 };

	if (c->ended)
		return;
	c->closing = true;
	event_del(c->ev_in);
	event_add(c->ev_half_open, &linger);
	event_active(c->ev_flush, EV_WRITE, 1);
}

/* ---- reading ---- */

/* Bytes that may be read now behind rx_len; the buffer grows only when it is full. */
static size_t rx_room(struct client *c, size_t need)
{
	size_t left = c->rx_len - c->rx_start, cap;
	uint8_t *p;

	if (c->rx_start && (left == 0 || c->rx_cap - c->rx_len < RX_SLACK)) {
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
			event_del(c->ev_in);
			return;
		}
		c->rx_start += p.total;
		c->heard = true;
		call_packet(c, &p);
	}
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	size_t room;
	ssize_t n;

	(void)fd;
	(void)what;
	if (c->ended || c->closing)
		return;
	room = rx_room(c, c->rx_need < RX_BASE ? RX_BASE : c->rx_need);
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

static void resume(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	if (c->ended || c->closing || !c->blocked)
		return;
	c->blocked = false;
	parse(c);
	if (!c->ended && !c->closing && !c->blocked)
		event_add(c->ev_in, NULL);
}

void client_resume(struct client *c)
{
	if (c->blocked && !c->ended)
		event_active(c->ev_resume, EV_READ, 1);
}

static void half_open(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	if (c->closing)
		client_end(c, "does not read its last answers");
	else if (c->state == CONN_FRESH) {
		log_info("client %llu: did not open within half_open_timeout",
			 (unsigned long long)c->id);
		client_end(c, "half open");
	}
}

/* ---- the beginning ---- */

static int events_new(struct client *c)
{
	struct timeval tv = { (time_t)c->limits.half_open_timeout, 0 };

	c->ev_in = event_new(c->base, c->fd, EV_READ | EV_PERSIST, readable, c);
	c->ev_out = event_new(c->base, c->fd, EV_WRITE, writable, c);
	c->ev_flush = event_new(c->base, -1, 0, writable, c);
	c->ev_resume = event_new(c->base, -1, 0, resume, c);
	c->ev_half_open = evtimer_new(c->base, half_open, c);
	if (!c->ev_in || !c->ev_out || !c->ev_flush || !c->ev_resume || !c->ev_half_open)
		return -ENOMEM;
	if (c->limits.half_open_timeout && event_add(c->ev_half_open, &tv))
		return -ENOMEM;
	return event_add(c->ev_in, NULL) ? -ENOMEM : 0;
}

int client_start(struct client *c, int fd, int core_fd, uint64_t id, const struct identity *who)
{
	int rc;

	c->fd = fd;
	c->id = id;
	c->readonly = who->readonly;
	c->local = who->kind == IDENTITY_KIND_UNIX_USER;
	c->rx = c->rx_base = rx_static;
	c->rx_cap = RX_BASE;
	fd_set_nonblock(fd, 1);
	ipc_chan_init(&c->core, core_fd, "core", IPC_ROOM_CORE);
	c->core.ctx = c;
	c->core.serves[0] = &event_server;
	c->core.on_closed = core_closed;
	c->scratch = arena_new(CONN_DECODE_BASE * 2);
	rc = c->scratch ? ipc_ev_attach(c->base, &c->core) : -ENOMEM;
	if (!rc)
		rc = events_new(c);
	if (rc)
		release(c);
	return rc;
}
