/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request being served, and the answer to one that was sent. */
#ifndef CORDON_IPC_CALL_H
#define CORDON_IPC_CALL_H

#include "base/arena.h"
#include "base/err.h"
#include "ipc/program.h"

#define IPC_WORK_MAX (32u << 20)   /* bytes of a call's arena for its answer, beside the arguments */
#define IPC_FDS_MAX 128   /* descriptors in one message (the kernel allows 253) */

/* A request that was received. Freed by ipc_reply() or ipc_refuse(). */
struct ipc_call {
	struct ipc_chan *ch;            /* NULL once the peer is gone */
	const struct ipc_program *program;
	const struct ipc_row *row;
	uint64_t serial;
	uint64_t req;                   /* follows one client call through all rooms */
	struct arena *arena;            /* args, and what the answer takes, until it is answered */
	const void *args;
	const void *raw;                /* the encoded body, valid only inside the handler */
	size_t raw_len;
	unsigned n_fds;
	int fds[IPC_FDS_MAX];           /* what is left here is closed with the call */
	struct err err;                 /* answered when the handler returns -errno */
	void (*on_peer_gone)(struct ipc_call *call);  /* optional; the call is still to be answered */
	void *ctx;                      /* the handler's own */
	void (*on_answer)(struct ipc_call *call, bool ok);  /* optional; once, as it is answered */
	void *answer_ctx;               /* its own */
	struct ipc_call *next, **link;  /* list of the channel */
};

struct ipc_reply {
	int rc;                   /* 0, or -errno with `err` set */
	const struct err *err;
	const void *ret;          /* decoded; lives in `arena`, NULL for void or rc < 0 */
	struct arena *arena;      /* take_ptr() it to keep `ret` after the callback */
	const void *raw;          /* the encoded body */
	size_t raw_len;
	unsigned n_fds;
	int *fds;                 /* take_fd() what is kept; the rest is closed */
};

/* Answer with an error and free the call. Always 0. `rc` is -errno. */
int ipc_refuse(struct ipc_call *call, int rc, const struct err *err);
int ipc_refuse_text(struct ipc_call *call, int rc, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* "not supported" by the row's name. */
int ipc_refuse_unsupported(struct ipc_call *call);

/* Answer with bytes that are already the encoded reply. Always 0. */
int ipc_reply_raw(struct ipc_call *call, const void *body, size_t len, const int *fds, unsigned n_fds);

#endif
