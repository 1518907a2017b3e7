/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a guest: all its processes, then its group and folder. */
#include <errno.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "base/log.h"
#include "ipc/call.h"
#include "launch/launch.h"

#define TICK_MS 20     /* between two looks at a group whose processes are nobody's we hear of */

static bool anybody(const struct cell *c)
{
	for (unsigned i = 0; i < c->n_helpers; i++)
		if (watched_alive(&c->helpers[i]))
			return true;
	return watched_alive(&c->qemu) || watched_alive(&c->vm) ||
	       cgroup_populated(&launch.cgroups, c->dir_name);
}

static void finish(struct cell *c)
{
	struct ipc_call *call = c->cleanup;
	struct err err = { 0 };

	if (cgroup_remove(&launch.cgroups, c->dir_name, &err))
		log_error("guest %s: %s", c->dir_name, err.text);
	tpm_end(c->dir_name, c->forget_tpm);
	/* last: until then the ledger keeps its uids */
	folder_remove(launch.run_dir, c->dir_name);
	cell_free(c);
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

void cleanup_begin(struct cell *c, struct ipc_call *call, bool forget_tpm)
{
	if (c->cleanup)
		ipc_refuse_text(call, -EBUSY, ERR_OPERATION_FAILED, "guest %s is just being removed",
				c->dir_name);
	else
		c->cleanup = call;
	c->going = true;
	c->forget_tpm = forget_tpm;
	cgroup_kill(&launch.cgroups, c->dir_name);
	watched_kill(&c->qemu);
	watched_kill(&c->vm);
	for (unsigned i = 0; i < c->n_helpers; i++)
		watched_kill(&c->helpers[i]);
	cleanup_children();
}

/*
 * QEMU goes on without; the guest sees a TPM that fails, or an interface on which nothing comes. With
 * status 0 they end when QEMU has closed their socket: that is no news. Those that a launch before us
 * started are not our children, and nobody tells us.
 */
static void look_at_helpers(struct cell *c, pid_t pid, int status)
{
	for (unsigned i = 0; i < c->n_helpers; i++) {
		if (c->helpers[i].pid != pid || c->helpers[i].found)
			continue;
		if (status && !c->going && watched_alive(&c->qemu))
			log_error("guest %s (%s): %s ended, status %#x; its %s does not answer until the guest is "
				  "started anew", c->dir_name, c->log_name, i ? "passt" : "swtpm",
				  (unsigned)status, i ? "network" : "TPM");
		watched_close(&c->helpers[i]);
	}
}

void cleanup_children(void)
{
	bool left = false;
	int status;
	pid_t pid;

	/* cordon-vms, passts, swtpms, and QEMUs whose cordon-vm died */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (struct cell *c = launch.cells; c; c = c->next)
			look_at_helpers(c, pid, status);
	for (struct cell *c = launch.cells, *next; c; c = next) {
		next = c->next;
		if (!c->going)
			continue;
		if (!anybody(c)) {
			finish(c);
			continue;
		}
		cgroup_kill(&launch.cgroups, c->dir_name);
		left = true;
	}
	look_again(left);
}
