/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of program file: what is quick is done here, the rest in a worker. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "file/file.h"
#include "file/mounts.h"
#include "file/path.h"

struct file_room file_room = { .image_bin = -1, .empty_root = -1 };

/* Normalize and tell whether the path may be touched without waiting for a server. */
static int is_local(struct ipc_call *call, const char *given, bool *ret)
{
	char *path;
	int r = path_normalize(call->arena, given, &path, &call->err);

	if (r == 0)
		*ret = mounts_local(path);
	return r;
}

/* A call that only wants its answer passed on. */
static void finish_plain(struct ipc_call *call, struct ipc_reply *r)
{
	ipc_reply(call, r->ret ? r->ret : call->args, r->fds, r->n_fds);
}

/* ---- OPEN ---- */

static int claim_images(struct ipc_call *call, const struct file_open_args *args,
			const struct file_image *images, uint32_t n)
{
	struct claim want[DOM_CHAIN_MAX];
	const char *paths[DOM_CHAIN_MAX];

	if (n > DOM_CHAIN_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++) {
		want[i] = (struct claim){
			.dev = images[i].dev, .ino = images[i].ino, .write = images[i].write,
			.shareable = i == 0 && args->shareable,
		};
		memcpy(want[i].guest, args->guest, sizeof(want[i].guest));
		paths[i] = images[i].path;
	}
	return claims_take(&file_room.claims, want, n, paths, &call->err);
}

static void finish_open(struct ipc_call *call, struct ipc_reply *r)
{
	const struct file_open_ret *ret = r->ret;
	int rc = -EPIPE;

	/* nobody would release what nobody was told of */
	if (call->ch)
		rc = claim_images(call, call->args, ret->images, ret->n_images);
	if (rc < 0)
		ipc_refuse(call, rc, &call->err);
	else
		ipc_reply(call, ret, r->fds, r->n_fds);
}

/* All that the chain can touch; what a header names lies below backing_roots. */
static int chain_local(struct ipc_call *call, const struct file_open_args *args, bool *ret)
{
	const struct config *c = file_room.conf;
	int r = is_local(call, args->path, ret);

	for (uint32_t i = 0; r == 0 && *ret && i < args->n_backing; i++)
		r = is_local(call, args->backing[i].path, ret);
	if (args->format == DOM_DISK_FORMAT_QCOW2 && !args->backing_given)
		for (uint32_t i = 0; r == 0 && *ret && i < c->n_backing_roots; i++)
			*ret = mounts_local(c->backing_roots[i]);
	return r;
}

static int open_here(struct ipc_call *call, const struct file_open_args *args)
{
	CLEAN_OPENED struct opened o = { .n = 0 };
	struct file_open_ret ret = { .images = o.images };
	int r;

	r = file_open_chain(call->arena, args, &o, &call->err);
	if (r == 0 && !file_room.worker)
		r = claim_images(call, args, o.images, o.n);
	if (r < 0)
		return r;
	ret.n_images = o.n;
	return ipc_reply(call, &ret, o.fds, o.n);
}

int file_on_open(struct ipc_call *call, const struct file_open_args *args)
{
	bool local = false;
	int r;

	if (file_room.worker)
		return open_here(call, args);
	r = chain_local(call, args, &local);
	if (r < 0)
		return r;
	/* raw: nothing is read, so that nobody can make us wait */
	if (local && args->format != DOM_DISK_FORMAT_QCOW2)
		return open_here(call, args);
	return job_start(call, args->guest, args->path, !local, finish_open);
}

/* ---- OPEN_PLAIN, STAT ---- */

int file_on_open_plain(struct ipc_call *call, const struct file_plain_args *args)
{
	CLEAN_FD int fd = -1;
	bool local = true;
	int r = file_room.worker ? 0 : is_local(call, args->path, &local);

	if (r < 0)
		return r;
	if (!local)
		return job_start(call, args->guest, args->path, true, finish_plain);
	r = file_open_plain(call->arena, args, &fd, &call->err);
	return r < 0 ? r : ipc_reply(call, args, &fd, 1);
}

int file_on_stat(struct ipc_call *call, const struct file_stat_args *args)
{
	static const uint8_t nobody[16];
	struct file_stat_ret ret = { 0 };
	bool local = true;
	int r = file_room.worker ? 0 : is_local(call, args->path, &local);

	if (r < 0)
		return r;
	if (!file_room.worker && (!local || args->format == DOM_DISK_FORMAT_QCOW2))
		return job_start(call, nobody, args->path, !local, finish_plain);
	r = file_stat_image(call->arena, args, &ret, &call->err);
	return r < 0 ? r : file_reply_stat(call, &ret);
}

/* ---- OPEN_NVRAM, UNLINK_NVRAM ---- */

static int claim_nvram(struct ipc_call *call, int fd)
{
	const struct file_nvram_args *args = call->args;
	const char *path = args->path;
	struct claim want = { .write = true };
	struct statx st;

	/* not asking the server: the worker has, just now */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &st) < 0)
		return err_sys(&call->err, -errno, "variable store '%s'", path);
	memcpy(want.guest, args->guest, sizeof(want.guest));
	want.dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	want.ino = st.stx_ino;
	return claims_take(&file_room.claims, &want, 1, &path, &call->err);
}

static void finish_nvram(struct ipc_call *call, struct ipc_reply *r)
{
	int rc = call->ch ? claim_nvram(call, r->fds[0]) : -EPIPE;

	if (rc < 0)
		ipc_refuse(call, rc, &call->err);
	else
		ipc_reply(call, call->args, r->fds, r->n_fds);
}

int file_on_open_nvram(struct ipc_call *call, const struct file_nvram_args *args)
{
	CLEAN_FD int fd = -1;
	bool local = true;
	int r = file_room.worker ? 0 : is_local(call, args->path, &local);

	if (r < 0)
		return r;
	r = -ENOENT;
	if (local)
		r = file_open_nvram(call->arena, args, file_room.worker, &fd, &call->err);
	/* making one waits for the disk */
	if (r == -ENOENT && !file_room.worker)
		return job_start(call, args->guest, args->path, !local, finish_nvram);
	if (r == 0 && !file_room.worker)
		r = claim_nvram(call, fd);
	return r < 0 ? r : ipc_reply(call, args, &fd, 1);
}

int file_on_unlink_nvram(struct ipc_call *call, const struct file_unlink_args *args)
{
	bool local = true;
	int r = file_room.worker ? 0 : is_local(call, args->path, &local);

	if (r < 0)
		return r;
	if (!local)
		return job_start(call, args->guest, args->path, true, finish_plain);
	r = file_unlink_nvram(call->arena, args->path, &call->err);
	return r < 0 ? r : file_reply_unlink_nvram(call);
}

/* ---- RELEASE, ADOPT ---- */

int file_on_release(struct ipc_call *call, const struct file_guest_args *args)
{
	job_cancel(args->guest);
	claims_release(&file_room.claims, args->guest);
	return file_reply_release(call);
}

int file_on_adopt(struct ipc_call *call, const struct file_adopt_args *args)
{
	struct claim have[DOM_DEVICES_MAX];
	int r;

	for (uint32_t i = 0; i < args->n_images; i++) {
		have[i] = (struct claim){
			.dev = args->images[i].dev, .ino = args->images[i].ino,
			.write = args->images[i].write,
			.shareable = i < args->n_shareable && args->shareable[i],
		};
		memcpy(have[i].guest, args->guest, sizeof(have[i].guest));
	}
	claims_release(&file_room.claims, args->guest);
	r = claims_adopt(&file_room.claims, have, args->n_images);
	return r < 0 ? err_sys(&call->err, r, "taking over the images of a running guest")
		     : file_reply_adopt(call);
}
