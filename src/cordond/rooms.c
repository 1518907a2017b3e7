/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rooms that run all the time. One that dies is started again and core is
 * told; when core dies, all connections and the rooms it talks to start anew
 * with it: their state is in the kernel and on disk, so that this costs
 * milliseconds and leaves no half-known past.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "cordond/cordond.h"
#include "ipc/ev.h"

#define BACKOFF_FIRST_MS 20
#define BACKOFF_MAX_MS 5000
#define BACKOFF_FORGIVEN_MS 10000   /* a life this long clears the record */
#define STARTS_MAX 8                /* deaths before the first success: give up */
#define STOP_PATIENCE_MS 10000      /* for core to write what is unwritten */

static struct slot {
	enum room which;
	struct proc *proc;
	unsigned delay_ms;
} slots[] = { { ROOM_LAUNCH }, { ROOM_FILE }, { ROOM_HOST }, { ROOM_CORE } };

#define N_SLOTS (sizeof(slots) / sizeof(slots[0]))
#define N_PEERS (N_SLOTS - 1)       /* all but core, which is the last */
#define CORE (&slots[N_PEERS])

static unsigned deaths_before_ready;
static bool was_ready, closing, core_wanted;

static void slot_ready(struct proc *p);
static void slot_died(struct proc *p);

static void fail(const char *text)
{
	log_error("%s", text);
	sup.stopping = sup.failed = true;
	event_base_loopexit(sup.base, NULL);
}

static struct slot *slot_of(const struct proc *p)
{
	for (size_t i = 0; i < N_SLOTS; i++)
		if (slots[i].proc == p)
			return &slots[i];
	return NULL;
}

/* Start the room of a slot with these peers. */
static int slot_start(struct slot *s, const uint32_t *peers, const int *fds, unsigned n,
		      struct err *err)
{
	s->proc = proc_start(s->which, peers, fds, n, err);
	if (!s->proc)
		return -EIO;
	s->proc->on_death = slot_died;
	s->proc->on_ready = slot_ready;
	return 0;
}

/* Core has loaded its records when it answers SETUP; clients wait for all four. */
static void slot_ready(struct proc *p)
{
	(void)p;
	for (size_t i = 0; i < N_SLOTS; i++)
		if (!slots[i].proc || !slots[i].proc->ready)
			return;
	if (sup.core || sup.stopping)
		return;
	sup.core = CORE->proc;
	if (intake_send_ready(&sup.core->ch) < 0)
		return;
	pool_pause(false);
	accept_pause(false);
	log_info("%s", was_ready ? "core is back" : "ready");
	if (!was_ready)
		notify_send("READY=1");
	was_ready = true;
}

static int start_with_pairs(int pairs[N_PEERS][2], struct err *err)
{
	static const uint32_t core_only[] = { ROOM_CORE };
	uint32_t peers[N_PEERS];
	int core_fds[N_PEERS], r;

	for (size_t i = 0; i < N_PEERS; i++) {
		r = ipc_pair(pairs[i]);
		if (r < 0)
			return err_sys(err, r, "making channels");
		peers[i] = slots[i].which;
		core_fds[i] = pairs[i][0];
	}
	for (size_t i = 0; i < N_PEERS; i++) {
		r = slot_start(&slots[i], core_only, &pairs[i][1], 1, err);
		if (r < 0)
			return r;
	}
	return slot_start(CORE, peers, core_fds, N_PEERS, err);
}

int rooms_start(struct err *err)
{
	int pairs[N_PEERS][2], r;

	memset(pairs, -1, sizeof(pairs));
	core_wanted = false;
	r = start_with_pairs(pairs, err);
	fd_close_all(pairs[0], 2 * N_PEERS);
	return r;
}

static void start_all(evutil_socket_t fd, short what, void *arg)
{
	struct err err = { 0 };

	(void)fd;
	(void)what;
	(void)arg;
	if (!sup.stopping && rooms_start(&err) < 0)
		fail(err.text);
}

/* One of the others again: a fresh pair, one end of which core gets. */
static int peer_start(struct slot *s, struct err *err)
{
	static const uint32_t core_only[] = { ROOM_CORE };
	const struct intake_peer args = { .which = s->which };
	int pair[2], r;

	r = ipc_pair(pair);
	if (r < 0)
		return err_sys(err, r, "making a channel");
	r = slot_start(s, core_only, &pair[1], 1, err);
	if (r == 0 && CORE->proc)
		r = intake_send_peer_fds(&CORE->proc->ch, &args, &pair[0], 1);
	fd_close_all(pair, 2);
	return r;
}

static void start_peer(evutil_socket_t fd, short what, void *arg)
{
	struct slot *s = arg;
	struct err err = { 0 };

	(void)fd;
	(void)what;
	if (sup.stopping || core_wanted || s->proc)
		return;
	if (peer_start(s, &err) == 0)
		return;
	log_error("%s", err.text);
	after_ms(BACKOFF_MAX_MS, start_peer, s);
}

static unsigned backoff(struct slot *s, const struct proc *p)
{
	if (now_ms() - p->since > BACKOFF_FORGIVEN_MS)
		s->delay_ms = 0;
	s->delay_ms = s->delay_ms ? s->delay_ms * 2 : BACKOFF_FIRST_MS;
	if (s->delay_ms > BACKOFF_MAX_MS)
		s->delay_ms = BACKOFF_MAX_MS;
	return s->delay_ms;
}

static bool all_gone(void)
{
	for (size_t i = 0; i < N_SLOTS; i++)
		if (slots[i].proc)
			return false;
	return true;
}

/* Core went: everything that talked to it goes too. */
static void core_died(void)
{
	sup.core = NULL;
	core_wanted = true;
	accept_pause(true);
	pool_pause(true);
	accept_drop_all();
	listeners_orphan();
	for (size_t i = 0; i < N_PEERS; i++)
		if (slots[i].proc)
			proc_end(slots[i].proc);
}

static void slot_died(struct proc *p)
{
	struct slot *s = slot_of(p);
	unsigned delay;

	s->proc = NULL;
	if (sup.stopping) {
		if (s == CORE) {
			sup.core = NULL;
			rooms_stop();
		}
		return;
	}
	delay = backoff(s, p);
	if (!was_ready && !core_wanted && ++deaths_before_ready >= STARTS_MAX) {
		fail("a room does not come up; see above");
		return;
	}
	if (s == CORE)
		core_died();
	if (!core_wanted)
		after_ms(delay, start_peer, s);
	else if (all_gone())
		after_ms(CORE->delay_ms, start_all, NULL);
}

/* ---- the orderly end ---- */

static void close_all(void)
{
	if (closing)
		return;
	closing = true;
	for (struct proc *p = sup.procs; p; p = p->next)
		proc_end(p);
}

static void stop_answered(void *ctx, struct ipc_reply *r)
{
	(void)ctx;
	(void)r;
	close_all();
}

static void stop_patience_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	if (!closing)
		log_warn("core does not answer to stop; going on without it");
	close_all();
}

void rooms_stop(void)
{
	if (sup.stopping || !sup.core) {
		sup.stopping = true;
		accept_pause(true);
		pool_pause(true);
		close_all();
		if (!sup.procs)
			event_base_loopexit(sup.base, NULL);
		return;
	}
	sup.stopping = true;
	notify_send("STOPPING=1");
	accept_pause(true);
	pool_pause(true);
	if (intake_call_stop(&sup.core->ch, NULL, 0, stop_answered, NULL) < 0)
		close_all();
	else
		after_ms(STOP_PATIENCE_MS, stop_patience_over, NULL);
}
