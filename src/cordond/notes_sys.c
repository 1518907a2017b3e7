/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an instance keeps for good beside its state: its block of uids, the host's UUID. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fd.h"
#include "cordond/setup.h"

#define UUID_TEXT 36
#define BLOCK_FIRST 1900000000u
#define BLOCKS 60000u
#define NOTE_MAX 16

/* FNV-1a: the same folder finds its way back to the same block. */
static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

/* A small file of root's. Bytes read, or -errno. */
static int read_note(const struct paths *p, const char *name, char *text, size_t size,
		     struct err *err)
{
	char path[PATH_MAX];
	int CLEAN_FD fd = -1;
	ssize_t n;

	n = setup_join(path, p->base, name, err);
	if (n < 0)
		return (int)n;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : err_sys(err, -errno, "'%s'", path);
	n = fd_read_all(fd, text, size - 1);
	if (n < 0)
		return err_sys(err, (int)n, "'%s'", path);
	text[n] = '\0';
	return (int)n;
}

static int write_note(const struct paths *p, const char *name, const char *text, struct err *err)
{
	char path[PATH_MAX], tmp[PATH_MAX];
	int CLEAN_FD fd = -1;
	int r;

	r = setup_join(path, p->base, name, err);
	if (r == 0)
		r = setup_join(tmp, path, ".new", err);
	if (r < 0)
		return r;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
	if (r == 0 && (fsync(fd) < 0 || rename(tmp, path) < 0))
		r = -errno;
	return r < 0 ? err_sys(err, r, "writing '%s'", path) : 0;
}

/* The lock of a block names its holder, which keeps the block while its folder exists. */
static int block_claim(const struct paths *p, uint32_t n, bool noted, struct err *err)
{
	char path[PATH_MAX], holder[PATH_MAX] = "";
	int fd, r;
	ssize_t len;

	snprintf(path, sizeof(path), HOST_RUN "/uids/%u", n);
	r = setup_lock(path, &fd, err);
	if (r < 0)
		return r;
	len = pread(fd, holder, sizeof(holder) - 1, 0);
	holder[len > 0 ? len : 0] = '\0';
	if (!noted && holder[0] && strcmp(holder, p->instance) != 0 && access(holder, F_OK) == 0) {
		fd_close(&fd);
		return -EBUSY;
	}
	len = (ssize_t)strlen(p->instance);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, p->instance, (size_t)len, 0) != len) {
		r = errno ? -errno : -EIO;
		fd_close(&fd);
		return err_sys(err, r, "writing '%s'", path);
	}
	return 0;   /* locked as long as we live */
}

static int block_new(const struct paths *p, uint32_t *ret_base, struct err *err)
{
	uint32_t first = hash(p->instance) % BLOCKS;
	char note[NOTE_MAX];
	int r;

	for (uint32_t i = 0; i < BLOCKS; i++) {
		uint32_t n = (first + i) % BLOCKS;

		r = block_claim(p, n, false, err);
		if (r == -EBUSY)
			continue;
		if (r < 0)
			return r;
		*ret_base = BLOCK_FIRST + n * CONF_UID_BLOCK;
		snprintf(note, sizeof(note), "%u\n", *ret_base);
		return write_note(p, "/uids", note, err);
	}
	return err_set(err, -EUSERS, ERR_RESOURCE_BUSY, "no uids are left for another instance");
}

int uids_claim(const struct paths *p, uint32_t *ret_base, struct err *err)
{
	char note[NOTE_MAX];
	uint32_t base = 0;
	int r;

	r = setup_folder(HOST_RUN "/uids", 0755, 0, true, NULL, err);
	if (r == 0)
		r = read_note(p, "/uids", note, sizeof(note), err);
	if (r == -ENOENT)
		return block_new(p, ret_base, err);
	if (r < 0)
		return r;
	if (sscanf(note, "%" SCNu32, &base) != 1 || base < BLOCK_FIRST ||
	    (base - BLOCK_FIRST) % CONF_UID_BLOCK || (base - BLOCK_FIRST) / CONF_UID_BLOCK >= BLOCKS)
		return err_set(err, -EINVAL, ERR_CONF_SYNTAX, "'%s/uids' does not hold the first uid "
			       "of this instance; remove it with '%s/state'", p->base, p->base);
	r = block_claim(p, (base - BLOCK_FIRST) / CONF_UID_BLOCK, true, err);
	if (r == -EBUSY)
		return err_set(err, r, ERR_RESOURCE_BUSY, "the uids from %u on, noted in '%s/uids', are "
			       "in use by another instance; was the folder copied?", base, p->base);
	if (r == 0)
		*ret_base = base;
	return r;
}

/* ---- the host's UUID ---- */

static bool uuid_parse(const char *text, uint8_t ret[16])
{
	unsigned n = 0, byte;

	for (const char *s = text; *s && *s != '\n'; s++) {
		if (*s == '-')
			continue;
		if (n == 16 || sscanf(s, "%2x", &byte) != 1)
			return false;
		ret[n++] = (uint8_t)byte;
		s++;
	}
	return n == 16;
}

static int uuid_make(const struct paths *p, uint8_t u[16], struct err *err)
{
	char text[UUID_TEXT + 2];

	if (getrandom(u, 16, 0) != 16)
		return err_sys(err, -EIO, "random numbers");
	u[6] = (uint8_t)((u[6] & 0x0f) | 0x40);
	u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
	snprintf(text, sizeof(text), "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
		 "%02x%02x%02x%02x%02x%02x\n", u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8],
		 u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
	return write_note(p, "/host-uuid", text, err);
}

int host_uuid_get(const struct paths *p, const struct config *c, uint8_t ret[16], struct err *err)
{
	static const uint8_t none[16];
	char text[UUID_TEXT + 8];
	int r;

	if (memcmp(c->host_uuid, none, sizeof(none)) != 0) {
		memcpy(ret, c->host_uuid, sizeof(none));
		return 0;
	}
	r = read_note(p, "/host-uuid", text, sizeof(text), err);
	if (r == -ENOENT)
		return uuid_make(p, ret, err);
	if (r < 0)
		return r;
	if (!uuid_parse(text, ret))
		return err_set(err, -EINVAL, ERR_CONF_SYNTAX, "'%s/host-uuid' holds no UUID; remove it "
			       "to have a new one made", p->base);
	return 0;
}
