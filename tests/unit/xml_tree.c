/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree: what it keeps, and what hostile documents cost. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "xml/domain.h"
#include "xml/tree.h"

#if defined(__SANITIZE_ADDRESS__) || defined(CORDON_SANITIZE)
enum { REFUSE_MS_MAX = 1000, REFUSE_KIB_MAX = 1024 * 1024 };
#else
enum { REFUSE_MS_MAX = 50, REFUSE_KIB_MAX = 4096 };
#endif

static void test_tree(void **state)
{
	CLEAN_ARENA struct arena *a = arena_new(65536);
	const char *doc = "<a x='1&amp;2'>\n <b/>\n <c>t&lt;<!-- -->u</c><b y=\"\"/> </a>";
	struct xml_node *root, *b, *c;
	char path[64];

	(void)state;
	assert_int_equal(xml_parse(doc, strlen(doc), NULL, a, &root, NULL), 0);
	assert_string_equal(root->name, "a");
	assert_string_equal(xml_node_attr(root, "x")->value, "1&2");
	assert_null(xml_node_attr(root, "y"));
	assert_null(root->text);
	assert_false(root->mixed);
	b = xml_node_child(root, "b", NULL);
	c = xml_node_child(root, "c", NULL);
	assert_string_equal(c->text, "t<u");
	assert_int_equal(c->line, 3);
	b = xml_node_child(root, "b", b);
	assert_string_equal(xml_node_attr(b, "y")->value, "");
	assert_null(xml_node_child(root, "b", b));
	xml_node_path(b, path, sizeof(path));
	assert_string_equal(path, "a/b");
}

static void check_keep(const char *doc, const char *raw)
{
	CLEAN_ARENA struct arena *a = arena_new(65536);
	struct xml_node *root, *keep;

	assert_int_equal(xml_parse(doc, strlen(doc), "k", a, &root, NULL), 0);
	keep = xml_node_child(root, "k", NULL);
	assert_non_null(keep);
	assert_null(keep->first);
	assert_string_equal(keep->raw, raw);
	assert_non_null(xml_node_child(root, "z", NULL));
}

static void test_keep(void **state)
{
	(void)state;
	check_keep("<a><k/><z/></a>", "");
	check_keep("<a><k></k><z/></a>", "");
	check_keep("<a><k a='>'\n>  <x:y b='1'/> t &amp; <![CDATA[</k>]]></k><z/></a>",
		   "  <x:y b='1'/> t &amp; <![CDATA[</k>]]>");
	check_keep("<a><k><k><k/></k><!-- </k> --></k ><z/></a>",
		   "<k><k/></k><!-- </k> -->");
	check_keep("<?xml version='1.0'?><a>\r\n<k>\r\n\xc3\xa4\r\n</k>\r\n<z/></a>",
		   "\r\n\xc3\xa4\r\n");
}

static void test_text_between(void **state)
{
	static const char *const docs[] = { "<a>x<b/></a>", "<a><b/>x</a>", "<a><b/>x<b/></a>" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		CLEAN_ARENA struct arena *a = arena_new(65536);
		struct xml_node *root;

		assert_int_equal(xml_parse(docs[i], strlen(docs[i]), NULL, a, &root, NULL), 0);
		assert_true(root->mixed);
	}
}

static void test_arena_cap(void **state)
{
	CLEAN_ARENA struct arena *a = arena_new(64);
	struct err err = { 0 };
	struct xml_node *root;

	(void)state;
	assert_int_equal(xml_parse("<a b='1'><c/></a>", 17, NULL, a, &root, &err), -ENOMEM);
}

/* ---- hostile documents ---- */
static void repeat(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_puts(b, s);
}

static void make_attrs(struct buf *b)
{
	buf_puts(b, "<domain");
	for (int i = 0; i < 100000; i++)
		buf_printf(b, " a%d='x'", i);
	buf_puts(b, "/>");
}

static void make_attrs_few(struct buf *b)
{
	buf_puts(b, "<domain");
	for (int i = 0; i < 1000; i++)
		buf_printf(b, " a%d='x'", i);
	buf_puts(b, "/>");
}

static void make_depth(struct buf *b)
{
	repeat(b, "<d>", 1000000);
}

static void make_nodes(struct buf *b)
{
	buf_puts(b, "<domain>");
	repeat(b, "<d/>", 900000);
	buf_puts(b, "</domain>");
}

static void make_devices(struct buf *b)
{
	buf_puts(b, "<domain type='kvm'><name>g</name><memory>1</memory><os><type>hvm</type></os>"
		 "<devices>");
	repeat(b, "<disk/>", 16000);
	buf_puts(b, "</devices></domain>");
}

static void make_metadata(struct buf *b)
{
	buf_puts(b, "<domain><metadata><a>");
	repeat(b, "xxxxxxxx\n", 440000);
	buf_puts(b, "</a></metadata></domain>");
}

static void make_metadata_tags(struct buf *b)
{
	buf_puts(b, "<domain><metadata>");
	repeat(b, "<a b='c'/>", 400000);
	buf_puts(b, "</metadata></domain>");
}

static void make_metadata_comments(struct buf *b)
{
	buf_puts(b, "<domain><metadata>");
	repeat(b, "<!-- b -->", 400000);
	buf_puts(b, "</metadata></domain>");
}

static void make_comment(struct buf *b)
{
	buf_puts(b, "<domain><!--");
	repeat(b, "xxxxxxxx", 500000);
	buf_puts(b, "--></domain>");
}

static void make_value(struct buf *b)
{
	buf_puts(b, "<domain type='");
	repeat(b, "xxxxxxxx", 500000);
	buf_puts(b, "'/>");
}

static void make_text(struct buf *b)
{
	buf_puts(b, "<domain><name>");
	repeat(b, "xxxxxxxx", 500000);
	buf_puts(b, "</name></domain>");
}

static void make_blanks(struct buf *b)
{
	buf_puts(b, "<domain>");
	repeat(b, "        ", 500000);
	buf_puts(b, "</domain>");
}

static void make_names(struct buf *b)
{
	buf_puts(b, "<domain>");
	for (int i = 0; i < 200000; i++)
		buf_printf(b, "<n%d/>", i);
	buf_puts(b, "</domain>");
}

static void make_entities(struct buf *b)
{
	buf_puts(b, "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]>"
		 "<domain><name>&b;</name></domain>");
}

static void make_huge(struct buf *b)
{
	repeat(b, "        ", XML_BYTES_MAX / 8 + 1);
}

static const struct {
	const char *name;
	const char *limit;     /* what the message has to name */
	void (*make)(struct buf *b);
} hostile[] = {
	{ "100000 attributes", "XML_TOKEN_MAX", make_attrs },
	{ "1000 attributes", "XML_ATTRS_MAX", make_attrs_few },
	{ "a million levels", "XML_DEPTH_MAX", make_depth },
	{ "900000 elements", "XML_NODES_MAX", make_nodes },
	{ "16000 disks", "at most 256", make_devices },
	{ "4 MB of text in metadata", "XML_RAW_MAX", make_metadata },
	{ "400000 elements in metadata", "XML_NODES_MAX", make_metadata_tags },
	{ "400000 comments in metadata", "XML_RAW_MAX", make_metadata_comments },
	{ "a comment of 4 MB", "XML_TOKEN_MAX", make_comment },
	{ "an attribute of 4 MB", "XML_TOKEN_MAX", make_value },
	{ "a text of 4 MB", "XML_TEXT_MAX", make_text },
	{ "white space of 4 MB", "XML_TEXT_MAX", make_blanks },
	{ "200000 different names", "XML_NODES_MAX", make_names },
	{ "entities", "DOCTYPE", make_entities },
	{ "a document beyond the limit", "XML_BYTES_MAX", make_huge },
};

static int try_document(const struct buf *doc, const char *limit)
{
	CLEAN_ARENA struct arena *a = arena_new(DOMAIN_XML_ARENA_MAX);
	struct err err = { 0 };
	struct domain d;

	if (domain_xml_parse(buf_str(doc), doc->len, 0, a, &d, &err) == 0)
		return 1;
	if (limit && (err.code != ERR_XML_ERROR || !strstr(err.text, limit))) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	return 0;
}

/* In a process of its own, so that the kernel measures its memory. Returns KiB at the peak. */
static long measure(const struct buf *doc, const char *limit, double *ret_ms)
{
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(try_document(doc, limit));
	assert_int_equal(wait4(pid, &status, 0, &usage), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	*ret_ms = (double)usage.ru_utime.tv_usec / 1e3 + (double)usage.ru_utime.tv_sec * 1e3 +
		  (double)usage.ru_stime.tv_usec / 1e3;
	return usage.ru_maxrss;
}

static void test_hostile(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		CLEAN_BUF struct buf doc, small;
		double ms, base_ms;
		long kib, base;

		buf_init(&doc, 8 * 1024 * 1024);
		buf_init(&small, 64);
		hostile[i].make(&doc);
		assert_int_equal(doc.error, 0);
		buf_puts(&small, "<a/>");
		base = measure(&small, NULL, &base_ms);
		kib = measure(&doc, hostile[i].limit, &ms) - base;
		print_message("%-32s %5.1f ms %6ld KiB\n", hostile[i].name, ms - base_ms,
			      kib < 0 ? 0 : kib);
		assert_true(ms - base_ms < REFUSE_MS_MAX);
		assert_true(kib < REFUSE_KIB_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_text_between),
		cmocka_unit_test(test_arena_cap),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
