/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's events, in libvirt's words, on their way to core. */
#ifndef CORDON_VM_EVENTS_H
#define CORDON_VM_EVENTS_H

#include "vm/vm.h"

/* virDomainEventType and details */
enum { LIFECYCLE_STARTED = 2, LIFECYCLE_SUSPENDED = 3, LIFECYCLE_RESUMED = 4,
       LIFECYCLE_SHUTDOWN = 6, LIFECYCLE_PMSUSPENDED = 7, LIFECYCLE_CRASHED = 8 };
enum { STARTED_WAKEUP = 4, SUSPENDED_PAUSED = 0, SUSPENDED_IOERROR = 2, SUSPENDED_WATCHDOG = 3,
       RESUMED_UNPAUSED = 0, SHUTDOWN_FINISHED = 0, SHUTDOWN_GUEST = 1, SHUTDOWN_HOST = 2,
       PMSUSPENDED_MEMORY = 0, PMSUSPENDED_DISK = 1, CRASHED_PANICKED = 0 };

/* Handler for struct qmp. */
void events_on_qmp(void *ctx, const char *name, struct json_object *data);

/*
 * Things that happened, also told by an adoption that finds them: the new state, the
 * lifecycle event, and what on_poweroff, on_reboot or on_crash say to do about it.
 */
void events_power_off(const char *reason, int detail);
void events_panicked(void);
void events_stopped(int reason);
void events_resumed(void);
void events_suspended(void);

/* Ask QEMU to end; to reset and go on running. */
void events_end_it(void);
void events_reset_and_go(int reason);

/* ---- outbox.c: number, journal, send ---- */

/* Queue an event; `when`, state and reason are filled in. */
void outbox_put(struct vm_event *e);
void outbox_lifecycle(int type, int detail);

/* Something in vm.facts changed. */
void outbox_facts_changed(void);

/* Send what waits now, ahead of an answer that tells of the same. */
void outbox_flush(void);

/* Core acknowledged. */
void outbox_ack(uint64_t seq);

/* A new core that has everything up to `seq`: send the rest (again). */
void outbox_rewind(uint64_t seq);

/* Read the journal that is there. 0, -ENODATA (a new one was begun), -ENOMEM. */
int outbox_open(void);

#endif
