/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Step "files": every image, loader, variable store, kernel and initrd of the guest, opened. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "core/plan_steps.h"
#include "ipc/call.h"

/* One question to cordon-file; several are under way at once. */
struct ask {
	struct plan *plan;
	unsigned disk;
	enum guest_fd_kind plain;   /* UNSET: a disk */
};

static struct ask *ask_new(struct plan *p, unsigned disk, enum guest_fd_kind plain)
{
	struct ask *a = malloc(sizeof(*a));

	if (a)
		*a = (struct ask){ p, disk, plain };
	return a;
}

static void keep_disk(struct plan_disk *pd, struct plan *p, const struct file_open_ret *ret,
		      struct ipc_reply *r)
{
	for (unsigned i = 0; i < ret->n_images && i < r->n_fds && i < DOM_CHAIN_MAX; i++) {
		pd->images[i] = ret->images[i];
		pd->images[i].path = arena_strdup(p->run->arena, ret->images[i].path);
		pd->fds[i] = take_fd(&r->fds[i]);
		pd->n = i + 1;
	}
	pd->open = true;
}

static void opened(void *ctx, struct ipc_reply *r)
{
	struct ask *a = ctx;
	struct plan *p = a->plan;

	if (r->rc && !p->rc) {
		p->rc = r->rc;
		p->err = *r->err;
	} else if (!r->rc && a->plain) {
		p->plain[a->plain] = take_fd(&r->fds[0]);
	} else if (!r->rc) {
		keep_disk(&p->disks[a->disk], p, r->ret, r);
	}
	free(a);
	if (--p->outstanding == 0)
		plan_continue(p, p->rc, NULL);
}

static int ask_disk(struct plan *p, struct ipc_chan *file, unsigned i)
{
	const struct dom_disk *d = &p->run->rec.live.disks[i];
	struct file_open_args args = {
		.role = p->guest->role, .path = d->path, .format = d->format,
		.block = d->type == DOM_DISK_SOURCE_TYPE_BLOCK,
		.write = !d->readonly && d->device != DOM_DISK_DEVICE_CDROM,
		.shareable = d->shareable, .backing_given = d->backing_given,
		.n_backing = d->n_backing, .backing = d->backing,
	};
	struct ask *a = ask_new(p, i, GUEST_FD_KIND_UNSET);
	int rc;

	memcpy(args.guest, p->guest->uuid, 16);
	rc = a ? file_call_open(file, &args, NULL, 0, opened, a) : -ENOMEM;
	if (rc)
		free(a);
	else
		p->outstanding++;
	return rc;
}

static int ask_plain(struct plan *p, struct ipc_chan *file, enum guest_fd_kind kind, const char *path)
{
	struct file_plain_args args = { .role = p->guest->role, .path = (char *)(uintptr_t)path };
	struct ask *a;
	int rc;

	if (!path)
		return 0;
	memcpy(args.guest, p->guest->uuid, 16);
	a = ask_new(p, 0, kind);
	rc = a ? file_call_open_plain(file, &args, NULL, 0, opened, a) : -ENOMEM;
	if (rc)
		free(a);
	else
		p->outstanding++;
	return rc;
}

static int ask_nvram(struct plan *p, struct ipc_chan *file, const struct dom_nvram *n)
{
	struct file_nvram_args args = { .role = p->guest->role };
	struct ask *a;
	int rc;

	if (!n || !n->path)
		return 0;
	args.path = n->path;
	args.template_path = n->template_path ? n->template_path : (char *)(uintptr_t)"";
	memcpy(args.guest, p->guest->uuid, 16);
	a = ask_new(p, 0, GUEST_FD_KIND_NVRAM);
	rc = a ? file_call_open_nvram(file, &args, NULL, 0, opened, a) : -ENOMEM;
	if (rc)
		free(a);
	else
		p->outstanding++;
	return rc;
}

int files_prepare(struct plan *p)
{
	const struct domain *d = &p->run->rec.live;
	struct ipc_chan *file = core_peer(&core.file, &p->err);
	int rc = 0;

	if (!file)
		return -EAGAIN;
	for (unsigned i = 0; i < d->n_disks && !rc; i++)
		if (d->disks[i].path)
			rc = ask_disk(p, file, i);
	if (!rc)
		rc = ask_plain(p, file, GUEST_FD_KIND_LOADER, d->os.loader ? d->os.loader->path : NULL);
	if (!rc)
		rc = ask_nvram(p, file, d->os.nvram);
	if (!rc)
		rc = ask_plain(p, file, GUEST_FD_KIND_KERNEL, d->os.kernel);
	if (!rc)
		rc = ask_plain(p, file, GUEST_FD_KIND_INITRD, d->os.initrd);
	if (rc) {
		/* what was asked is answered first; the last answer turns the plan back */
		p->rc = rc;
		err_sys(&p->err, rc, "domain '%s': cannot ask cordon-file", p->guest->name);
	}
	return p->outstanding ? 1 : rc;
}

void files_close(struct plan *p)
{
	for (unsigned i = 0; i < p->run->rec.live.n_disks; i++)
		fd_close_all(p->disks[i].fds, p->disks[i].n);
	for (unsigned i = 0; i < p->run->rec.live.n_disks; i++)
		p->disks[i].n = 0;
	fd_close_all(p->plain, sizeof(p->plain) / sizeof(p->plain[0]));
}

static void released(void *ctx, struct ipc_reply *r)
{
	/* a file room that died holds no claims either */
	plan_continue(ctx, r->rc, r->err);
}

int files_release(struct plan *p)
{
	struct ipc_chan *file = core_peer(&core.file, NULL);
	struct file_guest_args args;

	files_close(p);
	memcpy(args.guest, p->guest->uuid, 16);
	return file && !file_call_release(file, &args, NULL, 0, released, p) ? 1 : 0;
}
