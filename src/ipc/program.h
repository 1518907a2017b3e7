/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the generator knows about a program: its rows, and who may send them when. */
#ifndef CORDON_IPC_PROGRAM_H
#define CORDON_IPC_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/xdr.h"

/* Numbered as enum room of proto/room.x is; bit positions of struct ipc_row.senders. */
enum ipc_room {
	IPC_ROOM_CORDOND = 1, IPC_ROOM_CONF, IPC_ROOM_CONN, IPC_ROOM_CORE, IPC_ROOM_HOST, IPC_ROOM_VM,
	IPC_ROOM_LAUNCH, IPC_ROOM_FILE, IPC_ROOM_IMAGE, IPC_ROOM_EDGE, IPC_ROOM_DISK,
	IPC_ROOM_DOOR, IPC_ROOM_LEDGER, IPC_ROOM_SUPERVISOR, IPC_ROOM_CLIENT,
};

/* States of a channel that a row may ask for; the owner of the channel moves it. */
#define IPC_STATE_FRESH 1u     /* nothing said yet */
#define IPC_STATE_AUTH  2u     /* identity known */
#define IPC_STATE_OPEN  4u     /* in use */

enum ipc_class {
	IPC_CLASS_NONE, IPC_CLASS_CONNECT, IPC_CLASS_DOMAIN, IPC_CLASS_NETWORK,
	IPC_CLASS_NETWORK_PORT, IPC_CLASS_NWFILTER, IPC_CLASS_NWFILTER_BINDING,
	IPC_CLASS_NODE_DEVICE, IPC_CLASS_STORAGE_POOL, IPC_CLASS_STORAGE_VOL,
	IPC_CLASS_SECRET, IPC_CLASS_INTERFACE,
};

#define IPC_WRITE          1u   /* refused on a read-only connection */
#define IPC_EVENT          2u   /* one way, no reply */
#define IPC_STREAM_IN      4u   /* the reply opens a stream towards us */
#define IPC_STREAM_OUT     8u   /* the reply opens a stream towards the client */
#define IPC_CLIENT_FDS_OUT 16u  /* the client's answer carries one */

/* One more permission, needed when (flags & mask) is (negate: is not) set. */
struct ipc_when {
	uint32_t mask;
	bool negate;
	uint16_t perm;
};

/* Distances and not pointers, as in struct xdr_field: read by what follows below. */
struct ipc_row {
	uint32_t num;
	int32_t name;
	int32_t args, ret;      /* 0: nobody serves it yet ("later" in proto) */
	int32_t audit;          /* record written when the row succeeds or fails; 0: none */
	int32_t when;           /* up to one without a perm; 0: none */
	uint16_t senders;       /* 1 << enum ipc_room; 0: whoever holds the channel */
	uint16_t perm;          /* enum perm */
	uint16_t filter;        /* enum perm that lists are filtered by */
	uint16_t flags_off;     /* 1 + offset of the flags word in args; 0: none */
	uint8_t states;         /* IPC_STATE_*; 0: any */
	uint8_t cls;            /* enum ipc_class */
	uint8_t flags;
	uint8_t fds_in_min, fds_in_max, fds_out_min, fds_out_max;
};

/* What is not 0 in it. */
#define ipc_row_name(r) ((const char *)xdr_at(r, (r)->name))
#define ipc_row_args(r) ((const struct xdr_type *)xdr_at(r, (r)->args))
#define ipc_row_ret(r) ((const struct xdr_type *)xdr_at(r, (r)->ret))
#define ipc_row_audit(r) ((const char *)xdr_at(r, (r)->audit))
#define ipc_row_when(r) ((const struct ipc_when *)xdr_at(r, (r)->when))

struct ipc_program {
	const char *name;
	uint32_t number;
	uint32_t version;
	const struct ipc_row *rows;    /* ascending by num */
	uint32_t n_rows;
};

struct ipc_chan;
struct ipc_call;
struct ipc_reply;

/* A handler answers now or later by ipc_reply()/ipc_refuse(); it returns 0, or
 * -errno with nothing answered yet: the channel then answers call->err. */
typedef int ipc_handler_fn(struct ipc_call *call, const void *args);
typedef void ipc_reply_fn(void *ctx, struct ipc_reply *r);

struct ipc_handlers {
	const struct ipc_program *program;
	ipc_handler_fn *const *fn;     /* by row index; NULL: not served */
	ipc_handler_fn *event;         /* where there is no fn: of all one-way rows, and only they are served */
};

/* The row of `num`, or NULL. */
const struct ipc_row *ipc_row_find(const struct ipc_program *p, uint32_t num);

/*
 * Send row `index` of `p`. `done` runs exactly once: with the reply, or with
 * an error when the peer refuses or goes away. Descriptors stay the caller's.
 * -errno: nothing was sent and `done` will not run.
 */
int ipc_call_start(struct ipc_chan *ch, const struct ipc_program *p, unsigned index,
		   const void *args, const int *fds, unsigned n_fds, ipc_reply_fn *done, void *ctx);

/*
 * Send a one-way row. Or, as the first message over a channel that is handed on, a call: who gets
 * the channel hears the answer, by ipc_call_expect() instead of a call.
 */
int ipc_send_event(struct ipc_chan *ch, const struct ipc_program *p, unsigned index,
		   const void *args, const int *fds, unsigned n_fds);
int ipc_call_expect(struct ipc_chan *ch, const struct ipc_program *p, unsigned index,
		    ipc_reply_fn *done, void *ctx);

/* Answer and free the call. Descriptors stay the caller's. Always 0, so that a handler can return it. */
int ipc_reply(struct ipc_call *call, const void *ret, const int *fds, unsigned n_fds);

#endif
