/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The supervisor of one guest: what its parts share. One process, one guest,
 * one loop; all of it is reached from the one struct vm.
 */
#ifndef CORDON_VM_VM_H
#define CORDON_VM_VM_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "ipc/chan.h"
#include "proto/vm.x.h"
#include "vm/glog.h"
#include "vm/journal.h"
#include "vm/qmp.h"
#include "vm/queue.h"

#define VM_CONFIG_MAX (16u << 20)    /* bytes of memory for the model and settings */

/* libvirt's numbers, as far as vm tells them */
enum { STATE_RUNNING = 1, STATE_PAUSED = 3, STATE_SHUTDOWN = 4, STATE_SHUTOFF = 5,
       STATE_CRASHED = 6, STATE_PMSUSPENDED = 7 };
enum { RUNNING_BOOTED = 1, RUNNING_UNPAUSED = 5, RUNNING_WAKEUP = 8, RUNNING_CRASHED = 9 };
enum { PAUSED_UNKNOWN = 0, PAUSED_USER = 1, PAUSED_IOERROR = 5, PAUSED_WATCHDOG = 6,
       PAUSED_STARTING_UP = 11 };
enum { SHUTOFF_UNKNOWN = 0, SHUTOFF_SHUTDOWN = 1, SHUTOFF_CRASHED = 3, SHUTOFF_FAILED = 6 };

struct boot;
struct chardev;
struct viewer_peer;

struct vm {
	struct event_base *base;
	struct ipc_chan *core;           /* NULL: nobody is there; events wait */
	struct ipc_chan core_chan[2];    /* the one in use and the one that is going */
	struct event *listener;

	struct arena *arena;             /* holds cfg */
	const struct vm_boot_args *cfg;  /* NULL before BOOT */
	const char *name;                /* the guest's; "" before BOOT */

	struct boot *boot;               /* while a start or an adoption is under way */
	struct qmp qmp;
	struct event *reconnect;         /* the monitor was lost while QEMU lives */
	struct err lost;                 /* why */
	struct vm_facts facts;           /* seq, acked and lost are the queue's */
	int pause_reason;                /* of the STOP that will come; 0 unknown */
	int resume_reason;

	struct queue queue;
	struct journal journal;
	struct event *flush;             /* events to send when the loop turns */
	bool facts_changed;              /* to be written when the loop turns */

	struct glog log;
	struct event *exit_watch;        /* on QEMU's pidfd */
	bool parent;                     /* QEMU is our child */

	struct chardev *chardevs;
	unsigned n_chardevs;
	struct viewer_peer *peers;
	struct event *viewer_timer;
	bool viewer_password;            /* the display has one */

	unsigned fdset;                  /* last one used for add-fd */
	int *tids;                       /* of vcpu threads, by cpu-index; NULL: not known yet */
	unsigned n_tids;
};

extern struct vm vm;

/* ---- main.c ---- */

/* Serve core on `fd`, which is taken. 0 or -ENOMEM. */
int vm_attach_core(int fd);

/* ---- boot.c ---- */

/*
 * The start (or adoption) that BOOT asked for ended: with success (err NULL), or
 * not. Answers BOOT. False: none was under way.
 */
bool boot_finish(const struct err *err);

/* Send what has to be set before the guest runs, then let it. */
void boot_setup(void);

/* Why the cage's child could not start QEMU; "" unless it said so. */
const char *boot_reason(void);

/* ---- adopt.c ---- */

/* Handler for struct qmp: the monitor was lost. It is connected again if QEMU lives. */
void adopt_on_lost(void *ctx, const struct err *why);

/* Ask QEMU how things stand, and tell what was missed. Ends in boot_finish(). */
void adopt_sync(void);

/* ---- exit.c ---- */

/* Watch QEMU's end. 0 or -errno. */
int exit_watch_start(void);

/* ---- status.c ---- */

/* What is known right now, with the processor time; strings live in `a`. */
void status_fill(struct vm_status *st, struct arena *a);

/* Change what is known; written to the journal when the loop turns. */
void status_set(int state, int reason);

/* Answer `call` with `err`. Always 0. */
int vm_refuse(struct ipc_call *call, const struct err *err);

/* For qmp_send(): answers `ctx`, a struct ipc_call of a row that returns nothing. */
void vm_reply_plain(void *ctx, struct json_object *ret, const struct err *err);

#endif
