/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets of libvirt's RPC: where one ends, what its head says. No system
 * call, no allocation; bodies stay where they arrived.
 */
#ifndef CORDON_CONN_PACKET_H
#define CORDON_CONN_PACKET_H

#include <stddef.h>
#include <stdint.h>

#define PACKET_HEAD 28u                       /* length word and header */
#define PACKET_MAX (4u + 33554432u)           /* length word included */
#define PACKET_BODY_MAX (PACKET_MAX - PACKET_HEAD)
#define PACKET_STREAM_MAX 262120u             /* bytes of data in one stream packet */
#define PACKET_FDS_MAX 32u                    /* descriptors that may come with one call */

enum packet_type {
	PACKET_CALL, PACKET_REPLY, PACKET_MESSAGE, PACKET_STREAM, PACKET_CALL_FDS,
	PACKET_REPLY_FDS, PACKET_HOLE,
};
enum packet_status { PACKET_OK, PACKET_ERROR, PACKET_CONTINUE };

struct packet {
	uint32_t prog;
	uint32_t vers;
	uint32_t proc;
	uint32_t type;         /* enum packet_type, as it came */
	uint32_t serial;
	uint32_t status;       /* enum packet_status, as it came */
	unsigned n_fds;        /* PACKET_CALL_FDS: announced; their NUL bytes are part of `total` */
	size_t total;          /* bytes to consume */
	const uint8_t *body;
	size_t len;
};

/*
 * Look at the bytes p[0..n). 1: `ret` is the first packet, its body points
 * into `p`. 0: incomplete, ret->total bytes are needed (4 while the length is
 * not known). -EPROTO: no packet can begin like this; -E2BIG: it is legal, but
 * longer than `max`. After an error the peer cannot be followed any more.
 */
int packet_parse(const uint8_t *p, size_t n, size_t max, struct packet *ret)
	__attribute__((warn_unused_result));

/* Write length word and header for a body of `len` bytes to out[0..PACKET_HEAD). */
void packet_head(uint8_t *out, const struct packet *p, size_t len);

#endif
