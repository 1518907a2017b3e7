/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elements of <metadata> by namespace. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "xml/metadata.h"

static const char both[] =
	"\n    <o:os xmlns:o=\"urn:o\" id='1'><o:x/>t&amp;</o:os>"
	"\n    <n xmlns=\"urn:n\"><m a='&lt;'/></n>\n  ";

static void check_get(const char *metadata, const char *uri, const char *want)
{
	CLEAN_ARENA struct arena *a = arena_new(65536);
	struct err err = { 0 };
	char *got = NULL;
	int ret = xml_metadata_get(metadata, uri, a, &got, &err);

	if (!want) {
		assert_int_equal(ret, -ENOENT);
		assert_int_equal(err.code, ERR_NO_DOMAIN_METADATA);
		return;
	}
	assert_int_equal(ret, 0);
	assert_string_equal(got, want);
}

static void test_get(void **state)
{
	(void)state;
	check_get(both, "urn:o", "<os id=\"1\"><x/>t&amp;</os>");
	check_get(both, "urn:n", "<n><m a=\"&lt;\"/></n>");
	check_get(both, "urn:x", NULL);
	check_get(NULL, "urn:x", NULL);
	check_get("<a><o:b xmlns:o='urn:o'/></a>", "urn:o", NULL);
}

static void check_set(const char *metadata, const char *element, const char *uri, const char *want)
{
	CLEAN_ARENA struct arena *a = arena_new(65536);
	struct err err = { 0 };
	char *got = NULL;

	assert_int_equal(xml_metadata_set(metadata, element, "k", uri, a, &got, &err), 0);
	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
}

static void test_set(void **state)
{
	(void)state;
	check_set(NULL, " <e f='1'><g/>t<h:i xmlns:h='urn:h'/></e>\n", "urn:e",
		  "\n    <k:e xmlns:k=\"urn:e\" f=\"1\"><k:g/>t<h:i xmlns:h=\"urn:h\"/></k:e>\n  ");
	check_set(both, "<e/>", "urn:o",
		  "\n    <n xmlns=\"urn:n\"><m a='&lt;'/></n>\n    <k:e xmlns:k=\"urn:o\"/>\n  ");
	check_set(both, "<e/>", "urn:e",
		  "\n    <o:os xmlns:o=\"urn:o\" id='1'><o:x/>t&amp;</o:os>"
		  "\n    <n xmlns=\"urn:n\"><m a='&lt;'/></n>\n    <k:e xmlns:k=\"urn:e\"/>\n  ");
	check_set(both, NULL, "urn:n",
		  "\n    <o:os xmlns:o=\"urn:o\" id='1'><o:x/>t&amp;</o:os>\n  ");
	check_set(NULL, "<k:e xmlns:k='urn:e'><f/></k:e>", "urn:e",
		  "\n    <k:e xmlns:k=\"urn:e\"><f/></k:e>\n  ");
	check_set(NULL, "<e><f xmlns='urn:f'><g/></f><h/></e>", "urn:e",
		  "\n    <k:e xmlns:k=\"urn:e\"><f xmlns=\"urn:f\"><g/></f><k:h/></k:e>\n  ");
	check_set("\n  <a xmlns='urn:a'/>\n", NULL, "urn:a", NULL);
	check_set(NULL, NULL, "urn:a", NULL);
}

static void check_refused(const char *element, const char *key, const char *uri)
{
	CLEAN_ARENA struct arena *a = arena_new(65536);
	struct err err = { 0 };
	char *got = NULL;

	assert_int_equal(xml_metadata_set(NULL, element, key, uri, a, &got, &err), -EINVAL);
	assert_int_equal(err.code, ERR_INVALID_ARG);
	assert_null(got);
}

static void test_refuse(void **state)
{
	(void)state;
	check_refused("", "k", "urn:e");
	check_refused("text", "k", "urn:e");
	check_refused("<a/>text", "k", "urn:e");
	check_refused("text<a/>", "k", "urn:e");
	check_refused("<a/><b/>", "k", "urn:e");
	check_refused("<a>", "k", "urn:e");
	check_refused("</a><a>", "k", "urn:e");
	check_refused("<!DOCTYPE a><a/>", "k", "urn:e");
	check_refused("<a/>", "", "urn:e");
	check_refused("<a/>", "1", "urn:e");
	check_refused("<a/>", "a:b", "urn:e");
	check_refused("<a/>", "xml", "urn:e");
	check_refused("<a/>", "k", "");
	check_refused("<k:a xmlns:k='urn:x'/>", "k", "urn:e");
	check_refused("<a xmlns='urn:x'/>", "k", "urn:e");
	check_refused("<a><k:b xmlns:k='urn:x'/></a>", "k", "urn:e");
}

static void test_round_trip(void **state)
{
	CLEAN_ARENA struct arena *a = arena_new(65536);
	char *metadata = NULL;

	(void)state;
	assert_int_equal(xml_metadata_set(both, "<e f='&quot;'>&lt;<g/></e>", "k", "urn:&<>\"", a,
					  &metadata, NULL), 0);
	check_get(metadata, "urn:&<>\"", "<e f=\"&quot;\">&lt;<g/></e>");
	assert_int_equal(xml_metadata_set(metadata, NULL, NULL, "urn:&<>\"", a, &metadata, NULL), 0);
	assert_string_equal(metadata, both);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get), cmocka_unit_test(test_set),
		cmocka_unit_test(test_refuse), cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
