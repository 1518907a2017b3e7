/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OPEN: an image and what stands below it, one after another. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "disk/chain.h"
#include "disk/disk.h"
#include "disk/job.h"
#include "disk/names.h"

struct open_job {
	struct job job;
	struct chain_image image;                     /* the next one to be opened */
	struct disk_image images[DOM_CHAIN_MAX];      /* opened; texts live with the call or the node */
	struct node *nodes[DOM_CHAIN_MAX];
	int fds[DOM_CHAIN_MAX];
	unsigned n;
};

static void ended(struct job *j, int rc, const struct err *err)
{
	struct open_job *o = (struct open_job *)j;
	const struct disk_open_ret ret = { .n_images = o->n, .images = o->images };

	if (rc == 0)
		ipc_reply(j->call, &ret, o->fds, o->n);
	else
		ipc_refuse(j->call, rc, err);
	for (unsigned i = 0; i < o->n; i++)
		if (rc < 0)
			node_free(o->nodes[i]);
	fd_close_all(o->fds, o->n);
	free(o);
}

static int claim(struct open_job *o, struct err *err)
{
	const struct disk_open_args *args = o->job.call->args;
	struct claim want[DOM_CHAIN_MAX];
	const char *paths[DOM_CHAIN_MAX];

	/* nobody would release what nobody was told of */
	if (!o->job.call->ch)
		return err_set(err, -EPIPE, ERR_INTERNAL_ERROR, "cordon-core is gone");
	for (unsigned i = 0; i < o->n; i++) {
		want[i] = (struct claim){
			.dev = o->images[i].dev, .ino = o->images[i].ino,
			.write = o->images[i].write, .shareable = i == 0 && args->shareable,
			.node = o->nodes[i],
		};
		want[i].locked = claims_locked(o->fds[i], &want[i]);
		memcpy(want[i].guest, args->guest, sizeof(want[i].guest));
		paths[i] = o->images[i].path;
	}
	return claims_take(&disk_room.claims, want, o->n, paths, err);
}

static bool met_before(const struct open_job *o, const struct file_opened *st)
{
	for (unsigned i = 0; i < o->n; i++)
		if (o->nodes[i]->id.dev == st->dev && o->nodes[i]->id.ino == st->ino)
			return true;
	return false;
}

static void open_next(struct open_job *o);

/* `info` is NULL for a raw image: its bytes are nobody's header. */
static void step(struct open_job *o, const struct image_info *info)
{
	const struct chain_image image = o->image;
	struct err err = { 0 };
	bool more = true;
	int r;

	r = chain_step(o->job.call->arena, o->job.call->args, o->n - 1, &image, info, &o->image,
		       &more, &err);
	if (r == 0 && info)
		o->images[o->n - 1].virtual_size = info->virtual_size;
	if (r == 0 && more) {
		open_next(o);
		return;
	}
	if (r == 0)
		r = claim(o, &err);
	job_end(&o->job, r, &err);
}

static void on_read(void *ctx, struct ipc_reply *r)
{
	struct open_job *o = ctx;

	if (r->rc < 0)
		job_fail(&o->job, r->rc, r->err->code, "image '%s': %s", o->image.path, r->err->text);
	else
		step(o, r->ret);
}

static void read_header(struct open_job *o)
{
	struct ipc_chan *reader = job_reader(&o->job);
	int r = reader ? image_call_read(reader, &o->fds[o->n - 1], 1, on_read, o) : 0;

	if (r < 0)
		job_unsent(&o->job, r);
}

/* Of a backing file people know the image that they named. */
static void refused(struct open_job *o, const struct ipc_reply *r)
{
	char prefix[DOM_PATH_MAX + 32] = "";

	if (o->n)
		snprintf(prefix, sizeof(prefix), "backing chain of image '%s': ", o->job.path);
	job_refused(&o->job, prefix, r);
}

static void on_open(void *ctx, struct ipc_reply *r)
{
	struct open_job *o = ctx;
	const struct disk_open_args *args = o->job.call->args;
	const struct file_opened *st = r->ret;
	const struct file_open_args req = {
		.role = args->role, .roots = o->image.roots, .path = (char *)(uintptr_t)o->image.path,
		.block = o->image.block,
	};
	struct node *node;

	if (r->rc < 0) {
		refused(o, r);
		return;
	}
	if (met_before(o, st)) {
		job_fail(&o->job, -ELOOP, ERR_CONFIG_UNSUPPORTED,
			 "image '%s': its backing chain leads back to '%s'", args->path, o->image.path);
		return;
	}
	node = node_new(&req, st);
	if (!node) {
		job_fail(&o->job, -ENOMEM, ERR_NO_MEMORY, "out of memory");
		return;
	}
	o->images[o->n] = (struct disk_image){
		.path = node->id.path, .format = o->image.format, .block = o->image.block,
		.write = args->write && o->n == 0, .virtual_size = st->size,
		.dev = o->image.block ? st->rdev : st->dev, .ino = o->image.block ? 0 : st->ino,
		.generation = st->generation, .label = node->label, .labels = node->labels,
		.fs = node->fs, .remote = node->remote,
	};
	o->nodes[o->n] = node;
	o->fds[o->n++] = take_fd(&r->fds[0]);
	if (o->image.format == DOM_DISK_FORMAT_QCOW2)
		read_header(o);
	else
		step(o, NULL);
}

static void open_next(struct open_job *o)
{
	const struct disk_open_args *args = o->job.call->args;
	const struct file_open_args req = {
		.role = args->role, .roots = o->image.roots, .path = (char *)(uintptr_t)o->image.path,
		.block = o->image.block, .write = args->write && o->n == 0,
	};
	struct ipc_chan *file = job_file(&o->job, o->image.path, false);
	int r = file ? file_call_open(file, &req, NULL, 0, on_open, o) : 0;

	if (r < 0)
		job_unsent(&o->job, r);
}

int disk_on_open(struct ipc_call *call, const struct disk_open_args *args)
{
	struct open_job *o;
	char *path;
	int r;

	if (args->format == DOM_DISK_FORMAT_UNSET)
		return err_set(&call->err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			       "image '%s': its format must be given", args->path);
	r = path_normalize(call->arena, args->path, &path, &call->err);
	if (r < 0)
		return r;
	o = malloc(sizeof(*o));
	if (!o)
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	o->n = 0;
	o->image = (struct chain_image){ .path = path, .format = args->format, .block = args->block,
					 .roots = FILE_ROOTS_ROLE };
	o->job = (struct job){ .call = call, .path = args->path, .ended = ended };
	memcpy(o->job.guest, args->guest, sizeof(o->job.guest));
	r = job_begin(&o->job);
	if (r < 0) {
		free(o);
		return err_set(&call->err, r, ERR_NO_MEMORY, "out of memory");
	}
	/* it is forked while the image is being opened */
	if (args->format == DOM_DISK_FORMAT_QCOW2 && !job_reader(&o->job))
		return 0;
	open_next(o);
	return 0;
}
