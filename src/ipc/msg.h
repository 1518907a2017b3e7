/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages and the packets they travel in: what is on the socket. Private to src/ipc. */
#ifndef CORDON_IPC_MSG_H
#define CORDON_IPC_MSG_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "ipc/call.h"

#define IPC_MAGIC 0x43524431u          /* "CRD1" */
#define IPC_PACKET_MAX 65536           /* bytes of one packet, head included */
#define IPC_SHARE_MAX (IPC_PACKET_MAX - sizeof(struct ipc_head))
#define IPC_PATIENCE_MS 5000           /* for a peer that does not read, where nothing is queued */
#define IPC_BATCH 8                    /* packets read or written by one system call */
#define IPC_CTRL_SIZE CMSG_SPACE(sizeof(int) * IPC_FDS_MAX)

enum ipc_kind { IPC_CALL = 1, IPC_REPLY, IPC_ERROR, IPC_EVENT_MSG };

struct ipc_head {
	uint32_t magic;
	uint16_t kind;
	uint16_t n_fds;        /* come with the first packet */
	uint32_t program;
	uint32_t version;
	uint32_t num;
	uint32_t body_len;     /* of the whole message */
	uint64_t serial;
	uint64_t req;
	uint32_t offset;       /* of this packet's share of the body */
	uint32_t reserved;
};

struct ipc_packet {
	struct ipc_packet *next;
	uint8_t *data;         /* head and share, behind the descriptors */
	size_t len;
	unsigned n_fds;
	int fds[];             /* duplicates, owned */
};

struct ipc_in {
	ssize_t len;
	const uint8_t *data;
	int fds[IPC_FDS_MAX];
	unsigned n_fds;
	int truncated;         /* descriptors or bytes were cut: the peer is broken */
};

/* A whole message. */
struct ipc_received {
	const struct ipc_head *h;
	const uint8_t *body;
	int *fds;              /* what is left here is closed */
	unsigned n_fds;
};

/* What a side that asks does with what comes back. Set with the first request. */
struct ipc_asks {
	int (*reply)(struct ipc_chan *ch, struct ipc_received *m);
	void (*fail)(struct ipc_chan *ch, const char *why);
};

/* What queue.c adds: nothing waits for the peer, and messages may come in several packets. */
struct ipc_queue {
	int (*send)(struct ipc_chan *ch, struct ipc_head *h, const uint8_t *body, const int *fds,
		    unsigned n_fds);
	int (*collect)(struct ipc_chan *ch, struct ipc_in *in, const struct ipc_head *h);
	void (*drop)(struct ipc_chan *ch);   /* the channel ends */
};

/* Bytes that are there of a message in several packets. */
#define ipc_collected(ch) ((ch)->in.len ? (ch)->in.len - sizeof(struct ipc_head) : 0)

/* ---- msg.c ---- */

/* Bytes that a message may decode to: structs are larger than their encoding. */
size_t ipc_decode_max(const struct ipc_received *m);

/* One packet. 1, 0 at end of file, -EAGAIN, -errno. The bytes stay until the next. */
int ipc_recv_packet(struct ipc_chan *ch, struct ipc_in *in);

/* What was received with a packet, out of its control data. */
void ipc_collect_fds(const struct msghdr *mh, struct ipc_in *in);

/* Send head and share as one packet, from where they lie. 0, -EAGAIN, -errno. */
int ipc_send_now(struct ipc_chan *ch, const void *head, const void *share, size_t n,
		 const int *fds, unsigned n_fds);

/* ---- queue.c ---- */

/* Send the first that is queued. 1 or -errno. */
int ipc_send_packet(struct ipc_chan *ch);

/* ---- chan.c ---- */

/* No neighbour of ours makes such a packet: whoever sends it is not what it was. Says so; -EPROTO. */
int ipc_malformed(const struct ipc_chan *ch, const char *what);

/* A whole message. -errno ends the channel. */
int ipc_message_dispatch(struct ipc_chan *ch, struct ipc_received *m);

/* Send; wait for the peer, or queue what cannot go at once. 0 or -errno. */
int ipc_message_send(struct ipc_chan *ch, enum ipc_kind kind, const struct ipc_program *p,
		     const struct ipc_row *row, uint64_t serial, const void *body, size_t len,
		     const int *fds, unsigned n_fds);

/* `v` as a body; logs what cannot be encoded. `b` is initialised by this. */
int ipc_encode(const struct ipc_row *row, const struct xdr_type *t, const void *v, struct buf *b);

/* ---- answer.c ---- */

/* A call or an event. -errno ends the channel. */
int ipc_answer_dispatch(struct ipc_chan *ch, struct ipc_received *m);

/* The channel ended: calls that are still worked on are answered to nobody. */
void ipc_answer_orphan(struct ipc_chan *ch);

#endif
