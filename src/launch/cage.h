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
#define CAGE_STATE "/run"
#define CAGE_FD_TOP 1023         /* highest number a descriptor may get inside */
#define CAGE_UID_MIN 1000        /* never a system user's number, whatever we are told */

/* One descriptor of the program. */
struct cage_fd {
	int fd;     /* ours */
	int at;     /* its number inside; 0, 1, 2 become /dev/null unless given */
	bool image; /* a file, or a parcel with one (ipc/parcel.h) */
};

/* A file to copy to /boot/NAME of one cage (QEMU's -kernel and -initrd want a path). */
struct root_copy {
	int fd;                 /* read from offset 0 to its end; or a parcel */
	const char *name;
	const char *head;       /* what comes before that; NULL: nothing */
};

#define TPM_FILE_MAX (4u << 20)  /* of a file of a TPM's state; swtpm's have less than 1 MiB */

struct cage_limits {
	uint64_t nofile;      /* descriptors; more than CAGE_FD_TOP */
	uint64_t memlock;     /* bytes it may lock */
	uint64_t nproc;       /* threads */
	uint64_t stack;       /* bytes */
	uint64_t fsize;       /* bytes that a file may grow to; 0: any */
};
#define CAGE_LIMITS_QEMU { .nofile = 4096, .memlock = 8 << 20, .nproc = 1024, .stack = 8 << 20 }
#define CAGE_LIMITS_SWTPM { .nofile = 4096, .memlock = 0, .nproc = 4, .stack = 8 << 20, .fsize = TPM_FILE_MAX }
#define CAGE_LIMITS_PASST { .nofile = 16384, .memlock = 0, .nproc = 16, .stack = 8 << 20 }

struct cage_spec {
	const struct root_template *root;       /* decides the program */
	uid_t uid;                              /* of the program, and its gid; from the ledger */
	bool kvm;                               /* make /dev/kvm for it */
	bool audit;                             /* what the filter refuses leaves records: for developers */
	bool host_net;                          /* passt: stay in launch's network namespace */
	const struct cage_fd *fds;
	size_t n_fds;
	const struct root_copy *copies;
	size_t n_copies;
	const char *state;                      /* the host's directory that is its /run; NULL: none */
	const struct cgroup_tree *groups;       /* NULL: stay where we are */
	const char *group;
	const char *label;                      /* SELinux: of the program; NULL or "": none */
	bool label_optional;                    /* a policy without that type is no reason to fail */
	const char *file_label;                 /* of its copies; NULL or "": none */
	struct cage_limits limits;
	const char *const *args;                /* its argument list, ended by NULL; or else */
	int args_fd;                            /* the child's end of the argument socket; -1: args */
};

/*
 * Give this process exactly these descriptors, but for those in `high`, which
 * move to numbers above CAGE_FD_TOP, close-on-exec; 0 to 2 are /dev/null unless
 * given. On failure some may have moved; `high` is right all the same.
 */
int cage_place_fds(const struct cage_fd *fds, size_t n, int *high, size_t n_high, struct err *err);

/*
 * Start the cage as a child of the calling, single-threaded, privileged process, whose mount
 * namespace holds the template. Returns its pid as soon as it exists; it builds the cage meanwhile
 * and reports on the argument socket (sandbox/execargs.h). The caller's own descriptors are
 * untouched. The child ends if the other end of the argument socket closes before the list came.
 * -EINVAL for a uid that is no guest's, or a network that is not its.
 */
pid_t cage_spawn(const struct cage_spec *spec, struct err *err);

/* cage_child.c: in the new process: build the cage, wait for the arguments, exec. */
_Noreturn void cage_child_run(const struct cage_spec *spec);

/*
 * cage_exec.c: wait for the argument list, unless the caller has it, load the filter that lets exactly
 * this exec pass, exec. Returns only on failure.
 */
int cage_child_exec(const struct cage_spec *s, int args_fd, struct err *err);

#endif
