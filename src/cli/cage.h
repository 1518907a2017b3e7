/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon cage: one guest's cage as the kernel shows it, against what it has to be. */
#ifndef CORDON_CLI_CAGE_H
#define CORDON_CLI_CAGE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/cli.h"
#include "proto/domain.x.h"

#define CAGE_LABEL_MAX 256

/* ---- the report (cage.c) ---- */

enum cage_mark { CAGE_OK, CAGE_DIFFERS, CAGE_NOTE };

struct cage_report {
	struct buf out;
	unsigned differs;      /* rows marked so */
};

/* One row: what was looked at, and what was found. */
void cage_row(struct cage_report *r, enum cage_mark mark, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* OK when `good`, else DIFFERS. */
#define cage_check(r, good, what, ...) \
	cage_row(r, (good) ? CAGE_OK : CAGE_DIFFERS, what, __VA_ARGS__)

/* Is `word` one of those of a list like "rw,cpu,cpuacct"? */
bool cage_list_has(const char *list, const char *word);

/* ---- all processes of the host (cage_host_sys.c) ---- */

struct cage_other {
	pid_t pid;
	uid_t uid[4];                   /* real, effective, saved, file system */
	ino_t ns[NAMESPACES];           /* 0: not to be seen */
	char label[CAGE_LABEL_MAX];     /* "" without SELinux */
};

struct cage_host {
	struct cage_other *list;
	size_t n;
	bool selinux;                   /* the kernel has a policy loaded */
	bool enforcing;
	char *mounts;                   /* our mountinfo, with SELinux */
	/* types of its contexts/virtual_image_context: what a guest writes, what it only reads; or "" */
	char image_type[CAGE_LABEL_MAX], content_type[CAGE_LABEL_MAX];
};

/* Look at every process once. -errno; what ends meanwhile is left out. */
int cage_host_read(struct cage_host *ret, struct err *err);
void cage_host_free(struct cage_host *h);
const struct cage_other *cage_host_find(const struct cage_host *h, pid_t pid);

/* ---- one guest ---- */

struct cage_guest {
	const char *run_dir;            /* of its instance */
	char conf[PATH_MAX];            /* its cordond.conf */
	char uuid[37];
	struct domain model;            /* as the daemon tells it: what is to be expected */
	const struct found *list;       /* its processes, then the others of the instance */
	size_t n, n_all;
	const struct cage_host *host;
	/* system call filters that it has from those who started it, of both: 0: not to be seen */
	unsigned cordond_filters, launch_filters;
};

/* Is it one of the guest's own processes? */
bool cage_is_own(const struct cage_guest *g, pid_t pid);
/* The first process with this role, or 0. */
pid_t cage_pid_of(const struct cage_guest *g, const char *role);

/* cage_process_sys.c: identity, rights, namespaces, root of one process */
void cage_process(const struct cage_guest *g, const struct found *f, struct cage_report *r);
/* cage_group_sys.c: control groups and device nodes of QEMU */
void cage_groups(const struct cage_guest *g, pid_t qemu, struct cage_report *r);
/* Device programs of the control group itself, not those it has from above; -errno. For v2. */
int cage_device_programs(int group);
/* cage_files_sys.c: open descriptors of QEMU, labels of the images */
void cage_files(const struct cage_guest *g, pid_t qemu, struct cage_report *r);

/* ---- who is at the other ends of sockets and pipes (cage_ends_sys.c) ---- */

struct cage_ends;

/*
 * Ask the kernel about unix sockets (sock_diag(7)) in the network namespaces of cordond, of the
 * guest's cordon-vm and of its QEMU, look through the descriptors of all processes, and into the
 * guest's folder. NULL: the kernel does not tell. The caller's to free.
 */
struct cage_ends *cage_ends_read(const struct cage_guest *g);
void cage_ends_free(struct cage_ends *e);

/*
 * Why this socket or pipe of QEMU's may not be: a name that is not in the guest's folder, or another
 * end that others hold than the guest's own processes, cordon-launch, or a cordon-edge of the
 * instance (a viewer's; of which guest, nobody tells). NULL: there is no reason. Until the next call.
 */
const char *cage_ends_socket(struct cage_ends *e, ino_t ino);
const char *cage_ends_pipe(struct cage_ends *e, const struct stat *st, bool named);

/* All of /proc/PID/NAME, at most size - 1 bytes, as text. Its length or -errno. */
ssize_t cage_proc_text(pid_t pid, const char *name, char *out, size_t size);

#endif
