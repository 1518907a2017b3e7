/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The label journal: what was written is what is read, wherever a crash or a fault of the disk cuts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "disk/journal.h"

#define GEN 7u

static struct journal j, back;

static struct entry *add(uint64_t ino, const char *before, const char *label, unsigned users)
{
	char path[32];
	struct disk_node id = { .path = path, .mount = (char *)(uintptr_t)"/", .dev = 1, .ino = ino,
				.generation = (uint32_t)ino * 3 };
	struct entry *e;
	uint8_t guest[16] = { 0 };

	snprintf(path, sizeof(path), "/i/%u", (unsigned)ino);
	e = journal_add(&j, &id, before);
	assert_non_null(e);
	assert_int_equal(entry_set_text(&e->label, label), 0);
	for (; users; users--) {
		guest[3] = (uint8_t)users;
		guest[4] = (uint8_t)(users >> 8);
		assert_int_equal(entry_add_user(e, guest), 0);
	}
	return e;
}

static int clear(void **state)
{
	(void)state;
	journal_clear(&j);
	journal_clear(&back);
	log_open("test", LOG_LEVEL_ERROR + 1, NULL);
	return 0;
}

static unsigned count(const struct journal *x)
{
	unsigned n = 0;

	for (struct entry *e = journal_next(x, NULL); e; e = journal_next(x, e))
		n++;
	return n;
}

static void same(const struct entry *a, const struct entry *b)
{
	assert_non_null(b);
	assert_string_equal(a->id.path, b->id.path);
	assert_string_equal(a->before, b->before);
	assert_string_equal(a->label, b->label);
	assert_int_equal(a->id.generation, b->id.generation);
	assert_int_equal(a->shared, b->shared);
	assert_int_equal(a->restored, b->restored);
	assert_memory_equal(a->boot, b->boot, sizeof(a->boot));
	assert_int_equal(a->n_users, b->n_users);
	for (uint32_t i = 0; i < a->n_users; i++) {
		assert_true(entry_has_user(b, a->users[i].guest));
		/* whether they live is not known any more */
		assert_false(b->users[i].known);
	}
}

static void same_all(void)
{
	assert_int_equal(count(&j), count(&back));
	for (struct entry *e = journal_next(&j, NULL); e; e = journal_next(&j, e))
		same(e, journal_by_number(&back, e->number));
}

static void test_round_trip(void **state)
{
	CLEAN_BUF struct buf b;
	struct entry *e;
	size_t end = 0;

	(void)state;
	buf_init(&b, 64 << 20);
	for (unsigned i = 0; i < 3000; i++)
		add(i, "a:b:c:s0", "a:b:svirt_image_t:s0:c1,c2", i % 5);
	add(1 << 20, "", "x", 4096)->shared = true;
	e = add(5, "same inode number", "another file system", 1);
	e->id.dev = 2;
	e->id.generation = 1;
	e->restored = 77;
	memset(e->boot, 9, sizeof(e->boot));
	journal_put_head(&b, GEN);
	journal_put_all(&b, GEN, &j);
	assert_int_equal(b.error, 0);
	assert_int_equal(journal_generation(b.data, b.len), GEN);
	assert_int_equal(journal_replay(&back, b.data, b.len, &end), 0);
	assert_int_equal(end, b.len);
	same_all();
	assert_int_equal(back.last, j.last);
}

/* The last record about an entry holds; GONE removes it, for good. */
static void test_order(void **state)
{
	CLEAN_BUF struct buf b;
	struct entry *one = add(1, "old", "new", 1), *two = add(2, "old", "new", 1);
	const uint8_t guest[16] = { 42 };
	size_t end;

	(void)state;
	buf_init(&b, 1 << 20);
	journal_put_head(&b, GEN);
	journal_put(&b, GEN, one, 0);
	journal_put(&b, GEN, two, 0);
	entry_add_user(one, guest);
	one->shared = true;
	journal_put(&b, GEN, one, 0);
	journal_put(&b, GEN, NULL, two->number);
	journal_put(&b, GEN, NULL, 12345);
	journal_remove(&j, two);
	assert_int_equal(journal_replay(&back, b.data, b.len, &end), 0);
	same_all();
}

/* Cut anywhere, flipped anywhere: what comes before holds, nothing else is there. */
static void test_damage(void **state)
{
	CLEAN_BUF struct buf b;
	size_t ends[5], end;

	(void)state;
	buf_init(&b, 1 << 20);
	journal_put_head(&b, GEN);
	ends[0] = b.len;
	for (unsigned i = 1; i <= 4; i++) {
		journal_put(&b, GEN, add(i, "before", "label", i), 0);
		ends[i] = b.len;
	}
	for (size_t at = 0; at < b.len; at++) {
		unsigned whole = 0;

		while (whole < 4 && ends[whole + 1] <= at)
			whole++;
		for (int flip = 0; flip < 2; flip++) {
			journal_clear(&back);
			b.data[at] ^= (uint8_t)(flip ? 0x10 : 0);
			if (at < ends[0]) {
				assert_int_equal(journal_replay(&back, b.data, flip ? b.len : at, &end),
						 -ENODATA);
			} else {
				assert_int_equal(journal_replay(&back, b.data, flip ? b.len : at, &end), 0);
				assert_int_equal(end, ends[whole]);
				assert_int_equal(count(&back), whole);
			}
			b.data[at] ^= (uint8_t)(flip ? 0x10 : 0);
		}
	}
}

/* A file is used again: whole records of its earlier life, at just the right place, do not count. */
static void test_earlier_life(void **state)
{
	CLEAN_BUF struct buf old, new;
	size_t end;

	(void)state;
	buf_init(&old, 1 << 20);
	buf_init(&new, 1 << 20);
	journal_put_head(&old, GEN);
	journal_put(&old, GEN, add(1, "before", "label", 1), 0);
	journal_put(&old, GEN, add(2, "before", "label", 1), 0);
	journal_put_head(&new, GEN + 2);
	journal_put(&new, GEN + 2, journal_by_number(&j, 1), 0);
	memcpy(old.data, new.data, new.len);
	assert_int_equal(journal_replay(&back, old.data, old.len, &end), 0);
	assert_int_equal(end, new.len);
	assert_int_equal(count(&back), 1);
}

static void test_same_file(void **state)
{
	char p[] = "/p", q[] = "/q";
	const struct disk_node a = { .path = p, .dev = 1, .ino = 5, .generation = 3, .fs_id = 9 };
	struct disk_node b = a;

	(void)state;
	assert_true(node_same(&a, &b));
	b.path = q;
	b.dev = 2;
	assert_true(node_same(&a, &b));      /* the file system says who it is */
	b.fs_id = 8;
	assert_false(node_same(&a, &b));
	b.path = p;
	assert_true(node_same(&a, &b));      /* xfs on another device number, after a reboot */
	b.generation = 4;
	assert_false(node_same(&a, &b));     /* the inode was given to another file */
	b = a;
	b.ino = 6;
	assert_false(node_same(&a, &b));
	b = a;
	b.dev = 2;
	b.path = q;
	b.fs_id = 0;
	assert_false(node_same(&b, &(struct disk_node){ .path = p, .dev = 3, .ino = 5, .generation = 3 }));
}

/* ---- the files ---- */

static char dir[] = "/tmp/cordon-journal-XXXXXX";

static void reopen(struct journal_files *f, struct journal *into)
{
	struct err err = { 0 };
	int folder = open(dir, O_PATH | O_DIRECTORY);

	journal_clear(into);
	*f = (struct journal_files){ 0 };
	assert_int_equal(journal_open(f, folder, &err), 0);
	close(folder);
	assert_int_equal(journal_load(f, into, &err), 0);
}

static void reclose(struct journal_files *f)
{
	close(f->fd[0]);
	close(f->fd[1]);
}

static void damage(const char *name, off_t at)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "damage", 6, at), 6);
	close(fd);
}

static void append(struct journal_files *f, struct entry *e, uint64_t gone)
{
	CLEAN_BUF struct buf b;

	buf_init(&b, 8 << 20);
	journal_put(&b, f->generation, e, gone);
	/* another process sees it all the same; only the power must not fail */
	assert_int_equal(journal_append(f, &j, &b, false), 0);
}

/* Another process that reads it at any moment sees all that was appended, also round a rewrite. */
static void test_files(void **state)
{
	struct journal_files f, g;
	unsigned rewrites = 0;
	uint64_t generation;

	(void)state;
	assert_non_null(mkdtemp(dir));
	reopen(&f, &j);
	generation = f.generation;
	assert_int_equal(generation, 1);
	for (unsigned i = 0; i < 9000; i++) {
		struct entry *e = add(i % 700, "system_u:object_r:virt_content_t:s0",
				      "system_u:object_r:svirt_image_t:s0:c1,c2", 3);

		e->id.generation = i;
		append(&f, e, 0);
		if (i >= 500) {
			uint64_t number = e->number - 500;

			journal_remove(&j, journal_by_number(&j, number));
			append(&f, NULL, number);
		}
		if (f.generation != generation || i % 1000 == 0) {
			rewrites += f.generation != generation;
			generation = f.generation;
			reopen(&g, &back);
			same_all();
			assert_int_equal(g.generation, f.generation);
			assert_int_equal(g.end, f.end);
			reclose(&g);
		}
	}
	assert_true(rewrites >= 2);
	reclose(&f);
	/* the one in force loses its head: the other one is there, older */
	damage(f.active ? "labels.b" : "labels.a", 0);
	reopen(&g, &back);
	assert_int_equal(g.generation, generation - 1);
	assert_true(count(&back) > 0);
	reclose(&g);
	/* both: begun anew, and usable */
	damage(f.active ? "labels.a" : "labels.b", 0);
	reopen(&g, &back);
	assert_int_equal(count(&back), 0);
	journal_clear(&j);
	append(&g, add(1, "a", "b", 1), 0);
	reclose(&g);
	reopen(&g, &back);
	same_all();
	reclose(&g);
}

/* One entry may need more than a file had. */
static void test_large(void **state)
{
	struct journal_files f;
	struct entry *e;

	(void)state;
	reopen(&f, &j);
	e = add(3, "a", "b", 1);
	e->users = reallocarray(e->users, 60000, sizeof(*e->users));
	assert_non_null(e->users);
	for (; e->n_users < 60000; e->n_users++)
		e->users[e->n_users] = (struct user){ .guest = { [2] = (uint8_t)(e->n_users >> 8),
								 [3] = (uint8_t)e->n_users } };
	append(&f, e, 0);
	append(&f, e, 0);
	reclose(&f);
	reopen(&f, &back);
	assert_int_equal(journal_by_number(&back, e->number)->n_users, 60000);
	reclose(&f);
}

static int remove_files(void **state)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/labels.a", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/labels.b", dir);
	unlink(path);
	rmdir(dir);
	return clear(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_round_trip, clear), cmocka_unit_test_setup(test_order, clear),
		cmocka_unit_test_setup(test_damage, clear),
		cmocka_unit_test_setup(test_earlier_life, clear),
		cmocka_unit_test_setup(test_same_file, clear), cmocka_unit_test_setup(test_files, clear),
		cmocka_unit_test_setup(test_large, clear),
	};

	return cmocka_run_group_tests(tests, NULL, remove_files);
}
