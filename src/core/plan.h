/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The start plan: a table of steps, each with what it prepares and what it
 * releases. A start walks down the table, a stop or a failure walks back up
 * from where it is. Later capabilities add rows.
 */
#ifndef CORDON_CORE_PLAN_H
#define CORDON_CORE_PLAN_H

#include "core/client.h"
#include "core/guest.h"
#include "core/job.h"

#define PLAN_WAITERS_MAX 64     /* calls that wait for one guest to be gone */

/* Images of one disk as cordon-disk opened them. */
struct plan_disk {
	unsigned n;
	int fds[DOM_CHAIN_MAX];
	struct disk_image images[DOM_CHAIN_MAX];
	bool open;
};

struct plan {
	struct job job;             /* first; aborted: undo as soon as the pending step answers */
	struct guest *guest;
	struct guest_run *run;
	unsigned step;              /* rows of the table that are prepared */
	bool undoing;
	bool busy;                  /* a step waits for an answer */
	unsigned outstanding;       /* answers a step with several questions waits for */
	struct err err;             /* why the start failed */
	int rc;
	bool paused;
	bool adopting;
	/* a question that a room took along as it ended; the next one is asked. NULL: none */
	void (*again)(struct plan *p);
	bool kept_tpm;              /* launch cleaned up, and was not told to forget it */
	unsigned release_tries;
	bool files_left;            /* on its way up past "files": no image is its any more */
	struct ipc_call *call;      /* who asked for the start; NULL: autostart, or gone */
	void (*answer)(struct ipc_call *call, struct guest *g);
	struct ipc_call *waiters[PLAN_WAITERS_MAX];   /* answered when the guest is off */
	unsigned n_waiters;
	struct plan_disk *disks;    /* by index of the model's disks; owned, texts in the run's arena */
	int plain[GUEST_FD_KIND_MAX + 1];   /* loader, nvram, kernel, initrd by enum guest_fd_kind; -1 */
	struct disk_image plain_images[GUEST_FD_KIND_MAX + 1];   /* path NULL: none; in the run's arena */
	struct ledger_claimed claimed;      /* ledger.CLAIM's answer; texts in the run's arena */
	struct plan_label *label;           /* of plan_label.c: what label_base() chose; NULL: not yet */
};

/* What a start is asked with. */
struct plan_request {
	struct ipc_call *call;      /* answered through `answer`, or refused; may be NULL */
	void (*answer)(struct ipc_call *call, struct guest *g);
	enum file_role role;        /* of who gave the model: its files are opened with that */
	bool paused;
	struct client *autodestroy;
};

/*
 * Start `g`, whose live model is `model`. The guest is inactive and has no
 * plan. The answer comes later. -errno with `err`: nothing was begun.
 */
int plan_start(struct guest *g, const struct domain *model, const struct plan_request *req,
	       struct err *err);

/* A step's answer came: go on, or back when rc < 0. */
void plan_continue(struct plan *p, int rc, const struct err *err);

/* Release all that the run holds, then answer `waiter` (may be NULL). The guest is going or gone. */
void plan_stop(struct guest *g, struct ipc_call *waiter);

/* Take over a guest found running: everything counts as prepared. */
int plan_adopt(struct guest *g, struct err *err);

/* A new cordon-launch or cordon-ledger: ask it what the last one did not answer. */
void plan_ask_again(void);

/* Guests that end with their client end now. Those that are just being started: job_client_gone(). */
void plan_client_gone(struct client *c);

/* QEMU is gone: vm said so, or launch. `known`: wait_status is true. */
void plan_qemu_ended(struct guest_run *run, bool known, int wait_status, const char *log);

#endif
