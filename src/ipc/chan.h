/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A channel between two rooms: a SOCK_SEQPACKET socket that carries typed
 * messages of generated programs, with descriptors. Each side may call and
 * serve. A message longer than a packet travels in several, one after another.
 *
 * Whatever a dispatch row does not allow ends the channel: the peer is broken
 * or taken over, and nothing it says can be trusted any more.
 */
#ifndef CORDON_IPC_CHAN_H
#define CORDON_IPC_CHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/call.h"
#include "ipc/program.h"

struct ipc_in;

#define IPC_SERVES_MAX 3
#define IPC_BODY_MAX (40u << 20)       /* one message: a client's 32 MiB and then some */
#define IPC_QUEUE_MAX (64u << 20)      /* bytes waiting for a peer that does not read */
#define IPC_PENDING_MAX 65536u         /* calls sent and not answered */
#define IPC_CALLS_MAX 65536u           /* calls received and not answered, unless the owner says less */

struct ipc_chan {
	int fd;
	const char *name;                  /* of the peer, for the log; static or owned by ctx */
	enum ipc_room peer;
	uint8_t state;                     /* one IPC_STATE_* */
	const struct ipc_handlers *serves[IPC_SERVES_MAX];
	size_t body_max;                   /* what this peer may send in one message */
	size_t queue_max;
	unsigned calls_max;                /* calls this peer may have under way; one more ends it */
	bool more;                         /* what is sent now has company soon: gather it */
	void *ctx;                         /* the owner's */
	int (*guard)(struct ipc_call *call);     /* before each handler; -errno refuses with call->err */
	void (*on_closed)(struct ipc_chan *ch);  /* once; all pending calls were failed before */

	/* set by the loop that drives it */
	void (*want_flush)(struct ipc_chan *ch);
	void *loop;

	/* private */
	int (*recv)(struct ipc_chan *ch, struct ipc_in *in);
	int (*send)(struct ipc_chan *ch);
	const struct ipc_queue *queue;
	const struct ipc_asks *asks;
	bool closed;
	bool in_dispatch;
	uint64_t next_serial;
	struct ipc_pending *pending;       /* newest first */
	unsigned n_pending;
	struct ipc_call *calls;            /* received, not answered */
	unsigned n_calls;
	struct ipc_packet *out_head, **out_tail;
	size_t out_bytes;
	struct buf in;                     /* a message that is still arriving, its head first */
	int in_fds[IPC_FDS_MAX];
	unsigned n_in_fds;
};

/* The request id of what is being handled now; 0 outside of any. It is sent along and logged. */
extern uint64_t ipc_req;

/*
 * Take over `fd`, which may block: reading and writing never do. The struct is the caller's, zeroed
 * by this. As it is, sending waits for the peer, some seconds, and a message that comes is at most
 * one packet.
 */
void ipc_chan_init(struct ipc_chan *ch, int fd, const char *name, enum ipc_room peer);

/* Read and dispatch what is there. 0; -EPIPE when the channel ended. */
int ipc_chan_read(struct ipc_chan *ch);

/* From now on what the peer does not read is queued, and messages are as long as body_max. */
void ipc_chan_queue(struct ipc_chan *ch);

/* With a queue: write what waits. 0 all gone, -EAGAIN some left, -EPIPE the channel ended. */
int ipc_chan_flush(struct ipc_chan *ch);

/* End it now: pending calls fail, unanswered calls lose their peer, on_closed runs. */
void ipc_chan_close(struct ipc_chan *ch, const char *why);

/* As ipc_call_start(), with an encoded body; the reply is not decoded either. */
int ipc_call_raw(struct ipc_chan *ch, const struct ipc_program *p, const struct ipc_row *row,
		 const void *body, size_t len, const int *fds, unsigned n_fds,
		 ipc_reply_fn *done, void *ctx);

/* Forget the answer of calls made with this ctx: their `done` will not run. */
void ipc_calls_forget(struct ipc_chan *ch, void *ctx);

/* Read and write several packets at a time: worth it where many calls are under way. */
void ipc_chan_batch(struct ipc_chan *ch);

/* A connected pair, close-on-exec, with generous buffers. 0 or -errno. */
int ipc_pair(int ret_fds[2]);

#endif
