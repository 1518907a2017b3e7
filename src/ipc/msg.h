/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of a channel: what is on the socket. Private to src/ipc. */
#ifndef CORDON_IPC_MSG_H
#define CORDON_IPC_MSG_H

#include <stdint.h>
#include <sys/types.h>

#include "ipc/call.h"

#define IPC_MAGIC 0x43524431u          /* "CRD1" */
#define IPC_PACKET_MAX 65536           /* bytes of one packet, head included */
#define IPC_BATCH 8                    /* packets read or written by one system call */

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
	size_t len;
	unsigned n_fds;
	int *fds;              /* duplicates, owned */
	uint8_t data[];
};

struct ipc_in {
	ssize_t len;
	const uint8_t *data;
	int fds[IPC_FDS_MAX];
	unsigned n_fds;
	int truncated;         /* descriptors or bytes were cut: the peer is broken */
};

/* Up to `max` (at most IPC_BATCH) packets. Their number, 0 at end of file, -EAGAIN, -errno. */
int ipc_recv_batch(int fd, struct ipc_in *in, unsigned max);

/* Send the queued packets from `head` on. How many went, or -errno. */
int ipc_send_batch(int fd, const struct ipc_packet *head);

#endif
