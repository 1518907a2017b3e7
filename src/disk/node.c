/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disk/node.h"

#include <stdlib.h>
#include <string.h>

#include "disk/mounts.h"

uint64_t node_tick(void)
{
	static uint64_t last;

	return ++last;
}

/* A copy of the strings behind the struct. */
static struct node *make(const struct node *from)
{
	const char *const in[] = { from->id.path, from->id.mount, from->label, from->fs };
	size_t len[4], sum = 0;
	struct node *n;
	char *p;

	for (int i = 0; i < 4; i++)
		sum += len[i] = strlen(in[i]) + 1;
	n = malloc(sizeof(*n) + sum);
	if (!n)
		return NULL;
	*n = *from;
	p = n->text;
	for (int i = 0; i < 4; i++) {
		memcpy(p, in[i], len[i]);
		p += len[i];
	}
	n->id.path = n->text;
	n->id.mount = n->id.path + len[0];
	n->label = n->id.mount + len[1];
	n->fs = n->label + len[2];
	return n;
}

struct node *node_new(const struct file_open_args *req, const struct file_opened *o)
{
	struct mount_info m = { .fs = "" };
	struct node n = {
		.id = { .path = req->path, .dev = o->dev, .ino = o->ino, .fs_id = o->fs_id,
			.generation = o->generation, .role = req->role, .roots = req->roots,
			.block = req->block, .boot = req->boot },
		.label = o->label, .remote = !mounts_local(req->path), .seen = node_tick(),
	};

	mounts_find(o->mount, &m);
	n.id.mount = m.point;
	n.fs = m.fs;
	n.labels = m.labels;
	return make(&n);
}

struct node *node_adopt(const struct disk_image *image)
{
	const struct node n = {
		.id = { .path = image->path, .mount = (char *)(uintptr_t)"", .dev = image->dev,
			.ino = image->ino, .generation = image->generation, .block = image->block },
		.label = image->label, .fs = image->fs, .labels = image->labels,
		.remote = image->remote, .adopted = true,
	};

	return make(&n);
}

void node_free(struct node *n)
{
	free(n);
}

bool node_same(const struct disk_node *a, const struct disk_node *b)
{
	return a->ino == b->ino && a->generation == b->generation &&
	       (a->dev == b->dev || (a->fs_id && a->fs_id == b->fs_id) || !strcmp(a->path, b->path));
}
