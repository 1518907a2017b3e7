/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the handshake of a VNC session ends (RFC 6143, section 7.1 to 7.3), found by looking on.
 * Only for the event: what is wrong here is relayed all the same, and never counts as an end. Pure.
 */
#ifndef CORDON_EDGE_RFB_H
#define CORDON_EDGE_RFB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: nothing said yet. */
struct rfb {
	unsigned state;           /* private: what the guest's side is saying, */
	unsigned left;            /* how many bytes of it are still to come, */
	uint32_t word;            /* and its last four */
	unsigned client_seen;
	unsigned minor;           /* of the version that the viewer chose */
	unsigned type;            /* of security; 0: not known yet */
};

/* Bytes that the viewer sent, in order, in pieces as they come. */
void rfb_from_viewer(struct rfb *r, const void *data, size_t n);

/* Bytes of the guest's side. True once: when it let the viewer in (ServerInit). */
bool rfb_from_guest(struct rfb *r, const void *data, size_t n);

/* Nothing more is to be found. */
bool rfb_over(const struct rfb *r);

#endif
