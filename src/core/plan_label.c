/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Step "label": what the policy says, and the labels of the guest's files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/host.h"
#include "core/label.h"
#include "core/plan_steps.h"
#include "ipc/call.h"
#include "proto/hostd.x.h"

/* One file and what is to happen to it. */
struct object {
	struct plan *plan;
	struct label_file file;
	struct label_row row;
	int fd;
};

/* What the step knows; in the run's arena. */
struct plan_label {
	struct label_choice choice;
	struct object *objects;
	unsigned n;
	bool no;                       /* the policy refused something; the first one: */
	struct object *refused;        /* NULL: the guest's own label */
	struct host_answer answer;
};

static const struct host_selinux *host_selinux(void)
{
	return host_facts() ? host_facts()->selinux : NULL;
}

/* ---- what the ledger is asked for ---- */

int label_base(struct plan *p, struct ledger_claim_args *args, struct err *err)
{
	struct plan_label *l = arena_alloc(p->run->arena, sizeof(*l));
	int rc;

	if (!l)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	rc = label_choose(&p->run->rec.live, host_selinux(), &core.conf, p->run->arena, &l->choice, err);
	if (rc)
		return rc;
	p->label = l;
	args->label = (char *)(uintptr_t)l->choice.base;
	args->fixed = l->choice.fixed;
	args->share = l->choice.share;
	args->categories = host_selinux() ? host_selinux()->categories : 0;
	return 0;
}

/* ---- label: its files ---- */

static int decide(struct plan *p, enum label_kind kind, const struct dom_disk *disk, unsigned depth,
		  const struct disk_image *image, int fd)
{
	struct plan_label *l = p->label;
	struct object *o = &l->objects[l->n];

	*o = (struct object){ .plan = p, .fd = fd,
			      .file = { .kind = kind, .disk = disk, .depth = depth, .image = image } };
	l->n++;
	return label_decide(&l->choice, host_selinux(), p->claimed.label, &o->file, p->run->arena, &o->row,
			    &p->err);
}

static int decide_all(struct plan *p)
{
	static const struct { enum guest_fd_kind fd; enum label_kind kind; } plain[] = {
		{ GUEST_FD_KIND_LOADER, LABEL_LOADER }, { GUEST_FD_KIND_NVRAM, LABEL_NVRAM },
		{ GUEST_FD_KIND_KERNEL, LABEL_KERNEL }, { GUEST_FD_KIND_INITRD, LABEL_INITRD },
	};
	const size_t n_plain = sizeof(plain) / sizeof(plain[0]);
	const struct domain *d = &p->run->rec.live;
	unsigned n = 0;
	int rc = 0;

	for (unsigned i = 0; i < d->n_disks; i++)
		n += p->disks[i].n;
	p->label->objects = arena_calloc(p->run->arena, n + n_plain, sizeof(*p->label->objects));
	if (!p->label->objects)
		return err_set(&p->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	for (unsigned i = 0; i < d->n_disks && !rc; i++)
		for (unsigned k = 0; k < p->disks[i].n && !rc; k++)
			rc = decide(p, LABEL_DISK, &d->disks[i], k, &p->disks[i].images[k],
				    p->disks[i].fds[k]);
	for (size_t i = 0; i < n_plain && !rc; i++)
		if (p->plain[plain[i].fd] >= 0)
			rc = decide(p, plain[i].kind, NULL, 0, &p->plain_images[plain[i].fd],
				    p->plain[plain[i].fd]);
	return rc;
}

/* ---- setting them ---- */

static void labelled(void *ctx, struct ipc_reply *r)
{
	plan_continue(ctx, r->rc, r->err);
}

/* A file that two disks of the guest share has one row; two labels for it cannot be. */
static int add_row(struct plan *p, const struct object *o, struct disk_label_args *args, int *fds)
{
	const struct disk_image *m = o->file.image;

	for (uint32_t i = 0; i < args->n_rows; i++) {
		struct disk_label_row *r = &args->rows[i];

		if (r->dev != m->dev || r->ino != m->ino)
			continue;
		if (strcmp(r->label, o->row.want) == 0)
			return 0;
		return err_set(&p->err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED,
			       "domain '%s' uses '%s' twice, with labels %s and %s: a file can have one",
			       p->guest->name, m->path, r->label, o->row.want);
	}
	if (args->n_rows == DISK_LABEL_ROWS_MAX)
		return err_set(&p->err, -E2BIG, ERR_CONFIG_UNSUPPORTED,
			       "domain '%s' has more than %u images, with their backing chains",
			       p->guest->name, DISK_LABEL_ROWS_MAX);
	fds[args->n_rows] = o->fd;
	args->rows[args->n_rows++] = (struct disk_label_row){
		.dev = m->dev, .ino = m->ino, .label = (char *)(uintptr_t)o->row.want,
		.shared = o->row.shared };
	return 0;
}

/* 0: nothing to set; 1: cordon-disk answers later. */
static int set_all(struct plan *p)
{
	struct plan_label *l = p->label;
	struct disk_label_row rows[DISK_LABEL_ROWS_MAX];
	struct disk_label_args args = { .rows = rows };
	struct ipc_chan *disk = core_peer(&core.disk, &p->err);
	int fds[DISK_LABEL_ROWS_MAX], rc = disk ? 0 : -EAGAIN;

	memcpy(args.guest, p->guest->uuid, 16);
	for (unsigned i = 0; i < l->n && !rc; i++)
		if (l->objects[i].row.want)
			rc = add_row(p, &l->objects[i], &args, fds);
	if (rc || !args.n_rows)
		return rc;
	rc = disk_call_label(disk, &args, fds, args.n_rows, labelled, p);
	return rc ? err_sys(&p->err, rc, "domain '%s': cannot ask cordon-disk", p->guest->name) : 1;
}

/* ---- asking the policy ---- */

/* With fresh facts, so that what is said of booleans is so. */
static void refuse(void *ctx)
{
	struct plan *p = ctx;
	struct plan_label *l = p->label;
	struct err err = { 0 };
	int rc;

	if (!host_selinux())
		rc = err_set(&err, -EACCES, ERR_OPERATION_FAILED, "the SELinux policy is gone");
	else if (!l->refused)
		rc = label_refuse_process(host_selinux(), p->guest->name, p->claimed.label, &l->answer,
					  &err);
	else
		rc = label_refuse(host_selinux(), p->guest->name, p->claimed.label, &l->refused->file,
				  &l->refused->row, &l->answer, &err);
	plan_continue(p, rc, &err);
}

static void all_answered(struct plan *p)
{
	struct plan_label *l = p->label;
	int rc;

	if (p->rc) {
		plan_continue(p, p->rc, NULL);
	} else if (p->job.aborted) {
		plan_continue(p, 0, NULL);
	} else if (l->no) {
		if (host_fetch(refuse, p))
			refuse(p);
	} else {
		rc = set_all(p);
		if (rc <= 0)
			plan_continue(p, rc, NULL);
	}
}

static void note(struct plan *p, struct ipc_reply *r, struct object *o)
{
	struct plan_label *l = p->label;
	const struct host_answer *a = r->ret;

	if (r->rc && !p->rc) {
		p->rc = r->rc;
		p->err = *r->err;
	} else if (!r->rc && !a->allowed && !l->no) {
		l->no = true;
		l->refused = o;
		l->answer = *a;
		l->answer.denied = arena_strdup(p->run->arena, a->denied);
		if (!l->answer.denied)
			l->answer.denied = (char *)(uintptr_t)"";
	}
	if (--p->outstanding == 0)
		all_answered(p);
}

static void answered(void *ctx, struct ipc_reply *r)
{
	struct object *o = ctx;

	note(o->plan, r, o);
}

static void answered_process(void *ctx, struct ipc_reply *r)
{
	note(ctx, r, NULL);
}

/* The question is the same for many a file: of two like that, one is asked. */
static bool asked_before(const struct plan_label *l, unsigned i)
{
	const struct object *o = &l->objects[i];

	for (unsigned k = 0; k < i; k++) {
		const struct object *e = &l->objects[k];

		if (e->row.ask && strcmp(e->row.end, o->row.end) == 0 &&
		    e->file.image->block == o->file.image->block &&
		    e->file.image->write == o->file.image->write && e->file.kind == o->file.kind)
			return true;
	}
	return false;
}

static int ask_all(struct plan *p)
{
	struct ipc_chan *host = core_peer(&core.host, &p->err);
	struct plan_label *l = p->label;
	int rc = host ? 0 : -EAGAIN;
	struct host_ask process;

	if (!rc && label_ask_process(&l->choice, &p->run->rec.live, p->claimed.label, &process)) {
		rc = hostd_call_ask(host, &process, NULL, 0, answered_process, p);
		p->outstanding += !rc;
	}
	for (unsigned i = 0; i < l->n && !rc; i++) {
		struct object *o = &l->objects[i];
		struct host_ask q = label_ask(&o->file, p->claimed.label, o->row.end);

		if (!o->row.ask || asked_before(l, i))
			continue;
		rc = hostd_call_ask(host, &q, NULL, 0, answered, o);
		p->outstanding += !rc;
	}
	if (rc && !p->err.code)
		err_sys(&p->err, rc, "domain '%s': cannot ask cordon-host", p->guest->name);
	return rc;
}

int label_prepare(struct plan *p)
{
	int rc;

	if (!p->label)
		return 0;
	rc = label_show(&p->label->choice, host_selinux(), p->claimed.label, p->claimed.guest_uid,
			p->run->arena, &p->run->rec.live);
	if (rc)
		return err_sys(&p->err, rc, "domain '%s'", p->guest->name);
	if (!p->claimed.label)
		return 0;
	rc = decide_all(p);
	if (rc)
		return rc;
	rc = ask_all(p);
	if (p->outstanding) {
		p->rc = rc;
		return 1;
	}
	return rc ? rc : set_all(p);
}

int label_release(struct plan *p)
{
	(void)p;   /* cordon-disk puts labels back when the guest's files are released */
	return 0;
}
