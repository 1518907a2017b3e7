/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One client of libvirt's protocol and the request it waits for: what the
 * files of this room share. One thread; a client is never freed while one of
 * its callbacks runs.
 */
#ifndef CORDON_CONN_CONN_H
#define CORDON_CONN_CONN_H

#include "conn/loop.h"
#include "conn/packet.h"
#include "ipc/chan.h"
#include "proto/core.x.h"
#include "proto/remote.x.h"
#include "proto/remote_qemu.x.h"
#include "proto/room.x.h"

/* What one connection may cost, beside the configured limits. */
#define CONN_OUT_HIGH (1u << 20)        /* bytes waiting to be written: no new call is begun */
#define CONN_STREAMS_MAX 16u            /* streams open, or asked for, at a time */
#define CONN_STREAM_PENDING_MAX (256u << 10)  /* bytes one stream may hold for a slow guest */
#define CONN_DECODE_FACTOR 4u           /* decoded arguments may be larger than their bytes */
#define CONN_DECODE_BASE 65536u
#define CONN_POOLS_MAX 16u
#define CONN_LINGER 5                   /* seconds for a client that closed to read its answers */
#define CONN_HOST_FRESH 2               /* seconds that host facts are used without asking again */
#define CONN_LIB_VERSION 9000000u       /* libvirt's number whose protocol this is */
#define CONN_URI_MAX 1024u

enum conn_state { CONN_FRESH, CONN_OPENING, CONN_OPEN };

/* What comes from the configuration and, after CONNECT_OPEN, from core. */
struct conn_limits {
	unsigned max_requests;
	int keepalive_interval;         /* seconds; <= 0: no pings of ours */
	unsigned keepalive_count;
	uint64_t memory_max;            /* bytes */
	unsigned half_open_timeout;     /* seconds; 0: none */
	char nvram_dir[1024];           /* "": none */
};

struct out_chunk;
struct stream;
struct pool;

struct client {
	int fd;
	struct ipc_chan core;
	struct watch_chan core_watch;
	struct conn_limits limits;
	uint64_t id;
	bool readonly;
	bool local;                     /* its user sits on this machine */
	enum conn_state state;
	bool ended;
	bool closing;                   /* everything queued is written, then it ends */
	void (*on_end)(struct client *c);
	void (*on_open)(struct client *c);   /* optional: the first authenticated call succeeded */

	/* socket side */
	struct watch watch;
	uint8_t *rx, *rx_base;          /* rx is rx_base unless a long packet is arriving */
	size_t rx_start, rx_len, rx_cap;
	size_t rx_need;                 /* bytes that the packet which is arriving will have */
	bool blocked;                   /* the next packet has to wait */
	bool resume;                    /* it may not have to any more */
	int64_t deadline;               /* ms: to be open, or to have read its last answers; 0: none */
	struct out_chunk *out_head, *out_tail;
	size_t out_bytes;

	/* calls */
	unsigned n_requests;            /* begun, not answered */
	uint64_t n_calls;
	struct request *all;
	struct request *spare;
	struct arena *scratch;          /* for arguments that are only checked */
	uint8_t may[64];
	char uri[CONN_URI_MAX];
	bool close_callback;

	/* keepalive */
	int64_t keepalive_at;           /* ms: the next tick; 0: not wanted */
	bool heard;                     /* a packet came since the last tick */
	unsigned pings_left;

	/* streams */
	struct stream *streams;
	unsigned n_streams;

	/* folders that this client called pools */
	struct pool *pools;
	unsigned n_pools;

	/* host facts */
	struct arena *host_arena;
	const struct host_facts *host;
	int64_t host_at;                /* seconds, CLOCK_MONOTONIC */
};

/* A call of the client that is not answered yet. */
struct request {
	struct client *c;
	struct request *next, **link;
	const struct ipc_program *program;
	const struct ipc_row *row;
	uint32_t serial;
	struct arena *arena;            /* args and whatever the handler keeps; may be NULL */
	const void *args;
	void (*then)(struct request *rq, const struct host_facts *h);
	/* metadata: which copies are still to be changed */
	unsigned targets;
	uint64_t generation;
	unsigned attempts;
};

/* ---- client.c: the socket ---- */

/* Rows of the configuration that matter here; limits that are 0 where 0 means "none". */
void conn_limits_from(const struct config *conf, struct conn_limits *ret);

/*
 * Serve a client; takes both descriptors. `c` is the caller's, zeroed but for
 * limits and on_end. 0; -errno, then nothing is kept.
 */
int client_start(struct client *c, int fd, int core_fd, uint64_t id, const struct identity *who);

/* Milliseconds until client_settle() has something to do by the clock; -1: for ever. */
int client_wait_ms(const struct client *c);

/* After each turn of the loop: what has become possible, and all writing. `c` may end here. */
void client_settle(struct client *c);

/* CLOCK_MONOTONIC in milliseconds, as exact as deadlines need. */
int64_t client_now_ms(void);

/* Give up: on_end runs (once, from client_settle()), and if it returns, everything is freed. */
void client_end(struct client *c, const char *why);

/* Write what is queued, then end. */
void client_close(struct client *c);

/* Something that a packet waited for may have come true: go on parsing when this turn ends. */
void client_resume(struct client *c);

/* ---- out.c: the way out ---- */

/* Queue a packet; `p` gives the head, its body is copied. When memory is short the client ends. */
void out_packet(struct client *c, const struct packet *p, const void *body, size_t len);

/* Queue a descriptor behind the packet that announced it; takes it. */
void out_descriptor(struct client *c, int fd);

/* Write. 0 all gone, -EAGAIN some left, -errno the socket is broken. */
int out_flush(struct client *c);
void out_free(struct client *c);

/* ---- call.c: requests ---- */

/* Handle one packet; client_must_wait() was asked before. */
void call_packet(struct client *c, const struct packet *p);

/* True while this packet may not be handled yet. */
bool call_must_wait(const struct client *c, const struct packet *p);

void request_free(struct request *rq);

/* ---- reply.c ---- */

/* Answer and free the request. */
void reply_bytes(struct request *rq, const void *body, size_t len);
void reply_typed(struct request *rq, const void *ret);
void reply_void(struct request *rq);

/* With core's answer and the descriptor that came with it. */
void reply_with_fd(struct request *rq, struct ipc_reply *r);

void reply_error(struct request *rq, const struct err *err);
void reply_refuse(struct request *rq, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Refuse after an ipc_call_*() that failed to start. */
void reply_unsent(struct request *rq, int rc);

/* An answer to what is no row of ours: prog, vers and proc go back as they came. */
void reply_refuse_packet(struct client *c, const struct packet *p, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- error.c ---- */

#define ERROR_NAME_MAX 96

/* libvirt's name of the function that a row carries out: "virDomainDefineXML". */
void error_api_name(const struct ipc_program *p, const struct ipc_row *row,
		    char ret[ERROR_NAME_MAX]);

/* Encode `err` as libvirt's error struct, with its words around the text. Appends to `out`. */
int error_encode(const struct ipc_program *p, const struct ipc_row *row, const struct err *err,
		 struct buf *out);

/* ---- what is answered here ---- */
void open_auth_list(struct request *rq, const void *args);
void open_auth_other(struct request *rq, const void *args);
void open_supports_feature(struct request *rq, const void *args);
void open_connect(struct request *rq, const void *args);
void open_close(struct request *rq, const void *args);
void open_get_uri(struct request *rq, const void *args);
void open_get_type(struct request *rq, const void *args);
void open_lib_version(struct request *rq, const void *args);
void open_is_secure(struct request *rq, const void *args);
void open_register_close(struct request *rq, const void *args);
void open_unregister_close(struct request *rq, const void *args);

void node_hostname(struct request *rq, const void *args);
void node_version(struct request *rq, const void *args);
void node_info(struct request *rq, const void *args);
void node_capabilities(struct request *rq, const void *args);
void node_domcapabilities(struct request *rq, const void *args);
void node_cpu_models(struct request *rq, const void *args);
void node_max_vcpus(struct request *rq, const void *args);

void define_xml(struct request *rq, const void *args);
void define_xml_flags(struct request *rq, const void *args);
void define_create(struct request *rq, const void *args);
void dumpxml(struct request *rq, const void *args);
void metadata_get(struct request *rq, const void *args);
void metadata_set(struct request *rq, const void *args);

void pools_list(struct request *rq, const void *args);
void pools_lookup(struct request *rq, const void *args);
void pools_define(struct request *rq, const void *args);
void pools_nothing(struct request *rq, const void *args);
void pools_undefine(struct request *rq, const void *args);
void pools_info(struct request *rq, const void *args);
void pools_xml(struct request *rq, const void *args);
void pools_is_active(struct request *rq, const void *args);
void pools_zero(struct request *rq, const void *args);
void pools_no_volume(struct request *rq, const void *args);
void pools_free(struct client *c);

/* ---- stream.c ---- */

/* The reply was queued: shuttle between `fd` (taken) and the client's stream. */
void stream_open(struct client *c, const struct ipc_row *row, uint32_t serial, int fd);
bool stream_must_wait(const struct client *c, const struct packet *p);
void stream_packet(struct client *c, const struct packet *p);

/* After each turn: wait for what each stream can take now. */
void stream_settle(struct client *c);
void stream_free_all(struct client *c);

/* ---- keepalive.c ---- */
void keepalive_start(struct client *c);
void keepalive_packet(struct client *c, const struct packet *p);

/* keepalive_at has come. */
void keepalive_tick(struct client *c);

/* ---- event.c ---- */
extern const struct ipc_handlers event_server;   /* what core may send */
void event_send_closed(struct client *c);

#endif
