/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every document below tests/golden/argv:
 *   X.xml          is defined and started;
 *   X.libvirt.xml  is what libvirt 9.0 with QEMU 7.2 made of it at define: ours is the same
 *                  to the byte (where we differ on purpose there is X.define.xml);
 *   X.argv         is the argument list, one argument a line, then the QMP set-up;
 *   refuse/X.xml   is refused with the code and text in refuse/X.txt.
 * CORDON_UPDATE=1 writes all but X.libvirt.xml anew: then read the diff.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/xdr.h"
#include "plan_fds.h"
#include "xml/domain.h"

#define DOC_MAX (1024 * 1024)
#define ARENA_MAX (64 * 1024 * 1024)
#define FIRST_FD 20

static void file_path(char *path, size_t size, const char *name, const char *suffix)
{
	const char *root = getenv("CORDON_SOURCE_ROOT");

	snprintf(path, size, "%s/tests/golden/argv/%s%s", root ? root : ".", name, suffix);
}

static char *read_file(struct arena *a, const char *path)
{
	char *text = arena_alloc(a, DOC_MAX);
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	n = fread(text, 1, DOC_MAX - 1, f);
	fclose(f);
	text[n] = 0;
	return text;
}

static void expect_file(struct arena *a, const char *name, const char *suffix, const char *got)
{
	char path[512];
	const char *want;

	file_path(path, sizeof(path), name, suffix);
	if (getenv("CORDON_UPDATE") && strcmp(suffix, ".libvirt.xml") != 0) {
		FILE *f = fopen(path, "we");

		assert_non_null(f);
		fputs(got, f);
		fclose(f);
		return;
	}
	want = read_file(a, path);
	if (strcmp(want, got) != 0)
		fail_msg("%s differs; got:\n%s", path, got);
}

static int same_bytes(void *ctx, void *out, size_t n)
{
	(void)ctx;
	memset(out, 0x11, n);
	return 0;
}

static const struct plan_env env = { .random = same_bytes, .nvram_dir = "/srv/nvram" };

static int define(struct arena *a, const char *name, struct domain *ret, struct err *err)
{
	char path[512];
	const char *text;
	int r;

	file_path(path, sizeof(path), name, ".xml");
	text = read_file(a, path);
	r = domain_xml_parse(text, strlen(text), 0, a, ret, err);
	if (r < 0)
		fail_msg("%s: %s", path, err->text);
	return plan_complete(ret, &env, a, err);
}

static void check_idempotent(struct arena *a, const char *name, const struct domain *d)
{
	struct domain again;
	struct err err = { 0 };

	assert_int_equal(xdr_copy(&domain_xdr, d, a, &again), 0);
	if (plan_complete(&again, &env, a, &err) < 0)
		fail_msg("%s: completed, then refused: %s", name, err.text);
	if (!xdr_equal(&domain_xdr, d, &again))
		fail_msg("%s: completing a second time changes it", name);
}

static void check_argv(struct arena *a, const char *name, struct domain *d)
{
	struct plan_resources r = { .now = 1700000000, .utc_offset = 3600 };
	struct plan_argv argv;
	struct err err = { 0 };
	struct buf out;

	assert_int_equal(plan_aliases(d, a), 0);
	number_fds(d, FIRST_FD, a, &r);
	if (plan_argv(d, &r, a, &argv, &err) < 0)
		fail_msg("%s: %s", name, err.text);
	assert_null(argv.argv[argv.argc]);
	buf_init(&out, DOC_MAX);
	for (size_t i = 0; i < argv.argc; i++)
		buf_printf(&out, "%s\n", argv.argv[i]);
	for (size_t i = 0; i < argv.n_setup; i++)
		buf_printf(&out, "setup: %s\n", argv.setup[i]);
	expect_file(a, name, ".argv", buf_str(&out));
	buf_free(&out);
}

/* What dumpxml wrote, define takes back, and makes the same of it. */
static void check_taken_back(struct arena *a, const char *name, const char *text)
{
	struct domain d;
	struct err err = { 0 };
	struct buf out;

	if (domain_xml_parse(text, strlen(text), 0, a, &d, &err) < 0 ||
	    plan_complete(&d, &env, a, &err) < 0)
		fail_msg("%s: does not take back what it wrote: %s", name, err.text);
	buf_init(&out, DOC_MAX);
	assert_int_equal(domain_xml_format(&d, NULL, DOMAIN_XML_INACTIVE | DOMAIN_XML_SECURE, &out,
					   &err), 0);
	if (strcmp(buf_str(&out), text) != 0)
		fail_msg("%s: taken back, it became:\n%s", name, buf_str(&out));
	buf_free(&out);
}

static void check_document(const char *name)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct err err = { 0 };
	struct domain d;
	struct buf out;
	char path[512];

	if (define(a, name, &d, &err) < 0)
		fail_msg("%s: %s", name, err.text);
	buf_init(&out, DOC_MAX);
	assert_int_equal(domain_xml_format(&d, NULL, DOMAIN_XML_INACTIVE | DOMAIN_XML_SECURE, &out,
					   &err), 0);
	file_path(path, sizeof(path), name, ".libvirt.xml");
	expect_file(a, name, access(path, F_OK) == 0 ? ".libvirt.xml" : ".define.xml",
		    buf_str(&out));
	check_taken_back(a, name, buf_str(&out));
	buf_free(&out);
	check_idempotent(a, name, &d);
	check_argv(a, name, &d);
	arena_free(a);
}

/* Run a check on every X.xml of a folder; X has no dot. */
static unsigned each(const char *sub, void (*check)(const char *name))
{
	char path[512];
	struct dirent *e;
	unsigned n = 0;
	DIR *dir;

	file_path(path, sizeof(path), sub, "");
	dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir))) {
		char name[300];
		char *dot;

		snprintf(name, sizeof(name), "%s%s%s", sub, *sub ? "/" : "", e->d_name);
		dot = strchr(name, '.');
		if (!dot || strcmp(dot, ".xml") != 0)
			continue;
		*dot = 0;
		check(name);
		n++;
	}
	closedir(dir);
	return n;
}

static void test_documents(void **state)
{
	(void)state;
	assert_true(each("", check_document) > 50);
}

static void check_refused(const char *name)
{
	struct arena *a = arena_new(ARENA_MAX);
	struct err err = { 0 };
	struct domain d;
	char got[ERR_TEXT_MAX + 32];

	if (define(a, name, &d, &err) >= 0)
		fail_msg("%s: accepted", name);
	snprintf(got, sizeof(got), "%d %s\n", err.code, err.text);
	expect_file(a, name, ".txt", got);
	arena_free(a);
}

static void test_refused(void **state)
{
	(void)state;
	assert_true(each("refuse", check_refused) > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
