/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cage: a process with a uid, seven namespaces, a root, a control group
 * and a descriptor list of its own, that waits for an argument list and then
 * becomes an allow-listed program under a system call filter.
 */
#ifndef CORDON_LAUNCH_CAGE_H
#define CORDON_LAUNCH_CAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "launch/cgroup.h"
#include "launch/root.h"
#include "sandbox/execargs.h"

#define CAGE_FDS_MAX 512
#define CAGE_FD_TOP 1023         /* highest number a descriptor may get inside */
#define CAGE_NOFILE_MIN 2048     /* room to move descriptors about while placing them */
#define CAGE_NAME_MAX 63         /* host name inside: [A-Za-z0-9-] */
#define CAGE_UID_MIN 1000        /* never a system user's number, whatever we are told */

/* One descriptor of the program. */
struct cage_fd {
	int fd;     /* ours */
	int at;     /* its number inside; 0, 1, 2 become /dev/null unless given */
};

struct cage_limits {
	uint64_t nofile;      /* descriptors; at least CAGE_NOFILE_MIN */
	uint64_t memlock;     /* bytes it may lock */
	uint64_t nproc;       /* threads */
	uint64_t stack;       /* bytes */
};
#define CAGE_LIMITS_QEMU { .nofile = 4096, .memlock = 8 << 20, .nproc = 1024, .stack = 8 << 20 }
#define CAGE_LIMITS_PASST { .nofile = 16384, .memlock = 0, .nproc = 16, .stack = 8 << 20 }

struct cage_spec {
	const char *name;                       /* NULL: "guest" */
	const struct root_template *root;       /* decides the program */
	uid_t uid;                              /* of the program; from the ledger */
	gid_t gid;
	bool kvm;                               /* make /dev/kvm for it */
	bool host_net;                          /* passt: stay in launch's network namespace */
	const struct cage_fd *fds;
	size_t n_fds;
	const struct root_copy *copies;         /* /boot/NAME */
	size_t n_copies;
	const struct cgroup_group *group;       /* NULL: stay where we are */
	struct cage_limits limits;
	int args_fd;                            /* the child's end of the argument socket */
};

struct cage {
	pid_t pid;     /* a child of the caller */
	int pidfd;     /* close-on-exec */
};

/*
 * Start the cage as a child of the calling, single-threaded, privileged
 * process, whose mount namespace holds the template. Returns as soon as the
 * child exists; it builds the cage meanwhile and reports on the argument
 * socket (sandbox/execargs.h). The caller's own descriptors are untouched.
 * The child ends if the other end of the argument socket closes before the
 * list came. -EINVAL for a specification that cannot be meant.
 */
int cage_spawn(const struct cage_spec *spec, struct cage *ret, struct err *err);

#endif
