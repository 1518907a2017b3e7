/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel knows about an open image. QEMU holds locks on single bytes of its images (its
 * block/file-posix.c): one for each thing it does with the image, and one for each that it would not
 * have others do meanwhile. They end with it, and nobody but it can take them back.
 */
#include <fcntl.h>

#include "disk/claims.h"

#define DOES_READ 100      /* RAW_LOCK_PERM_BASE, BLK_PERM_CONSISTENT_READ */
#define DOES_WRITE 101     /* BLK_PERM_WRITE */
#define NO_WRITERS 201     /* RAW_LOCK_SHARED_BASE, BLK_PERM_WRITE: not shareable */
#define ALL_BYTES 200      /* both hundreds, from the first one's beginning */

static bool any_locked(int fd, off_t byte, off_t n)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = n };

	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static bool locked(int fd, off_t byte)
{
	return any_locked(fd, byte, 1);
}

bool claims_in_use(int fd)
{
	return any_locked(fd, DOES_READ, ALL_BYTES);
}

bool claims_locked(int fd, const struct claim *want)
{
	/* a server may take its time to answer, and nobody waits for one here */
	if (want->node->remote || (want->shareable && !locked(fd, NO_WRITERS)))
		return false;
	return locked(fd, DOES_WRITE) || (want->write && locked(fd, DOES_READ));
}
