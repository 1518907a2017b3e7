/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LABEL: rows are checked all together, written down, then set one after another. */
#include "disk/label.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "disk/disk.h"
#include "disk/job.h"


/* A LABEL under way. */
struct label_job {
	struct job job;
	struct label_job *next;
	bool entered;            /* its rows are in the journal; else somebody is at one of its files */
	struct set_op *op;       /* under way for it */
	int rc;                  /* of the last one */
	struct err err;
	char path[DOM_PATH_MAX + 1];   /* what it waits for */
};

static struct label_job *labels, **labels_tail = &labels;

/* ---- one file ---- */

/* Goes on when its LABEL is given up: what cordon-file is about to do, it does. */
struct set_op {
	struct job job;
	struct entry *e;
	struct label_job *owner;     /* NULL: nobody wants to know any more */
	char label[FILE_LABEL_MAX + 1];
};

static void set_ended(struct job *j, int rc, const struct err *err)
{
	struct set_op *op = (struct set_op *)j;
	struct entry *e = op->e;

	e->busy = false;
	e->seen = node_tick();
	if (rc < 0 || entry_set_text(&e->now, op->label) < 0) {
		/* asked and not answered: it may have it or not */
		free(e->now);
		e->now = NULL;
	}
	if (op->owner) {
		op->owner->op = NULL;
		op->owner->rc = rc;
		if (rc < 0)
			op->owner->err = *err;
	}
	free(op);
	putback(e);
	label_woken();
}

static void on_set(void *ctx, struct ipc_reply *r)
{
	struct set_op *op = ctx;

	if (r->rc < 0)
		job_refused(&op->job, "", r);
	else
		job_end(&op->job, 0, NULL);
}

static void wait_for(struct label_job *l, const struct entry *e)
{
	snprintf(l->path, sizeof(l->path), "%s", e->id.path);
}

static void set_label(struct label_job *l, struct entry *e, int fd)
{
	struct file_label_args args = { .dev = e->id.dev, .ino = e->id.ino, .expected = e->now,
					.label = e->label };
	struct set_op *op = malloc(sizeof(*op));
	struct ipc_chan *file;
	int r;

	if (!op) {
		l->rc = err_set(&l->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
		return;
	}
	*op = (struct set_op){
		.job = { .path = e->id.path, .ended = set_ended, .endless = true }, .e = e, .owner = l,
	};
	snprintf(op->label, sizeof(op->label), "%s", e->label);
	wait_for(l, e);
	l->op = op;
	e->busy = true;
	(void)job_begin(&op->job);   /* endless: nothing that could fail */
	file = job_file(&op->job, e->id.path, false);
	r = file ? file_call_set_label(file, &args, &fd, 1, on_set, op) : 0;
	if (r < 0)
		job_unsent(&op->job, r);
}

/* ---- LABEL ---- */

static const struct disk_label_args *args_of(const struct label_job *l)
{
	return l->job.call->args;
}

static void ended(struct job *j, int rc, const struct err *err)
{
	struct label_job *l = (struct label_job *)j, **p = &labels;

	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
	if (!*p)
		labels_tail = p;
	if (l->op)
		l->op->owner = NULL;
	if (rc < 0)
		ipc_refuse(j->call, rc, err);
	else
		disk_reply_label(j->call);
	free(l);
}

/* The claimed file of a row. NULL with `err`. */
static const struct node *node_of(const struct label_job *l, unsigned i, struct err *err)
{
	const struct disk_label_row *row = &args_of(l)->rows[i];
	const struct claim *c = claims_of(&disk_room.claims, l->job.guest, row->dev, row->ino);

	if (c && c->node && !c->node->adopted)
		return c->node;
	err_set(err, -ENOENT, ERR_INTERNAL_ERROR,
		"a file to be labelled is not open for this guest: try again");
	return NULL;
}

static bool used_by_others(const struct entry *e, const uint8_t guest[16])
{
	return e->n_users > entry_has_user(e, guest);
}

static int refuse_users(const struct entry *e, const struct label_job *l, const char *label,
			struct err *err)
{
	unsigned i = memcmp(e->users[0].guest, l->job.guest, sizeof(l->job.guest)) == 0;
	char uuid[37];

	claims_uuid(e->users[i].guest, uuid);
	return err_set(err, -EBUSY, ERR_RESOURCE_BUSY,
		       "image '%s' is labelled '%s' for guest %s, and this guest needs '%s': stop that guest, or mark the disks of both <shareable/>",
		       e->id.path, e->label, uuid, label);
}

/* 0: it can be done; 1: not yet. */
static int check_row(struct label_job *l, unsigned i, struct err *err)
{
	const struct disk_label_row *rows = args_of(l)->rows;
	const struct node *node = node_of(l, i, err);
	const struct entry *e;

	if (!node)
		return -ENOENT;
	if (!node->labels)
		return err_set(err, -EOPNOTSUPP, ERR_CONFIG_UNSUPPORTED,
			       "'%s' cannot be labelled: its file system (%s) keeps no labels",
			       node->id.path, node->fs);
	for (unsigned k = 0; k < i; k++)
		if (rows[k].dev == rows[i].dev && rows[k].ino == rows[i].ino &&
		    strcmp(rows[k].label, rows[i].label) != 0)
			return err_set(err, -EINVAL, ERR_CONFIG_UNSUPPORTED,
				       "'%s' is used twice by this guest, with the labels '%s' and '%s'",
				       node->id.path, rows[k].label, rows[i].label);
	e = journal_find(&label_room.journal, &node->id);
	if (!e)
		return 0;
	if (label_in_flux(e)) {
		wait_for(l, e);
		return 1;
	}
	if (used_by_others(e, l->job.guest) &&
	    (strcmp(e->label, rows[i].label) != 0 || !e->shared || !rows[i].shared))
		return refuse_users(e, l, rows[i].label, err);
	if (!e->n_users && !e->restored && strcmp(e->label, rows[i].label) != 0 && !node->remote &&
	    claims_in_use(l->job.call->fds[i]))
		return err_set(err, -EBUSY, ERR_RESOURCE_BUSY,
			       "image '%s' is labelled '%s' for a process that still uses it",
			       node->id.path, e->label);
	return 0;
}

/* What the file's label is, by who looked last. */
static const char *current(const struct entry *e, const struct node *node)
{
	return e->now && e->seen > node->seen ? e->now : node->label;
}

/* Enter the guest and the label. `*sync` when the file is going to be changed. */
static int enter_row(const struct label_job *l, unsigned i, bool *sync)
{
	const struct disk_label_row *row = &args_of(l)->rows[i];
	struct err err = { 0 };
	const struct node *node = node_of(l, i, &err);
	struct entry *e = journal_find(&label_room.journal, &node->id);
	const char *now;
	bool ours;
	int r;

	if (!e)
		e = journal_add(&label_room.journal, &node->id, node->label);
	if (!e)
		return -ENOMEM;
	now = current(e, node);
	r = entry_found(e, &node->id, label_room.boot);
	/*
	 * What we gave it and could not take back, it has until this row is through. What was taken
	 * back may be on the disk all the same, should the power fail now.
	 */
	ours = !e->restored && entry_gave(e, now);
	if (r == 0)
		r = entry_set_text(&e->left, e->restored ? e->label : ours ? now : "");
	/* nobody's: what it has now is what it is to have again */
	if (r == 0 && !e->n_users && !ours)
		r = entry_set_text(&e->before, now);
	if (r == 0)
		r = entry_set_text(&e->now, now);
	if (r == 0)
		r = entry_set_text(&e->label, row->label);
	if (r == 0)
		r = entry_add_user(e, l->job.guest);
	e->seen = node_tick();
	e->shared = row->shared;
	e->restored = 0;
	e->stuck = e->told = false;
	*sync = *sync || strcmp(e->now, e->label) != 0;
	return r;
}

static int write_rows(const struct label_job *l, struct err *err)
{
	CLEAN_BUF struct buf b = { 0 };
	bool sync = false;
	int r = 0;

	buf_init(&b, JOURNAL_SIZE_MAX / 2);
	for (unsigned i = 0; i < args_of(l)->n_rows && r == 0; i++)
		r = enter_row(l, i, &sync);
	for (unsigned i = 0; i < args_of(l)->n_rows && r == 0; i++)
		journal_put(&b, label_room.files.generation,
			    journal_find(&label_room.journal, &node_of(l, i, err)->id), 0);
	if (r == 0)
		r = journal_append(&label_room.files, &label_room.journal, &b, sync);
	return r < 0 ? err_sys(err, r, "writing the label journal in '%s'", disk_room.conf->labels_dir)
		     : 0;
}

/* 0: all can be done; 1: not yet. */
static int check_rows(struct label_job *l, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; i < args_of(l)->n_rows && r >= 0; i++) {
		int one = check_row(l, i, err);

		r = one ? one : r;
	}
	return r;
}

/* The next row whose file does not have its label yet. */
static void set_next(struct label_job *l)
{
	const struct disk_label_args *args = args_of(l);

	for (unsigned i = 0; i < args->n_rows; i++) {
		const struct node *node = node_of(l, i, &l->err);
		struct entry *e = node ? journal_find(&label_room.journal, &node->id) : NULL;

		if (e && e->now && strcmp(e->now, e->label) == 0)
			continue;
		if (e && e->now)
			set_label(l, e, l->job.call->fds[i]);
		else
			l->rc = err_set(&l->err, -EAGAIN, ERR_OPERATION_FAILED,
					"labelling was interrupted: try again");
		return;
	}
	job_end(&l->job, 0, NULL);
}

static void advance(struct label_job *l)
{
	struct err err = { 0 };
	int r;

	if (!l->entered) {
		r = check_rows(l, &err);
		if (r == 0) {
			l->entered = true;
			r = write_rows(l, &err);
		}
		if (r < 0)
			job_end(&l->job, r, &err);
		if (r)
			return;
	}
	if (l->op)
		return;
	if (l->rc == 0) {
		set_next(l);
		return;
	}
	err = l->err;
	job_end(&l->job, l->rc, &err);
}

void label_advance(void)
{
	for (struct label_job *l = labels, *next; l; l = next) {
		next = l->next;
		advance(l);
	}
}

int disk_on_label(struct ipc_call *call, const struct disk_label_args *args)
{
	struct label_job *l;

	if (args->n_rows != call->n_fds)
		return err_set(&call->err, -EINVAL, ERR_INTERNAL_ERROR, "rows without descriptors");
	l = calloc(1, sizeof(*l));
	if (!l)
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	l->job = (struct job){ .call = call, .path = l->path, .ended = ended };
	memcpy(l->job.guest, args->guest, sizeof(l->job.guest));
	if (job_begin(&l->job) < 0) {
		free(l);
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	}
	*labels_tail = l;
	labels_tail = &l->next;
	advance(l);
	return 0;
}
