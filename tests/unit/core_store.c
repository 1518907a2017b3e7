/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records: whole ones load, every other one is set aside by name and the rest loads. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/be.h"
#include "base/fd.h"
#include "base/log.h"
#include "core/guest.h"
#include "core/store.h"
#include "room_help.h"

static char dir[64];
static int here;

static int setup(void **state)
{
	(void)state;
	log_open("test", 5, NULL);
	snprintf(dir, sizeof(dir), "/tmp/cordon-store-XXXXXX");
	here = open(".", O_RDONLY | O_DIRECTORY);
	if (!mkdtemp(dir) || chdir(dir) || mkdir("domains", 0700) || mkdir("running", 0700))
		return -1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (struct guest *g = guest_next(NULL); g; g = guest_next(NULL))
		guest_remove(g);
	if (fchdir(here))
		return -1;
	close(here);
	return remove_tree(dir);
}

static struct domain model(const char *name, uint8_t id)
{
	struct domain d = { .name = (char *)(uintptr_t)name, .memory_kib = 65536, .vcpus = 1 };

	memset(d.uuid, id, 16);
	return d;
}

static void save(const char *name, uint8_t id)
{
	struct domain d = model(name, id);
	struct guest *g = guest_add(d.uuid, name);
	struct err err = { 0 };

	assert_non_null(g);
	g->generation = 7;
	g->autostart = true;
	assert_int_equal(store_save_domain(g, &d, &err), 0);
	guest_remove(g);
}

static void test_round_trip(void **state)
{
	struct store_host host;
	struct err err = { 0 };
	struct domain d = model("one", 1);
	struct guest *g;

	(void)state;
	save("one", 1);
	assert_int_equal(store_load(&host, &err), 0);
	g = guest_by_name("one");
	assert_non_null(g);
	assert_ptr_equal(g, guest_by_uuid(d.uuid));
	assert_int_equal(g->generation, 7);
	assert_true(g->autostart && g->persistent);
	assert_int_equal(store_remove_domain(g, &err), 0);
	assert_int_equal(access("domains/01010101-0101-0101-0101-010101010101.rec", F_OK), -1);
}

static void change(const char *path, off_t at, const char *bytes, size_t n, off_t cut)
{
	int fd = open(path, O_RDWR);

	assert_true(fd >= 0);
	if (n)
		assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
	if (cut >= 0)
		assert_int_equal(ftruncate(fd, cut), 0);
	close(fd);
}

/* Truncated, foreign, damaged, of another kind or version: each aside, the good one loads. */
static void test_broken(void **state)
{
	static const char path[] = "domains/02020202-0202-0202-0202-020202020202.rec";
	static const char aside[] = "domains/02020202-0202-0202-0202-020202020202.rec.broken";
	static const struct {
		off_t at;
		const char *bytes;
		size_t n;
		off_t cut;
	} cases[] = {
		{ 0, NULL, 0, 0 }, { 0, NULL, 0, 11 }, { 0, NULL, 0, 40 },
		{ 0, "ELF!", 4, -1 }, { 4, "\0\0\0\7", 4, -1 }, { 8, "\0\0\0\2", 4, -1 },
		{ 12, "\xff\xff\xff\xff", 4, -1 }, { 16, "abcd", 4, -1 }, { 60, "\x55", 1, -1 },
	};
	struct store_host host;
	struct err err = { 0 };

	(void)state;
	save("good", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		save("bad", 2);
		change(path, cases[i].at, cases[i].bytes, cases[i].n, cases[i].cut);
		assert_int_equal(store_load(&host, &err), 0);
		assert_non_null(guest_by_name("good"));
		assert_null(guest_by_name("bad"));
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(access(aside, F_OK), 0);
		unlink(aside);
		guest_remove(guest_by_name("good"));
	}
}

/* A file that says it is another guest that is there already does not replace it. */
static void test_twice(void **state)
{
	struct store_host host;
	struct err err = { 0 };

	(void)state;
	save("one", 1);
	assert_int_equal(link("domains/01010101-0101-0101-0101-010101010101.rec",
			      "domains/03030303-0303-0303-0303-030303030303.rec"), 0);
	assert_int_equal(store_load(&host, &err), 0);
	assert_int_equal(guest_count(), 1);
}

static void test_leftover_tmp(void **state)
{
	struct store_host host;
	struct err err = { 0 };
	int fd;

	(void)state;
	fd = open("domains/x.rec.tmp", O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(store_load(&host, &err), 0);
	assert_int_equal(access("domains/x.rec.tmp", F_OK), -1);
}

/* Each save of a run replaces the one before, longer or shorter; nothing is left of it at the end. */
static void test_runs(void **state)
{
	static const char *const titles[] = { "short", "a title that makes the record longer", "", "x" };
	static const char path[] = "running/06060606-0606-0606-0606-060606060606.rec";
	struct domain d = model("runs", 6);
	struct store_host host;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct guest *g = guest_by_uuid(d.uuid);

		if (!g)
			g = guest_add(d.uuid, "runs");
		if (!g->run)
			assert_non_null(guest_run_new(g));
		d.title = (char *)(uintptr_t)titles[i];
		g->run->rec.live = d;
		store_save_run(g);
		guest_run_free(g);
		guest_remove(g);
		/* the second time beside the first, the third over what was the first */
		if (i == 3)
			assert_int_equal(access("running/06060606-0606-0606-0606-060606060606.rec.tmp", F_OK), 0);
		if (i < 3)
			continue;
		assert_int_equal(store_load(&host, &err), 0);
		g = guest_by_uuid(d.uuid);
		assert_non_null(g);
		assert_string_equal(g->run->rec.live.title, titles[i]);
		store_save_run(g);
		store_save_run(g);
		store_remove_run(g);
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(access("running/06060606-0606-0606-0606-060606060606.rec.tmp", F_OK), -1);
		guest_run_free(g);
		guest_remove(g);
	}
}

/* What is no regular file must not hold core up. */
static void test_fifo(void **state)
{
	struct store_host host;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(mkfifo("domains/x.rec", 0600), 0);
	alarm(10);
	assert_int_equal(store_load(&host, &err), 0);
	alarm(0);
	assert_int_equal(access("domains/x.rec.broken", F_OK), 0);
}

static void test_frame(void **state)
{
	CLEAN_BUF struct buf b;
	const char *why = NULL;
	size_t n = 0;

	(void)state;
	buf_init(&b, 1000);
	store_frame(STORE_KIND_HOST, "123456789", 9, &b);
	/* the check value of CRC-32C (RFC 3720, B.4) */
	assert_int_equal(be_get32(b.data + 16), 0xe3069283);
	assert_non_null(store_unframe(STORE_KIND_HOST, b.data, b.len, &n, &why));
	assert_int_equal(n, 9);
	assert_null(store_unframe(STORE_KIND_DOMAIN, b.data, b.len, &n, &why));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_round_trip), T(test_broken), T(test_twice), T(test_leftover_tmp),
		T(test_runs), T(test_fifo),
		T(test_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
