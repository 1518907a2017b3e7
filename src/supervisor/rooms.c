/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rooms that run all the time, a tree: each serves the one above it. One
 * that dies is started again, with all below it, and the one above is told.
 * Their state is in the kernel and on disk, so that this costs milliseconds
 * and leaves no half-known past. Only door stays when core goes: clients wait
 * outside, viewers stay in.
 */
#include <errno.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/ev.h"
#include "supervisor/supervisor.h"

#define BACKOFF_FIRST_MS 20
#define BACKOFF_MAX_MS 5000
#define BACKOFF_FORGIVEN_MS 10000   /* a life this long clears the record */
#define STARTS_MAX 8                /* deaths before the first success: give up */

static struct slot {
	enum room which;
	struct slot *above;    /* whom it serves */
	bool stays;            /* when that one dies */
	struct proc *proc;
	bool joined;           /* has a channel to the one above that runs now */
	bool ended;            /* by us: its death does not count */
	bool told;             /* core, door: that all are up */
	unsigned delay_ms;
	uint64_t again;        /* not to be started before */
} slots[];

#define CORE (&slots[0])
#define DOOR (&slots[1])
#define DISK (&slots[2])

static struct slot slots[] = {      /* those above come first */
	{ ROOM_CORE }, { ROOM_DOOR, CORE, .stays = true }, { ROOM_DISK, CORE },
	{ ROOM_FILE, DISK }, { ROOM_IMAGE, DISK }, { ROOM_LAUNCH, CORE }, { ROOM_HOST, CORE },
	{ ROOM_LEDGER, CORE },
};

#define N_SLOTS (sizeof(slots) / sizeof(slots[0]))
#define EACH(s) for (struct slot *s = slots; s < slots + N_SLOTS; s++)

static unsigned deaths_before_ready;
static bool was_ready;

/* `s` is `top`, or below it. */
static bool in_tree(const struct slot *s, const struct slot *top)
{
	while (s && s != top)
		s = s->above;
	return s;
}

/* Core has loaded its records when it answers SETUP; clients wait for all. */
void rooms_ready(void)
{
	EACH(s)
		if (!s->proc || !s->proc->ready)
			return;
	if (!CORE->told)
		log_info("%s", was_ready ? "core is back" : "ready");
	for (struct slot *s = CORE; s <= DOOR; s++)
		if (!s->told)
			s->told = room_send_ready(&s->proc->ch) == 0;
	if (!was_ready)
		(void)starter_send_ready(&supervisor.cordond);
	was_ready = true;
}

/* A new channel to a room that runs. One that is just dying will be given another. */
static void give(const struct slot *to, enum room peer, int fd)
{
	const struct room_peer args = { .which = peer };

	(void)room_send_peer_fds(&to->proc->ch, &args, &fd, 1);
}

/* Start a room unless it stayed, and join it to the one above. */
static int start(struct slot *s, struct err *err)
{
	const uint32_t peer = s->above ? s->above->which : 0;
	int pair[2], r = ipc_pair(pair);

	if (r < 0)
		return err_sys(err, r, "making a channel");
	if (s->proc)
		give(s, peer, pair[1]);
	else
		s->proc = proc_start(s->which, &peer, s != CORE, &pair[1], NULL, err);
	s->ended = false;
	s->joined = s->proc;
	if (s->proc && s->above)
		give(s->above, s->which, pair[0]);
	fd_close_all(pair, 2);
	return s->proc ? 0 : -EIO;
}

static uint64_t backoff(struct slot *s, const struct proc *p, uint64_t now)
{
	if (now - p->since > BACKOFF_FORGIVEN_MS)
		s->delay_ms = 0;
	s->delay_ms = s->delay_ms ? s->delay_ms * 2 : BACKOFF_FIRST_MS;
	if (s->delay_ms > BACKOFF_MAX_MS)
		s->delay_ms = BACKOFF_MAX_MS;
	return now + s->delay_ms;
}

void rooms_died(struct proc *p, bool refused)
{
	uint64_t now = ipc_ev_ms();
	struct slot *s = slots;

	while (s < slots + N_SLOTS && s->proc != p)
		s++;
	if (s == slots + N_SLOTS)
		return;
	s->proc = NULL;
	s->joined = s->told = false;
	s->again = s->ended ? now : backoff(s, p, now);
	wake_at(s->again);
	EACH(t) {
		if (!t->proc || !in_tree(t, s))
			continue;
		t->joined = t->told = false;
		if (t->stays)
			continue;
		t->ended = true;
		proc_end(t->proc);
	}
	if (!was_ready && !s->ended && (refused || ++deaths_before_ready >= STARTS_MAX))
		give_up("a room does not come up; see above");
}

static bool below_gone(const struct slot *top)
{
	EACH(s)
		if (s != top && s->proc && !s->stays && in_tree(s, top))
			return false;
	return true;
}

/* It runs and can be told of a neighbour. */
static bool reachable(const struct slot *s)
{
	return s->proc && s->proc->open;
}

void rooms_tick(uint64_t now)
{
	struct err err = { 0 };

	EACH(s) {
		/* without the one above it waits for that one */
		if (s->joined || (s->above && !reachable(s->above)) || (s->proc && !reachable(s)) ||
		    !below_gone(s))
			continue;
		if (now >= s->again && start(s, &err) < 0) {
			if (!was_ready)
				give_up(err.text);
			log_error("%s", err.text);
			s->again = now + BACKOFF_MAX_MS;
		}
		if (now < s->again)
			wake_at(s->again);
	}
}
