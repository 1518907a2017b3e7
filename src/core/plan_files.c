/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Step "files": every image, loader, variable store, kernel and initrd of the guest, opened. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "core/owner.h"
#include "core/plan_steps.h"
#include "ipc/call.h"

/* One question to cordon-disk; several are under way at once. */
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

/* The answer's texts go with the answer. */
static struct disk_image keep_image(struct plan *p, const struct disk_image *from)
{
	struct arena *a = p->run->arena;
	struct disk_image im = *from;

	im.path = arena_strdup(a, from->path);
	im.label = arena_strdup(a, from->label);
	im.fs = arena_strdup(a, from->fs);
	if (!im.path || !im.label || !im.fs)
		p->rc = err_set(&p->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	return im;
}

static void keep_disk(struct plan_disk *pd, struct plan *p, const struct disk_open_ret *ret,
		      struct ipc_reply *r)
{
	for (unsigned i = 0; i < ret->n_images && i < r->n_fds && i < DOM_CHAIN_MAX; i++) {
		pd->images[i] = keep_image(p, &ret->images[i]);
		pd->fds[i] = take_fd(&r->fds[i]);
		pd->n = i + 1;
	}
	pd->open = true;
}

/*
 * A backing file that only the image names: the image's guest may have written that, and a disk of
 * another guest must not be had so. (While that one runs, cordon-disk would refuse it too.)
 */
static int check_unlisted(struct plan *p, const struct dom_disk *d, const struct plan_disk *pd)
{
	for (unsigned i = 1; i < pd->n && !d->backing_given; i++) {
		const char *path = pd->images[i].path;
		int rc = 0;
		const struct guest *g = path ? owner_of_image(p->guest, path, &rc) : NULL;

		if (rc)
			return err_sys(&p->err, rc, "whose image '%s' is", path);
		if (g)
			return err_set(&p->err, -EACCES, ERR_CONFIG_UNSUPPORTED,
				       "image '%s' has the backing file '%s', which is a disk of domain '%s': "
				       "add a <backingStore> for it to the disk's definition if both may use it",
				       d->path, path, g->name);
	}
	return 0;
}

/* What cordon-disk must be told again after it was restarted. */
static int record_images(struct plan *p)
{
	struct store_runtime *rec = &p->run->rec;
	unsigned n = 0;

	rec->images = arena_calloc(p->run->arena, DOM_DEVICES_MAX, sizeof(*rec->images));
	rec->shareable = arena_calloc(p->run->arena, DOM_DEVICES_MAX, sizeof(*rec->shareable));
	if (!rec->images || !rec->shareable)
		return -ENOMEM;
	for (unsigned i = 0; i < rec->live.n_disks; i++)
		for (unsigned k = 0; k < p->disks[i].n && n < DOM_DEVICES_MAX; k++) {
			rec->images[n] = p->disks[i].images[k];
			rec->shareable[n++] = rec->live.disks[i].shareable && k == 0;
		}
	for (unsigned i = 0; i <= GUEST_FD_KIND_MAX && n < DOM_DEVICES_MAX; i++)
		if (p->plain_images[i].path)
			rec->images[n++] = p->plain_images[i];
	rec->n_images = rec->n_shareable = n;
	return 0;
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
		p->plain_images[a->plain] =
			keep_image(p, &((const struct disk_one_ret *)r->ret)->image);
	} else if (!r->rc) {
		keep_disk(&p->disks[a->disk], p, r->ret, r);
		if (!p->rc)
			p->rc = check_unlisted(p, &p->run->rec.live.disks[a->disk], &p->disks[a->disk]);
	}
	free(a);
	if (--p->outstanding)
		return;
	if (!p->rc)
		p->rc = record_images(p);
	plan_continue(p, p->rc, NULL);
}

static int ask_disk(struct plan *p, struct ipc_chan *disk, unsigned i)
{
	const struct dom_disk *d = &p->run->rec.live.disks[i];
	struct disk_open_args args = {
		.role = p->run->rec.role, .path = d->path, .format = d->format,
		.block = d->type == DOM_DISK_SOURCE_TYPE_BLOCK,
		.write = !d->readonly && d->device != DOM_DISK_DEVICE_CDROM,
		.shareable = d->shareable, .backing_given = d->backing_given,
		.n_backing = d->n_backing, .backing = d->backing,
	};
	struct ask *a = ask_new(p, i, GUEST_FD_KIND_UNSET);
	int rc;

	memcpy(args.guest, p->guest->uuid, 16);
	rc = a ? disk_call_open(disk, &args, NULL, 0, opened, a) : -ENOMEM;
	if (rc)
		free(a);
	else
		p->outstanding++;
	return rc;
}

static int ask_plain(struct plan *p, struct ipc_chan *disk, enum guest_fd_kind kind, const char *path)
{
	struct disk_plain_args args = { .role = p->run->rec.role, .path = (char *)(uintptr_t)path };
	struct ask *a;
	int rc;

	if (!path)
		return 0;
	memcpy(args.guest, p->guest->uuid, 16);
	a = ask_new(p, 0, kind);
	rc = a ? disk_call_open_plain(disk, &args, NULL, 0, opened, a) : -ENOMEM;
	if (rc)
		free(a);
	else
		p->outstanding++;
	return rc;
}

static int ask_nvram(struct plan *p, struct ipc_chan *disk, const struct dom_nvram *n)
{
	struct disk_nvram_args args = { .role = p->run->rec.role };
	struct ask *a;
	int rc;

	if (!n || !n->path)
		return 0;
	args.path = n->path;
	args.template_path = n->template_path ? n->template_path : (char *)(uintptr_t)"";
	memcpy(args.guest, p->guest->uuid, 16);
	a = ask_new(p, 0, GUEST_FD_KIND_NVRAM);
	rc = a ? disk_call_open_nvram(disk, &args, NULL, 0, opened, a) : -ENOMEM;
	if (rc)
		free(a);
	else
		p->outstanding++;
	return rc;
}

int files_prepare(struct plan *p)
{
	const struct domain *d = &p->run->rec.live;
	struct ipc_chan *disk = core_peer(&core.disk, &p->err);
	int rc = 0;

	if (!disk)
		return -EAGAIN;
	for (unsigned i = 0; i < d->n_disks && !rc; i++)
		if (d->disks[i].path)
			rc = ask_disk(p, disk, i);
	if (!rc)
		rc = ask_plain(p, disk, GUEST_FD_KIND_LOADER, d->os.loader ? d->os.loader->path : NULL);
	if (!rc)
		rc = ask_nvram(p, disk, d->os.nvram);
	if (!rc)
		rc = ask_plain(p, disk, GUEST_FD_KIND_KERNEL, d->os.kernel);
	if (!rc)
		rc = ask_plain(p, disk, GUEST_FD_KIND_INITRD, d->os.initrd);
	if (rc) {
		/* what was asked is answered first; the last answer turns the plan back */
		p->rc = rc;
		err_sys(&p->err, rc, "domain '%s': cannot ask cordon-disk", p->guest->name);
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
	/* a disk room that died holds no claims either */
	plan_continue(ctx, r->rc, r->err);
}

int files_release(struct plan *p)
{
	struct ipc_chan *disk = core_peer(&core.disk, NULL);
	struct disk_guest_args args;

	files_close(p);
	/* a cordon-disk that is started from now on is not told of them; SETTLE puts labels back */
	p->files_left = true;
	memcpy(args.guest, p->guest->uuid, 16);
	return disk && !disk_call_release(disk, &args, NULL, 0, released, p) ? 1 : 0;
}
