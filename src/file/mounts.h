/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which paths lie on file systems that answer without asking somebody else. */
#ifndef CORDON_FILE_MOUNTS_H
#define CORDON_FILE_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#define MOUNTS_TEXT_MAX (4u << 20)   /* of /proc/self/mountinfo; more counts as all remote */

/*
 * True when no mount on the way to `path` (normalized) is of a kind that may
 * never answer (network, FUSE, automount, unknown kinds). `mountinfo` is the
 * text of /proc/self/mountinfo.
 */
bool mounts_local_in(const char *mountinfo, const char *path);

/*
 * As above for the machine as it is now; the text is read again only when the
 * kernel says that mounts changed. False when it cannot be read.
 */
bool mounts_local(const char *path);

/* Open what mounts_local() reads; before the sandbox closes. 0 or -errno. */
int mounts_open(int *ret_fd);

#endif
