/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is the other side still there? Either may ask; we ask only a client that can answer. */
#include "conn/conn.h"

static void send_message(struct client *c, uint32_t proc)
{
	struct packet head = { .prog = KEEPALIVE_PROGRAM, .vers = KEEPALIVE_VERSION, .proc = proc,
			       .type = PACKET_MESSAGE };

	out_packet(c, &head, NULL, 0);
}

void keepalive_packet(struct client *c, const struct packet *p)
{
	if (p->proc == KEEPALIVE_PING)
		send_message(c, KEEPALIVE_PONG);
	/* that anything came at all is noted for every packet */
}

void keepalive_tick(struct client *c)
{
	c->keepalive_at = client_now_ms() + c->limits.keepalive_interval * INT64_C(1000);
	if (c->ended || c->closing)
		return;
	/* a client whose calls wait for us is silent because we do not read it */
	if (c->heard || c->blocked) {
		c->heard = false;
		c->pings_left = c->limits.keepalive_count;
		return;
	}
	if (!c->pings_left) {
		client_end(c, "does not answer keepalive pings");
		return;
	}
	c->pings_left--;
	send_message(c, KEEPALIVE_PING);
}

void keepalive_start(struct client *c)
{
	c->keepalive_at = 0;
	if (c->limits.keepalive_interval <= 0)
		return;
	c->pings_left = c->limits.keepalive_count;
	c->keepalive_at = client_now_ms() + c->limits.keepalive_interval * INT64_C(1000);
}
