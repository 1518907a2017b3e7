/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single values, and the writer. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "xml/value.h"
#include "xml/writer.h"

static void check_uint(const char *s, bool any_base, uint64_t max, int ret, uint64_t want)
{
	uint64_t got = 0;

	assert_int_equal(xml_value_uint(s, any_base, 0, max, &got), ret);
	assert_int_equal(got, want);
}

static void test_uint(void **state)
{
	(void)state;
	check_uint("0", false, 10, 0, 0);
	check_uint(" 10\n", false, 10, 0, 10);
	check_uint("11", false, 10, -ERANGE, 0);
	check_uint("18446744073709551615", false, UINT64_MAX, 0, UINT64_MAX);
	check_uint("18446744073709551616", false, UINT64_MAX, -ERANGE, 0);
	check_uint("", false, 10, -EINVAL, 0);
	check_uint("-1", false, UINT64_MAX, -EINVAL, 0);
	check_uint("+1", false, 10, -EINVAL, 0);
	check_uint("1a", false, 10, -EINVAL, 0);
	check_uint("1 2", false, 10, -EINVAL, 0);
	check_uint("0x1", false, 10, -EINVAL, 0);
	check_uint("010", false, 10, 0, 10);
	check_uint("0x1F", true, 31, 0, 31);
	check_uint("017", true, 31, 0, 15);
	check_uint("00", true, 31, 0, 0);
	check_uint("08", true, 31, -EINVAL, 0);
	check_uint("0x", true, 31, -EINVAL, 0);
	check_uint("0x-1", true, 31, -EINVAL, 0);
	check_uint("0x0x1", true, 31, -EINVAL, 0);
	check_uint("0x 1", true, 31, -EINVAL, 0);
}

static void test_int(void **state)
{
	int64_t got = 7;

	(void)state;
	assert_int_equal(xml_value_int("-1", -1, 65535, &got), 0);
	assert_int_equal(got, -1);
	assert_int_equal(xml_value_int("-2", -1, 65535, &got), -ERANGE);
	assert_int_equal(xml_value_int("--1", -1, 65535, &got), -EINVAL);
	assert_int_equal(xml_value_int("-", -1, 65535, &got), -EINVAL);
	assert_int_equal(xml_value_int("9223372036854775808", INT64_MIN, INT64_MAX, &got), -ERANGE);
}

static void test_mac(void **state)
{
	uint8_t mac[6] = { 0 };
	char text[XML_MAC_TEXT];

	(void)state;
	assert_int_equal(xml_value_mac("52:54:0:aB:cd:1", mac), 0);
	xml_value_mac_print(mac, text);
	assert_string_equal(text, "52:54:00:ab:cd:01");
	assert_int_equal(xml_value_mac("52:54:00:ab:cd", mac), -EINVAL);
	assert_int_equal(xml_value_mac("52:54:00:ab:cd:01:02", mac), -EINVAL);
	assert_int_equal(xml_value_mac("52:54:00:ab:cd:", mac), -EINVAL);
	assert_int_equal(xml_value_mac("52:54:00:ab:cd:123", mac), -EINVAL);
	assert_int_equal(xml_value_mac("52-54-00-ab-cd-01", mac), -EINVAL);
	assert_int_equal(xml_value_mac("", mac), -EINVAL);
}

static void test_uuid(void **state)
{
	uint8_t uuid[16] = { 0 };
	char text[XML_UUID_TEXT];

	(void)state;
	assert_int_equal(xml_value_uuid("C7A5FDBDEDAF9455926AD65C16DB1809", uuid), 0);
	xml_value_uuid_print(uuid, text);
	assert_string_equal(text, "c7a5fdbd-edaf-9455-926a-d65c16db1809");
	assert_int_equal(xml_value_uuid(" c7a5fdbd-edaf-9455-926a-d65c16db1809\n", uuid), 0);
	assert_int_equal(xml_value_uuid("c7a5fdbd-edaf-9455-926a-d65c16db180", uuid), -EINVAL);
	assert_int_equal(xml_value_uuid("c7a5fdbd-edaf-9455-926a-d65c16db18090", uuid), -EINVAL);
	assert_int_equal(xml_value_uuid("c7a5fdbd--edaf-9455-926a-d65c16db1809", uuid), -EINVAL);
	assert_int_equal(xml_value_uuid("-c7a5fdbd-edaf-9455-926a-d65c16db1809", uuid), -EINVAL);
	assert_int_equal(xml_value_uuid("g7a5fdbd-edaf-9455-926a-d65c16db1809", uuid), -EINVAL);
	assert_int_equal(xml_value_uuid("", uuid), -EINVAL);
}

static void test_kib(void **state)
{
	uint64_t kib = 0;

	(void)state;
	assert_int_equal(xml_value_kib(5, NULL, &kib), 0);
	assert_int_equal(kib, 5);
	assert_int_equal(xml_value_kib(1, "bytes", &kib), 0);
	assert_int_equal(kib, 1);
	assert_int_equal(xml_value_kib(1, "GB", &kib), 0);
	assert_int_equal(kib, 976563);
	assert_int_equal(xml_value_kib(2, "GiB", &kib), 0);
	assert_int_equal(kib, 2097152);
	assert_int_equal(xml_value_kib(2, "gigs", &kib), -EINVAL);
	assert_int_equal(xml_value_kib(16, "EiB", &kib), -ERANGE);
}

static void test_writer(void **state)
{
	CLEAN_BUF struct buf out;
	struct xml_writer w;

	(void)state;
	buf_init(&out, 4096);
	xml_writer_init(&w, &out);
	xml_open(&w, "a");
	xml_open(&w, "nothing");
	xml_open(&w, "nothing");
	xml_close(&w);
	xml_close(&w);
	xml_open(&w, "b");
	xml_attr(&w, "c", "<'\"&\n\t\r>");
	xml_close(&w);
	xml_open(&w, "d");
	xml_text(&w, "<'\"&\n\t\r>");
	xml_close(&w);
	xml_open(&w, "e");
	xml_open(&w, "f");
	xml_touch(&w);
	xml_close(&w);
	xml_close(&w);
	xml_open(&w, "g");
	xml_raw(&w, "<h/>", 4);
	xml_close(&w);
	xml_close(&w);
	assert_int_equal(xml_writer_finish(&w), 0);
	assert_string_equal(buf_str(&out),
			    "<a>\n"
			    "  <b c='&lt;&apos;&quot;&amp;&#10;&#9;&#13;&gt;'/>\n"
			    "  <d>&lt;&apos;&quot;&amp;\n\t&#13;&gt;</d>\n"
			    "  <e>\n"
			    "    <f/>\n"
			    "  </e>\n"
			    "  <g><h/></g>\n"
			    "</a>\n");
}

static void test_writer_order(void **state)
{
	CLEAN_BUF struct buf out;
	struct xml_writer w;

	(void)state;
	buf_init(&out, 4096);
	xml_writer_init(&w, &out);
	xml_open(&w, "a");
	xml_text(&w, "t");
	xml_attr(&w, "late", "1");
	xml_close(&w);
	assert_int_equal(xml_writer_finish(&w), -EINVAL);

	buf_reset(&out);
	xml_writer_init(&w, &out);
	xml_open(&w, "a");
	assert_int_equal(xml_writer_finish(&w), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uint), cmocka_unit_test(test_int),
		cmocka_unit_test(test_mac), cmocka_unit_test(test_uuid),
		cmocka_unit_test(test_kib), cmocka_unit_test(test_writer),
		cmocka_unit_test(test_writer_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
