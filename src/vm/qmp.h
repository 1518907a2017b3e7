/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection to QEMU's monitor: commands with ids, several in flight, each
 * with a deadline. QEMU may be hostile: whatever it says or does not say costs
 * bounded memory and processor time, and ends in an error for whoever asked.
 */
#ifndef CORDON_VM_QMP_H
#define CORDON_VM_QMP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "vm/qmp_parse.h"
#include "vm/rate.h"

#define QMP_PENDING_MAX 256              /* commands sent or waiting, answers outstanding */
#define QMP_RATE_BYTES (64u << 10)       /* read per RATE_WINDOW_MS: about 3 MB a second */
#define QMP_NAME_MAX 48

/*
 * What came of a command: `ret` (borrowed) when err is NULL. Runs exactly once
 * unless qmp_send() failed; not from inside qmp_send().
 */
typedef void qmp_done_fn(void *ctx, struct json_object *ret, const struct err *err);

struct qmp_cmd;

struct qmp {
	int fd;                           /* -1: not connected */
	bool greeted;
	bool stuck;                       /* a deadline passed and nothing was answered since */
	unsigned timeout_s;
	const char *guest;                /* for error texts */
	struct event_base *base;
	void *ctx;                        /* the owner's, for the two below */
	void (*on_event)(void *ctx, const char *name, struct json_object *data);
	/* the connection ended: QEMU closed it, or it said what nobody understands */
	void (*on_lost)(void *ctx, const struct err *why);

	/* the answer that is being handled, as text */
	const char *raw;
	size_t raw_len;

	/* private */
	struct qmp_parser parser;
	struct rate rate;
	struct qmp_cmd *head, **tail;     /* by id: sent ones first, then unsent */
	unsigned n_pending;
	uint64_t next_id;
	struct event *in, *out, *timer, *resume;
};

/* Nothing is connected yet. 0 or -ENOMEM. */
int qmp_init(struct qmp *q, struct event_base *base, const char *guest);

/*
 * Connect to the listening socket at `path`. QEMU may accept later; commands
 * can be sent at once, beginning with qmp_capabilities (sent by this). 0 or -errno.
 */
int qmp_connect(struct qmp *q, const char *path);

/* Close and fail what is pending with `why`; on_lost does not run. */
void qmp_close(struct qmp *q, const struct err *why);

/*
 * Send one command, {"execute": name, "arguments": args}. Takes `args` (NULL:
 * none) in every case. `fd` (-1: none) goes along and stays the caller's; commands with
 * descriptors are sent one at a time, for QEMU remembers one only.
 * -ENOTCONN, -ETIMEDOUT (stuck) or -EBUSY (too many) with `err` filled: `done` does not run.
 */
int qmp_send(struct qmp *q, const char *name, struct json_object *args, int fd, qmp_done_fn *done,
	     void *ctx, struct err *err);

/* As qmp_send() with the whole command as an object, which is taken; its "id" is replaced. */
int qmp_send_object(struct qmp *q, struct json_object *cmd, int fd, qmp_done_fn *done, void *ctx,
		    struct err *err);

#endif
