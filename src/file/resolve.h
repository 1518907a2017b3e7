/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a path to an open descriptor, under the rules of the asker's role. */
#ifndef CORDON_FILE_RESOLVE_H
#define CORDON_FILE_RESOLVE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "proto/conf.x.h"
#include "proto/file.x.h"

/* Which list of folders a path has to lie below. */
enum resolve_roots {
	RESOLVE_ROLE,       /* role root: everywhere; role admin: image_roots */
	RESOLVE_BACKING,    /* backing_roots: the name came from an image's header */
};

struct resolve_req {
	const struct config *conf;
	uint32_t role;                 /* enum file_role */
	enum resolve_roots roots;
	const char *path;              /* normalized */
	bool block;                    /* a block device, else a regular file */
	bool write;
	bool boot;                     /* kernels live in /boot: not denied for this one */
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

/* Bytes: the size of a regular file or a block device. 0 or -errno. */
int resolve_size(int fd, const struct stat *st, uint64_t *ret_size);

#endif
