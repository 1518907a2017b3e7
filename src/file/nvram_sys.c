/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guests' firmware variables: each guest has a file of its own, made from a template. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "file/file.h"
#include "file/resolve.h"

/* Where distributions keep firmware; a template is taken from nowhere else. */
static const char *const firmware_dirs[] = {
	"/usr/share/OVMF", "/usr/share/ovmf", "/usr/share/AAVMF", "/usr/share/qemu",
	"/usr/share/qemu-efi-aarch64", "/usr/share/edk2", "/usr/share/edk2-ovmf",
	"/usr/share/seabios", NULL,
};

static int open_template(const char *path, int *ret_fd, uint64_t *ret_size, struct err *err)
{
	CLEAN_FD int fd = -1;
	struct stat st;
	int i;

	for (i = 0; firmware_dirs[i] && !path_below(firmware_dirs[i], path); i++)
		;
	if (!firmware_dirs[i] || !path_is_normal(path))
		return err_set(err, -EACCES, ERR_ACCESS_DENIED,
			       "template '%s' lies in none of the firmware folders (%s, ...)", path,
			       firmware_dirs[0]);
	fd = resolve_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return err_sys(err, fd, "template '%s'", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size > FILE_NVRAM_MAX)
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "template '%s' is no regular file of at most %llu bytes", path,
			       FILE_NVRAM_MAX);
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* It gets its name when it is complete: a crash leaves no half store behind. */
static int make_from(int template, uint64_t size, int dir, const char *name)
{
	CLEAN_FD int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char self[64];

	if (fd < 0)
		return -errno;
	while (size) {
		ssize_t n = sendfile(fd, template, NULL, size);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		size -= (uint64_t)n;
	}
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (fsync(fd) < 0 || linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	return 0;
}

int nvram_make(const struct file_nvram_args *args, struct err *err)
{
	const struct resolve_req req = {
		.role = args->role, .roots = args->roots, .path = args->path, .write = true,
	};
	CLEAN_FD int dir = -1, template = -1;
	const char *name;
	uint64_t size = 0;
	int r;

	r = resolve_parent(&req, &dir, &name, err);
	if (r == 0)
		r = open_template(args->template_path, &template, &size, err);
	if (r < 0)
		return r;
	r = make_from(template, size, dir, name);
	return r < 0 ? err_sys(err, r, "making the variable store '%s'", args->path) : 0;
}

int nvram_unlink(const char *path, struct err *err)
{
	const struct resolve_req req = {
		.role = FILE_ROLE_ROOT, .roots = FILE_ROOTS_NVRAM, .path = path, .write = true,
	};
	CLEAN_FD int dir = -1;
	const char *name;
	int r = resolve_parent(&req, &dir, &name, err);

	if (r < 0)
		return r;
	return unlinkat(dir, name, 0) < 0
	       ? err_sys(err, -errno, "removing the variable store '%s'", path) : 0;
}
