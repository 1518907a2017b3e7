/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Long verbs are jobs: one at a time on a guest, each with an id, its progress, a way to break it
 * off, and a rule for what becomes of it when whoever asked for it goes away.
 */
#ifndef CORDON_CORE_JOB_H
#define CORDON_CORE_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct client;
struct guest;

enum job_kind { JOB_START, JOB_ADOPT, JOB_STOP };

/* When the client that asked is gone. */
enum job_orphan {
	JOB_GOES_ON,              /* as libvirt's: the answer is given to nobody */
	JOB_ENDS,                 /* broken off */
};

/* Part of what the verb keeps; filled by job_begin(). */
struct job {
	uint64_t id;              /* counts up from 1 in the life of this process; in the log */
	enum job_kind kind;
	struct guest *guest;      /* NULL: not begun */
	struct client *owner;     /* who asked; NULL: nobody, or gone */
	enum job_orphan orphan;
	unsigned done, total;     /* progress in steps of the verb's own */
	uint64_t since_ms;        /* monotonic */
	bool aborted;             /* somebody broke it off; it is on its way back */
	void (*abort)(struct job *j);   /* turns it back; may end it at once. NULL: nothing can */
	struct job *next, **link;
};

/*
 * Enter `j` as the guest's only job, with kind, owner, orphan and abort as set by the caller.
 * -EBUSY with `err` naming the job that is in the way: nothing was begun.
 */
int job_begin(struct job *j, struct guest *g, struct err *err);

/* It is over, however it ended. Fine for a job that was not begun. */
void job_end(struct job *j);

/*
 * A client wants the guest's job broken off. 0: it turns back, and whoever waits for it is told.
 * -EINVAL with `err`: there is none, or it is of a kind that clients cannot break off.
 */
int job_abort(struct guest *g, struct err *err);

/* As job_abort() for ourselves: whatever the kind. It may be over when this returns. */
void job_break_off(struct job *j);

/* The client is gone: its jobs go on without it, or end. */
void job_client_gone(struct client *c);

/* "start", "stop" ... */
const char *job_name(const struct job *j);

/* virDomainJobOperation of the job; milliseconds since it began. */
int job_operation(const struct job *j);
uint64_t job_elapsed_ms(const struct job *j);

#endif
