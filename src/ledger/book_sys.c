/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/book.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define NAME_SIZE 96   /* INSTANCE.GUEST, with room to see that a name is too long */

/* All claims of the host, read under the lock. */
struct list {
	struct book_claim *c;
	uint32_t n, room;
};

/* Calls `each` for every name in a folder, until non-zero, which it returns. */
static int names_each(int dir, int (*each)(void *ctx, int dir, const char *name), void *ctx)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		r = -errno;
		fd_close(&fd);
		return r;
	}
	for (struct dirent *e; r == 0 && (e = readdir(d));)
		r = each(ctx, fd, e->d_name);
	closedir(d);
	return r;
}

/* 0, or -errno for what is no claim or just went away. */
static int read_claim(int dir, const char *name, struct book_claim *ret)
{
	char text[SECLABEL_MAX + 32], *p;
	ssize_t n = readlinkat(dir, name, text, sizeof(text) - 1);
	const char *guest = strrchr(name, '.');

	if (n < 0 || !guest || strlen(guest + 1) != BOOK_GUEST)
		return n < 0 ? -errno : -EINVAL;
	text[n] = '\0';
	memcpy(ret->guest, guest + 1, sizeof(ret->guest));
	ret->uid = (uid_t)strtoul(text, &p, 10);
	if (p == text || p[0] != ' ' || !p[1] || p[2] != ' ')
		return -EINVAL;
	ret->share = p[1] == 's';
	ret->label.text[0] = '\0';
	return p[3] ? seclabel_parse(p + 3, &ret->label) : 0;
}

/* Does any process run under one of a guest's uids? The kernel counts them per user. */
static bool uids_busy(uid_t first)
{
	for (uint32_t i = 0; i < BOOK_UIDS_EACH; i++) {
		errno = 0;
		if (getpriority(PRIO_USER, first + i) != -1 || errno != ESRCH)
			return true;
	}
	return false;
}

/* A living ledger holds the lock of its instance. */
static bool instance_alive(const struct book *l, const char *claim)
{
	char name[NAME_SIZE];
	CLEAN_FD int fd = -1;

	snprintf(name, sizeof(name), "%.*s", (int)(strrchr(claim, '.') - claim), claim);
	if (!strcmp(name, l->instance))
		return true;
	fd = openat(l->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

/* A guest outlives its instance, so a claim also stands while a process runs under it. */
static int drop_if_stale(void *ctx, int dir, const char *name)
{
	struct book *l = ctx;
	struct book_claim c;

	if (!read_claim(dir, name, &c) && !instance_alive(l, name) && !uids_busy(c.uid) &&
	    unlinkat(dir, name, 0) == 0)
		l->reclaimed++;
	return 0;
}

/* Our own that lay aside when its ledger died: not released, see book_release(). */
static int undo_release(void *ctx, int dir, const char *name)
{
	const char *instance = ctx, *rest = name + strlen(instance);
	char back[NAME_SIZE];

	if (strncmp(name, instance, strlen(instance)) || rest[0] != '-' || rest[1] != '.')
		return 0;
	snprintf(back, sizeof(back), "%s%s", instance, rest + 1);
	return renameat(dir, name, dir, back) < 0 ? -errno : 0;
}

static int read_one(void *ctx, int dir, const char *name)
{
	struct list *b = ctx;

	if (b->n == b->room) {
		uint32_t room = b->room ? b->room * 2 : 64;
		void *p = room > BOOK_CLAIMS_MAX ? NULL : reallocarray(b->c, room, sizeof(*b->c));

		if (!p)
			return -ENOMEM;
		b->c = p;
		b->room = room;
	}
	b->n += !read_claim(dir, name, &b->c[b->n]);
	return 0;
}

/* Labels of processes with as few categories as a guest has; who has more is no guest's neighbour. */
static int read_process(void *ctx, int dir, const char *name)
{
	struct list *b = ctx;
	char path[300], text[SECLABEL_MAX + 2];
	CLEAN_FD int fd = -1;
	ssize_t n;
	int r;

	if (name[0] < '1' || name[0] > '9')
		return 0;
	snprintf(path, sizeof(path), "%s/attr/current", name);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;   /* it ended meanwhile */
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	r = read_one(b, dir, ".");   /* makes room */
	if (r == 0 && !seclabel_parse(text, &b->c[b->n].label) && b->c[b->n].label.n &&
	    b->c[b->n].label.n <= 2)
		b->n++;
	return r;
}

static int choose_uid(struct book *l, const struct list *b, uid_t *ret)
{
	uint32_t sets = l->uid_count / BOOK_UIDS_EACH;

	for (uint32_t i = 0; i < sets; i++) {
		uint32_t set = (l->next + i) % sets, k = 0;
		uid_t uid = l->uid_first + set * BOOK_UIDS_EACH;

		while (k < b->n && (b->c[k].uid >= uid + BOOK_UIDS_EACH ||
				    b->c[k].uid + BOOK_UIDS_EACH <= uid))
			k++;
		if (k < b->n || uids_busy(uid))
			continue;
		l->next = (set + 1) % sets;
		*ret = uid;
		return 0;
	}
	return -EUSERS;
}

static int choose_pair(const struct book *l, struct list *b, const struct book_want *w, struct book_claim *ret,
		       struct err *err)
{
	uint64_t start;
	int r = names_each(l->proc, read_process, b);

	if (r == 0 && getrandom(&start, sizeof(start), 0) != (ssize_t)sizeof(start))
		r = -EIO;
	if (r == 0)
		r = book_pick_pair(b->c, b->n, w, start, &ret->label);
	return r < 0 ? err_sys(err, r, "SELinux: a pair of the policy's %u categories for a guest",
			       w->categories) : 0;
}

static int choose_fixed(const struct list *b, const struct book_want *w, struct book_claim *ret,
			struct err *err)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (seclabel_meet(&b->c[i].label, w->label) && !(w->share && b->c[i].share))
			return err_set(err, -EBUSY, ERR_CONFIG_UNSUPPORTED,
				       "SELinux: a guest with label %s could reach guest %s, which has %s "
				       "(static_label_sharing = 1 allows it)", w->label->text,
				       b->c[i].guest, b->c[i].label.text);
	ret->label = *w->label;
	ret->share = w->share;
	return 0;
}

static int write_claim(const struct book *l, const struct book_claim *c, struct err *err)
{
	char name[NAME_SIZE], text[SECLABEL_MAX + 32];

	snprintf(name, sizeof(name), "%s.%s", l->instance, c->guest);
	snprintf(text, sizeof(text), "%u %c %s", c->uid, c->share ? 's' : '-', c->label.text);
	return symlinkat(text, l->dir, name) < 0 ? err_sys(err, -errno, "ledger: %s", name) : 0;
}

static int choose(struct book *l, struct list *b, const struct book_want *w,
		  struct book_claim *c, struct err *err)
{
	int r = names_each(l->dir, read_one, b);

	if (r == 0 && (r = choose_uid(l, b, &c->uid)) == -EUSERS) {
		/* worth a second look at the dead and the living */
		b->n = 0;
		(void)names_each(l->dir, drop_if_stale, l);
		r = names_each(l->dir, read_one, b);
		if (r == 0)
			r = choose_uid(l, b, &c->uid);
	}
	if (r < 0)
		return err_sys(err, r, "ledger: uids, of %u sets", l->uid_count / BOOK_UIDS_EACH);
	if (w->label)
		r = w->fixed ? choose_fixed(b, w, c, err) : choose_pair(l, b, w, c, err);
	return r;
}

int book_claim(struct book *l, const char *guest, const struct book_want *want,
		 struct book_claim *ret, struct err *err)
{
	struct book_claim c = { .uid = 0 };
	struct list b = { 0 };
	int r;

	if (book_find(l, guest, ret) == 0)
		return 0;
	if (strlen(guest) != BOOK_GUEST || strspn(guest, "0123456789abcdef-") != BOOK_GUEST)
		return err_set(err, -EINVAL, ERR_INTERNAL_ERROR, "ledger: no uuid");
	memcpy(c.guest, guest, sizeof(c.guest));
	if (flock(l->dir, LOCK_EX) < 0)
		return err_sys(err, -errno, "ledger: lock");
	r = choose(l, &b, want, &c, err);
	if (r == 0)
		r = write_claim(l, &c, err);
	flock(l->dir, LOCK_UN);
	free(b.c);
	if (r == 0)
		*ret = c;
	return r;
}

int book_find(const struct book *l, const char *guest, struct book_claim *ret)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%s.%s", l->instance, guest);
	return read_claim(l->dir, name, ret);
}

/* Why nobody else may have them yet; NULL if they may. */
static const char *used_by(const struct book *l, const struct book_claim *c)
{
	char path[sizeof("guests/") + BOOK_GUEST];
	struct stat st;

	snprintf(path, sizeof(path), "guests/%s", c->guest);
	if (fstatat(l->run, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return "its cage is there";
	return uids_busy(c->uid) ? "a process runs under its uids" : NULL;
}

/*
 * Launch makes a guest's folder before it reads the claim. Here the claim is taken out of its sight
 * before the folder is looked for: one of the two sees what the other did.
 */
int book_release(const struct book *l, const char *guest, struct err *err)
{
	char name[NAME_SIZE], aside[NAME_SIZE];
	struct book_claim c;
	const char *why;
	int r = book_find(l, guest, &c);

	if (r < 0)
		return r == -ENOENT ? 0 : err_sys(err, r, "ledger: guest %s", guest);
	snprintf(name, sizeof(name), "%s.%s", l->instance, guest);
	snprintf(aside, sizeof(aside), "%s-.%s", l->instance, guest);
	if (flock(l->dir, LOCK_EX) < 0 || renameat(l->dir, name, l->dir, aside) < 0)
		return err_sys(err, -errno, "ledger: %s", name);
	why = used_by(l, &c);
	if (why ? renameat(l->dir, aside, l->dir, name) < 0 : unlinkat(l->dir, aside, 0) < 0)
		r = err_sys(err, -errno, "ledger: %s", name);
	else if (why)
		r = err_set(err, -EBUSY, ERR_RESOURCE_BUSY, "guest %s keeps uids %u to %u and its label: %s",
			    guest, c.uid, c.uid + BOOK_UIDS_EACH - 1, why);
	flock(l->dir, LOCK_UN);
	return r;
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

	if (strncmp(name, v->l->instance, n) || name[n] != '.' || read_claim(dir, name, &c))
		return 0;
	return v->each(v->ctx, &c);
}

int book_each(const struct book *l, int (*each)(void *ctx, const struct book_claim *c),
		void *ctx, struct err *err)
{
	struct visit v = { l, each, ctx };
	int r = names_each(l->dir, visit_ours, &v);

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
		r = names_each(dir, undo_release, l.instance);
	if (r == 0)
		r = names_each(dir, drop_if_stale, &l);
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
