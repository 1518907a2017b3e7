/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which uids and which label nobody has: by the claims, and by the processes of this host. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fd.h"
#include "ledger/folder.h"

/* All claims of the host, read under the lock. */
struct list {
	struct book_claim *c;
	uint32_t n, room;
	const struct book *book;
};

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
	b->n += !folder_read_claim(dir, name, &b->c[b->n]);
	return 0;
}

/* Daemons have all categories and are no guest's neighbours; a guest of another manager's may have many. */
static bool counts(const struct book *l, const struct seclabel *s)
{
	return (s->n && s->n <= 2) || seclabel_type_in(s, l->types, l->n_types);
}

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
	if (r == 0 && !seclabel_parse(text, &b->c[b->n].label) && counts(b->book, &b->c[b->n].label))
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
		if (k < b->n || folder_uids_busy(uid))
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
	int r = folder_each(l->proc, read_process, b);

	if (r == 0 && getrandom(&start, sizeof(start), 0) != (ssize_t)sizeof(start))
		r = -EIO;
	if (r == 0)
		r = book_pick_pair(b->c, b->n, w, start, &ret->label);
	return r < 0 ? err_sys(err, r, "SELinux: a pair of the policy's %u categories for a guest",
			       w->categories) : 0;
}

static int choose_fixed(const struct book *l, struct list *b, const struct book_want *w,
			struct book_claim *ret, struct err *err)
{
	uint32_t i, n = b->n;
	int r;

	for (i = 0; i < n; i++)
		if (seclabel_meet(&b->c[i].label, w->label) && !(w->share && b->c[i].share))
			return err_set(err, -EBUSY, ERR_CONFIG_UNSUPPORTED,
				       "SELinux: a guest with label %s could reach guest %s, which has %s "
				       "(static_label_sharing = 1 allows it)", w->label->text,
				       b->c[i].guest, b->c[i].label.text);
	r = w->share ? 0 : folder_each(l->proc, read_process, b);
	if (r < 0)
		return err_sys(err, r, "SELinux: labels of processes");
	for (; i < b->n; i++)
		if (seclabel_meet(&b->c[i].label, w->label))
			return err_set(err, -EBUSY, ERR_CONFIG_UNSUPPORTED,
				       "SELinux: a guest with label %s could reach a process of this host, "
				       "which has %s (static_label_sharing = 1 allows it)", w->label->text,
				       b->c[i].label.text);
	ret->label = *w->label;
	ret->share = w->share;
	return 0;
}

static int choose(struct book *l, struct list *b, const struct book_want *w,
		  struct book_claim *c, struct err *err)
{
	int r = folder_each(l->dir, read_one, b);

	if (r == 0 && (r = choose_uid(l, b, &c->uid)) == -EUSERS) {
		/* worth a second look at the dead and the living */
		b->n = 0;
		(void)folder_drop_stale(l);
		r = folder_each(l->dir, read_one, b);
		if (r == 0)
			r = choose_uid(l, b, &c->uid);
	}
	if (r < 0)
		return err_sys(err, r, "ledger: uids, of %u sets", l->uid_count / BOOK_UIDS_EACH);
	if (w->label)
		r = w->fixed ? choose_fixed(l, b, w, c, err) : choose_pair(l, b, w, c, err);
	return r;
}

int folder_choose(struct book *l, const struct book_want *want, struct book_claim *c, struct err *err)
{
	struct list b = { .book = l };
	int r = choose(l, &b, want, c, err);

	free(b.c);
	return r;
}
