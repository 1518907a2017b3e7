/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Putting labels back. The path is opened anew, and only if it leads to the
 * journal's file, with the label that we gave it, and no process has it locked
 * as QEMU locks its images, is it touched.
 *
 * An entry that was put back stays in the journal for LABEL_KEEP_S: should the
 * power fail, the kernel may not have written the label yet. A journal of an
 * earlier boot is therefore looked through once more, such entries too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/log.h"
#include "disk/disk.h"
#include "disk/job.h"
#include "disk/label.h"
#include "disk/mounts.h"
#include "ipc/ev.h"

struct label_room label_room;
static struct event *wake, *tick;

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec + 1;   /* never 0 */
}

/* Records about things that were done already: nobody has to wait for the disk. */
static void note(const struct buf *b)
{
	int r = journal_append(&label_room.files, &label_room.journal, b, false);

	if (r < 0)
		log_error("label journal: %s", strerrordesc_np(-r));
}

static void note_entry(const struct entry *e)
{
	CLEAN_BUF struct buf b = { 0 };

	buf_init(&b, JOURNAL_SIZE_MAX);
	journal_put(&b, label_room.files.generation, e, 0);
	note(&b);
}

static void drop(struct entry *e)
{
	const uint64_t number = e->number;
	CLEAN_BUF struct buf b = { 0 };

	buf_init(&b, 4096);
	journal_remove(&label_room.journal, e);
	journal_put(&b, label_room.files.generation, NULL, number);
	note(&b);
}

static void is_back(struct entry *e)
{
	if (strcmp(e->before, e->label) == 0) {
		drop(e);         /* nothing was ever changed */
		return;
	}
	log_debug("'%s' has its label '%s' again", e->id.path, e->before);
	e->restored = now();
	memcpy(e->boot, label_room.boot, sizeof(e->boot));
	note_entry(e);
}

/* Not now: it is tried again by and by. */
static void put_off(struct entry *e, const char *why)
{
	e->stuck = true;
	if (!e->told)
		log_warn("label of '%s' cannot be put back to '%s' now, it will be tried again: %s",
			 e->id.path, e->before, why);
	e->told = true;
}

/* Its path leads to nothing, or to something else. */
static void is_gone(struct entry *e, const char *why)
{
	if (e->id.mount[0] && !mounts_there(e->id.mount)) {
		put_off(e, "its file system is not mounted");
		return;
	}
	log_info("label of '%s' is not put back: %s", e->id.path, why);
	drop(e);
}

/* ---- one file ---- */

struct back_op {
	struct job job;
	struct entry *e;
	int fd;
	bool opened;
};

static void back_ended(struct job *j, int rc, const struct err *err)
{
	struct back_op *op = (struct back_op *)j;
	struct entry *e = op->e;

	e->busy = false;
	if (rc == 0)
		is_back(e);
	else if (op->opened ? rc == -ESTALE : rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP ||
		 rc == -EINVAL || rc == -ENOTBLK || rc == -EISDIR)
		is_gone(e, err->text);
	else
		put_off(e, err->text);
	fd_close(&op->fd);
	free(op);
	label_woken();
}

static void on_back(void *ctx, struct ipc_reply *r)
{
	struct back_op *op = ctx;

	if (r->rc < 0) {
		job_refused(&op->job, "", r);
		return;
	}
	op->e->seen = node_tick();
	if (entry_set_text(&op->e->now, op->e->before) < 0) {
		free(op->e->now);
		op->e->now = NULL;
	}
	job_end(&op->job, 0, NULL);
}

static void on_open(void *ctx, struct ipc_reply *r)
{
	struct back_op *op = ctx;
	const struct entry *e = op->e;
	const struct file_opened *st = r->ret;
	struct file_label_args args = { .label = e->before };
	struct disk_node found = { .path = e->id.path };

	if (r->rc < 0) {
		job_refused(&op->job, "", r);
		return;
	}
	op->opened = true;
	op->fd = take_fd(&r->fds[0]);
	found.dev = args.dev = st->dev;
	found.ino = args.ino = st->ino;
	found.fs_id = st->fs_id;
	found.generation = st->generation;
	if (!node_same(&found, &e->id)) {
		job_fail(&op->job, -ESTALE, ERR_OPERATION_FAILED, "another file has taken its place");
	} else if (strcmp(st->label, e->before) == 0) {
		job_end(&op->job, 0, NULL);
	} else if (!entry_gave(e, st->label)) {
		job_fail(&op->job, -ESTALE, ERR_OPERATION_FAILED,
			 "somebody else has changed it to '%s'", st->label);
	} else if (!e->before[0]) {
		job_fail(&op->job, -ESTALE, ERR_OPERATION_FAILED, "it had none");
	} else if (mounts_local(e->id.path) && claims_in_use(op->fd)) {
		/* core says that its guest is gone; the kernel knows better */
		job_fail(&op->job, -EBUSY, ERR_RESOURCE_BUSY, "a process still uses it");
	} else {
		struct ipc_chan *file = job_same(&op->job);
		int rc;

		args.expected = st->label;
		rc = file ? file_call_set_label(file, &args, &op->fd, 1, on_back, op) : 0;

		if (rc < 0)
			job_unsent(&op->job, rc);
	}
}

void putback(struct entry *e)
{
	const struct file_open_args req = {
		.role = e->id.role, .roots = e->id.roots, .path = e->id.path, .block = e->id.block,
		.boot = e->id.boot,
	};
	struct ipc_chan *file;
	struct back_op *op;
	int r;

	if (e->n_users || e->busy || e->restored)
		return;
	if (e->now && strcmp(e->now, e->before) == 0) {
		is_back(e);
		return;
	}
	op = malloc(sizeof(*op));
	if (!op) {
		put_off(e, "out of memory");
		return;
	}
	*op = (struct back_op){
		.job = { .path = e->id.path, .ended = back_ended, .endless = true }, .e = e, .fd = -1,
	};
	e->busy = true;
	(void)job_begin(&op->job);   /* endless: nothing that could fail */
	file = job_file(&op->job, e->id.path, false);
	r = file ? file_call_open(file, &req, NULL, 0, on_open, op) : 0;
	if (r < 0)
		job_unsent(&op->job, r);
}

/* ---- RELEASE ---- */

struct release {
	struct job job;
	struct release *next;
	uint32_t n;
	uint64_t numbers[];      /* entries that lost their last user by it */
};

static struct release *releases;

static void release_ended(struct job *j, int rc, const struct err *err)
{
	struct release *r = (struct release *)j, **p = &releases;

	(void)rc;
	(void)err;
	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
	/* what is not done is done later: for the guest it is over */
	disk_reply_release(j->call);
	free(r);
}

static bool pending(uint64_t number)
{
	const struct entry *e = journal_by_number(&label_room.journal, number);

	return e && !e->n_users && !e->restored && !e->stuck;
}

static void look_after_releases(void)
{
	for (struct release *r = releases, *next; r; r = next) {
		uint32_t i = 0;

		next = r->next;
		while (i < r->n && !pending(r->numbers[i]))
			i++;
		if (i == r->n)
			job_end(&r->job, 0, NULL);
	}
}

static uint32_t count_uses(const uint8_t guest[16])
{
	uint32_t n = 0;

	for (struct entry *e = journal_next(&label_room.journal, NULL); e;
	     e = journal_next(&label_room.journal, e))
		n += entry_has_user(e, guest);
	return n;
}

/* Take the guest out of all entries; tells those that nobody uses then. */
static void leave(const uint8_t guest[16], struct release *r)
{
	CLEAN_BUF struct buf b = { 0 };

	buf_init(&b, JOURNAL_SIZE_MAX);
	for (struct entry *e = journal_next(&label_room.journal, NULL); e;
	     e = journal_next(&label_room.journal, e)) {
		if (!entry_remove_user(e, guest))
			continue;
		journal_put(&b, label_room.files.generation, e, 0);
		if (!e->n_users)
			r->numbers[r->n++] = e->number;
	}
	note(&b);
}

int label_release(struct ipc_call *call, const uint8_t guest[16])
{
	const uint32_t n = count_uses(guest);
	struct release *r;

	if (!n)
		return disk_reply_release(call);
	r = calloc(1, sizeof(*r) + n * sizeof(r->numbers[0]));
	if (!r)
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	r->job = (struct job){ .call = call, .path = "label", .ended = release_ended };
	if (job_begin(&r->job) < 0) {
		free(r);
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	}
	leave(guest, r);
	r->next = releases;
	releases = r;
	for (uint32_t i = 0; i < r->n; i++) {
		struct entry *e = journal_by_number(&label_room.journal, r->numbers[i]);

		if (!e)
			continue;
		e->stuck = false;
		putback(e);
	}
	label_woken();
	return 0;
}

/* ---- the rest ---- */

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	look_after_releases();
	label_advance();
}

void label_woken(void)
{
	event_active(wake, 0, 0);
}

bool label_in_flux(const struct entry *e)
{
	if (e->busy)
		return true;
	for (uint32_t i = 0; !label_room.settled && i < e->n_users; i++)
		if (!e->users[i].known)
			return true;
	return false;
}

/* Each entry, of which `do_it` may remove the one it is given. */
static void for_all(void (*do_it)(struct entry *e))
{
	struct entry *e = journal_next(&label_room.journal, NULL), *next;

	for (; e; e = next) {
		next = journal_next(&label_room.journal, e);
		do_it(e);
	}
}

static void retry(struct entry *e)
{
	e->stuck = false;
	putback(e);
}

static void age(struct entry *e)
{
	if (e->restored && !e->busy && now() - e->restored > LABEL_KEEP_S)
		drop(e);
	else
		retry(e);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	for_all(age);
}

void label_retry(void)
{
	if (wake)
		for_all(retry);
}

static const uint8_t *adopted;

static void adopt(struct entry *e)
{
	for (uint32_t i = 0; i < e->n_users; i++)
		if (memcmp(e->users[i].guest, adopted, sizeof(e->users[i].guest)) == 0)
			e->users[i].known = true;
}

void label_adopt(const uint8_t guest[16])
{
	adopted = guest;
	for_all(adopt);
}

static void settle(struct entry *e)
{
	uint32_t n = e->n_users;

	for (uint32_t i = n; i-- > 0;)
		if (!e->users[i].known)
			entry_remove_user(e, e->users[i].guest);
	if (e->n_users == n)
		return;
	note_entry(e);
	putback(e);
}

void label_settle(void)
{
	label_room.settled = true;
	for_all(settle);
	label_woken();
}

static int read_boot_id(void)
{
	CLEAN_FD int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, text, sizeof(text));

	/* compared only: the hyphens may stay out by cutting two halves */
	if (n < 36)
		return -EIO;
	memcpy(label_room.boot, text, 8);
	memcpy(label_room.boot + 8, text + 28, 8);
	return 0;
}

int label_open(int dir, struct err *err)
{
	int r = read_boot_id();

	return r < 0 ? err_sys(err, r, "boot_id") : journal_open(&label_room.files, dir, err);
}

int label_load(struct err *err)
{
	const struct timeval every = { .tv_sec = LABEL_RETRY_S };
	int r = journal_load(&label_room.files, &label_room.journal, err);

	if (r < 0)
		return r;
	wake = event_new(disk_room.base, -1, 0, on_wake, NULL);
	tick = event_new(disk_room.base, -1, EV_PERSIST, on_tick, NULL);
	if (!wake || !tick || event_add(tick, &every) < 0)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	for (struct entry *e = journal_next(&label_room.journal, NULL); e;
	     e = journal_next(&label_room.journal, e))
		if (memcmp(e->boot, label_room.boot, sizeof(e->boot)) != 0)
			e->restored = 0;
	for_all(retry);
	return 0;
}
