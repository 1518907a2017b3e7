/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a guest: all its processes, then its group, folder and uids. */
#include <errno.h>
#include <signal.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "base/log.h"
#include "ipc/call.h"
#include "launch/launch.h"

#define TICK_MS 20     /* between two looks at a group whose processes are nobody's we hear of */

static bool anybody(const struct cell *c)
{
	for (unsigned i = 0; i < c->s.n_helpers; i++)
		if (watched_alive(&c->s.helpers[i]))
			return true;
	return watched_alive(&c->s.qemu) || watched_alive(&c->s.vm) ||
	       cgroup_populated(&launch.cgroups, c->dir_name);
}

void cleanup_traces(const char *name, bool forget_tpm)
{
	struct err err = { 0 };

	if (cgroup_remove(&launch.cgroups, name, &err))
		log_error("guest %s: %s", name, err.text);
	folder_remove(launch.run_dir, name);
	tpm_end(name, forget_tpm);
}

static void finish(struct cell *c)
{
	struct ipc_call *call = c->s.cleanup;
	struct err err = { 0 };

	cleanup_traces(c->dir_name, c->s.forget_tpm);
	if (c->s.keep_claim) {
		cell_reset(c);
	} else {
		if (claim_release(c, &err))
			log_error("guest %s: %s", c->dir_name, err.text);
		cell_free(c);
	}
	if (call)
		ipc_reply(call, NULL, NULL, 0);
}

/*
 * A launch that died in the middle of a start left a stage S that goes on for a
 * moment, and its QEMU is no child of ours: nothing tells of their end, and they
 * may enter the group only after it was killed. So it is looked at and killed
 * again until it is empty.
 */
static void look_again(bool wanted)
{
	struct itimerspec when = { .it_value.tv_nsec = wanted ? TICK_MS * 1000000L : 0 };

	(void)timerfd_settime(launch.timer, 0, &when, NULL);
}

void cleanup_begin(struct cell *c, struct ipc_call *call, const struct launch_guest_args *args)
{
	if (c->s.cleanup)
		ipc_refuse_text(call, -EBUSY, ERR_OPERATION_FAILED, "guest %s is just being removed",
				c->dir_name);
	else
		c->s.cleanup = call;
	c->s.going = true;
	c->s.keep_claim = args->keep_claim;
	c->s.forget_tpm = args->forget_tpm;
	cgroup_kill(&launch.cgroups, c->dir_name);
	watched_kill(&c->s.qemu);
	watched_kill(&c->s.vm);
	for (unsigned i = 0; i < c->s.n_helpers; i++)
		watched_kill(&c->s.helpers[i]);
	if (!anybody(c))
		finish(c);
	else
		look_again(true);
}

/* QEMU goes on without; the guest sees a TPM that fails. */
static void look_at_tpm(struct cell *c)
{
	if (!c->s.helpers[0].pid || watched_alive(&c->s.helpers[0]) || !watched_alive(&c->s.qemu))
		return;
	log_error("guest %s: swtpm ended; its TPM does not answer until it is started anew", c->dir_name);
	watched_close(&c->s.helpers[0]);
}

void cleanup_children(void)
{
	bool left = false;
	int status;

	/* cordon-vms, passts, swtpms, and QEMUs whose cordon-vm died */
	while (waitpid(-1, &status, WNOHANG) > 0)
		;
	for (struct cell *c = launch.cells, *next; c; c = next) {
		next = c->next;
		if (!c->s.going) {
			look_at_tpm(c);
			continue;
		}
		if (!anybody(c)) {
			finish(c);
			continue;
		}
		cgroup_kill(&launch.cgroups, c->dir_name);
		left = true;
	}
	look_again(left);
}
