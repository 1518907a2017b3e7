/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's log: what QEMU writes to its standard output and error, kept small. */
#ifndef CORDON_VM_GLOG_H
#define CORDON_VM_GLOG_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/rate.h"

#define GLOG_TAIL 2048                  /* bytes remembered for error texts */
#define GLOG_MAX_DEFAULT (2u << 20)     /* bytes of the file before it is turned over */
#define GLOG_RATE_BYTES (64u << 10)     /* taken per RATE_WINDOW_MS; QEMU's further lines are lost */

struct glog {
	uint64_t size, max;
	char tail[GLOG_TAIL];           /* the last bytes, oldest first */
	size_t n_tail;
	struct rate rate;
	struct event *in, *resume;
};

/* Start taking what comes on VM_FD_FIFO. `max` 0: the default. 0 or -errno. */
int glog_start(struct glog *g, struct event_base *base, uint64_t max);
void glog_set_max(struct glog *g, uint64_t max);

/* Take what is there now: QEMU has ended. */
void glog_drain(struct glog *g);

/*
 * The end of the log as text for people: whole lines, printable, at most
 * n - 1 bytes, without the last line end. Returns `out`.
 */
const char *glog_tail(const struct glog *g, char *out, size_t n);

#endif
