/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a process of ours gives everything up: descriptors, root, uid,
 * capabilities and system calls, in one step that cannot be half done.
 */
#ifndef CORDON_SANDBOX_SANDBOX_H
#define CORDON_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/filter.h>

#include "base/err.h"

/* A system call policy, compiled at build time from src/sandbox/policy/NAME.policy. */
struct sandbox_policy {
	const char *name;
	const struct sock_filter *filter;
	unsigned n_filter;
	const struct sock_filter *quiet; /* refusals that are not worth an audit record, or NULL */
	unsigned n_quiet;
	bool quiet_first;   /* the main filter would not let us load another */
};

extern const struct sandbox_policy sandbox_policy_cordond;
extern const struct sandbox_policy sandbox_policy_supervisor;
extern const struct sandbox_policy sandbox_policy_conf;
extern const struct sandbox_policy sandbox_policy_conn;
extern const struct sandbox_policy sandbox_policy_core;
extern const struct sandbox_policy sandbox_policy_host;
extern const struct sandbox_policy sandbox_policy_vm;
extern const struct sandbox_policy sandbox_policy_launch;
extern const struct sandbox_policy sandbox_policy_disk;
extern const struct sandbox_policy sandbox_policy_file;
extern const struct sandbox_policy sandbox_policy_image;
extern const struct sandbox_policy sandbox_policy_ledger;
extern const struct sandbox_policy sandbox_policy_reader;
extern const struct sandbox_policy sandbox_policy_edge;
extern const struct sandbox_policy sandbox_policy_door;
extern const struct sandbox_policy sandbox_policy_qemu;
extern const struct sandbox_policy sandbox_policy_passt;
extern const struct sandbox_policy sandbox_policy_swtpm;

#define SANDBOX_ROOT_KEEP (-1)
#define SANDBOX_ID_KEEP ((uid_t)-1)
#define SANDBOX_CAP(cap) (UINT64_C(1) << (cap))
#define SANDBOX_NOFILE_KEEP 0

/* Landlock's rights to files by path (landlock(7)). Descriptors that a process has are not touched. */
#define SANDBOX_EXECUTE  UINT64_C(0x0001)
#define SANDBOX_READ     UINT64_C(0x000c)   /* files, and lists of directories */
#define SANDBOX_WRITE    UINT64_C(0x4002)   /* files that exist, truncating them too */
#define SANDBOX_MAKE     UINT64_C(0x0120)   /* regular files, removing and renaming them in place */
#define SANDBOX_SOCKETS  UINT64_C(0x0228)   /* unix sockets, removing them, lists of directories */
#define SANDBOX_FOLDERS  UINT64_C(0x2090)   /* the same for directories, and moves between them */
#define SANDBOX_DEVICES  UINT64_C(0x8000)   /* ioctl() of devices */

#define SANDBOX_LINKS    UINT64_C(0x1000)   /* symbolic links */

/* What is allowed below `path`; without a file of that name the row means nothing. */
struct sandbox_path {
	const char *path;      /* NULL: below the directory that is open as `fd` */
	uint64_t access;
	int fd;
};

struct sandbox_profile {
	const char *name;                      /* for error texts */
	const struct sandbox_policy *policy;   /* NULL: no system call filter (tests only) */
	uid_t uid;                             /* SANDBOX_ID_KEEP: stay who we are */
	gid_t gid;                             /* likewise */
	const gid_t *groups;                   /* supplementary groups; none when n_groups is 0 */
	size_t n_groups;
	uint64_t keep_caps;                    /* SANDBOX_CAP(CAP_X) | ... */
	int root_fd;                           /* directory to chroot into, or SANDBOX_ROOT_KEEP */
	const int *keep_fds;                   /* descriptors that stay open, in any order */
	size_t n_keep_fds;
	bool keep_all_fds;                     /* leave the descriptor table alone */
	const struct sandbox_path *paths;      /* below the new root; none: no file at all by path */
	size_t n_paths;
	bool any_path;                         /* no Landlock: it would forbid the children to mount */
	bool tcp;                              /* may bind and connect TCP sockets */
	uint64_t nofile;                       /* RLIMIT_NOFILE, or SANDBOX_NOFILE_KEEP */
	uint64_t memory;                       /* RLIMIT_AS, bytes; 0: none */
};

/*
 * Enter the profile, for good: close all descriptors but those listed, rlimits
 * (no core dump, nofile, memory), chroot, groups, gid, uid, every capability set cut
 * down to keep_caps, no-new-privs, not dumpable, Landlock, the seccomp filter.
 * root_fd is closed unless listed in keep_fds.
 * The caller is single-threaded and privileged. 0, or -errno with `err` filled:
 * the process must then exit, for it may be half way.
 */
int sandbox_enter(const struct sandbox_profile *p, struct err *err);

/* Close every descriptor that is not listed (any order, repeats allowed). 0 or -errno. */
int sandbox_close_others(const int *keep, size_t n_keep);

/*
 * Reduce this process to `keep` (SANDBOX_CAP bits) in the bounding, permitted
 * and effective sets, and to nothing in the ambient and inheritable ones.
 * -EPERM when a set cannot be reduced.
 */
int sandbox_drop_caps(uint64_t keep, struct err *err);

/* Make exactly `mask` (SANDBOX_CAP bits) of what is permitted effective. 0 or -errno. */
int sandbox_effective_caps(uint64_t mask);

/* The version of Landlock's interface in this kernel, as far as we know it; 0: it has none. */
int sandbox_landlock_abi(void);

/*
 * Set no-new-privs; from now on this process and its children may do to files, by path, what the
 * rows allow, bind or connect TCP only with `net`, and reach no abstract socket and signal no
 * process outside; as far as the kernel's Landlock can do that. Without Landlock: 0 all the same.
 * Mounting is over for them.
 */
int sandbox_landlock(const struct sandbox_path *rows, size_t n, bool net, struct err *err);

/*
 * Set no-new-privs and load the policy. With `audit`, refusals that the
 * policy does not call quiet leave a record in the kernel's audit log: one for
 * each call, as fast as the process can ask, so not for who may be hostile. A
 * kill leaves one in any case.
 */
int sandbox_load_policy(const struct sandbox_policy *p, bool audit, struct err *err);

/*
 * As sandbox_load_policy(), for a process about to execve() once: a
 * single execve() with exactly these three pointers passes. The caller lays
 * path and vectors out at addresses that cannot be guessed, so that the new
 * image, which no longer has that memory, cannot repeat the call. `p` must not
 * allow execve itself.
 */
int sandbox_load_policy_exec(const struct sandbox_policy *p, bool audit, const char *path,
			     char *const *argv, char *const *envp, struct err *err);

#endif
