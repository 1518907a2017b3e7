/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The uids of a private instance's rooms: a block that no other running instance of this host has. */
#include "conf/uids.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "proto/conf.x.h"

#define BLOCKS_FILE "/run/cordon/uid-blocks"   /* host-wide */
#define BLOCK_FIRST 1900000000u
#define BLOCKS 60000u

/* FNV-1a: the same folder finds its way back to the same block. */
static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

int uids_claim(const char *instance, const char *state, uint32_t *ret_base, int *ret_lock,
	       struct err *err)
{
	/* a byte for each block, locked by its instance */
	int CLEAN_FD fd = open(BLOCKS_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	uint32_t n = hash(instance) % BLOCKS;
	struct stat st;
	/* state is core's, once it was made */
	bool noted = lstat(state, &st) == 0 && st.st_uid != 0;

	if (fd < 0)
		return err_sys(err, -errno, "'%s'", BLOCKS_FILE);
	if (noted)
		n = (st.st_uid - CONF_UID_CORE - BLOCK_FIRST) / CONF_UID_BLOCK;
	if (noted && (n >= BLOCKS || st.st_uid != BLOCK_FIRST + n * CONF_UID_BLOCK + CONF_UID_CORE))
		return err_set(err, -EINVAL, ERR_CONF_SYNTAX, "'%s' belongs to uid %u, which is none of "
			       "an instance's; remove it to begin anew", state, st.st_uid);
	for (uint32_t i = 0; i < (noted ? 1 : BLOCKS); i++) {
		struct flock byte = { .l_type = F_WRLCK, .l_start = (n + i) % BLOCKS, .l_len = 1 };

		if (fcntl(fd, F_OFD_SETLK, &byte) < 0)
			continue;
		*ret_base = BLOCK_FIRST + (uint32_t)byte.l_start * CONF_UID_BLOCK;
		*ret_lock = take_fd(&fd);
		return 0;
	}
	return err_set(err, -EBUSY, ERR_RESOURCE_BUSY, noted ? "the uids of '%s' are in use by another "
		       "instance; was the folder copied?" : "no uids are left for '%s'", state);
}
