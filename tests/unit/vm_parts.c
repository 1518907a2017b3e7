/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pure parts of cordon-vm: QMP parser and its limits, queue, journal, ring, /proc texts, keys. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm/journal.h"
#include "vm/keys.h"
#include "vm/proc.h"
#include "vm/qmp_cmd.h"
#include "vm/qmp_parse.h"
#include "vm/queue.h"
#include "vm/ring.h"
#include "vm/stats_parse.h"

/* ---- QMP ---- */

static unsigned messages;

static int count(void *ctx, struct json_object *msg, const char *text, size_t len)
{
	(void)ctx;
	(void)msg;
	assert_true(text[len - 1] == '}');
	messages++;
	return 0;
}

static int feed(const char *text, size_t len, size_t step)
{
	struct qmp_parser p;
	struct err err = { 0 };
	int rc = 0;

	messages = 0;
	assert_int_equal(qmp_parser_init(&p), 0);
	for (size_t at = 0; at < len && !rc; at += step)
		rc = qmp_parser_feed(&p, text + at, len - at < step ? len - at : step, count, NULL,
				     &err);
	if (rc == -EBADMSG || rc == -E2BIG)
		assert_true(err.text[0]);
	qmp_parser_free(&p);
	return rc;
}

static int feed_text(const char *text)
{
	int rc = feed(text, strlen(text), 1u << 20);

	for (size_t step = 1; step < 4; step++)
		assert_int_equal(feed(text, strlen(text), step), rc);
	return rc;
}

static void test_qmp_messages(void **state)
{
	(void)state;
	assert_int_equal(feed_text("{\"QMP\": {}}\r\n{\"return\": {}, \"id\": 1}\r\n\r\n{}\n{\"half"), 0);
	assert_int_equal(messages, 3);
	assert_int_equal(feed_text("hello\n"), -EBADMSG);
	assert_int_equal(feed_text("[1]\n"), -EBADMSG);
	assert_int_equal(feed_text("{\"a\": 1} x\n"), -EBADMSG);
	assert_int_equal(feed_text("{\"a\": 1\n}\n"), -EBADMSG);
	assert_int_equal(feed_text("{\"a\": \"\xff\xfe\"}\n"), -EBADMSG);
	assert_int_equal(feed("{}\0{}\n", 6, 100), -EBADMSG);
}

static void test_qmp_limits(void **state)
{
	size_t n = QMP_LINE_MAX + 10;
	char *text = malloc(n);

	(void)state;
	if (!text)
		abort();
	memset(text, '[', n);
	assert_int_equal(feed(text, n, 65536), -E2BIG);
	memset(text, ' ', n);
	assert_int_equal(feed(text, n, 65536), -E2BIG);
	/* deep */
	memcpy(text, "{\"a\":", 5);
	memset(text + 5, '[', 1000);
	text[1005] = '\n';
	assert_int_equal(feed(text, 1006, 65536), -EBADMSG);
	/* many */
	memcpy(text, "{\"a\":[", 6);
	for (size_t i = 0; i < QMP_VALUES_MAX; i++)
		memcpy(text + 6 + 2 * i, "1,", 2);
	memcpy(text + 6 + 2 * QMP_VALUES_MAX, "1]}\n", 4);
	assert_int_equal(feed(text, 6 + 2 * (size_t)QMP_VALUES_MAX + 4, 65536), -E2BIG);
	free(text);
}

static void test_qmp_members(void **state)
{
	struct json_object *o = qmp_args("a:s b:i c:b d:o", "x", (int64_t)-5, 1, qmp_args("e:i", (int64_t)7));
	struct json_object *nul = json_tokener_parse("{\"s\": \"a\\u0000b\", \"u\": 18446744073709551615}");

	(void)state;
	assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
			    "{\"a\":\"x\",\"b\":-5,\"c\":true,\"d\":{\"e\":7}}");
	assert_string_equal(qmp_str(o, "a"), "x");
	assert_null(qmp_str(o, "b"));
	assert_int_equal(qmp_int(o, "b", 0), -5);
	assert_int_equal(qmp_int(o, "none", 3), 3);
	assert_int_equal(qmp_int(qmp_obj(o, "d"), "e", 0), 7);
	assert_true(qmp_bool(o, "c"));
	assert_null(qmp_str(nul, "s"));
	assert_true(qmp_uint(nul, "u", 0) == UINT64_MAX);
	assert_null(qmp_at(NULL, 0));
	json_object_put(o);
	json_object_put(nul);
}

/* ---- queue ---- */

static struct vm_event event_of(int kind, const char *text)
{
	return (struct vm_event){ .kind = (uint32_t)kind, .text = (char *)(uintptr_t)text };
}

static void test_queue(void **state)
{
	struct vm_event e = event_of(VM_EVENT_KIND_REBOOT, "text"), out[8];
	struct queue q;

	(void)state;
	queue_init(&q, 4);
	for (int i = 0; i < 6; i++)
		queue_push(&q, &e);
	assert_int_equal(q.n, 4);
	assert_int_equal(q.lost, 2);
	assert_int_equal(q.seq, 4);
	e = event_of(VM_EVENT_KIND_EXITED, NULL);
	assert_non_null(queue_push(&q, &e));
	assert_int_equal(queue_take(&q, out, 3), 3);
	assert_int_equal(out[0].seq, 1);
	assert_string_equal(out[0].text, "text");
	assert_int_equal(queue_take(&q, out, 8), 2);
	assert_int_equal(queue_take(&q, out, 8), 0);
	queue_ack(&q, 2);
	assert_int_equal(q.n, 3);
	queue_rewind(&q);
	assert_int_equal(queue_take(&q, out, 8), 3);
	assert_int_equal(out[0].seq, 3);
	queue_ack(&q, 1000);
	assert_int_equal(q.n, 0);
	assert_int_equal(q.acked, 5);
	assert_int_equal(q.bytes, 0);
	e.seq = 3;
	queue_restore(&q, &e);   /* old */
	assert_int_equal(q.n, 0);
	queue_free(&q);
}

/* ---- journal ---- */

static char seen[4096];

static void note(void *ctx, enum journal_type type, const void *body, size_t len)
{
	size_t at = strlen(seen);

	(void)ctx;
	snprintf(seen + at, sizeof(seen) - at, "%d:%.*s ", (int)type, (int)len, (const char *)body);
}

static int reopen(int fd, struct journal *j)
{
	seen[0] = '\0';
	return journal_open(j, fd, note, NULL);
}

static void test_journal(void **state)
{
	int fd = memfd_create("journal", 0);
	struct journal j;
	uint32_t end;

	(void)state;
	assert_int_equal(reopen(fd, &j), -ENODATA);
	assert_int_equal(journal_append(&j, JOURNAL_EVENT, "one", 3), 0);
	assert_int_equal(journal_append(&j, JOURNAL_EVENT, "two", 3), 0);
	end = j.at;
	assert_int_equal(reopen(fd, &j), 0);
	assert_string_equal(seen, "2:one 2:two ");
	assert_int_equal(j.at, end);
	/* a torn record ends it, and is written over */
	assert_int_equal(journal_append(&j, JOURNAL_EVENT, "three", 5), 0);
	assert_int_equal(pwrite(fd, "X", 1, (off_t)j.slot * JOURNAL_SLOT + j.at - 1), 1);
	assert_int_equal(reopen(fd, &j), 0);
	assert_string_equal(seen, "2:one 2:two ");
	/* a rewriting that was cut short does not count, nor does the next find its remains */
	journal_begin(&j);
	assert_int_equal(journal_append(&j, JOURNAL_FACTS, "facts", 5), 0);
	assert_int_equal(journal_append(&j, JOURNAL_FACTS, "stale", 5), 0);
	assert_int_equal(reopen(fd, &j), 0);
	assert_string_equal(seen, "2:one 2:two ");
	journal_begin(&j);
	assert_int_equal(journal_append(&j, JOURNAL_FACTS, "FACTS", 5), 0);
	assert_int_equal(journal_end(&j), 0);
	assert_int_equal(journal_append(&j, JOURNAL_ACK, "ack", 3), 0);
	assert_int_equal(reopen(fd, &j), 0);
	assert_string_equal(seen, "1:FACTS 3:ack ");
	/* bad heads, and garbage */
	assert_int_equal(pwrite(fd, "garbage!", 8, (off_t)j.slot * JOURNAL_SLOT), 8);
	assert_int_equal(reopen(fd, &j), -ENODATA);
	assert_int_equal(reopen(fd, &j), 0);
	assert_string_equal(seen, "");
	close(fd);
}

static void test_journal_full(void **state)
{
	int fd = memfd_create("journal", 0);
	char *big = calloc(1, JOURNAL_RECORD_MAX);
	struct journal j;
	int rc = 0;

	(void)state;
	assert_int_equal(reopen(fd, &j), -ENODATA);
	assert_int_equal(journal_append(&j, JOURNAL_EVENT, big, JOURNAL_RECORD_MAX + 1), -EINVAL);
	for (int i = 0; i < 1000 && !rc; i++)
		rc = journal_append(&j, JOURNAL_EVENT, big, JOURNAL_RECORD_MAX);
	assert_int_equal(rc, -EFBIG);
	assert_true(journal_is_long(&j));
	free(big);
	close(fd);
}

/* ---- small things ---- */

static void test_ring(void **state)
{
	struct ring r;
	const char *p;
	char all[64];
	size_t n, at = 0;

	(void)state;
	ring_init(&r, 10);
	assert_int_equal(ring_put(&r, "0123456", 7), 0);
	ring_take(&r, 3);
	assert_int_equal(ring_put(&r, "abcdef", 6), 0);
	assert_int_equal(ring_room(&r), 0);
	assert_int_equal(ring_put(&r, "XY", 2), 2);
	while ((n = ring_peek(&r, &p)) > 0) {
		memcpy(all + at, p, n);
		at += n;
		ring_take(&r, n);
	}
	assert_int_equal(at, 10);
	assert_memory_equal(all, "56abcdefXY", 10);
	assert_int_equal(ring_put(&r, "0123456789abcdef", 16), 6);
	assert_int_equal(ring_peek(&r, &p), 10);
	assert_memory_equal(p, "6789abcdef", 10);
	ring_free(&r);
}

static void test_proc(void **state)
{
	struct proc_times t;

	(void)state;
	assert_int_equal(proc_parse_stat("12 (a) b) S 1 1 1 0 -1 4194560 1 0 0 0 25 50 0 0 20 0 3 0 100 "
					 "1000000 77 184", 10, 4, &t), 0);
	assert_int_equal(t.user_ns, 250);
	assert_int_equal(t.system_ns, 500);
	assert_int_equal(t.rss_kib, 308);
	assert_int_equal(proc_parse_stat("12 (a", 10, 4, &t), -EBADMSG);
	assert_int_equal(proc_parse_stat("12 (a) S 1", 10, 4, &t), -EBADMSG);
	assert_int_equal(proc_parse_nspid("Name:\tx\nNSpid:\t1234\t17\nVm:\t3\n"), 17);
	assert_int_equal(proc_parse_nspid("Name:\tx\nNSpid:\t1234\n"), 1234);
	assert_int_equal(proc_parse_nspid("Name:\tx\n"), 0);
}

static void test_keys(void **state)
{
	(void)state;
	assert_int_equal(keys_to_qnum(KEYS_LINUX, 30), 30);      /* A */
	assert_int_equal(keys_to_qnum(KEYS_LINUX, 111), 0xd3);   /* Delete */
	assert_int_equal(keys_to_qnum(KEYS_LINUX, 29), 29);      /* left Ctrl */
	assert_int_equal(keys_to_qnum(KEYS_LINUX, 700), -1);
	assert_int_equal(keys_to_qnum(KEYS_LINUX, 0), -1);
	assert_int_equal(keys_to_qnum(KEYS_XT, 0xe053), 0xd3);
	assert_int_equal(keys_to_qnum(KEYS_QNUM, 0xd3), 0xd3);
	assert_int_equal(keys_to_qnum(77, 1), -1);
}

static void test_stats(void **state)
{
	struct json_object *o = json_tokener_parse(
		"{\"stats\": {\"stat-free-memory\": 4096, \"stat-swap-in\": 18446744073709551615,"
		" \"stat-htlb-pgalloc\": 3}, \"last-update\": 99}");
	struct json_object *b = json_tokener_parse(
		"[{\"qdev\": \"/machine/peripheral/virtio-disk0/virtio-backend\", \"stats\": {\"rd_bytes\": 5}},"
		"{\"qdev\": \"virtio-disk01\", \"stats\": {\"rd_bytes\": 6}}, 7]");
	struct dom_disk disk = { .info.alias = (char *)(uintptr_t)"virtio-disk0",
				 .target = (char *)(uintptr_t)"vda" };
	struct domain d = { .n_disks = 1, .disks = &disk };
	struct arena *a = arena_new(4096);
	struct vm_memory_stat m[STATS_MEMORY_MAX];
	struct vm_block_stats *s;
	uint32_t n = 0;

	(void)state;
	stats_parse_memory(o, m, &n);
	assert_int_equal(n, 3);
	assert_int_equal(m[0].tag, 4);
	assert_int_equal(m[0].value, 4);
	assert_int_equal(m[1].tag, 11);
	assert_int_equal(m[2].value, 99);
	s = stats_disks(&d, a, &n);
	assert_int_equal(n, 1);
	stats_parse_blockstats(&d, b, s);
	assert_int_equal(s[0].rd_bytes, 5);
	stats_parse_nodes(&d, b, s);
	arena_free(a);
	json_object_put(o);
	json_object_put(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_qmp_messages), cmocka_unit_test(test_qmp_limits),
		cmocka_unit_test(test_qmp_members), cmocka_unit_test(test_queue),
		cmocka_unit_test(test_journal), cmocka_unit_test(test_journal_full),
		cmocka_unit_test(test_ring), cmocka_unit_test(test_proc), cmocka_unit_test(test_keys),
		cmocka_unit_test(test_stats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
