/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disk/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "base/crc.h"

#define MAGIC 0x4352444cu    /* "CRDL" */
#define FRAME 20             /* magic, generation, length, checksum of all but itself */
#define BODY_MAX (2u << 20)
#define GUEST 16             /* bytes of an id */

/* ---- entries ---- */

static unsigned ino_bucket(uint64_t ino)
{
	return (ino ^ ino >> 10 ^ ino >> 20) % JOURNAL_BUCKETS;
}

int entry_set_text(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

static void entry_free(struct entry *e)
{
	free(e->id.path);
	free(e->id.mount);
	free(e->before);
	free(e->label);
	free(e->left);
	free(e->now);
	free(e->users);
	free(e);
}

static struct entry *entry_new(const struct disk_node *id, const char *before, const char *label,
			       const char *left)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->id = *id;
	e->id.path = strdup(id->path);
	e->id.mount = strdup(id->mount);
	e->before = strdup(before);
	e->label = strdup(label);
	e->left = strdup(left);
	if (e->id.path && e->id.mount && e->before && e->label && e->left)
		return e;
	entry_free(e);
	return NULL;
}

static void insert(struct journal *j, struct entry *e)
{
	struct entry **i = &j->by_ino[ino_bucket(e->id.ino)];
	struct entry **n = &j->by_number[e->number % JOURNAL_BUCKETS];

	e->next = *i;
	*i = e;
	e->next_number = *n;
	*n = e;
}

struct entry *journal_add(struct journal *j, const struct disk_node *id, const char *before)
{
	struct entry *e = entry_new(id, before, before, "");

	if (!e)
		return NULL;
	e->number = ++j->last;
	insert(j, e);
	return e;
}

struct entry *journal_find(const struct journal *j, const struct disk_node *id)
{
	struct entry *e = j->by_ino[ino_bucket(id->ino)];

	while (e && !node_same(&e->id, id))
		e = e->next;
	return e;
}

struct entry *journal_by_number(const struct journal *j, uint64_t number)
{
	struct entry *e = j->by_number[number % JOURNAL_BUCKETS];

	while (e && e->number != number)
		e = e->next_number;
	return e;
}

struct entry *journal_next(const struct journal *j, const struct entry *e)
{
	unsigned i = e ? ino_bucket(e->id.ino) + 1 : 0;

	if (e && e->next)
		return e->next;
	for (; i < JOURNAL_BUCKETS; i++)
		if (j->by_ino[i])
			return j->by_ino[i];
	return NULL;
}

void journal_remove(struct journal *j, struct entry *e)
{
	struct entry **p = &j->by_ino[ino_bucket(e->id.ino)];

	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
	p = &j->by_number[e->number % JOURNAL_BUCKETS];
	while (*p != e)
		p = &(*p)->next_number;
	*p = e->next_number;
	entry_free(e);
}

void journal_clear(struct journal *j)
{
	for (size_t i = 0; i < JOURNAL_BUCKETS; i++)
		while (j->by_ino[i])
			journal_remove(j, j->by_ino[i]);
	j->last = 0;
}

int entry_found(struct entry *e, const struct disk_node *id, const uint8_t boot[16])
{
	char *path = e->id.path, *mount = e->id.mount;
	int r = entry_set_text(&path, id->path);

	if (r == 0)
		r = entry_set_text(&mount, id->mount);
	if (r == 0)
		e->id = *id;     /* the inode number, by which it is found, is the same */
	e->id.path = path;
	e->id.mount = mount;
	if (r == 0)
		memcpy(e->boot, boot, sizeof(e->boot));
	return r;
}

bool entry_gave(const struct entry *e, const char *label)
{
	return strcmp(label, e->before) != 0 &&
	       (strcmp(label, e->label) == 0 || (e->left[0] && strcmp(label, e->left) == 0));
}

static struct user *find_user(const struct entry *e, const uint8_t guest[16])
{
	for (uint32_t i = 0; i < e->n_users; i++)
		if (memcmp(e->users[i].guest, guest, sizeof(e->users[i].guest)) == 0)
			return &e->users[i];
	return NULL;
}

bool entry_has_user(const struct entry *e, const uint8_t guest[16])
{
	return find_user(e, guest) != NULL;
}

int entry_add_user(struct entry *e, const uint8_t guest[16])
{
	struct user *u = find_user(e, guest);

	if (!u) {
		u = reallocarray(e->users, e->n_users + 1, sizeof(*u));
		if (!u)
			return -ENOMEM;
		e->users = u;
		u += e->n_users++;
		memcpy(u->guest, guest, sizeof(u->guest));
	}
	u->known = true;
	return 0;
}

bool entry_remove_user(struct entry *e, const uint8_t guest[16])
{
	struct user *u = find_user(e, guest);

	if (!u)
		return false;
	*u = e->users[--e->n_users];
	return true;
}

/* ---- bytes ---- */

static void put_record(struct buf *out, uint64_t generation, const struct disk_record *r)
{
	CLEAN_BUF struct buf body = { 0 };
	uint8_t head[FRAME];

	buf_init(&body, BODY_MAX);
	if (xdr_encode(&disk_record_xdr, r, &body) < 0) {
		out->error = -E2BIG;
		return;
	}
	be_put32(head, MAGIC);
	be_put64(head + 4, generation);
	be_put32(head + 12, (uint32_t)body.len);
	be_put32(head + 16, crc32c(body.data, body.len) ^ crc32c(head, 16));
	buf_put(out, head, FRAME);
	buf_put(out, body.data, body.len);
}

void journal_put(struct buf *out, uint64_t generation, const struct entry *e, uint64_t gone)
{
	struct disk_entry body;
	struct disk_record r = { .kind = DISK_RECORD_KIND_GONE, .number = gone };
	uint8_t *users = NULL;

	if (e) {
		users = malloc(e->n_users * GUEST + 1);
		if (!users) {
			out->error = -ENOMEM;
			return;
		}
		for (uint32_t i = 0; i < e->n_users; i++)
			memcpy(users + i * GUEST, e->users[i].guest, GUEST);
		body = (struct disk_entry){
			.node = e->id, .before = e->before, .label = e->label, .shared = e->shared,
			.left = e->left, .n_users = e->n_users * GUEST, .users = users, .restored = e->restored,
		};
		memcpy(body.boot, e->boot, sizeof(body.boot));
		r = (struct disk_record){ .kind = DISK_RECORD_KIND_ENTRY, .number = e->number,
					  .entry = &body };
	}
	put_record(out, generation, &r);
	free(users);
}

void journal_put_head(struct buf *out, uint64_t generation)
{
	const struct disk_record r = { .kind = DISK_RECORD_KIND_HEAD, .number = generation };

	put_record(out, generation, &r);
}

void journal_put_all(struct buf *out, uint64_t generation, const struct journal *j)
{
	for (struct entry *e = journal_next(j, NULL); e; e = journal_next(j, e))
		journal_put(out, generation, e, 0);
}

/* The record at data[0..len) if it is whole; its length with the frame, else 0. */
static size_t get_record(const uint8_t *data, size_t len, struct arena *a, uint64_t *ret_generation,
			 struct disk_record *ret)
{
	size_t n;

	if (len < FRAME || be_get32(data) != MAGIC)
		return 0;
	n = be_get32(data + 12);
	if (n > BODY_MAX || n > len - FRAME ||
	    be_get32(data + 16) != (crc32c(data + FRAME, n) ^ crc32c(data, 16)))
		return 0;
	if (xdr_decode(&disk_record_xdr, data + FRAME, n, a, ret, NULL, NULL) < 0)
		return 0;
	*ret_generation = be_get64(data + 4);
	return FRAME + n;
}

uint64_t journal_generation(const uint8_t *data, size_t len)
{
	CLEAN_ARENA struct arena *a = arena_new(4096);
	struct disk_record r;
	uint64_t generation;

	if (!a || !get_record(data, len, a, &generation, &r) || r.kind != DISK_RECORD_KIND_HEAD)
		return 0;
	return generation;
}

/* The last record about an entry holds. */
static int take_entry(struct journal *j, uint64_t number, const struct disk_entry *from)
{
	struct entry *old = journal_by_number(j, number), *e;

	e = entry_new(&from->node, from->before, from->label, from->left);
	if (!e)
		return -ENOMEM;
	e->n_users = from->n_users / GUEST;
	e->users = calloc(e->n_users + 1, sizeof(*e->users));
	if (!e->users) {
		entry_free(e);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < e->n_users; i++)
		memcpy(e->users[i].guest, from->users + i * GUEST, GUEST);
	e->number = number;
	e->shared = from->shared;
	e->restored = from->restored;
	memcpy(e->boot, from->boot, sizeof(e->boot));
	if (old)
		journal_remove(j, old);
	insert(j, e);
	return 0;
}

int journal_replay(struct journal *j, const uint8_t *data, size_t len, size_t *ret_end)
{
	const uint64_t generation = journal_generation(data, len);
	CLEAN_ARENA struct arena *a = arena_new(4 * BODY_MAX);
	struct disk_record r;
	uint64_t one;
	size_t at = 0, n;
	int rc = 0;

	if (!a)
		return -ENOMEM;
	if (!generation)
		return -ENODATA;
	while (rc == 0 && (n = get_record(data + at, len - at, a, &one, &r)) && one == generation) {
		struct entry *e = NULL;

		if (r.number > j->last && r.kind != DISK_RECORD_KIND_HEAD)
			j->last = r.number;
		if (r.kind == DISK_RECORD_KIND_GONE)
			e = journal_by_number(j, r.number);
		if (e)
			journal_remove(j, e);
		if (r.kind == DISK_RECORD_KIND_ENTRY && r.entry)
			rc = take_entry(j, r.number, r.entry);
		arena_reset(a);
		at += n;
	}
	*ret_end = at;
	return rc;
}
