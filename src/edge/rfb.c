/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edge/rfb.h"

#define BANNER_LEN 12u        /* "RFB 003.008\n" */
#define MINOR_AT 10u          /* its last digit */
#define CHALLENGE_LEN 16u
#define TYPE_NONE 1
#define TYPE_VNC 2

enum { NOTHING, BANNER, TYPE_IN_WORD, TYPE_COUNT, TYPE_LIST, CHALLENGE, RESULT, INIT, OVER };

static void say(struct rfb *r, unsigned state, unsigned length)
{
	r->state = state;
	r->left = length;
}

static void after_type(struct rfb *r, bool result)
{
	if (r->type == TYPE_VNC)
		say(r, CHALLENGE, CHALLENGE_LEN);
	else if (r->type != TYPE_NONE)
		say(r, OVER, 0);      /* refused, or of a kind that QEMU is not told to offer */
	else
		say(r, result ? RESULT : INIT, result ? 4 : 1);
}

/* What the byte that comes now begins; what the viewer answered to the last message is known. */
static void advance(struct rfb *r)
{
	switch (r->state) {
	case NOTHING:
		say(r, BANNER, BANNER_LEN);
		break;
	case BANNER:
		if (r->client_seen < BANNER_LEN)
			say(r, OVER, 0);
		else if (r->minor < 7)
			say(r, TYPE_IN_WORD, 4);
		else
			say(r, TYPE_COUNT, 1);
		break;
	case TYPE_IN_WORD:
		r->type = r->word;
		after_type(r, false);
		break;
	case TYPE_COUNT:
		say(r, r->word & 0xff ? TYPE_LIST : OVER, r->word & 0xff);
		break;
	case TYPE_LIST:
		after_type(r, r->minor >= 8);
		break;
	case CHALLENGE:
		say(r, RESULT, 4);
		break;
	case RESULT:
		say(r, r->word ? OVER : INIT, 1);
		break;
	default:
		say(r, OVER, 0);
	}
}

void rfb_from_viewer(struct rfb *r, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n && r->client_seen <= BANNER_LEN; i++, r->client_seen++) {
		if (r->client_seen == MINOR_AT)
			r->minor = p[i] - '0';
		if (r->client_seen == BANNER_LEN && r->minor >= 7)
			r->type = p[i];
	}
}

bool rfb_from_guest(struct rfb *r, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n && r->state != OVER; i++) {
		if (!r->left)
			advance(r);
		if (r->state == INIT) {
			say(r, OVER, 0);
			return true;
		}
		if (r->state == OVER)
			return false;
		r->word = r->word << 8 | p[i];
		r->left--;
	}
	return false;
}

bool rfb_over(const struct rfb *r)
{
	return r->state == OVER;
}
