/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conn processes kept ready. Filling up waits until accepts have been quiet
 * for a moment: it would only compete with the clients that are being served.
 * Only when none is left, one is started at once: while clients come faster
 * than that moment, the next one finds it while the last one is being served.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "door/door.h"

#define POOL_MAX 256      /* the key table allows no more */
#define QUIET_MS 5
#define RETRY_MS 1000   /* after a failure to start one */

static struct event *refill;
static bool ahead;        /* one is to be started now, however busy it is */
static struct ward *spares[POOL_MAX];   /* oldest first: its setup is behind it */
static unsigned n_spares;
static bool paused = true;

static void refill_in(unsigned ms)
{
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	if (refill && !paused)
		event_add(refill, &tv);
}

static struct ward *spare_remove(unsigned i)
{
	struct ward *w = spares[i];

	n_spares--;
	memmove(&spares[i], &spares[i + 1], (n_spares - i) * sizeof(spares[0]));
	return w;
}

static void spare_gone(struct ward *w)
{
	for (unsigned i = 0; i < n_spares; i++)
		if (spares[i] == w)
			spare_remove(i);
	refill_in(RETRY_MS);
}

/* One at a time: between two of them the loop serves who has come meanwhile. */
static void on_refill(evutil_socket_t fd, short what, void *arg)
{
	struct err err = { 0 };
	unsigned next = ahead ? QUIET_MS : 0;

	(void)fd;
	(void)what;
	(void)arg;
	ahead = false;
	if (paused || n_spares >= door.conf.pool_size || n_spares >= POOL_MAX)
		return;
	spares[n_spares] = ward_start(ROOM_CONN, spare_gone, &err);
	if (!spares[n_spares]) {
		log_error("%s", err.text);
		refill_in(RETRY_MS);
		return;
	}
	n_spares++;
	refill_in(next);
}

int pool_init(struct err *err)
{
	refill = event_new(door.base, -1, 0, on_refill, NULL);
	return refill ? 0 : err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
}

struct ward *pool_take(void (*on_gone)(struct ward *w), struct err *err)
{
	struct ward *w = n_spares ? spare_remove(0) : NULL;

	ahead = n_spares == 0;
	refill_in(ahead ? 0 : QUIET_MS);
	if (!w)
		return ward_start(ROOM_CONN, on_gone, err);
	w->on_gone = on_gone;
	return w;
}

void pool_pause(bool pause)
{
	paused = pause;
	if (pause && refill)
		event_del(refill);
	refill_in(0);
}
