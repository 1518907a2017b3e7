/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every document below tests/golden/xml:
 *   same/X.xml       comes out byte for byte as it went in (real libvirt dumps)
 *   change/X.in.xml  comes out as X.out.xml, and that comes out unchanged
 *   refuse/X.xml     is refused with the code and text in X.txt
 * Run with CORDON_UPDATE=1 to write the expected files anew, then read the diff.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/xdr.h"
#include "xml/domain.h"

#define DOC_MAX (1024 * 1024)

static const char *folder(void)
{
	const char *root = getenv("CORDON_SOURCE_ROOT");

	return root ? root : ".";
}

static char *read_file(const char *sub, const char *name, size_t *ret_len)
{
	char path[512];
	char *text = calloc(1, DOC_MAX);
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/golden/xml/%s/%s", folder(), sub, name);
	f = fopen(path, "re");
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	*ret_len = fread(text, 1, DOC_MAX - 1, f);
	fclose(f);
	return text;
}

/* Compare with the expected file, or write it. */
static void expect_file(const char *sub, const char *name, const char *got)
{
	char path[512];
	size_t len;
	char *want;

	if (getenv("CORDON_UPDATE")) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/tests/golden/xml/%s/%s", folder(), sub, name);
		f = fopen(path, "we");
		assert_non_null(f);
		fputs(got, f);
		fclose(f);
		return;
	}
	want = read_file(sub, name, &len);
	if (strcmp(want, got) != 0)
		fail_msg("%s/%s: expected\n%s\ngot\n%s", sub, name, want, got);
	free(want);
}

/* ---- which fields of the model any document has used ---- */
static struct {
	const struct xdr_type *type;
	bool used[64];
} seen[64];

/* A running guest's own: no definition can have them. */
static const char *const live_only[] = {
	"dom_chr.target_state",
};

static bool *used_of(const struct xdr_type *t)
{
	size_t i = 0;

	while (seen[i].type && seen[i].type != t)
		assert_true(++i < 64);
	assert_true(t->n_fields <= 64);
	seen[i].type = t;
	return seen[i].used;
}

static bool is_set(const uint8_t *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (p[i])
			return true;
	return false;
}

static void note(const struct xdr_type *t, const uint8_t *obj)
{
	bool *used = used_of(t);

	for (uint32_t i = 0; i < t->n_fields; i++) {
		const struct xdr_field *f = &xdr_fields(t)[i];
		const uint8_t *v = obj + f->off;
		uint32_t n = 1;

		if (f->array == XDR_LIST) {
			memcpy(&n, obj + f->count_off, sizeof(n));
			memcpy(&v, (const void *)v, sizeof(v));   /* what the pointer there points to */
			used[i] |= n > 0;
		} else if (f->kind == XDR_STRING) {
			used[i] |= **(char *const *)(const void *)v != '\0';
		} else {
			used[i] |= is_set(v, f->size);
		}
		if (f->kind == XDR_OPT_STRUCT)
			memcpy(&v, (const void *)v, sizeof(v));   /* what the pointer there points to */
		if (f->kind != XDR_STRUCT && f->kind != XDR_OPT_STRUCT)
			continue;
		used_of(xdr_field_type(f));
		for (uint32_t k = 0; v && k < n; k++)
			note(xdr_field_type(f), v + (size_t)k * xdr_field_type(f)->size);
	}
}

static bool is_live_only(const char *name)
{
	for (size_t i = 0; i < sizeof(live_only) / sizeof(live_only[0]); i++)
		if (strcmp(live_only[i], name) == 0)
			return true;
	return false;
}

/* XML in, through the model, its record and back, XML out. */
static char *through(const char *name, const char *xml, size_t len)
{
	CLEAN_ARENA struct arena *a = arena_new(DOMAIN_XML_ARENA_MAX);
	CLEAN_BUF struct buf out, record;
	struct domain d, again;
	struct err err = { 0 };

	buf_init(&out, DOC_MAX);
	buf_init(&record, DOC_MAX);
	if (domain_xml_parse(xml, len, 0, a, &d, &err) < 0)
		fail_msg("%s: %s", name, err.text);
	note(&domain_xdr, (const uint8_t *)&d);
	/* what was parsed has to survive being stored */
	assert_int_equal(xdr_encode(&domain_xdr, &d, &record), 0);
	if (xdr_decode(&domain_xdr, record.data, record.len, a, &again, NULL, &err) < 0)
		fail_msg("%s: %s", name, err.text);
	if (domain_xml_format(&again, NULL, DOMAIN_XML_SECURE, &out, &err) < 0)
		fail_msg("%s: %s", name, err.text);
	return strdup(buf_str(&out));
}

static void check_same(const char *name)
{
	size_t len;
	char *xml = read_file("same", name, &len);
	char *out = through(name, xml, len);

	if (strcmp(xml, out) != 0)
		fail_msg("%s: went in as\n%s\ncame out as\n%s", name, xml, out);
	free(out);
	free(xml);
}

static void check_change(const char *name)
{
	char out_name[256];
	size_t len;
	char *xml = read_file("change", name, &len);
	char *once = through(name, xml, len);
	char *twice = through(name, once, strlen(once));

	snprintf(out_name, sizeof(out_name), "%.*sout.xml", (int)(strlen(name) - 6), name);
	expect_file("change", out_name, once);
	assert_string_equal(once, twice);
	free(twice);
	free(once);
	free(xml);
}

static void check_refuse(const char *name)
{
	CLEAN_ARENA struct arena *a = arena_new(DOMAIN_XML_ARENA_MAX);
	char got[2048], text_name[256];
	struct err err = { 0 };
	struct domain d;
	size_t len;
	char *xml = read_file("refuse", name, &len);

	if (domain_xml_parse(xml, len, 0, a, &d, &err) == 0)
		fail_msg("%s was accepted", name);
	snprintf(got, sizeof(got), "%d %s\n", err.code, err.text);
	snprintf(text_name, sizeof(text_name), "%.*stxt", (int)(strlen(name) - 3), name);
	expect_file("refuse", text_name, got);
	free(xml);
}

static void each(const char *sub, const char *pattern, void (*check)(const char *name))
{
	char path[512];
	struct dirent *entry;
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "%s/tests/golden/xml/%s", folder(), sub);
	dir = opendir(path);
	if (!dir)
		fail_msg("%s: %s", path, strerror(errno));
	while ((entry = readdir(dir))) {
		if (fnmatch(pattern, entry->d_name, FNM_PERIOD) != 0)
			continue;
		check(entry->d_name);
		n++;
	}
	closedir(dir);
	assert_true(n > 0);
}

static void test_same(void **state)
{
	(void)state;
	each("same", "*.xml", check_same);
}

static void test_change(void **state)
{
	(void)state;
	each("change", "*.in.xml", check_change);
}

static void test_refuse(void **state)
{
	(void)state;
	each("refuse", "*.xml", check_refuse);
}

/* A field that no document fills is a field whose binding nobody has seen work. */
static void test_every_field(void **state)
{
	int missing = 0;

	(void)state;
	for (size_t i = 0; i < 64 && seen[i].type; i++) {
		for (uint32_t k = 0; k < seen[i].type->n_fields; k++) {
			char name[128];

			snprintf(name, sizeof(name), "%s.%s", xdr_type_name(seen[i].type),
				 xdr_field_name(&xdr_fields(seen[i].type)[k]));
			if (seen[i].used[k] || is_live_only(name))
				continue;
			print_error("no document has %s\n", name);
			missing++;
		}
	}
	assert_int_equal(missing, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_every_field),   /* after the others: it counts what they saw */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
