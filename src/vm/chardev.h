/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Serial ports, consoles and channels: from QEMU's sockets to a pseudo terminal
 * and to at most one console stream. Bytes that nobody reads wait in a ring,
 * oldest dropped, and come first to whoever attaches; only an attached stream
 * that does not read slows the guest down.
 */
#ifndef CORDON_VM_CHARDEV_H
#define CORDON_VM_CHARDEV_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/vm.x.h"
#include "vm/rate.h"
#include "vm/ring.h"

#define CHARDEV_RATE_BYTES (256u << 10)      /* taken from QEMU per RATE_WINDOW_MS */
#define CHARDEV_INPUT_MAX 4096u              /* bytes towards QEMU that wait */
#define CHARDEV_PTY_MAX 8192u                /* bytes towards a slow pseudo terminal that wait */
#define CHARDEV_BUFFER_MIN 4096u             /* of console_buffer_max */
#define CHARDEV_RETRY_MS 250                 /* until QEMU's socket is tried again */

struct chardev {
	const struct dom_chr *chr;
	uint32_t kind, index;                /* enum dom_chr_kind, its place in that list */
	int fd;                              /* QEMU's socket; -1 */
	int pty;                             /* master; -1: none. Not owned */
	int stream;                          /* our end of the console stream; -1 */
	struct ring ring;                    /* from QEMU, towards the stream */
	struct ring pty_out;                 /* from QEMU, towards the pty */
	struct rate rate;
	size_t n_in, at_in;                  /* from stream or pty, towards QEMU */
	char *input;                         /* CHARDEV_INPUT_MAX bytes, made when needed */
	struct event *in, *out, *again;      /* on fd; a timer */
	struct event *pty_ev;                /* edge triggered */
	struct event *stream_in, *stream_out;
};

/* Make the guest's devices from the model. 0 or -ENOMEM. */
int chardev_setup(void);

/* Connect those that are not; what cannot be is tried again by itself. */
void chardev_connect_all(void);

/* QEMU is gone: hand out what there is, close everything. */
void chardev_close_all(void);

/* What `alias` names ("": the first console, else the first serial port), or NULL with `err`. */
struct chardev *chardev_find(const char *alias, struct err *err);

/* Attach a stream (taken). Whoever had one is closed. 0 or -ENOMEM. */
int chardev_attach(struct chardev *c, int fd);

#endif
