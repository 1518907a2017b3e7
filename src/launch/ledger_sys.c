/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger's file: one flock while reading or writing, one byte lock per living instance. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/ledger.h"

#define LOCK_BASE (INT64_C(1) << 40)   /* far behind the data: byte LOCK_BASE + slot */
#define RECORD ((off_t)sizeof(struct ledger_record))
#define VERSION 1

/* All records, read under the lock. */
struct book {
	struct ledger_record *r;
	uint32_t n;
	bool locked;
};

static void book_close(struct ledger *l, struct book *b)
{
	free(b->r);
	if (b->locked)
		flock(l->fd, LOCK_UN);
	*b = (struct book){ 0 };
}

static int book_read(struct ledger *l, struct book *b, struct err *err)
{
	struct stat st;
	size_t size;

	if (flock(l->fd, LOCK_EX) < 0)
		return err_sys(err, -errno, "ledger: lock");
	b->locked = true;
	if (fstat(l->fd, &st) < 0)
		return err_sys(err, -errno, "ledger");
	/* A torn record at the end never counted; the next one overwrites it. */
	b->n = (uint32_t)(st.st_size / RECORD);
	if (st.st_size / RECORD > LEDGER_RECORDS_MAX)
		return err_set(err, -EFBIG, ERR_OPERATION_FAILED, "ledger: more than %u records",
			       LEDGER_RECORDS_MAX);
	size = b->n * sizeof(*b->r);
	b->r = malloc(size ? size : 1);
	if (!b->r)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "ledger: no memory");
	if (pread(l->fd, b->r, size, 0) != (ssize_t)size)
		return err_sys(err, -EIO, "ledger: reading");
	l->damaged = 0;
	for (uint32_t i = 0; i < b->n; i++)
		if (!ledger_record_ok(&b->r[i])) {
			b->r[i].kind = UINT32_MAX;   /* in nobody's way, and not ours to reuse */
			l->damaged++;
		}
	return 0;
}

static int put_record(struct ledger *l, struct book *b, uint32_t at, struct ledger_record *r,
		      struct err *err)
{
	r->version = VERSION;
	r->size = sizeof(*r);
	r->check = ledger_check(r);
	if (pwrite(l->fd, r, sizeof(*r), at * RECORD) != (ssize_t)sizeof(*r))
		return err_sys(err, errno ? -errno : -EIO, "ledger: writing");
	if (at < b->n)
		b->r[at] = *r;
	return 0;
}

static int free_record(struct ledger *l, struct book *b, uint32_t at, struct err *err)
{
	struct ledger_record none = { .kind = LEDGER_FREE };

	return put_record(l, b, at, &none, err);
}

static int place_for_one(const struct book *b, uint32_t *ret, struct err *err)
{
	uint32_t i = 0;

	while (i < b->n && b->r[i].kind != LEDGER_FREE)
		i++;
	if (i >= LEDGER_RECORDS_MAX)
		return err_set(err, -EUSERS, ERR_OPERATION_FAILED, "ledger: full (%u records)",
			       LEDGER_RECORDS_MAX);
	*ret = i;
	return 0;
}

static bool instance_alive(const struct ledger *l, uint32_t slot)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
			      .l_start = LOCK_BASE + slot, .l_len = 1 };

	if (slot == l->slot)
		return true;
	return fcntl(l->fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

static int lock_instance(const struct ledger *l, uint32_t slot)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
			      .l_start = LOCK_BASE + slot, .l_len = 1 };

	return fcntl(l->fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

/* The first of the four uids in /proc/PID/status that lies in our range, or 0. */
static uid_t uid_in_range(const struct ledger *l, const char *status)
{
	const char *line = strstr(status, "\nUid:");
	char *end;

	line = line ? line + 5 : "";
	for (int i = 0; i < 4; i++, line = end) {
		unsigned long uid = strtoul(line, &end, 10);

		if (uid >= l->uid_first && uid - l->uid_first < l->uid_count)
			return (uid_t)uid;
	}
	return 0;
}

/* Look at every process once: the kernel has no cheaper question for "who has this uid?". */
int ledger_each_process(const struct ledger *l, int (*each)(void *ctx, pid_t pid, uid_t uid),
			void *ctx, struct err *err)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int r = 0;

	if (!d)
		return err_sys(err, -errno, "ledger: /proc");
	while (r == 0 && (e = readdir(d))) {
		CLEAN_FD int fd = -1;
		char path[300], text[1024];
		ssize_t n;
		uid_t uid;

		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "%s/status", e->d_name);
		fd = openat(dirfd(d), path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (n <= 0)
			continue;   /* it ended meanwhile */
		text[n] = '\0';
		uid = uid_in_range(l, text);
		if (uid)
			r = each(ctx, (pid_t)strtol(e->d_name, NULL, 10), uid);
	}
	closedir(d);
	return r;
}

static int mark_busy(void *ctx, pid_t pid, uid_t uid)
{
	struct ledger *l = ctx;
	uint32_t set = (uid - l->uid_first) / LEDGER_UIDS_EACH;

	(void)pid;
	l->busy[set / 8] |= (uint8_t)(1u << set % 8);
	return 0;
}

static int scan_processes(struct ledger *l, struct err *err)
{
	memset(l->busy, 0, l->uid_count / LEDGER_UIDS_EACH / 8 + 1);
	return ledger_each_process(l, mark_busy, l, err);
}

static bool uid_busy(const struct ledger *l, uint64_t uid)
{
	size_t set = (size_t)(uid - l->uid_first) / LEDGER_UIDS_EACH;

	/* Of another instance's range we know nothing: that instance's business. */
	if (uid < l->uid_first || uid - l->uid_first >= l->uid_count)
		return true;
	return l->busy[set / 8] & 1u << set % 8;
}

/*
 * Claims of instances that ended without releasing them. A guest outlives its
 * instance, so a claim also stands while a process runs under it.
 */
static int drop_stale(struct ledger *l, struct book *b, struct err *err)
{
	int r = scan_processes(l, err);

	for (uint32_t i = 0; r == 0 && i < b->n; i++) {
		const struct ledger_record *c = &b->r[i];

		if (c->kind != LEDGER_UIDS || instance_alive(l, c->owner) ||
		    uid_busy(l, c->value[0]) || uid_busy(l, c->value[1]))
			continue;
		r = free_record(l, b, i, err);
		l->reclaimed++;
	}
	for (uint32_t i = 0; r == 0 && i < b->n; i++) {
		bool used = b->r[i].kind != LEDGER_INSTANCE || instance_alive(l, i);

		for (uint32_t j = 0; j < b->n && !used; j++)
			used = b->r[j].kind > LEDGER_INSTANCE && b->r[j].owner == i;
		if (!used)
			r = free_record(l, b, i, err);
	}
	return r;
}

static int register_instance(struct ledger *l, struct book *b, const struct stat *dir,
			     const char *label, struct err *err)
{
	struct ledger_record me = {
		.kind = LEDGER_INSTANCE, .value = { dir->st_dev, dir->st_ino },
		.since = (uint64_t)time(NULL),
	};
	uint32_t at = 0;
	int r;

	while (at < b->n && (b->r[at].kind != LEDGER_INSTANCE || b->r[at].value[0] != me.value[0] ||
			     b->r[at].value[1] != me.value[1]))
		at++;
	r = at < b->n ? 0 : place_for_one(b, &at, err);
	if (r < 0)
		return r;
	r = lock_instance(l, at);
	if (r == -EAGAIN || r == -EACCES)
		return err_set(err, -EBUSY, ERR_RESOURCE_BUSY,
			       "ledger: instance '%s' is served by another process", label);
	if (r < 0)
		return err_sys(err, r, "ledger: lock of instance '%s'", label);
	snprintf(me.label, sizeof(me.label), "%s", label);
	me.owner = at;
	l->slot = at;
	return put_record(l, b, at, &me, err);
}

static int open_file(const char *path, struct err *err)
{
	CLEAN_FD int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "ledger: %s", path);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077)
		return err_set(err, -EPERM, ERR_OPERATION_DENIED,
			       "ledger: %s is not ours alone (wants a regular file, mode 0600)",
			       path);
	return take_fd(&fd);
}

int ledger_open(const char *path, int dir_fd, const char *label, uid_t uid_first,
		uint32_t uid_count, struct ledger *ret, struct err *err)
{
	struct ledger l = { .fd = -1, .slot = UINT32_MAX, .uid_first = uid_first };
	struct book b = { 0 };
	struct stat dir;
	int r;

	l.uid_count = uid_count - uid_count % LEDGER_UIDS_EACH;
	if (!l.uid_count || uid_count > LEDGER_UID_COUNT_MAX || uid_first < 65536 ||
	    uid_first > INT32_MAX - uid_count)
		return err_set(err, -EINVAL, ERR_INVALID_ARG,
			       "ledger: uids %u and %u more are no range for guests", uid_first,
			       uid_count);
	if (fstat(dir_fd, &dir) < 0)
		return err_sys(err, -errno, "ledger: instance '%s'", label);
	l.fd = open_file(path, err);
	if (l.fd < 0)
		return l.fd;
	l.busy = calloc(1, l.uid_count / LEDGER_UIDS_EACH / 8 + 1);
	r = l.busy ? book_read(&l, &b, err)
		   : err_set(err, -ENOMEM, ERR_NO_MEMORY, "ledger: no memory");
	if (r == 0)
		r = register_instance(&l, &b, &dir, label, err);
	if (r == 0)
		r = drop_stale(&l, &b, err);
	book_close(&l, &b);
	if (r < 0)
		ledger_close(&l);
	else
		*ret = l;
	return r;
}

void ledger_close(struct ledger *l)
{
	fd_close(&l->fd);
	free(l->busy);
	l->busy = NULL;
}

static const struct ledger_record *find_claim(const struct ledger *l, const struct book *b,
					      uint32_t kind, const uint8_t *guest)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (b->r[i].kind == kind && b->r[i].owner == l->slot &&
		    !memcmp(b->r[i].guest, guest, LEDGER_GUEST))
			return &b->r[i];
	return NULL;
}

static int new_set(struct ledger *l, struct book *b, const uint8_t *guest,
		   struct ledger_record *c, struct err *err)
{
	uint32_t sets = l->uid_count / LEDGER_UIDS_EACH, at = 0;
	int64_t p = ledger_find_set(b->r, b->n, l->busy, l->uid_first, sets, l->next);
	int r;

	if (p == -EUSERS) {   /* worth a second look at the dead and the living */
		r = drop_stale(l, b, err);
		if (r < 0)
			return r;
		p = ledger_find_set(b->r, b->n, l->busy, l->uid_first, sets, l->next);
	}
	if (p == -EUSERS)
		return err_set(err, -EUSERS, ERR_OPERATION_FAILED,
			       "ledger: uids for all %u guests are in use", sets);
	if (p < 0)
		return err_sys(err, (int)p, "ledger");
	r = place_for_one(b, &at, err);
	if (r < 0)
		return r;
	*c = (struct ledger_record){ .kind = LEDGER_UIDS, .owner = l->slot,
				     .since = (uint64_t)time(NULL) };
	c->value[0] = l->uid_first + (uint64_t)p * LEDGER_UIDS_EACH;
	c->value[1] = c->value[0] + LEDGER_UIDS_EACH - 1;
	memcpy(c->guest, guest, LEDGER_GUEST);
	l->next = ((uint32_t)p + 1) % sets;
	return put_record(l, b, at, c, err);
}

int ledger_claim_uids(struct ledger *l, const uint8_t guest[LEDGER_GUEST], uid_t *ret_first,
		      struct err *err)
{
	const struct ledger_record *had;
	struct ledger_record c = { 0 };
	struct book b = { 0 };
	int r = book_read(l, &b, err);

	if (r == 0) {
		had = find_claim(l, &b, LEDGER_UIDS, guest);
		if (had)
			c = *had;
		else
			r = new_set(l, &b, guest, &c, err);
	}
	book_close(l, &b);
	if (r == 0)
		*ret_first = (uid_t)c.value[0];
	return r;
}

int ledger_release(struct ledger *l, const uint8_t guest[LEDGER_GUEST], struct err *err)
{
	struct book b = { 0 };
	int r = book_read(l, &b, err);

	for (uint32_t i = 0; r == 0 && i < b.n; i++)
		if (b.r[i].kind > LEDGER_INSTANCE && b.r[i].kind != UINT32_MAX &&
		    b.r[i].owner == l->slot && !memcmp(b.r[i].guest, guest, LEDGER_GUEST))
			r = free_record(l, &b, i, err);
	book_close(l, &b);
	return r;
}

int ledger_each(struct ledger *l, int (*each)(void *ctx, const struct ledger_record *r), void *ctx,
		struct err *err)
{
	struct book b = { 0 };
	int r = book_read(l, &b, err);

	if (b.locked)
		flock(l->fd, LOCK_UN);   /* `each` may release what it sees */
	b.locked = false;
	for (uint32_t i = 0; r == 0 && i < b.n; i++)
		if (b.r[i].kind > LEDGER_INSTANCE && b.r[i].kind != UINT32_MAX &&
		    b.r[i].owner == l->slot)
			r = each(ctx, &b.r[i]);
	book_close(l, &b);
	return r;
}
