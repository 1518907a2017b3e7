/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows about one file: OPEN_PLAIN, OPEN_NVRAM, STAT, UNLINK_NVRAM. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/path.h"
#include "disk/disk.h"
#include "disk/job.h"
#include "disk/names.h"

#define PLAIN_MAX (1ull << 30)       /* bytes of a kernel or an initrd */
#define NVRAM_MAX (64ull << 20)      /* bytes of a variable store */

struct one_job {
	struct job job;
	struct file_open_args req;
	struct node *node;
	int fd;
	bool made;                   /* nvram: it was not there, and has been made */
	uint64_t limit;              /* bytes */
	struct disk_stat_ret stat;
	void (*opened)(struct one_job *o, const struct file_opened *st);
};

static void ended_refused(struct one_job *o, int rc, const struct err *err)
{
	if (rc < 0)
		ipc_refuse(o->job.call, rc, err);
	node_free(o->node);
	fd_close(&o->fd);
	free(o);
}

/* With a descriptor: claimed, and told. */
static void ended_open(struct job *j, int rc, const struct err *err)
{
	struct one_job *o = (struct one_job *)j;

	if (rc == 0) {
		const struct node *n = o->node;
		const struct disk_one_ret ret = { .image = {
			.path = n->id.path, .format = DOM_DISK_FORMAT_RAW, .write = o->req.write,
			.dev = n->id.dev, .ino = n->id.ino, .virtual_size = o->stat.physical,
			.generation = n->id.generation, .label = n->label, .labels = n->labels,
			.fs = n->fs, .remote = n->remote,
		} };

		ipc_reply(j->call, &ret, &o->fd, 1);
		o->node = NULL;      /* the claim's */
	}
	ended_refused(o, rc, err);
}

static void ended_stat(struct job *j, int rc, const struct err *err)
{
	struct one_job *o = (struct one_job *)j;

	if (rc == 0)
		disk_reply_stat(j->call, &o->stat);
	ended_refused(o, rc, err);
}

static void ended_unlink(struct job *j, int rc, const struct err *err)
{
	if (rc == 0)
		disk_reply_unlink_nvram(j->call);
	ended_refused((struct one_job *)j, rc, err);
}

/* A job for `call`, about a path as it was given. NULL with call->err. */
static struct one_job *one_new(struct ipc_call *call, const char *given, const uint8_t guest[16],
			       void (*ended)(struct job *j, int rc, const struct err *err), int *ret_r)
{
	struct one_job *o = NULL;
	char *path;
	int r = path_normalize(call->arena, given, &path, &call->err);

	*ret_r = r;
	if (r < 0)
		return NULL;
	o = calloc(1, sizeof(*o));
	if (o) {
		o->fd = -1;
		o->req.path = path;
		o->job = (struct job){ .call = call, .path = path, .ended = ended };
		if (guest)
			memcpy(o->job.guest, guest, sizeof(o->job.guest));
		r = job_begin(&o->job);
	}
	if (o && r == 0)
		return o;
	free(o);
	*ret_r = err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	return NULL;
}

static void on_open(void *ctx, struct ipc_reply *r);

static void one_open(struct one_job *o)
{
	struct ipc_chan *file = job_file(&o->job, o->req.path, false);
	int r = file ? file_call_open(file, &o->req, NULL, 0, on_open, o) : 0;

	if (r < 0)
		job_unsent(&o->job, r);
}

static bool nvram_missing(struct one_job *o);

static void on_open(void *ctx, struct ipc_reply *r)
{
	struct one_job *o = ctx;
	const struct file_opened *st = r->ret;

	if (r->rc == -ENOENT && nvram_missing(o))
		return;
	if (r->rc < 0) {
		job_refused(&o->job, "", r);
		return;
	}
	o->fd = take_fd(&r->fds[0]);
	o->node = node_new(&o->req, st);
	o->stat.physical = o->stat.capacity = st->size;
	o->stat.allocation = o->req.block ? st->size : st->allocation;
	if (!o->node)
		job_fail(&o->job, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	else
		o->opened(o, st);
}

static void claim_and_end(struct one_job *o)
{
	struct claim want = { .dev = o->node->id.dev, .ino = o->node->id.ino, .write = o->req.write,
			      .node = o->node };
	const char *path = o->req.path;
	struct err err = { 0 };
	int r = -EPIPE;

	memcpy(want.guest, o->job.guest, sizeof(want.guest));
	want.locked = claims_locked(o->fd, &want);
	if (o->job.call->ch)
		r = claims_take(&disk_room.claims, &want, 1, &path, &err);
	job_end(&o->job, r, &err);
}

/* ---- OPEN_PLAIN ---- */

static void opened_plain(struct one_job *o, const struct file_opened *st)
{
	if (st->size > PLAIN_MAX)
		job_fail(&o->job, -EFBIG, ERR_CONFIG_UNSUPPORTED,
			 "'%s' is longer than the %llu bytes that a kernel or initrd may have",
			 o->req.path, PLAIN_MAX);
	else
		claim_and_end(o);
}

int disk_on_open_plain(struct ipc_call *call, const struct disk_plain_args *args)
{
	int r;
	struct one_job *o = one_new(call, args->path, args->guest, ended_open, &r);

	if (!o)
		return r;
	o->req.role = args->role;
	o->req.roots = FILE_ROOTS_ROLE;
	o->req.boot = true;
	o->opened = opened_plain;
	one_open(o);
	return 0;
}

/* ---- OPEN_NVRAM, UNLINK_NVRAM ---- */

static void opened_nvram(struct one_job *o, const struct file_opened *st)
{
	/* a second name could be another guest's, or a file of the host */
	if (st->nlink != 1)
		job_fail(&o->job, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			 "variable store '%s' is not a regular file with one name", o->req.path);
	else if (st->size > NVRAM_MAX)
		job_fail(&o->job, -EFBIG, ERR_CONFIG_UNSUPPORTED,
			 "variable store '%s' is longer than %llu bytes", o->req.path, NVRAM_MAX);
	else
		claim_and_end(o);
}

static void on_made(void *ctx, struct ipc_reply *r)
{
	struct one_job *o = ctx;

	o->made = true;
	if (r->rc < 0 && r->rc != -EEXIST)
		job_refused(&o->job, "", r);
	else
		one_open(o);
}

/* There is none: make it, if this is about a variable store. It waits for the disk. */
static bool nvram_missing(struct one_job *o)
{
	const struct disk_nvram_args *args = o->job.call->args;
	struct file_nvram_args make = { .role = o->req.role, .roots = o->req.roots, .path = o->req.path };
	struct ipc_chan *worker;
	int r;

	if (o->opened != opened_nvram || o->made)
		return false;
	if (!args->template_path[0]) {
		job_fail(&o->job, -ENOENT, ERR_CONFIG_UNSUPPORTED,
			 "the guest has no variable store yet and its definition names no template");
		return true;
	}
	make.template_path = args->template_path;
	worker = job_file(&o->job, o->req.path, true);
	r = worker ? file_call_make_nvram(worker, &make, NULL, 0, on_made, o) : 0;
	if (r < 0)
		job_unsent(&o->job, r);
	return true;
}

/* nvram_dir is our own; a path elsewhere obeys the same rules as an image. */
static bool in_nvram_dir(const char *path)
{
	return path_below(disk_room.conf->nvram_dir, path);
}

int disk_on_open_nvram(struct ipc_call *call, const struct disk_nvram_args *args)
{
	int r;
	struct one_job *o = one_new(call, args->path, args->guest, ended_open, &r);

	if (!o)
		return r;
	o->req.role = args->role;
	o->req.roots = in_nvram_dir(o->req.path) ? FILE_ROOTS_NVRAM : FILE_ROOTS_ROLE;
	o->req.write = true;
	o->opened = opened_nvram;
	one_open(o);
	return 0;
}

static void on_void(void *ctx, struct ipc_reply *r)
{
	struct one_job *o = ctx;

	if (r->rc < 0)
		job_refused(&o->job, "", r);
	else
		job_end(&o->job, 0, NULL);
}

static void on_looked(void *ctx, struct ipc_reply *r)
{
	struct one_job *o = ctx;

	if (r->rc < 0) {
		job_refused(&o->job, "", r);
		return;
	}
	o->fd = take_fd(&r->fds[0]);
	job_fail(&o->job, -EEXIST, ERR_OPERATION_INVALID, "variable store '%s' is there", o->req.path);
}

static int look_for_nvram(struct one_job *o, struct ipc_chan *file)
{
	o->req.role = FILE_ROLE_ROOT;
	o->req.roots = FILE_ROOTS_NVRAM;
	return file_call_open(file, &o->req, NULL, 0, on_looked, o);
}

int disk_on_unlink_nvram(struct ipc_call *call, const struct disk_unlink_args *args)
{
	struct file_unlink_args req;
	const struct claim *c;
	struct ipc_chan *file;
	char uuid[37];
	int r;
	struct one_job *o = one_new(call, args->path, NULL, ended_unlink, &r);

	if (!o)
		return r;
	req.path = o->req.path;
	c = claims_by_path(&disk_room.claims, req.path);
	if (!in_nvram_dir(req.path)) {
		job_fail(&o->job, -EXDEV, ERR_INVALID_ARG,
			 "variable store '%s' is not below '%s': keep it (--keep-nvram) and remove it by "
			 "hand", req.path, disk_room.conf->nvram_dir);
		return 0;
	}
	if (c && !args->look) {
		claims_uuid(c->guest, uuid);
		job_fail(&o->job, -EBUSY, ERR_RESOURCE_BUSY,
			 "variable store '%s' is in use by guest %s: stop the guest first, or keep the store "
			 "(--keep-nvram)", req.path, uuid);
		return 0;
	}
	file = job_file(&o->job, req.path, false);
	if (file && args->look)
		r = look_for_nvram(o, file);
	else
		r = file ? file_call_unlink_nvram(file, &req, NULL, 0, on_void, o) : 0;
	if (r < 0)
		job_unsent(&o->job, r);
	return 0;
}

/* ---- STAT ---- */

static void on_read(void *ctx, struct ipc_reply *r)
{
	struct one_job *o = ctx;
	const struct image_info *info = r->ret;

	if (r->rc < 0) {
		job_fail(&o->job, r->rc, r->err->code, "image '%s': %s", o->req.path, r->err->text);
	} else if (!info->qcow2) {
		job_fail(&o->job, -EINVAL, ERR_CONFIG_UNSUPPORTED,
			 "image '%s' is declared as qcow2 but is none", o->req.path);
	} else {
		o->stat.capacity = info->virtual_size;
		job_end(&o->job, 0, NULL);
	}
}

static void opened_stat(struct one_job *o, const struct file_opened *st)
{
	const struct disk_stat_args *args = o->job.call->args;
	struct ipc_chan *reader;
	int r;

	(void)st;
	if (args->format != DOM_DISK_FORMAT_QCOW2) {
		job_end(&o->job, 0, NULL);
		return;
	}
	reader = job_reader(&o->job);
	r = reader ? image_call_read(reader, &o->fd, 1, on_read, o) : 0;
	if (r < 0)
		job_unsent(&o->job, r);
}

int disk_on_stat(struct ipc_call *call, const struct disk_stat_args *args)
{
	int r;
	struct one_job *o = one_new(call, args->path, NULL, ended_stat, &r);

	if (!o)
		return r;
	o->req.role = args->role;
	o->req.roots = FILE_ROOTS_ROLE;
	o->req.block = args->block;
	o->opened = opened_stat;
	one_open(o);
	return 0;
}
