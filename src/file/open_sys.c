/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening: an image with its chain, a kernel, an image that is only asked for its sizes. */
#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "file/chain.h"
#include "file/file.h"
#include "file/path.h"

void opened_close(struct opened *o)
{
	fd_close_all(o->fds, o->n);
	o->n = 0;
}

static bool met_before(const struct opened *o, const struct stat *st)
{
	for (unsigned i = 0; i < o->n; i++)
		if (S_ISBLK(st->st_mode) ? o->images[i].dev == st->st_rdev && !o->images[i].ino
					 : o->images[i].dev == st->st_dev && o->images[i].ino == st->st_ino)
			return true;
	return false;
}

/* Open the next image of the chain and put it down; its virtual size is still the file's. */
static int open_one(const struct file_open_args *args, const struct chain_image *image,
		    struct opened *o, struct err *err)
{
	const struct resolve_req req = {
		.conf = file_room.conf, .role = args->role, .roots = image->roots,
		.path = image->path, .block = image->block, .write = args->write && o->n == 0,
	};
	struct file_image *out = &o->images[o->n];
	CLEAN_FD int fd = -1;
	struct stat st;
	uint64_t size;
	int r;

	r = resolve_open(&req, &fd, &st, err);
	if (r < 0)
		return r;
	if (met_before(o, &st))
		return err_set(err, -ELOOP, ERR_CONFIG_UNSUPPORTED,
			       "image '%s': its backing chain leads back to '%s'", args->path, image->path);
	r = resolve_size(fd, &st, &size);
	if (r < 0)
		return err_sys(err, r, "size of '%s'", image->path);
	*out = (struct file_image){
		.path = (char *)(uintptr_t)image->path, .format = image->format,
		.block = image->block, .write = req.write, .virtual_size = size,
		.dev = image->block ? st.st_rdev : st.st_dev, .ino = image->block ? 0 : st.st_ino,
	};
	o->fds[o->n++] = take_fd(&fd);
	return 0;
}

int file_open_chain(struct arena *a, const struct file_open_args *args, struct opened *ret,
		    struct err *err)
{
	CLEAN_OPENED struct opened o = { .n = 0 };
	CLEAN_READER struct reader rd = { .pid = 0 };
	struct chain_image image = { .format = args->format, .block = args->block,
				     .roots = RESOLVE_ROLE };
	bool more = true;
	char *path;
	int r;

	if (args->format == DOM_DISK_FORMAT_UNSET)
		return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "image '%s': its format must be given", args->path);
	r = path_normalize(a, args->path, &path, err);
	image.path = path;
	while (r == 0 && more) {
		bool qcow2 = image.format == DOM_DISK_FORMAT_QCOW2;
		struct image_info info;
		unsigned depth = o.n;

		r = open_one(args, &image, &o, err);
		if (r == 0 && qcow2) {
			r = reader_read(&rd, a, o.fds[depth], &info, err);
			if (r < 0)
				r = err_prefix(err, r, "image '%s'", image.path);
		}
		if (r == 0)
			r = chain_step(a, args, depth, &image, qcow2 ? &info : NULL, &image, &more,
				       err);
		if (r == 0 && qcow2)
			o.images[depth].virtual_size = info.virtual_size;
	}
	if (r < 0)
		return r;
	*ret = o;
	o.n = 0;
	return 0;
}

int file_open_plain(struct arena *a, const struct file_plain_args *args, int *ret_fd,
		    struct err *err)
{
	struct resolve_req req = { .conf = file_room.conf, .role = args->role, .boot = true };
	CLEAN_FD int fd = -1;
	struct stat st;
	char *path;
	int r;

	r = path_normalize(a, args->path, &path, err);
	if (r < 0)
		return r;
	req.path = path;
	r = resolve_open(&req, &fd, &st, err);
	if (r < 0)
		return r;
	if ((uint64_t)st.st_size > FILE_PLAIN_MAX)
		return err_set(err, -EFBIG, ERR_CONFIG_UNSUPPORTED,
			       "'%s' is longer than the %llu bytes that a kernel or initrd may have",
			       path, FILE_PLAIN_MAX);
	*ret_fd = take_fd(&fd);
	return 0;
}

int file_stat_image(struct arena *a, const struct file_stat_args *args, struct file_stat_ret *ret,
		    struct err *err)
{
	struct resolve_req req = { .conf = file_room.conf, .role = args->role, .block = args->block };
	CLEAN_READER struct reader rd = { .pid = 0 };
	CLEAN_FD int fd = -1;
	struct image_info info = { 0 };
	struct stat st;
	uint64_t size;
	char *path;
	int r;

	r = path_normalize(a, args->path, &path, err);
	if (r < 0)
		return r;
	req.path = path;
	r = resolve_open(&req, &fd, &st, err);
	if (r < 0)
		return r;
	r = resolve_size(fd, &st, &size);
	if (r < 0)
		return err_sys(err, r, "size of '%s'", path);
	if (args->format == DOM_DISK_FORMAT_QCOW2) {
		r = reader_read(&rd, a, fd, &info, err);
		if (r == 0 && !info.qcow2)
			r = err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
				    "image '%s' is declared as qcow2 but is none", path);
		if (r < 0)
			return r;
	}
	ret->physical = size;
	ret->allocation = args->block ? size : (uint64_t)st.st_blocks * 512;
	ret->capacity = info.qcow2 ? info.virtual_size : size;
	return 0;
}
