/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room's own state, and what its parts do for each other. */
#ifndef CORDON_FILE_FILE_H
#define CORDON_FILE_FILE_H

#include <linux/capability.h>
#include <stdbool.h>

#include "base/err.h"
#include "proto/conf.x.h"
#include "proto/file.x.h"
#include "sandbox/sandbox.h"

#define FILE_WORKERS_MAX 64
#define FILE_NVRAM_MAX (64ull << 20)      /* bytes of a template */

/*
 * DAC_OVERRIDE  images, block devices and variable stores belong to anybody
 * FOWNER        a label may be set by the file's owner, or with this
 * SETUID        servers of network and FUSE file systems judge by uid
 * SETGID        and by gid
 */
#define FILE_KEEP_CAPS (SANDBOX_CAP(CAP_DAC_OVERRIDE) | SANDBOX_CAP(CAP_FOWNER) | \
			SANDBOX_CAP(CAP_SETUID) | SANDBOX_CAP(CAP_SETGID))

struct file_room {
	const struct config *conf;
	bool worker;              /* this process serves one request that may wait */
};
extern struct file_room file_room;

/* Make a variable store and give it its name. Blocks. 0, -EEXIST without text, -errno. */
int nvram_make(const struct file_nvram_args *args, struct err *err);

/* Remove one that lies directly in nvram_dir. 0 or -errno. */
int nvram_unlink(const char *path, struct err *err);

/* Set security.selinux of the open file, if the rules (label.h) allow it. 0 or -errno. */
int label_set(int fd, const struct file_label_args *args, struct err *err);

/* Read it: "" when there is none. */
void label_get(int fd, char ret[FILE_LABEL_MAX + 1]);

#endif
