/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/log.h"
#include "core/adopt.h"
#include "core/audit.h"
#include "core/events.h"
#include "core/host.h"
#include "core/life.h"
#include "core/plan_steps.h"
#include "core/store.h"
#include "core/vmlink.h"

struct step {
	const char *name;
	int (*prepare)(struct plan *p);
	int (*release)(struct plan *p);
};

static int record_prepare(struct plan *p);
static int record_release(struct plan *p);

static const struct step steps[] = {
	{ "record", record_prepare, record_release },
	{ "tpm",    tpm_prepare,    tpm_release },
	{ "host",   host_prepare,   host_release },
	{ "claim",  claim_prepare,  claim_release },
	{ "files",  files_prepare,  files_release },
	{ "label",  label_prepare,  label_release },
	{ "viewer", viewer_prepare, viewer_release },
	{ "launch", launch_prepare, launch_release },
	{ "boot",   boot_prepare,   boot_release },
};
#define N_STEPS (sizeof(steps) / sizeof(steps[0]))

static int next_id = 1;

/* First, so that whatever is begun later is known after a crash; last, when all is undone. */
static int record_prepare(struct plan *p)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	p->run->rec.starting = true;
	p->run->rec.started_us = now.tv_sec * 1000000LL + now.tv_nsec / 1000;
	p->run->rec.persistent = p->guest->persistent;
	p->run->rec.forget_tpm = define_forgets_tpm(&p->run->rec.live, 0);
	store_save_run(p->guest);
	return 0;
}

static int record_release(struct plan *p)
{
	store_remove_run(p->guest);
	return 0;
}

static void plan_free(struct plan *p)
{
	files_close(p);
	job_end(&p->job);
	p->run->plan = NULL;
	free(p->disks);
	free(p);
}

/* ---- both ends ---- */

static void started(struct plan *p)
{
	struct guest *g = p->guest;
	struct guest_run *run = p->run;
	struct ipc_call *call = take_ptr(p->call);

	run->rec.starting = false;
	store_save_run(g);
	if (!p->adopting) {
		audit_guest(g, "start", "booted", true);
		events_lifecycle(g, EVENT_STARTED, STARTED_BOOTED);
		if (p->paused)
			events_lifecycle(g, EVENT_SUSPENDED, 0);
	}
	if (call)
		p->answer(call, g);
	plan_free(p);
	/* QEMU may have ended while it was being answered for */
	if (run->ended)
		plan_stop(g, NULL);
}

/* Crashed is the guest; a QEMU that ended unasked, however, has failed. */
static int stopped_detail(const struct guest_run *run)
{
	if (run->destroyed)
		return STOPPED_DESTROYED;
	if (run->crashed)
		return STOPPED_CRASHED;
	return run->shutdown_seen ? STOPPED_SHUTDOWN : STOPPED_FAILED;
}

static int shutoff_reason(int detail)
{
	static const int reasons[] = {
		[STOPPED_SHUTDOWN] = SHUTOFF_SHUTDOWN, [STOPPED_DESTROYED] = SHUTOFF_DESTROYED,
		[STOPPED_CRASHED] = SHUTOFF_CRASHED, [STOPPED_FAILED] = SHUTOFF_CRASHED,
	};

	return reasons[detail];
}

/* libvirt's, in its audit records */
static const char *const stop_words[] = {
	[STOPPED_SHUTDOWN] = "shutdown", [STOPPED_DESTROYED] = "destroyed",
	[STOPPED_CRASHED] = "crashed", [STOPPED_FAILED] = "failed",
};

/* All is released: the guest is off. */
static void gone(struct plan *p)
{
	struct guest *g = p->guest;
	bool was_started = !p->run->rec.starting;
	bool again = p->run->rec.start_again && g->autostart;
	int detail = stopped_detail(p->run);
	struct ipc_call *call = take_ptr(p->call);
	struct ipc_call *waiters[PLAN_WAITERS_MAX + 1];
	unsigned n = p->n_waiters;
	struct err err = p->err;
	int rc = p->rc ? p->rc : -ECANCELED;

	memcpy(waiters, p->waiters, n * sizeof(waiters[0]));
	if (p->run->graceful)
		waiters[n++] = take_ptr(p->run->graceful);
	g->shutoff_reason = was_started || p->run->destroyed ? shutoff_reason(detail) : SHUTOFF_FAILED;
	if (was_started)
		events_lifecycle(g, EVENT_STOPPED, detail);
	audit_guest(g, was_started ? "stop" : "start", was_started ? stop_words[detail] : "failed",
		    was_started);
	plan_free(p);
	guest_run_free(g);
	if (!g->persistent)
		guest_remove(g);
	if (call)
		ipc_refuse(call, rc, &err);
	for (unsigned i = 0; i < n; i++)
		ipc_reply(waiters[i], NULL, NULL, 0);
	if (again)
		adopt_autostart(g);
}

/* ---- walking ---- */

static void walk_up(struct plan *p)
{
	while (p->step) {
		int rc;

		p->step--;
		rc = steps[p->step].release(p);
		if (rc == 1) {
			p->busy = true;
			return;
		}
	}
	gone(p);
}

static void turn_back(struct plan *p)
{
	p->undoing = true;
	walk_up(p);
}

static void walk_down(struct plan *p)
{
	while (p->step < N_STEPS) {
		int rc;

		if (p->job.aborted) {
			turn_back(p);
			return;
		}
		rc = steps[p->step].prepare(p);
		/* even a step that failed may have begun something: it is released as well */
		p->job.done = p->step++;
		if (rc == 1) {
			p->busy = true;
			return;
		}
		if (rc < 0) {
			p->rc = rc;
			log_info("domain '%s': start: %s: %s", p->guest->name, steps[p->step - 1].name,
				 p->err.text);
			turn_back(p);
			return;
		}
	}
	if (p->job.aborted)
		turn_back(p);
	else
		started(p);
}

void plan_continue(struct plan *p, int rc, const struct err *err)
{
	p->busy = false;
	if (p->undoing) {
		walk_up(p);
		return;
	}
	if (rc) {
		p->rc = rc;
		if (err && !p->job.aborted)
			p->err = *err;
		log_info("domain '%s': start: %s: %s", p->guest->name, steps[p->step - 1].name,
			 p->err.text);
		turn_back(p);
		return;
	}
	walk_down(p);
}

/* ---- beginnings ---- */

/* Said before, or the reason is that somebody does not want the guest any more. */
static void broken_off(struct job *j)
{
	struct plan *p = (struct plan *)j;

	if (!p->err.code)
		err_set(&p->err, -ECANCELED, ERR_OPERATION_ABORTED, p->run->destroyed ?
			"operation aborted: domain '%s' was stopped while it was starting" :
			"operation aborted: start of domain '%s': canceled by client", p->guest->name);
	/* QEMU may take its time, or never come; launch ends it with its cage */
	if (p->busy && !p->undoing && p->step == N_STEPS)
		vmlink_detach(p->run);
}

/* Enters the guest's job. NULL with `err`. */
static struct plan *plan_new(struct guest *g, enum job_kind kind, struct ipc_call *call, struct err *err)
{
	struct plan *p = calloc(1, sizeof(*p));

	if (!p) {
		err_set(err, -ENOMEM, ERR_NO_MEMORY, "domain '%s': out of memory", g->name);
		return NULL;
	}
	p->guest = g;
	p->run = g->run;
	p->job = (struct job){ .kind = kind, .owner = call && call->ch ? client_of(call) : NULL,
			       .total = N_STEPS, .abort = broken_off };
	for (size_t i = 0; i < sizeof(p->plain) / sizeof(p->plain[0]); i++)
		p->plain[i] = -1;
	/* not in the run's arena: a guest must be able to end when that is full */
	p->disks = calloc(p->run->rec.live.n_disks + 1, sizeof(*p->disks));
	if (!p->disks)
		err_set(err, -ENOMEM, ERR_NO_MEMORY, "domain '%s': out of memory", g->name);
	if (!p->disks || job_begin(&p->job, g, err)) {
		free(p->disks);
		free(p);
		return NULL;
	}
	p->run->plan = p;
	return p;
}

int plan_start(struct guest *g, const struct domain *model, const struct plan_request *req,
	       struct err *err)
{
	struct guest_run *run;
	struct plan *p = NULL;

	if (host_can_run(model, err))
		return -ENOTSUP;
	if (g->run)
		return err_set(err, -EBUSY, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: domain '%s' is already running",
			       g->name);
	err_set(err, -ENOMEM, ERR_NO_MEMORY, "domain '%s': out of memory", g->name);
	run = guest_run_new(g);
	if (run && !xdr_copy(&domain_xdr, model, run->arena, &run->rec.live))
		p = plan_new(g, JOB_START, req->call, err);
	if (!p) {
		if (run)
			guest_run_free(g);
		return -ENOMEM;
	}
	run->rec.id = next_id++;
	run->rec.state = GUEST_PAUSED;
	run->rec.reason = PAUSED_STARTING_UP;
	run->rec.role = req->role;
	run->autodestroy = req->autodestroy;
	p->job.orphan = req->autodestroy ? JOB_ENDS : JOB_GOES_ON;
	run->rec.autodestroy = req->autodestroy != NULL;
	p->call = req->call;
	p->answer = req->answer;
	p->paused = req->paused;
	walk_down(p);
	return 0;
}

int plan_adopt(struct guest *g, struct err *err)
{
	struct plan *p = plan_new(g, JOB_ADOPT, NULL, err);

	if (!p)
		return -ENOMEM;
	if (g->run->rec.id >= next_id)
		next_id = g->run->rec.id + 1;
	p->adopting = true;
	g->run->adopted = true;
	p->step = N_STEPS;
	if (g->run->rec.starting || (g->run->rec.autodestroy && !g->run->autodestroy)) {
		/* the core that began this is gone, and with it whoever asked */
		err_set(&p->err, -ECANCELED, ERR_OPERATION_FAILED, "interrupted start");
		g->run->destroyed = !g->run->rec.starting;
		turn_back(p);
		return 0;
	}
	viewer_adopt(p->guest);
	p->step = N_STEPS - 1;
	walk_down(p);
	return 0;
}

void plan_stop(struct guest *g, struct ipc_call *waiter)
{
	struct plan *p = g->run->plan;
	struct err err = { 0 };

	if (!p) {
		p = plan_new(g, JOB_STOP, waiter, &err);
		if (!p) {
			if (waiter)
				ipc_refuse(waiter, -EBUSY, &err);
			return;
		}
		p->step = N_STEPS;
		p->undoing = true;
	}
	if (waiter && p->n_waiters == PLAN_WAITERS_MAX) {
		ipc_refuse_text(waiter, -EBUSY, ERR_OPERATION_FAILED,
				"domain '%s': %u calls wait already for it to stop", g->name,
				PLAN_WAITERS_MAX);
	} else if (waiter) {
		p->waiters[p->n_waiters++] = waiter;
	}
	if (p->undoing && !p->busy && p->step == N_STEPS) {
		turn_back(p);
	} else if (!p->undoing) {
		job_break_off(&p->job);
	}
}

void plan_client_gone(struct client *c)
{
	for (struct guest *g = guest_next(NULL), *next; g; g = next) {
		next = guest_next(g);
		if (!g->run || g->run->autodestroy != c)
			continue;
		g->run->autodestroy = NULL;
		g->run->destroyed = true;
		log_info("domain '%s': ends with its client", g->name);
		if (!g->run->plan)
			plan_stop(g, NULL);
	}
}

void plan_qemu_ended(struct guest_run *run, bool known, int wait_status, const char *log)
{
	if (run->ended)
		return;
	run->ended = true;
	run->wait_status = known ? wait_status : 0;
	free(run->why);
	run->why = log ? strdup(log) : NULL;
	log_info("domain '%s': QEMU ended, status %#x%s%s", run->guest->name, (unsigned)wait_status,
		 log && *log ? ": " : "", log && *log ? log : "");
	/* while it starts, the boot step's answer tells; then nothing else is needed */
	if (!run->plan || run->plan->undoing)
		plan_stop(run->guest, NULL);
}

void plan_ask_again(void)
{
	for (struct guest *g = guest_next(NULL); g; g = guest_next(g)) {
		struct plan *p = g->run ? g->run->plan : NULL;

		if (p && p->again)
			p->again(p);
	}
}
