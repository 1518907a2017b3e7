/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events between the queue, the journal and core. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/be.h"
#include "base/log.h"
#include "vm/events.h"
#include "vm/vm_fds.h"

#define SPACE_FACTOR 4u   /* decoded events may be larger than their bytes */

static void journal_failed(int rc)
{
	if (!vm.journal.broken)
		log_error("guest '%s': its journal cannot be written: %s; a replacement of this "
			  "process would miss events", vm.name, strerrordesc_np(-rc));
	vm.journal.broken = true;
}

static int write_record(enum journal_type type, const struct xdr_type *t, const void *v)
{
	CLEAN_BUF struct buf b = { 0 };
	int rc;

	buf_init(&b, JOURNAL_RECORD_MAX);
	rc = xdr_encode(t, v, &b);
	return rc ? rc : journal_append(&vm.journal, type, b.data, b.len);
}

static int write_facts(void)
{
	vm.facts.seq = vm.queue.seq;
	vm.facts.acked = vm.queue.acked;
	vm.facts.lost = vm.queue.lost;
	vm.facts_changed = false;
	return write_record(JOURNAL_FACTS, &vm_facts_xdr, &vm.facts);
}

/* Only what still matters, in the other slot. */
static int rewrite(void)
{
	int rc;

	journal_begin(&vm.journal);
	rc = write_facts();
	for (const struct queued *q = vm.queue.head; q && !rc; q = q->next)
		rc = write_record(JOURNAL_EVENT, &vm_event_xdr, &q->ev);
	return rc ? rc : journal_end(&vm.journal);
}

static void record(enum journal_type type, const struct xdr_type *t, const void *v)
{
	int rc = 0;

	if (journal_is_long(&vm.journal))
		rc = rewrite();
	if (!rc)
		rc = write_record(type, t, v);
	if (rc)
		journal_failed(rc);
}

static void send_some(void)
{
	static struct vm_event batch[QUEUE_BATCH];
	struct vm_events msg = { .events = batch, .lost = vm.queue.lost };

	while (vm.core && (msg.n_events = queue_take(&vm.queue, batch, QUEUE_BATCH)) > 0)
		if (vmup_send_events(vm.core, &msg)) {
			ipc_chan_close(vm.core, "does not take its events");
			return;
		}
}

void outbox_flush(void)
{
	int rc;

	if (vm.facts_changed) {
		rc = journal_is_long(&vm.journal) ? rewrite() : write_facts();
		if (rc)
			journal_failed(rc);
	}
	send_some();
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	outbox_flush();
}

static void flush_soon(void)
{
	if (!vm.flush)
		vm.flush = event_new(vm.base, -1, 0, on_flush, NULL);
	if (vm.flush)
		event_active(vm.flush, EV_WRITE, 1);
}

void outbox_facts_changed(void)
{
	vm.facts_changed = true;
	flush_soon();
}

void outbox_put(struct vm_event *e)
{
	const struct vm_event *queued;
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	e->when_us = (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
	e->state = vm.facts.state;
	e->reason = vm.facts.reason;
	queued = queue_push(&vm.queue, e);
	if (queued)
		record(JOURNAL_EVENT, &vm_event_xdr, queued);
	outbox_facts_changed();
}

void outbox_lifecycle(int type, int detail)
{
	struct vm_event e = { .kind = VM_EVENT_KIND_LIFECYCLE, .a = type, .b = detail };

	log_debug("guest '%s': lifecycle event %d.%d", vm.name, type, detail);
	outbox_put(&e);
}

void outbox_ack(uint64_t seq)
{
	struct vm_ack ack = { .seq = seq };

	queue_ack(&vm.queue, seq);
	record(JOURNAL_ACK, &vm_ack_xdr, &ack);
}

void outbox_rewind(uint64_t seq)
{
	if (seq)
		outbox_ack(seq);
	queue_rewind(&vm.queue);
	flush_soon();
}

/* ---- reading it back ---- */

/* The facts that came with it may not have been written any more. */
static void restore_event(const struct vm_event *e)
{
	queue_restore(&vm.queue, e);
	if (e->state) {
		vm.facts.state = e->state;
		vm.facts.reason = e->reason;
	}
}

static void restore(void *ctx, enum journal_type type, const void *body, size_t len)
{
	static const struct xdr_type *const types[] = {
		[JOURNAL_FACTS] = &vm_facts_xdr, [JOURNAL_EVENT] = &vm_event_xdr,
		[JOURNAL_ACK] = &vm_ack_xdr,
	};
	const struct xdr_type *t = type <= JOURNAL_ACK ? types[type] : NULL;
	CLEAN_ARENA struct arena *a = arena_new(4096 + len * SPACE_FACTOR);
	void *v = t && a ? arena_alloc(a, t->size) : NULL;

	(void)ctx;
	if (!v || xdr_decode(t, body, len, a, v, NULL, NULL))
		return;   /* a newer version's, or not for us */
	if (type == JOURNAL_FACTS)
		vm.facts = *(struct vm_facts *)v;
	else if (type == JOURNAL_EVENT)
		restore_event(v);
	else
		queue_ack(&vm.queue, ((struct vm_ack *)v)->seq);
}

int outbox_open(void)
{
	int rc = journal_open(&vm.journal, VM_FD_JOURNAL, restore, NULL);

	if (rc)
		return rc;
	if (vm.facts.seq > vm.queue.seq)
		vm.queue.seq = vm.facts.seq;
	if (vm.facts.acked > vm.queue.acked)
		vm.queue.acked = vm.facts.acked;
	vm.queue.lost = vm.facts.lost;
	return 0;
}
