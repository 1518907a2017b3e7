/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lies where: the kernel's list of mounts, proc_pid_mountinfo(5). */
#ifndef CORDON_DISK_MOUNTS_H
#define CORDON_DISK_MOUNTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOUNTS_TEXT_MAX (4u << 20)   /* of /proc/self/mountinfo; more counts as all remote */

struct mount_info {
	char fs[64];             /* kind of file system, cut if need be; "" unknown */
	char point[PATH_MAX];
	bool labels;             /* SELinux lets labels be set: its option "seclabel" */
};

/*
 * True when no mount on the way to `path` (normal) is of a kind that may
 * never answer (network, FUSE, automount, unknown kinds). `mountinfo` is the
 * text of /proc/self/mountinfo.
 */
bool mounts_local_in(const char *mountinfo, const char *path);

/* The mount with this id (statx(2), STATX_MNT_ID); false when it is not listed. */
bool mounts_find_in(const char *mountinfo, uint64_t id, struct mount_info *ret);

/* Something is mounted at `point`. */
bool mounts_there_in(const char *mountinfo, const char *point);

/*
 * As above for the machine as it is now; the text is read again only when the
 * kernel says that mounts changed. False when it cannot be read.
 */
bool mounts_local(const char *path);
bool mounts_find(uint64_t id, struct mount_info *ret);
bool mounts_there(const char *point);

/* Open what they read; before the sandbox closes. 0 or -errno. */
int mounts_open(int *ret_fd);

#endif
