/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal's two files. They are opened once and never renamed, so that the
 * room needs no call that opens; they are as long as they will be, so that
 * syncing a record writes that and not the file system's own notes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "disk/journal.h"

static const char *const names[2] = { "labels.a", "labels.b" };

int journal_open(struct journal_files *f, int dir, struct err *err)
{
	f->fd[0] = f->fd[1] = -1;
	for (unsigned i = 0; i < 2; i++) {
		struct stat st;

		f->fd[i] = openat(dir, names[i], O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (f->fd[i] < 0 || fstat(f->fd[i], &st) < 0)
			return err_sys(err, -errno, "label journal %s", names[i]);
		f->size[i] = (size_t)st.st_size;
	}
	return 0;
}

static int write_at(int fd, const uint8_t *data, size_t len, size_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, data, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		len -= (size_t)n;
		at += (size_t)n;
	}
	return 0;
}

static int sync_fd(int fd)
{
	return fdatasync(fd) < 0 ? -errno : 0;
}

/* Zeros up to `size`, so that what is written there later needs no new block. */
static int grow(struct journal_files *f, unsigned i, size_t size)
{
	static const uint8_t zeros[65536];
	int r = 0;

	while (r == 0 && f->size[i] < size) {
		size_t n = size - f->size[i] < sizeof(zeros) ? size - f->size[i] : sizeof(zeros);

		r = write_at(f->fd[i], zeros, n, f->size[i]);
		if (r == 0)
			f->size[i] += n;
	}
	return r;
}

/*
 * Everything anew into the other file, head last: until that is on the disk,
 * the one in force stays in force.
 */
static int rewrite(struct journal_files *f, const struct journal *j)
{
	const unsigned other = !f->active;
	const uint64_t generation = f->generation + 1;
	CLEAN_BUF struct buf head = { 0 }, body = { 0 };
	size_t size = JOURNAL_SIZE_MIN;
	int r;

	buf_init(&head, 4096);
	buf_init(&body, JOURNAL_SIZE_MAX / 2);
	journal_put_head(&head, generation);
	journal_put_all(&body, generation, j);
	if (head.error || body.error)
		return head.error ? head.error : body.error;
	while (size < 4 * (head.len + body.len))
		size *= 2;
	r = grow(f, other, size);
	if (r == 0)
		r = write_at(f->fd[other], body.data, body.len, head.len);
	if (r == 0)
		r = sync_fd(f->fd[other]);
	if (r == 0)
		r = write_at(f->fd[other], head.data, head.len, 0);
	if (r == 0)
		r = sync_fd(f->fd[other]);
	if (r < 0)
		return r;
	f->active = other;
	f->generation = generation;
	f->end = head.len + body.len;
	return 0;
}

int journal_append(struct journal_files *f, const struct journal *j, const struct buf *b, bool sync)
{
	int r;

	if (b->error)
		return b->error;
	if (b->len > f->size[f->active] || f->end > f->size[f->active] - b->len)
		return rewrite(f, j);
	r = write_at(f->fd[f->active], b->data, b->len, f->end);
	if (r == 0 && sync)
		r = sync_fd(f->fd[f->active]);
	if (r == 0)
		f->end += b->len;
	return r;
}

static int read_all(int fd, size_t size, uint8_t **ret)
{
	uint8_t *data = malloc(size + 1);
	size_t len = 0;

	if (!data)
		return -ENOMEM;
	while (len < size) {
		ssize_t n = pread(fd, data + len, size - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			free(data);
			return n < 0 ? -errno : -EIO;
		}
		len += (size_t)n;
	}
	*ret = data;
	return 0;
}

int journal_load(struct journal_files *f, struct journal *j, struct err *err)
{
	uint8_t *data[2] = { NULL, NULL };
	uint64_t gen[2] = { 0, 0 };
	int r = 0;

	for (unsigned i = 0; i < 2 && r == 0; i++) {
		if (f->size[i] > JOURNAL_SIZE_MAX) {
			log_error("%s is too long and left aside", names[i]);
			continue;
		}
		r = read_all(f->fd[i], f->size[i], &data[i]);
		if (r == 0)
			gen[i] = journal_generation(data[i], f->size[i]);
	}
	f->active = gen[1] > gen[0];
	f->generation = gen[f->active];
	if (r == 0 && f->generation)
		r = journal_replay(j, data[f->active], f->size[f->active], &f->end);
	else if (r == 0 && (f->size[0] || f->size[1]))
		log_error("%s and %s are both damaged: labels set before are not put back", names[0],
			  names[1]);
	if (r == 0 && !f->generation)
		r = rewrite(f, j);
	free(data[0]);
	free(data[1]);
	return r < 0 ? err_sys(err, r, "the label journal") : 0;
}
