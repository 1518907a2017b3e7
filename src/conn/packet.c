/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conn/packet.h"

#include <errno.h>

#include "base/be.h"

int packet_parse(const uint8_t *p, size_t n, size_t max, struct packet *ret)
{
	uint32_t len;

	ret->total = 4;
	if (n < 4)
		return 0;
	len = be_get32(p);
	/* refused by the announced length alone, before anything is kept for it */
	if (len < PACKET_HEAD || len > PACKET_MAX)
		return -EPROTO;
	if (len > max)
		return -E2BIG;
	ret->total = len;
	if (n < len)
		return 0;
	ret->prog = be_get32(p + 4);
	ret->vers = be_get32(p + 8);
	ret->proc = be_get32(p + 12);
	ret->type = be_get32(p + 16);
	ret->serial = be_get32(p + 20);
	ret->status = be_get32(p + 24);
	ret->body = p + PACKET_HEAD;
	ret->len = len - PACKET_HEAD;
	ret->n_fds = 0;
	if (ret->type != PACKET_CALL_FDS)
		return 1;
	/* the body begins with a count, and one byte for each descriptor follows the packet */
	if (ret->len < 4 || be_get32(ret->body) > PACKET_FDS_MAX)
		return -EPROTO;
	ret->n_fds = be_get32(ret->body);
	ret->body += 4;
	ret->len -= 4;
	ret->total += ret->n_fds;
	return n < ret->total ? 0 : 1;
}

void packet_head(uint8_t *out, const struct packet *p, size_t len)
{
	be_put32(out, (uint32_t)(PACKET_HEAD + len));
	be_put32(out + 4, p->prog);
	be_put32(out + 8, p->vers);
	be_put32(out + 12, p->proc);
	be_put32(out + 16, p->type);
	be_put32(out + 20, p->serial);
	be_put32(out + 24, p->status);
}
