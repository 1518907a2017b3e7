/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"

int folder_each(int dir, int (*each)(void *ctx, int dir, const char *name), void *ctx)
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

int folder_read_claim(int dir, const char *name, struct book_claim *ret)
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

bool folder_uids_busy(uid_t first)
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
	char name[FOLDER_NAME_SIZE];
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

	if (!folder_read_claim(dir, name, &c) && !instance_alive(l, name) && !folder_uids_busy(c.uid) &&
	    unlinkat(dir, name, 0) == 0)
		l->reclaimed++;
	return 0;
}

int folder_drop_stale(struct book *l)
{
	return folder_each(l->dir, drop_if_stale, l);
}

int book_find(const struct book *l, const char *guest, struct book_claim *ret)
{
	char name[FOLDER_NAME_SIZE];

	snprintf(name, sizeof(name), "%s.%s", l->instance, guest);
	return folder_read_claim(l->dir, name, ret);
}
