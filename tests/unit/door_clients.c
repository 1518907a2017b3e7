/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may come in, who has to go: the limits on clients, and the lists of users. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "door/door.h"

struct door door;

static void test_total_keeps_places_for_root(void **state)
{
	struct clients cs = { .max = 20, .max_per_user = 100 };
	struct client c[20];

	(void)state;
	for (int i = 0; i < 20 - CLIENTS_ROOT_RESERVE; i++) {
		assert_null(clients_full(&cs, 1000));
		assert_int_equal(clients_add(&cs, &c[i], 1000, 0), 0);
	}
	assert_string_equal(clients_full(&cs, 1000), "max_clients");
	for (int i = 20 - CLIENTS_ROOT_RESERVE; i < 20; i++) {
		assert_null(clients_full(&cs, 0));
		assert_int_equal(clients_add(&cs, &c[i], 0, 0), 0);
	}
	assert_string_equal(clients_full(&cs, 0), "max_clients");
	for (int i = 0; i < 20; i++)
		clients_gone(&cs, &c[i]);
	assert_int_equal(cs.n, 0);
	assert_null(cs.users);
	assert_null(cs.oldest);
}

static void test_per_user(void **state)
{
	struct clients cs = { .max = 100, .max_per_user = 2 };
	struct client c[4];

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(clients_add(&cs, &c[i], 7, 0), 0);
	assert_string_equal(clients_full(&cs, 7), "max_clients_per_user");
	assert_null(clients_full(&cs, 8));
	clients_gone(&cs, &c[0]);
	clients_gone(&cs, &c[0]);
	assert_null(clients_full(&cs, 7));
	for (int i = 2; i < 4; i++)
		assert_int_equal(clients_add(&cs, &c[i], 0, 0), 0);
	assert_null(clients_full(&cs, 0));
	for (int i = 1; i < 4; i++)
		clients_gone(&cs, &c[i]);
}

static void test_greediest_goes_first(void **state)
{
	struct clients cs = { .max = 100, .max_per_user = 100, .max_anon = 3 };
	struct client one, many[3];

	(void)state;
	assert_int_equal(clients_add(&cs, &one, 7, 0), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(clients_add(&cs, &many[i], 8, 100 + (uint64_t)i), 0);
	/* one too many, but all of them young */
	assert_null(clients_excess(&cs, 500));
	assert_ptr_equal(clients_excess(&cs, 100 + CLIENTS_ANON_GRACE_MS), &many[0]);
	/* who has said who he is does not count */
	clients_known(&cs, &many[1]);
	clients_known(&cs, &many[1]);
	assert_null(clients_excess(&cs, 5000));
	cs.max_anon = 1;
	assert_ptr_equal(clients_excess(&cs, 5000), &many[0]);
	cs.max_anon = 0;
	assert_null(clients_excess(&cs, 5000));
	clients_gone(&cs, &one);
	for (int i = 0; i < 3; i++)
		clients_gone(&cs, &many[i]);
	assert_int_equal(cs.n_anon, 0);
}

static void test_lists(void **state)
{
	uint32_t rw_uids[] = { 10 }, rw_gids[] = { 20 }, ro_uids[] = { 11 }, ro_gids[] = { 21 };
	uint32_t more[] = { 5, 20 }, ro_more[] = { 21 };
	struct config c = {
		.n_unix_rw_uids = 1, .unix_rw_uids = rw_uids, .n_unix_rw_gids = 1, .unix_rw_gids = rw_gids,
		.n_unix_ro_uids = 1, .unix_ro_uids = ro_uids, .n_unix_ro_gids = 1, .unix_ro_gids = ro_gids,
	};
	const struct {
		struct identity who;
		bool rw, ro;
	} rows[] = {
		{ { .uid = 0, .gid = 0 }, true, true },
		{ { .uid = 10, .gid = 1 }, true, true },
		{ { .uid = 99, .gid = 20 }, true, true },
		{ { .uid = 99, .gid = 1, .n_gids = 2, .gids = more }, true, true },
		{ { .uid = 11, .gid = 1 }, false, true },
		{ { .uid = 99, .gid = 21 }, false, true },
		{ { .uid = 99, .gid = 1, .n_gids = 1, .gids = ro_more }, false, true },
		{ { .uid = 99, .gid = 0 }, false, false },
		{ { .uid = 20, .gid = 10 }, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct identity who = rows[i].who;

		assert_int_equal(identity_admitted(&c, &who), rows[i].rw);
		who.readonly = true;
		assert_int_equal(identity_admitted(&c, &who), rows[i].ro);
		c.unix_ro_open = true;
		assert_true(identity_admitted(&c, &who));
		who.readonly = false;
		assert_int_equal(identity_admitted(&c, &who), rows[i].rw);
		c.unix_ro_open = false;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_total_keeps_places_for_root), cmocka_unit_test(test_per_user),
		cmocka_unit_test(test_greediest_goes_first), cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
