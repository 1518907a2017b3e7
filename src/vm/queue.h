/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events that core has not acknowledged yet: numbered, in order, bounded. Pure. */
#ifndef CORDON_VM_QUEUE_H
#define CORDON_VM_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/vm.x.h"

#define QUEUE_BYTES_MAX (1u << 20)   /* of all waiting events */
#define QUEUE_RESERVE 64u            /* further ones that lifecycle and exit may use */
#define QUEUE_BATCH 256u             /* events in one message */

struct queued {
	struct queued *next;
	size_t bytes;
	struct vm_event ev;          /* its strings follow */
};

struct queue {
	struct queued *head, **tail;
	struct queued *unsent;       /* first one that this core was not sent */
	unsigned n;
	unsigned max;
	size_t bytes;
	uint64_t seq;                /* of the newest event */
	uint64_t acked;
	uint64_t lost;               /* since the guest started */
};

void queue_init(struct queue *q, unsigned max);
void queue_free(struct queue *q);

/*
 * Append a copy of `e` under the next number. NULL, counted as lost and not
 * numbered, when the queue is full or memory is short.
 */
const struct vm_event *queue_push(struct queue *q, const struct vm_event *e);

/* Put back an event from the journal, with its own number. Numbers below the newest are dropped. */
void queue_restore(struct queue *q, const struct vm_event *e);

/* Core has everything up to `seq`: drop it. */
void queue_ack(struct queue *q, uint64_t seq);

/* A new core: send all again. */
void queue_rewind(struct queue *q);

/*
 * Up to `max` events to send next into out[]; they count as sent and stay the
 * queue's until acknowledged. How many.
 */
unsigned queue_take(struct queue *q, struct vm_event *out, unsigned max);

#endif
