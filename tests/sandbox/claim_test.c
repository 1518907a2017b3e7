/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-launch reads claims that a ledger which lies has written: no label but of the types that guests have. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch/launch.h"

#define UID 1879152000u
#define NAME "1-2.00000000-0000-4000-8000-000000000000"

struct launch launch;
static struct err err;
static char dir[] = "/tmp/cordon-claim-XXXXXX";

static int setup(void **state)
{
	static char *process[] = { "svirt_t", "svirt_tcg_t" }, *fixed[] = { "my_guest_t" };

	(void)state;
	launch.claims = mkdtemp(dir) ? open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	snprintf(launch.instance, sizeof(launch.instance), "1-2");
	launch.conf = (struct config){
		.guest_uid_min = UID, .guest_uid_max = UID + 63,
		.selinux_process_types = process, .n_selinux_process_types = 2,
		.static_label_types = fixed, .n_static_label_types = 1,
	};
	return launch.claims < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	close(launch.claims);
	return rmdir(dir);
}

/* What launch makes of a claim. */
static int claimed(const char *text)
{
	struct cell c = { .dir_name = "00000000-0000-4000-8000-000000000000" };
	int r;

	assert_int_equal(symlinkat(text, launch.claims, NAME), 0);
	r = claim_read(&c, &err);
	assert_int_equal(unlinkat(launch.claims, NAME, 0), 0);
	if (r == 0) {
		assert_int_equal(c.uid, UID + 4);
		assert_string_equal(c.label, strrchr(text, ' ') + 1);
	}
	return r;
}

static int labelled(const char *label)
{
	char text[512];

	snprintf(text, sizeof(text), "%u - %s", UID + 4, label);
	return claimed(text);
}

static void labels_of_guests(void **state)
{
	(void)state;
	snprintf(launch.label, sizeof(launch.label), "system_u:system_r:cordon_launch_t:s0");
	assert_int_equal(labelled("system_u:system_r:svirt_t:s0:c1,c2"), 0);
	assert_int_equal(labelled("system_u:system_r:svirt_tcg_t:s0:c1,c2"), 0);
	assert_int_equal(labelled("system_u:system_r:my_guest_t:s0"), 0);
	assert_int_equal(labelled(""), 0);
}

static void labels_of_others(void **state)
{
	static const char *const labels[] = {
		"system_u:system_r:unconfined_t:s0", "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023",
		"system_u:system_r:cordon_core_t:s0", "system_u:system_r:cordon_launch_t:s0:c1,c2",
		"system_u:system_r:init_t:s0", "system_u:object_r:svirt_image_t:s0:c1,c2",
		"system_u:system_r:svirt_t2:s0", "system_u:system_r:svirt_:s0", "system_u:system_r::s0",
		"svirt_t:svirt_t:unconfined_t:svirt_t", "system_u:system_r:svirt_t", "svirt_t", ":::",
		"system_u:system_r:unconfined_t:s0:svirt_t:s0", "system_u:system_r:svirt_t:s0\nx",
		"system_u:system_r:svirt_t:s0 x", "system_u:system_r:svirt_t,unconfined_t:s0",
	};
	char longer[300] = "system_u:system_r:svirt_t:s0:";

	(void)state;
	snprintf(launch.label, sizeof(launch.label), "system_u:system_r:cordon_launch_t:s0");
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (labelled(labels[i]) != -EPERM)
			fail_msg("'%s' is not refused", labels[i]);
	assert_non_null(strstr(err.text, "none of the types that guests have"));
	memset(longer + strlen(longer), 'c', sizeof(longer) - 1 - strlen(longer));
	assert_int_equal(labelled(longer), -EINVAL);
}

/* A kernel without a policy would run whatever it is told without one. */
static void any_label_without_a_policy(void **state)
{
	(void)state;
	launch.label[0] = '\0';
	assert_int_equal(labelled("system_u:system_r:svirt_t:s0:c1,c2"), -EPERM);
	assert_int_equal(labelled(""), 0);
}

static void uids_and_texts(void **state)
{
	struct cell other = { .uid = UID + 6, .dir_name = "other" };
	char text[64];

	(void)state;
	assert_int_equal(claimed("0 - "), -ERANGE);
	assert_int_equal(claimed("-1 - "), -ERANGE);
	snprintf(text, sizeof(text), "%u - ", UID + 61);
	assert_int_equal(claimed(text), -ERANGE);
	assert_int_equal(claimed("junk"), -ERANGE);
	assert_int_equal(claimed("1"), -EINVAL);
	launch.cells = &other;
	assert_int_equal(labelled(""), -EBUSY);
	launch.cells = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_of_guests), cmocka_unit_test(labels_of_others),
		cmocka_unit_test(any_label_without_a_policy), cmocka_unit_test(uids_and_texts),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
