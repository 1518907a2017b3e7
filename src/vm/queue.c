/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/queue.h"

#include <stdlib.h>
#include <string.h>

void queue_init(struct queue *q, unsigned max)
{
	memset(q, 0, sizeof(*q));
	q->tail = &q->head;
	q->max = max;
}

static void drop_head(struct queue *q)
{
	struct queued *e = q->head;

	q->head = e->next;
	if (!q->head)
		q->tail = &q->head;
	if (q->unsent == e)
		q->unsent = e->next;
	q->n--;
	q->bytes -= e->bytes;
	free(e);
}

void queue_free(struct queue *q)
{
	while (q->head)
		drop_head(q);
}

/* One block: the event and its three texts, each cut to what the protocol carries. */
static struct queued *copy(const struct vm_event *e)
{
	const char *text[3] = { e->text, e->text2, e->text3 };
	char **to[3];
	size_t len[3], sum = 0;
	struct queued *c;
	char *at;

	for (int i = 0; i < 3; i++) {
		len[i] = text[i] ? strnlen(text[i], VM_TEXT_MAX) + 1 : 0;
		sum += len[i];
	}
	c = malloc(sizeof(*c) + sum);
	if (!c)
		return NULL;
	c->next = NULL;
	c->bytes = sizeof(*c) + sum;
	c->ev = *e;
	to[0] = &c->ev.text;
	to[1] = &c->ev.text2;
	to[2] = &c->ev.text3;
	at = (char *)(c + 1);
	for (int i = 0; i < 3; i++) {
		*to[i] = NULL;
		if (!text[i])
			continue;
		memcpy(at, text[i], len[i] - 1);
		at[len[i] - 1] = '\0';
		*to[i] = at;
		at += len[i];
	}
	return c;
}

static void append(struct queue *q, struct queued *c)
{
	*q->tail = c;
	q->tail = &c->next;
	q->n++;
	q->bytes += c->bytes;
	q->seq = c->ev.seq;
	if (!q->unsent)
		q->unsent = c;
}

/* What decides how a guest stands must not be crowded out by chatter. */
static bool full(const struct queue *q, enum vm_event_kind kind)
{
	if (kind == VM_EVENT_KIND_EXITED)
		return false;
	if (kind == VM_EVENT_KIND_LIFECYCLE)
		return q->n >= q->max + QUEUE_RESERVE;
	return q->n >= q->max || q->bytes >= QUEUE_BYTES_MAX;
}

const struct vm_event *queue_push(struct queue *q, const struct vm_event *e)
{
	struct queued *c = full(q, (enum vm_event_kind)e->kind) ? NULL : copy(e);

	if (!c) {
		q->lost++;
		return NULL;
	}
	c->ev.seq = q->seq + 1;
	append(q, c);
	return &c->ev;
}

void queue_restore(struct queue *q, const struct vm_event *e)
{
	struct queued *c = e->seq > q->seq ? copy(e) : NULL;

	if (c)
		append(q, c);
}

void queue_ack(struct queue *q, uint64_t seq)
{
	if (seq > q->seq)
		seq = q->seq;
	if (seq > q->acked)
		q->acked = seq;
	while (q->head && q->head->ev.seq <= seq)
		drop_head(q);
}

void queue_rewind(struct queue *q)
{
	q->unsent = q->head;
}

unsigned queue_take(struct queue *q, struct vm_event *out, unsigned max)
{
	unsigned n = 0;

	for (; q->unsent && n < max; q->unsent = q->unsent->next)
		out[n++] = q->unsent->ev;
	return n;
}
