/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request under way: questions to cordon-file, perhaps in a process of its
 * own where a server may not answer, and to a reader of headers. It has a
 * deadline, and can be given up.
 */
#ifndef CORDON_DISK_JOB_H
#define CORDON_DISK_JOB_H

#include <event2/event.h>

#include "disk/node.h"
#include "ipc/call.h"
#include "ipc/chan.h"
#include "proto/image.x.h"

#define JOB_WORKERS_MAX 32       /* that wait for slow storage at one time */

struct side;

struct job {
	struct job *next, **link;
	struct ipc_call *call;         /* whose answer it is; NULL for work of our own */
	uint8_t guest[16];
	const char *path;              /* for texts */
	struct event *deadline;        /* NULL with `endless` */
	bool endless;                  /* no deadline, and not given up: it has to know the outcome */
	struct side *worker, *reader;  /* NULL: none of its own (yet) */
	/*
	 * It has come to its end: with rc 0 all went well, else `err` says what did
	 * not (a refusal, the deadline, cancelled). Answers or refuses `call`, and
	 * frees what is around the job.
	 */
	void (*ended)(struct job *j, int rc, const struct err *err);
};

/*
 * Begin: file_timeout from now on, unless `endless`. `call`, `guest`, `path`
 * and `ended` are set. 0 or -ENOMEM; always 0 for an endless one.
 */
int job_begin(struct job *j);

/* Over: tidy up and call `ended`. No callback of this job runs any more. */
void job_end(struct job *j, int rc, const struct err *err);

/* As job_end() with the text made here. */
void job_fail(struct job *j, int rc, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Give up those of `guest`. */
void job_cancel(const uint8_t guest[16]);

/*
 * The channel to ask about `path`: that to cordon-file, or to a new worker of
 * its when `path` may have to wait for a server, or with `slow`. NULL: the job
 * was failed.
 */
struct ipc_chan *job_file(struct job *j, const char *path, bool slow);

/* The one that job_file() gave last, for one more question about the same path. NULL: likewise. */
struct ipc_chan *job_same(struct job *j);

/* The channel to a reader of headers, the same one for the whole job. NULL: likewise. */
struct ipc_chan *job_reader(struct job *j);

/* A question could not be sent: fail the job for it. */
void job_unsent(struct job *j, int rc);

/* What to add to the text of a refusal ("" nothing), and the code that it has for people. (advice.c) */
const char *advice_for(const struct ipc_reply *r, int *ret_code);

/* It was refused: likewise. `prefix` stands before what was said. */
void job_refused(struct job *j, const char *prefix, const struct ipc_reply *r);

#endif
