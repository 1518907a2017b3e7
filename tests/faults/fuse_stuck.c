/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file system with one image, "disk.raw", that opens, and is never read: like a dead server. */
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int stuck_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	memset(st, 0, sizeof(*st));
	if (!strcmp(path, "/")) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		return 0;
	}
	if (strcmp(path, "/disk.raw") != 0 && strcmp(path, "/open.raw") != 0)
		return -ENOENT;
	st->st_mode = S_IFREG | 0666;
	st->st_nlink = 1;
	st->st_size = 1 << 20;
	return 0;
}

static int stuck_open(const char *path, struct fuse_file_info *fi)
{
	(void)fi;
	if (!strcmp(path, "/open.raw"))
		pause();
	return 0;
}

static int stuck_read(const char *path, char *buf, size_t size, off_t offset,
		      struct fuse_file_info *fi)
{
	(void)path, (void)buf, (void)size, (void)offset, (void)fi;
	for (;;)
		pause();
}

static const struct fuse_operations operations = {
	.getattr = stuck_getattr, .open = stuck_open, .read = stuck_read,
};

int main(int argc, char **argv)
{
	return fuse_main(argc, argv, &operations, NULL);
}
