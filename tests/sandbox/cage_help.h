/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the cage's test and bench share: start a real QEMU, caged or bare, and talk to it. */
#ifndef CORDON_TESTS_CAGE_HELP_H
#define CORDON_TESTS_CAGE_HELP_H

#include "launch/cage.h"
#include "launch/cgroup.h"
#include "launch/root.h"

#define HELP_QMP_FD 10
#define HELP_UID_FIRST 1879140000u

struct help {
	char dir[64];                  /* temporary, removed by help_close() */
	struct root_template qemu;
	struct root_template passt;
	struct cgroup_tree groups;
	unsigned next;                 /* uids and names of guests */
};

struct help_guest {
	struct {
		pid_t pid;
	} cage;
	uid_t uid;
	char group[64];
	char socket[100];
	int listener;
	int args_fd;                   /* our end */
	int qmp;                       /* -1 until help_qmp_open() */
};

/* Own mount namespace, templates, groups, a temporary directory. Exits on failure. */
void help_open(struct help *h);
void help_close(struct help *h);

/* The arguments of the small q35 guest, NULL-terminated, without argv[0]. */
extern const char *const help_qemu_args[];

/*
 * Fork a cage with QMP on HELP_QMP_FD and send it `args`. `more` (n_more)
 * descriptors are placed too. Exits with a message on failure.
 */
void help_cage(struct help *h, struct help_guest *g, const char *const *args,
	       const struct cage_fd *more, size_t n_more, const struct root_copy *copies,
	       size_t n_copies);

/*
 * passt in its cage, its end of the guest's wire being `wire`. Log to descriptor 2.
 * Exits with a message on failure.
 */
void help_passt(struct help *h, struct help_guest *g, int wire);

/* The same QEMU without a cage. */
void help_bare(struct help *h, struct help_guest *g, const char *const *args);

/* Connect, negotiate; then send `command` and return the line that answers it (static buffer). */
void help_qmp_open(struct help_guest *g);
const char *help_qmp(struct help_guest *g, const char *command);

/* Wait for the second word of the child: "" when the program runs, else the reason. */
const char *help_report(struct help_guest *g);

/* SIGKILL, reap, remove the group. Returns the wait status. */
int help_kill(struct help *h, struct help_guest *g);

double help_now_ms(void);

#endif
