/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The administrator's command. */
#ifndef CORDON_CLI_CLI_H
#define CORDON_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* A subcommand: gets its own arguments, argv[0] is its name. Returns the exit status. */
typedef int command_fn(int argc, char **argv);

command_fn cmd_cage, cmd_ps, cmd_storage, cmd_version;

/* ---- which processes belong to an instance (find_sys.c) ---- */

#define FOUND_MAX 65536
#define FOUND_ROLE_MAX 16

struct found {
	pid_t pid;
	char role[FOUND_ROLE_MAX];   /* "cordond", "core", ..., "qemu", "passt", "swtpm"; else its own name */
	char guest[37];              /* uuid; "" for rooms of no guest */
};

/*
 * The processes of the instance in `dir` (NULL: the installed one): whoever
 * holds its lock, its descendants, and what its guests' folders list, with
 * start times compared. *ret is the caller's to free. -ESRCH: nothing runs.
 */
int find_processes(const char *dir, struct found **ret, size_t *ret_n, struct err *err);

/* ---- one process as the kernel sees it (proc_sys.c) ---- */

#define NAMESPACES 8

struct proc_view {
	uid_t uid, gid;
	uint64_t cap_inh, cap_prm, cap_eff, cap_bnd, cap_amb;
	int no_new_privs;
	int seccomp;                    /* 0 none, 1 strict, 2 filter */
	unsigned filters;               /* seccomp filters on top of each other */
	bool own_ns[NAMESPACES];        /* not the host's; order of proc_ns_names */
	enum { ROOT_HOST, ROOT_EMPTY, ROOT_PRIVATE, ROOT_UNKNOWN } root;
	unsigned fds;
	uint64_t pss_kib;
};
extern const char *const proc_ns_names[NAMESPACES];

/* -ESRCH when it ended meanwhile, -EACCES when it is not ours to look at. */
int proc_view(pid_t pid, struct proc_view *ret);

/* Each descriptor as "  fd N what", one a line. */
void proc_fds(pid_t pid, struct buf *out);

/* Field `key` of a status text ("CapEff"): the word after it into `out`. False: not there. */
bool proc_field(const char *status, const char *key, char *out, size_t size);

/* ---- text (ps.c) ---- */

/* "-", "all", or names without CAP_ joined by commas. */
void caps_text(uint64_t caps, uint64_t all, struct buf *out);

#endif
