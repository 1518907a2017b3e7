/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A cordon-vm under test: this process plays core and cordon-launch for one guest. */
#ifndef CORDON_TESTS_VM_LIVE_H
#define CORDON_TESTS_VM_LIVE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "ipc/chan.h"
#include "proto/vm.x.h"

#define LIVE_VM_UID 61002
#define LIVE_EVENTS_MAX 4096

struct live {
	char dir[64];              /* the guest's folder */
	struct arena *arena;
	struct domain model;
	struct guest_fd fds[64];
	unsigned n_fds;
	int image;                 /* the guest's disk */
	const char *fake_qemu;     /* a script in the place of QEMU, or NULL */

	struct ipc_chan ch;
	bool closed;
	pid_t vm, qemu;
	int pty_master, pty_slave_keep;
	char pty_name[64];

	struct vm_event events[LIVE_EVENTS_MAX];
	unsigned n_events;
	uint64_t lost;
	bool no_ack;
	bool exited;

	/* the last answer */
	bool answered;
	unsigned events_before;    /* that came before it */
	int rc;
	struct err err;
	void *ret;
	struct arena *ret_arena;
	int ret_fd;
};

/* A folder, sockets, a model from `xml`, completed. */
void live_init(struct live *l, const char *xml, const char *image);

/* Stage S: QEMU's stand-in cage as vm's child (adopt false), or a replacement for QEMU `l->qemu`. */
void live_spawn(struct live *l, bool adopt);

/* BOOT, and wait for its answer: l->rc, l->ret. */
void live_boot(struct live *l, bool paused, bool adopt);

/* A new channel through vm.sock. */
void live_reconnect_core(struct live *l);

/* Drop our end. */
void live_drop_core(struct live *l);

/* Run until *flag, or ms have passed. True: the flag is set. */
bool live_until(struct live *l, const bool *flag, int ms);

/* Turn for `ms`. */
void live_wait(struct live *l, int ms);

/* done() for calls: fills l->answered, rc, err, ret, ret_fd. */
ipc_reply_fn live_done;

/* Wait for that answer. Returns l->rc; -ETIMEDOUT when none came. */
int live_answer(struct live *l);

/* Has an event of this kind (and, for lifecycle, type and detail) come? Waits up to ms. */
bool live_event(struct live *l, enum vm_event_kind kind, int64_t a, int64_t b, int ms);

/* Kill and remove everything. */
void live_end(struct live *l);

double live_now_ms(void);

#endif
