/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/book.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "ledger/folder.h"

static int write_claim(const struct book *l, const struct book_claim *c, struct err *err)
{
	char name[FOLDER_NAME_SIZE], text[SECLABEL_MAX + 32];

	snprintf(name, sizeof(name), "%s.%s", l->instance, c->guest);
	snprintf(text, sizeof(text), "%u %c %s", c->uid, c->share ? 's' : '-', c->label.text);
	return symlinkat(text, l->dir, name) < 0 ? err_sys(err, -errno, "ledger: %s", name) : 0;
}

int book_claim(struct book *l, const char *guest, const struct book_want *want,
		 struct book_claim *ret, struct err *err)
{
	struct book_claim c = { .uid = 0 };
	int r;

	if (book_find(l, guest, ret) == 0)
		return 0;
	if (strlen(guest) != BOOK_GUEST || strspn(guest, "0123456789abcdef-") != BOOK_GUEST)
		return err_set(err, -EINVAL, ERR_INTERNAL_ERROR, "ledger: no uuid");
	memcpy(c.guest, guest, sizeof(c.guest));
	if (flock(l->dir, LOCK_EX) < 0)
		return err_sys(err, -errno, "ledger: lock");
	r = folder_choose(l, want, &c, err);
	if (r == 0)
		r = write_claim(l, &c, err);
	flock(l->dir, LOCK_UN);
	if (r == 0)
		*ret = c;
	return r;
}

/* Why nobody else may have them yet; NULL if they may. */
static const char *used_by(const struct book *l, const struct book_claim *c)
{
	char path[sizeof("guests/") + BOOK_GUEST];
	struct stat st;

	snprintf(path, sizeof(path), "guests/%s", c->guest);
	if (fstatat(l->run, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return "its cage is there";
	return folder_uids_busy(c->uid) ? "a process runs under its uids" : NULL;
}

/*
 * Launch makes a guest's folder before it reads the claim. Here the claim is taken out of its sight
 * before the folder is looked for: one of the two sees what the other did.
 */
static int drop(const struct book *l, const struct book_claim *c, struct err *err)
{
	char name[FOLDER_NAME_SIZE], aside[FOLDER_NAME_SIZE];
	const char *why;

	snprintf(name, sizeof(name), "%s.%s", l->instance, c->guest);
	snprintf(aside, sizeof(aside), "%s-.%s", l->instance, c->guest);
	if (renameat(l->dir, name, l->dir, aside) < 0)
		return err_sys(err, -errno, "ledger: %s", name);
	why = used_by(l, c);
	if (why ? renameat(l->dir, aside, l->dir, name) < 0 : unlinkat(l->dir, aside, 0) < 0)
		return err_sys(err, -errno, "ledger: %s", name);
	return !why ? 0 : err_set(err, -EBUSY, ERR_RESOURCE_BUSY,
				  "guest %s keeps uids %u to %u and its label: %s", c->guest, c->uid,
				  c->uid + BOOK_UIDS_EACH - 1, why);
}

int book_release(const struct book *l, const char *guest, struct err *err)
{
	struct book_claim c;
	int r = book_find(l, guest, &c);

	if (r < 0)
		return r == -ENOENT ? 0 : err_sys(err, r, "ledger: guest %s", guest);
	if (flock(l->dir, LOCK_EX) < 0)
		return err_sys(err, -errno, "ledger: lock");
	r = drop(l, &c, err);
	flock(l->dir, LOCK_UN);
	return r;
}

/* Our own that lay aside when its ledger died: not released, see book_release(). */
static int undo_release(void *ctx, int dir, const char *name)
{
	const char *instance = ctx, *rest = name + strlen(instance);
	char back[FOLDER_NAME_SIZE];

	if (strncmp(name, instance, strlen(instance)) || rest[0] != '-' || rest[1] != '.')
		return 0;
	snprintf(back, sizeof(back), "%s%s", instance, rest + 1);
	return renameat(dir, name, dir, back) < 0 ? -errno : 0;
}

struct visit {
	const struct book *l;
	int (*each)(void *ctx, const struct book_claim *c);
	void *ctx;
};

static int visit_ours(void *ctx, int dir, const char *name)
{
	const struct visit *v = ctx;
	size_t n = strlen(v->l->instance);
	struct book_claim c;

	if (strncmp(name, v->l->instance, n) || name[n] != '.' || folder_read_claim(dir, name, &c))
		return 0;
	return v->each(v->ctx, &c);
}

int book_each(const struct book *l, int (*each)(void *ctx, const struct book_claim *c),
		void *ctx, struct err *err)
{
	struct visit v = { l, each, ctx };
	int r = folder_each(l->dir, visit_ours, &v);

	return r < 0 ? err_sys(err, r, "ledger") : r;
}

int book_open(int dir, int proc, int run, const char *name, uint64_t device, uint64_t inode,
	      uid_t uid_first, uint32_t uid_count, struct book *ret, struct err *err)
{
	struct book l = { .dir = dir, .proc = proc, .run = run, .lock = -1, .uid_first = uid_first,
			  .uid_count = uid_count - uid_count % BOOK_UIDS_EACH };
	int r = 0;

	if (!l.uid_count || uid_first < 65536 || uid_first > INT32_MAX - uid_count)
		return err_set(err, -EINVAL, ERR_INVALID_ARG,
			       "ledger: uids %u and %u more are no range for guests", uid_first,
			       uid_count);
	snprintf(l.instance, sizeof(l.instance), "%" PRIx64 "-%" PRIx64, device, inode);
	if (flock(dir, LOCK_EX) < 0)
		return err_sys(err, -errno, "ledger: lock");
	l.lock = openat(dir, l.instance, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (l.lock < 0)
		r = err_sys(err, -errno, "ledger: instance '%s'", name);
	else if (flock(l.lock, LOCK_EX | LOCK_NB) < 0)
		r = err_set(err, -EBUSY, ERR_RESOURCE_BUSY,
			    "ledger: instance '%s' is served by another process", name);
	if (r == 0)
		r = folder_each(dir, undo_release, l.instance);
	if (r == 0)
		r = folder_drop_stale(&l);
	flock(dir, LOCK_UN);
	if (r == 0)
		*ret = l;
	else
		fd_close(&l.lock);
	return r;
}

static int any_claim(void *ctx, const struct book_claim *c)
{
	(void)ctx;
	(void)c;
	return 1;
}

void book_close(struct book *l)
{
	if (book_each(l, any_claim, NULL, NULL) == 0)
		unlinkat(l->dir, l->instance, 0);
	fd_close(&l->lock);
}
