/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/vmlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/log.h"
#include "core/events.h"
#include "core/host.h"
#include "core/plan.h"
#include "core/ptys.h"
#include "core/store.h"
#include "ipc/call.h"
#include "ipc/ev.h"

extern const struct ipc_handlers vmup_server;

/* cordon-vm went away under a guest that runs. */
static void link_closed(struct ipc_chan *ch)
{
	struct vmlink *l = ch->ctx;
	struct guest_run *run = l->run;

	if (l->watch)
		event_free(l->watch);
	free(l);
	if (!run)
		return;
	run->link = NULL;
	if (run->ended || run->plan)
		return;
	log_warn("domain '%s': its cordon-vm is gone, QEMU goes on; starting another",
		 run->guest->name);
	vmlink_retry(run);
}

/* ---- does it live? ---- */

static void watch_on(struct vmlink *l)
{
	static const struct timeval patience = { VMLINK_PATIENCE_S, 0 };

	if (!event_pending(l->watch, EV_TIMEOUT, NULL))
		event_add(l->watch, &patience);
}

static void lives(void *ctx, struct ipc_reply *r)
{
	struct vmlink *l = ctx;

	(void)r;
	l->asked = false;
}

/* Calls may take QEMU's time, and have deadlines in cordon-vm; its loop has to turn meanwhile. */
static void watch_over(evutil_socket_t fd, short what, void *arg)
{
	struct vmlink *l = arg;

	(void)fd;
	(void)what;
	if (!l->ch.n_pending)
		return;
	if (!l->asked && !vm_call_status(&l->ch, NULL, 0, lives, l)) {
		l->asked = true;
		watch_on(l);
		return;
	}
	log_warn("%s does not answer for %u s", l->name, VMLINK_PATIENCE_S);
	if (l->run)
		l->run->vm_stuck = true;
	ipc_chan_close(&l->ch, "does not answer");
}

/* ---- there or not ---- */

int vmlink_attach(struct guest_run *run, int fd, struct err *err)
{
	struct vmlink *l = calloc(1, sizeof(*l));

	if (!l) {
		fd_close(&fd);
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	}
	l->run = run;
	snprintf(l->name, sizeof(l->name), "vm of '%s'", run->guest->name);
	ipc_chan_init(&l->ch, fd, l->name, IPC_ROOM_VM);
	l->ch.ctx = l;
	l->ch.serves[0] = &vmup_server;
	l->ch.body_max = 8u << 20;
	l->ch.on_closed = link_closed;
	l->watch = evtimer_new(core.base, watch_over, l);
	if (!l->watch || ipc_ev_attach(core.base, &l->ch)) {
		fd_close(&fd);
		if (l->watch)
			event_free(l->watch);
		free(l);
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	}
	vmlink_detach(run);
	run->link = l;
	return 0;
}

void vmlink_detach(struct guest_run *run)
{
	struct vmlink *l = take_ptr(run->link);

	if (!l)
		return;
	l->run = NULL;
	ipc_chan_close(&l->ch, "no longer needed");
}

struct ipc_chan *vmlink_chan(struct guest *g, struct err *err)
{
	if (g->run && g->run->link) {
		watch_on(g->run->link);
		return &g->run->link->ch;
	}
	err_set(err, -EAGAIN, ERR_OPERATION_FAILED,
		"domain '%s': its supervisor (cordon-vm) is being started again; try again", g->name);
	return NULL;
}

void vmlink_refuse_stuck(struct ipc_call *call, const struct remote_nonnull_domain *dom)
{
	ipc_refuse_text(call, -ETIMEDOUT, ERR_OPERATION_TIMEOUT,
			"Timed out during operation: domain '%.255s': QEMU does not answer its monitor",
			dom->name);
}

bool vmlink_refuse_partial(struct ipc_call *call, const struct remote_nonnull_domain *dom,
			   const struct vm_stats_ret *st)
{
	if (st->busy)
		ipc_refuse_text(call, -EBUSY, ERR_RESOURCE_BUSY,
				"resource busy: domain '%.255s': too many commands wait for QEMU's "
				"monitor; try again", dom->name);
	else if (st->stuck)
		vmlink_refuse_stuck(call, dom);
	return st->busy || st->stuck;
}

void vmlink_take_status(struct guest_run *run, const struct vm_status *st)
{
	guest_take_state(run, st->state, st->reason);
	if (st->balloon_kib)
		run->rec.live.current_memory_kib = st->balloon_kib;
}

/* localtime_r() alone reads no file again: room_on_setup() had it read while it was there. */
static int utc_offset(void)
{
	time_t now = time(NULL);
	struct tm tm;

	return localtime_r(&now, &tm) ? (int)tm.tm_gmtoff : 0;
}

static int send_boot(struct guest_run *run, bool paused, bool adopt, ipc_reply_fn *done, void *ctx,
		     struct err *err)
{
	struct vm_boot_args args = {
		.model = run->rec.live, .fds = run->rec.launched.fds,
		.n_fds = run->rec.launched.n_fds, .paused = paused, .adopt = adopt,
		.event_seq = run->rec.event_seq, .qmp_timeout = core.conf.qmp_timeout,
		.start_timeout = core.conf.start_timeout,
		.event_queue_max = core.conf.event_queue_max,
		.console_buffer_max = core.conf.console_buffer_max,
		.guest_log_max = core.conf.guest_log_max,
		.host = (struct host_facts *)(uintptr_t)host_facts(),
		.utc_offset = utc_offset(),
	};
	struct ipc_chan *ch = vmlink_chan(run->guest, err);
	int rc;

	if (!ch)
		return -EAGAIN;
	rc = vm_call_boot(ch, &args, NULL, 0, done, ctx);
	return rc ? err_sys(err, rc, "domain '%s': cannot ask cordon-vm", run->guest->name) : 0;
}

int vmlink_boot(struct guest_run *run, bool paused, ipc_reply_fn *done, void *ctx, struct err *err)
{
	return send_boot(run, paused, false, done, ctx, err);
}

/* ---- reconnecting ---- */

struct reconnect {
	uint8_t guest[16];          /* the run may end meanwhile */
	struct guest_run *run;
	ipc_reply_fn *done;
	void *ctx;
};

static void respawned(void *arg, struct ipc_reply *r)
{
	struct reconnect *rc = arg;
	struct guest *g = guest_by_uuid(rc->guest);
	struct err err = { 0 };
	struct ipc_reply failed = { .err = &err };

	if (!g || g->run != rc->run) {
		free(rc);
		return;
	}
	failed.rc = r->rc;
	if (r->rc) {
		err = *r->err;
	} else {
		rc->run->vm_stuck = false;
		ptys_show(rc->run, r->ret);
		failed.rc = vmlink_attach(rc->run, take_fd(&r->fds[0]), &err);
	}
	if (!failed.rc)
		failed.rc = send_boot(rc->run, false, true, rc->done, rc->ctx, &err);
	if (failed.rc)
		rc->done(rc->ctx, &failed);
	free(rc);
}

int vmlink_reconnect(struct guest_run *run, ipc_reply_fn *done, void *ctx, struct err *err)
{
	struct ipc_chan *ch = core_peer(&core.launch, err);
	struct launch_guest_args args = { .replace = run->vm_stuck };
	struct reconnect *rc;
	int ret;

	if (!ch)
		return -EAGAIN;
	rc = calloc(1, sizeof(*rc));
	if (!rc)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	*rc = (struct reconnect){ .run = run, .done = done, .ctx = ctx };
	memcpy(rc->guest, run->guest->uuid, 16);
	memcpy(args.guest, run->guest->uuid, 16);
	ret = launch_call_respawn(ch, &args, NULL, 0, respawned, rc);
	if (ret) {
		free(rc);
		return err_sys(err, ret, "domain '%s': cannot ask cordon-launch", run->guest->name);
	}
	return 0;
}

static void retried(void *ctx, struct ipc_reply *r)
{
	struct guest *g = guest_by_uuid(ctx);
	struct guest_run *run = g ? g->run : NULL;

	free(ctx);
	if (!run || run->ended || run->plan)
		return;
	if (!r->rc) {
		run->vm_tries = 0;
		vmlink_take_status(run, r->ret);
		store_save_run(g);
		return;
	}
	log_warn("domain '%s': %s", g->name, r->err->text);
	if (r->rc == -ESRCH)
		plan_qemu_ended(run, false, 0, "QEMU was gone when cordon-vm was started again");
	else
		vmlink_retry(run);
}

static void retry_now(evutil_socket_t fd, short what, void *arg)
{
	struct guest_run *run = arg;
	struct err err = { 0 };
	uint8_t *uuid;

	(void)fd;
	(void)what;
	if (run->ended || run->plan)
		return;
	uuid = malloc(16);
	if (uuid)
		memcpy(uuid, run->guest->uuid, 16);
	if (!uuid || vmlink_reconnect(run, retried, uuid, &err)) {
		free(uuid);
		vmlink_retry(run);
	}
}

void vmlink_retry(struct guest_run *run)
{
	unsigned ms = VMLINK_RETRY_MS << (run->vm_tries < 8 ? run->vm_tries : 8);
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	if (run->vm_tries++ >= VMLINK_TRIES_MAX) {
		log_error("domain '%s': cordon-vm ended %u times; left alone. `virsh destroy` still "
			  "works", run->guest->name, run->vm_tries);
		return;
	}
	if (!run->vm_timer)
		run->vm_timer = evtimer_new(core.base, retry_now, run);
	if (run->vm_timer)
		evtimer_add(run->vm_timer, &tv);
}

/* ---- what it tells ---- */

/*
 * An event is acknowledged once it is in the record: a core that is killed in between is told again.
 * QEMU's end never is, for the run's record then goes, and until it does tells how the guest was before.
 */
int vmup_on_events(struct ipc_call *call, const struct vm_events *args)
{
	struct vmlink *l = call->ch->ctx;
	struct guest_run *run = l->run;
	const struct vm_event *end = NULL;
	struct vm_ack ack;

	if (!run)
		return ipc_reply(call, NULL, NULL, 0);
	if (args->lost > run->lost)
		log_warn("domain '%s': %llu events did not fit the queue of its cordon-vm and are lost",
			 run->guest->name, (unsigned long long)(args->lost - run->lost));
	run->lost = args->lost;
	ack.seq = run->rec.event_seq;
	for (uint32_t i = 0; i < args->n_events; i++) {
		const struct vm_event *e = &args->events[i];

		if (e->kind == VM_EVENT_KIND_EXITED)
			end = e;
		if (end || e->seq <= run->rec.event_seq)
			continue;   /* told before; the ACK was lost */
		run->rec.event_seq = e->seq;
		events_from_vm(run, e);
	}
	if (run->rec.event_seq > ack.seq)
		store_save_run(run->guest);
	ack.seq = run->rec.event_seq;
	if (run->link)
		(void)vm_send_ack(&run->link->ch, &ack);
	if (end) {
		events_from_vm(run, end);
		plan_qemu_ended(run, end->b == 1, (int)end->a, end->text);
	}
	return ipc_reply(call, NULL, NULL, 0);
}
