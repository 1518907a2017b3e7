/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events: core knows who wants to hear what; here they only change their envelope. */
#include "conn/conn.h"

static void send_event(struct client *c, uint32_t proc, const void *body, size_t len)
{
	struct packet head = { .prog = REMOTE_PROGRAM, .vers = REMOTE_VERSION, .proc = proc,
			       .type = PACKET_MESSAGE };

	out_packet(c, &head, body, len);
}

static int on_event(struct ipc_call *call, const void *args)
{
	struct client *c = call->ch->ctx;
	uint32_t proc = call->row->num;

	(void)args;
	if (c->state == CONN_OPEN && !c->closing &&
	    (proc != REMOTE_CONNECT_EVENT_CONNECTION_CLOSED || c->close_callback))
		send_event(c, proc, call->raw, call->raw_len);
	return ipc_reply_raw(call, NULL, 0, NULL, 0);
}

const struct ipc_handlers event_server = { .program = &remote_program, .event = on_event };

void event_send_closed(struct client *c)
{
	static const uint8_t reason_eof[4] = { 0, 0, 0, 1 };   /* VIR_CONNECT_CLOSE_REASON_EOF */

	if (c->close_callback)
		send_event(c, REMOTE_CONNECT_EVENT_CONNECTION_CLOSED, reason_eof,
			   sizeof(reason_eof));
}
