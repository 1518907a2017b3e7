/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a path to an open descriptor, under the rules of the asker's role. */
#ifndef CORDON_FILE_RESOLVE_H
#define CORDON_FILE_RESOLVE_H

#include <linux/openat2.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "proto/file.x.h"

struct resolve_req {
	uint32_t role;                 /* enum file_role */
	uint32_t roots;                /* enum file_roots */
	const char *path;
	bool block;                    /* a block device, else a regular file */
	bool write;
	bool boot;                     /* kernels live in /boot: not denied for this one to be read */
};

/*
 * Open it: read-only, or for both with `write`; close-on-exec. Symbolic links
 * are refused, except below /dev, where they are followed once and must stay
 * inside. image_deny holds by name and by inode. `err` names the path, the
 * layer that refused and the way out. 0 or -errno.
 */
int resolve_open(const struct resolve_req *req, int *ret_fd, struct stat *ret_st, struct err *err);

/*
 * The folder that `path` is to lie in (O_PATH), under the same rules, and the
 * last part of its name (inside req->path).
 */
int resolve_parent(const struct resolve_req *req, int *ret_dir, const char **ret_name,
		   struct err *err);

/* image_deny by name alone: what a descriptor is called now (proc(5), fd). /boot is left out: kernels get labels. */
bool resolve_denied(const char *path, bool block);

/* openat2(2), close-on-exec. The descriptor or -errno. */
int resolve_at(int dir, const char *name, int flags, uint64_t resolve);

/*
 * Touch the file system as the uid that its server expects: that of
 * image_open_as; in a worker else root; else our own.
 */
void resolve_act_as(const char *path);

#endif
