/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disk/claims.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void claims_uuid(const uint8_t guest[16], char out[37])
{
	char *p = out;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		p += snprintf(p, 3, "%02x", guest[i]);
	}
}

static bool same_inode(const struct claim *a, const struct claim *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

static bool excludes(const struct claim *a, const struct claim *b)
{
	return same_inode(a, b) && (a->write || b->write) && !(a->shareable && b->shareable);
}

static int refuse(const struct claim *want, const struct claim *have, const char *path,
		  struct err *err)
{
	char uuid[37];

	if (memcmp(want->guest, have->guest, sizeof(have->guest)) == 0)
		return err_set(err, -EBUSY, ERR_RESOURCE_BUSY,
			       "image '%s' is used by two disks of this guest and one of them writes: name it once, or mark both <shareable/>",
			       path);
	claims_uuid(have->guest, uuid);
	return err_set(err, -EBUSY, ERR_RESOURCE_BUSY,
		       "image '%s' is in use by guest %s, which %s it, and this guest would %s it: stop that guest, or mark both disks <%s/>",
		       path, uuid, have->write ? "writes" : "reads", want->write ? "write" : "read",
		       have->write || want->write ? "shareable" : "readonly");
}

static int make_room(struct claims *c, size_t n)
{
	size_t room = c->room ? c->room : 64;
	struct claim *list;

	if (c->n + n > CLAIMS_MAX)
		return -ENOSPC;
	while (room < c->n + n)
		room *= 2;
	if (room == c->room)
		return 0;
	list = reallocarray(c->list, room, sizeof(*list));
	if (!list)
		return -ENOMEM;
	c->list = list;
	c->room = room;
	return 0;
}

int claims_adopt(struct claims *c, const struct claim *have, size_t n)
{
	int r;

	if (!n)
		return 0;
	r = make_room(c, n);
	if (r < 0)
		return r;
	memcpy(&c->list[c->n], have, n * sizeof(*have));
	c->n += n;
	return 0;
}

int claims_take(struct claims *c, const struct claim *want, size_t n, const char *const *paths,
		struct err *err)
{
	int r;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < c->n; k++)
			if (excludes(&want[i], &c->list[k]))
				return refuse(&want[i], &c->list[k], paths[i], err);
		for (size_t k = 0; k < i; k++)
			if (excludes(&want[i], &want[k]))
				return refuse(&want[i], &want[k], paths[i], err);
		if (want[i].locked)
			return err_set(err, -EBUSY, ERR_RESOURCE_BUSY,
				       "image '%s' is in use by a process of this host that is none of our guests (lslocks): end it, or mark its disk and this one <shareable/>",
				       paths[i]);
	}
	r = claims_adopt(c, want, n);
	if (r == -ENOSPC)
		return err_set(err, r, ERR_OPERATION_FAILED, "more than %d images are in use", CLAIMS_MAX);
	return r < 0 ? err_set(err, r, ERR_NO_MEMORY, "out of memory") : 0;
}

void claims_release(struct claims *c, const uint8_t guest[16])
{
	size_t k = 0;

	for (size_t i = 0; i < c->n; i++) {
		if (memcmp(c->list[i].guest, guest, sizeof(c->list[i].guest)) == 0)
			node_free(c->list[i].node);
		else
			c->list[k++] = c->list[i];
	}
	c->n = k;
	if (k)
		return;
	free(c->list);
	*c = (struct claims){ 0 };
}

const struct claim *claims_of(const struct claims *c, const uint8_t guest[16], uint64_t dev,
			      uint64_t ino)
{
	const struct claim *found = NULL;

	for (size_t i = 0; i < c->n && !(found && found->node); i++)
		if (c->list[i].dev == dev && c->list[i].ino == ino &&
		    memcmp(c->list[i].guest, guest, sizeof(c->list[i].guest)) == 0)
			found = &c->list[i];
	return found;
}

const struct claim *claims_by_path(const struct claims *c, const char *path)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].node && strcmp(c->list[i].node->id.path, path) == 0)
			return &c->list[i];
	return NULL;
}
