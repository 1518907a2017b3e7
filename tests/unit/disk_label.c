/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Labels through the real cordon-disk, with real security.selinux attributes,
 * and kill -9 at random moments. This test plays cordond and core. Where the
 * kernel has SELinux, the real cordon-file sets the labels (tests/lab runs this
 * program there); elsewhere nobody but root may, and this test plays
 * cordon-file as well: the same calls on the same descriptors, without its rules.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "label_rooms.h"
#include "need_root.h"

#define GUESTS 12
#define CYCLES 300               /* label and put back; CORDON_CYCLES says otherwise */

/* ---- the tests ---- */

static void test_there_and_back(void **state)
{
	struct use u = { 0 };
	double t;

	ROOT();
	assert_int_equal(open_file(1, 4, &u), 0);
	assert_string_equal(got.label, original[4]);
	assert_int_equal(open_file(1, 5, &u), 0);
	has(4, original[4]);
	t = ms();
	assert_int_equal(label(1, &u, 0, 0), 0);
	print_message("    two labels: %.2f ms", ms() - t);
	has(4, IMAGE ":c1,c101");
	has(5, IMAGE ":c1,c101");
	/* once more is no change */
	assert_int_equal(label(1, &u, 0, 0), 0);
	t = ms();
	assert_int_equal(release(1, 0, 0), 0);
	print_message(", back: %.2f ms\n", ms() - t);
	has(4, original[4]);
	has(5, original[5]);
	use_close(&u);
}

/* Under one label by many: it goes back with the last. */
static void test_shared(void **state)
{
	struct use u[3] = { 0 };

	ROOT();
	for (uint8_t g = 1; g <= 3; g++) {
		assert_int_equal(open_file(g, 0, &u[g - 1]), 0);
		assert_int_equal(label(g, &u[g - 1], 0, 0), 0);
		has(0, SHARED_LABEL);
	}
	/* another label, or alone: not while they are there */
	snprintf(u[2].label[0], sizeof(u[2].label[0]), IMAGE ":c7,c8");
	assert_int_equal(label(3, &u[2], 0, 0), -EBUSY);
	assert_non_null(strstr(got.text, "shareable"));
	snprintf(u[2].label[0], sizeof(u[2].label[0]), SHARED_LABEL);
	u[2].rows[0].shared = false;
	assert_int_equal(label(3, &u[2], 0, 0), -EBUSY);
	has(0, SHARED_LABEL);
	for (uint8_t g = 1; g <= 3; g++) {
		has(0, SHARED_LABEL);
		assert_int_equal(release(g, 0, 0), 0);
		use_close(&u[g - 1]);
	}
	has(0, original[0]);
}

static void test_refused(void **state)
{
	struct use u = { 0 };

	ROOT();
	assert_int_equal(open_file(1, 4, &u), 0);
	/* another guest's file; none that is open; one file with two labels */
	assert_int_equal(label(2, &u, 0, 0), -ENOENT);
	u.rows[0].ino++;
	assert_int_equal(label(1, &u, 0, 0), -ENOENT);
	u.rows[0].ino--;
	u.rows[1] = u.rows[0];
	u.fds[1] = dup(u.fds[0]);
	u.rows[1].label = original[4];
	u.n = 2;
	assert_int_equal(label(1, &u, 0, 0), -EINVAL);
	has(4, original[4]);
	if (selinux) {
		/* cordon-file's rules: types, categories, and the file that the row names */
		static const char *const bad[] = {
			"system_u:object_r:bin_t:s0", IMAGE ":c1 ", "nonsense",
			"system_u:object_r:svirt_image_t",
		};

		fd_close(&u.fds[1]);
		u.n = 1;
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			snprintf(u.label[0], sizeof(u.label[0]), "%s", bad[i]);
			assert_int_equal(label(1, &u, 0, 0), -EACCES);
			has(4, original[4]);
		}
	}
	assert_int_equal(release(1, 0, 0), 0);
	use_close(&u);
	has(4, original[4]);
}

/* Whose label somebody else changed meanwhile is let alone; one that cannot be had now comes later. */
static void test_changed(void **state)
{
	struct use u = { 0 };
	char moved[160];

	ROOT();
	assert_int_equal(open_file(1, 4, &u), 0);
	assert_int_equal(open_file(1, 5, &u), 0);
	assert_int_equal(label(1, &u, 0, 0), 0);
	put(paths[4], original[5]);
	/* and one that was replaced */
	snprintf(moved, sizeof(moved), "%s/moved", dir);
	assert_int_equal(rename(paths[5], moved), 0);
	close(open(paths[5], O_RDWR | O_CREAT, 0600));
	put(paths[5], IMAGE ":c1,c101");
	assert_int_equal(release(1, 0, 0), 0);
	has(4, original[5]);
	has(5, IMAGE ":c1,c101");
	use_close(&u);
	assert_int_equal(rename(moved, paths[5]), 0);
	for (unsigned i = 4; i <= 5; i++)
		put(paths[i], original[i]);
}

static void wait_for(unsigned i, const char *want)
{
	double until = ms() + 5000;
	char now[256] = "";

	do {
		ssize_t n = getxattr(paths[i], "security.selinux", now, 255);

		now[n < 0 ? 0 : n] = '\0';
		turn(2);
	} while (strcmp(now, want) != 0 && ms() < until);
	has(i, want);
}

/* A core that says a guest is gone: its QEMU, which has the image locked, keeps the label. */
static void test_still_used(void **state)
{
	struct flock l = { .l_type = F_RDLCK, .l_start = 101, .l_len = 1 };   /* as locks_sys.c looks for */
	struct use u = { 0 };

	ROOT();
	assert_int_equal(open_file(1, 4, &u), 0);
	assert_int_equal(label(1, &u, 0, 0), 0);
	assert_int_equal(fcntl(u.fds[0], F_OFD_SETLK, &l), 0);
	assert_int_equal(release(1, 0, 0), 0);
	has(4, IMAGE ":c1,c101");
	/* nor by saying nothing of it to another cordon-disk */
	end(&disk_pid);
	end(&file_pid);
	start_disk();
	settle();
	for (double until = ms() + 100; ms() < until;)
		turn(2);
	has(4, IMAGE ":c1,c101");
	use_close(&u);
	restart_file();
	wait_for(4, original[4]);
}

/* Nor is it given another one, where two may have the image open. */
static void test_still_read(void **state)
{
	struct flock l = { .l_type = F_RDLCK, .l_start = 100, .l_len = 1 };
	struct use u = { 0 }, other = { 0 };

	ROOT();
	assert_int_equal(open_file(1, 0, &u), 0);
	assert_int_equal(label(1, &u, 0, 0), 0);
	assert_int_equal(fcntl(u.fds[0], F_OFD_SETLK, &l), 0);
	assert_int_equal(release(1, 0, 0), 0);
	assert_int_equal(open_file(2, 0, &other), 0);
	snprintf(other.label[0], sizeof(other.label[0]), IMAGE ":c7,c8");
	assert_int_equal(label(2, &other, 0, 0), -EBUSY);
	assert_non_null(strstr(got.text, "still uses it"));
	has(0, SHARED_LABEL);
	snprintf(other.label[0], sizeof(other.label[0]), SHARED_LABEL);
	assert_int_equal(label(2, &other, 0, 0), 0);
	use_close(&u);
	assert_int_equal(release(2, 0, 0), 0);
	use_close(&other);
	has(0, original[0]);
}

/* cordon-file refuses, or ends before or after the deed. */
static void test_file_fails(void **state)
{
	ROOT();
	for (int f = FAULT_REFUSE; f <= FAULT_DIE_AFTER; f++) {
		struct use u = { 0 };

		assert_int_equal(open_file(1, 4, &u), 0);
		fault = f;
		assert_true(label(1, &u, 0, 0) < 0);
		fault = FAULT_NONE;
		if (f != FAULT_REFUSE)
			restart_file();
		assert_int_equal(release(1, 0, 0), 0);
		wait_for(4, original[4]);
		use_close(&u);
		/* on the way back */
		assert_int_equal(open_file(1, 4, &u), 0);
		assert_int_equal(label(1, &u, 0, 0), 0);
		fault = f;
		assert_int_equal(release(1, 0, 0), 0);
		fault = FAULT_NONE;
		if (f == FAULT_REFUSE)
			has(4, IMAGE ":c1,c101");
		restart_file();
		wait_for(4, original[4]);
		use_close(&u);
	}
}

/* What could not be put back, and goes to the next guest, who does not get it either. */
static void test_left_behind(void **state)
{
	struct use u = { 0 };

	ROOT();
	assert_int_equal(open_file(1, 4, &u), 0);
	assert_int_equal(label(1, &u, 0, 0), 0);
	fault = FAULT_REFUSE;
	assert_int_equal(release(1, 0, 0), 0);
	use_close(&u);
	for (uint8_t g = 2; g <= 3; g++) {
		assert_int_equal(open_file(g, 4, &u), 0);
		assert_int_equal(label(g, &u, 0, 0), -EROFS);
		assert_int_equal(release(g, 0, 0), 0);
		use_close(&u);
	}
	has(4, IMAGE ":c1,c101");
	fault = FAULT_NONE;
	/* the journal says it to the next cordon-disk, too */
	end(&disk_pid);
	start_disk();
	settle();
	wait_for(4, original[4]);
}

/* The power fails with the label of the run before last on the disk: what came after it was in memory. */
static void test_older_label(void **state)
{
	struct use u = { 0 };

	ROOT();
	for (uint8_t g = 1; g <= 2; g++) {
		assert_int_equal(open_file(g, 4, &u), 0);
		assert_int_equal(label(g, &u, 0, 0), 0);
		if (g == 1)
			assert_int_equal(release(g, 0, 0), 0);
		use_close(&u);
	}
	end(&disk_pid);
	end(&file_pid);
	put(paths[4], IMAGE ":c1,c101");
	start_disk();
	settle();
	wait_for(4, original[4]);
}

/* A file with two names: the one that its last guest came by counts, the other may be gone. */
static void test_two_names(void **state)
{
	struct use u[2] = { 0 };
	char first[128], second[140];

	ROOT();
	snprintf(first, sizeof(first), "%s", paths[0]);
	snprintf(second, sizeof(second), "%s/second", dir);
	assert_int_equal(open_file(1, 0, &u[0]), 0);
	assert_int_equal(label(1, &u[0], 0, 0), 0);
	assert_int_equal(link(first, second), 0);
	snprintf(paths[0], sizeof(paths[0]), "%.120s", second);
	assert_int_equal(open_file(2, 0, &u[1]), 0);
	assert_int_equal(label(2, &u[1], 0, 0), 0);
	snprintf(paths[0], sizeof(paths[0]), "%s", first);
	assert_int_equal(release(2, 0, 0), 0);
	assert_int_equal(unlink(second), 0);
	has(0, SHARED_LABEL);
	assert_int_equal(release(1, 0, 0), 0);
	has(0, original[0]);
	for (int i = 0; i < 2; i++)
		use_close(&u[i]);
}

/* Of two guests one stops, and its name goes: the next cordon-disk knows the other's. */
static void test_two_names_restart(void **state)
{
	ROOT();
	for (uint8_t leaves = 1; leaves <= 2; leaves++) {
		const uint8_t stays = 3 - leaves;
		struct use u[2] = { 0 };
		char names[2][140], kept[140];

		snprintf(names[0], sizeof(names[0]), "%s", paths[0]);
		snprintf(names[1], sizeof(names[1]), "%s/second", dir);
		snprintf(kept, sizeof(kept), "%s/kept", dir);
		assert_int_equal(link(names[0], names[1]), 0);
		assert_int_equal(link(names[0], kept), 0);
		for (uint8_t g = 1; g <= 2; g++) {
			snprintf(paths[0], sizeof(paths[0]), "%.120s", names[g - 1]);
			assert_int_equal(open_file(g, 0, &u[g - 1]), 0);
			assert_int_equal(label(g, &u[g - 1], 0, 0), 0);
		}
		snprintf(paths[0], sizeof(paths[0]), "%.120s", kept);
		assert_int_equal(release(leaves, 0, 0), 0);
		assert_int_equal(unlink(names[leaves - 1]), 0);
		end(&disk_pid);
		end(&file_pid);
		start_disk();
		adopt(stays);
		settle();
		has(0, SHARED_LABEL);
		assert_int_equal(release(stays, 0, 0), 0);
		has(0, original[0]);
		for (int i = 0; i < 2; i++) {
			unlink(names[i]);
			use_close(&u[i]);
		}
		assert_int_equal(rename(kept, names[0]), 0);
		snprintf(paths[0], sizeof(paths[0]), "%.120s", names[0]);
	}
}

/* cordon-file does not answer: what the refusal names is the file. */
static void test_no_answer(void **state)
{
	struct use u = { 0 };

	ROOT();
	assert_int_equal(open_file(1, 4, &u), 0);
	fault = FAULT_SILENT;
	assert_int_equal(label(1, &u, 0, 0), -ETIMEDOUT);
	fault = FAULT_NONE;
	assert_non_null(strstr(got.text, paths[4]));
	restart_file();
	ipc_reply(take_ptr(unanswered), NULL, NULL, 0);
	assert_int_equal(release(1, 0, 0), 0);
	wait_for(4, original[4]);
	use_close(&u);
}

/* ---- kill -9 ---- */

static struct guest {
	bool runs;
	bool uses[FILES];
} guests[GUESTS];

static void check_all(void)
{
	for (unsigned i = 0; i < FILES; i++) {
		const char *want = original[i];
		char pair[256];

		for (unsigned g = 0; g < GUESTS; g++) {
			if (!guests[g].runs || !guests[g].uses[i])
				continue;
			snprintf(pair, sizeof(pair), IMAGE ":c%u,c%u", g, g + 100);
			want = i < SHARED ? SHARED_LABEL : pair;
		}
		wait_for(i, want);
	}
}

static bool taken(unsigned i)
{
	for (unsigned g = 0; g < GUESTS; g++)
		if (guests[g].runs && guests[g].uses[i])
			return i >= SHARED;
	return false;
}

/* Core's part after a death: all that run are adopted. */
static void recover(void)
{
	end(&disk_pid);
	end(&file_pid);
	start_disk();
	for (unsigned g = 0; g < GUESTS; g++)
		if (guests[g].runs)
			adopt((uint8_t)g);
	settle();
}

static bool is_dead(pid_t pid)
{
	return pid > 0 && waitpid(pid, NULL, WNOHANG) != 0;
}

static void one_cycle(unsigned *kills)
{
	unsigned g = (unsigned)rand() % GUESTS;
	/* half of the time somebody is killed, at any moment of the next half millisecond or so */
	bool strike = rand() % 2;
	pid_t victim = selinux && rand() % 3 == 0 ? file_pid : disk_pid;
	double at = strike ? ms() + (double)(rand() % 1000) / 1000 * (rand() % 2 ? 0.6 : 6) : 0;
	struct use u = { 0 };

	if (guests[g].runs) {
		release((uint8_t)g, at, victim);
		guests[g].runs = false;
	} else {
		memset(guests[g].uses, 0, sizeof(guests[g].uses));
		for (unsigned i = 0; i < FILES; i++)
			if (rand() % 3 == 0 && !taken(i) && open_file((uint8_t)g, i, &u) == 0)
				guests[g].uses[i] = true;
		if (u.n && label((uint8_t)g, &u, at, victim) == 0)
			guests[g].runs = true;
		else if (!strike && u.n)
			fail_msg("%.200s", got.text);
		/* core walks its plan up */
		if (!guests[g].runs && !is_dead(disk_pid))
			release((uint8_t)g, 0, 0);
	}
	use_close(&u);
	if (!strike)
		return;
	while (ms() < at)
		turn(0);
	kill(victim, SIGKILL);
	(*kills)++;
	if (victim == disk_pid)
		recover();
	else
		restart_file();
}

static void test_kill(void **state)
{
	const char *say = getenv("CORDON_CYCLES"), *seed = getenv("CORDON_SEED");
	unsigned cycles = say ? (unsigned)strtoul(say, NULL, 10) : CYCLES, kills = 0;
	unsigned s = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time(NULL);

	ROOT();
	srand(s);
	print_message("    CORDON_SEED=%u\n", s);
	for (unsigned i = 0; i < cycles; i++) {
		one_cycle(&kills);
		if (i % 10 == 9)
			check_all();
	}
	for (unsigned g = 0; g < GUESTS; g++)
		if (guests[g].runs) {
			guests[g].runs = false;
			assert_int_equal(release((uint8_t)g, 0, 0), 0);
		}
	check_all();
	print_message("    %u cycles, %u kills\n", cycles, kills);
}

/* On a file system that SELinux does not label nothing is tried. */
static void test_no_labels(void **state)
{
	struct use u = { 0 };

	ROOT();
	end(&disk_pid);
	fake_mounts = false;
	start_disk();
	settle();
	assert_int_equal(open_file(1, 4, &u), 0);
	assert_false(got.image.labels);
	assert_int_equal(label(1, &u, 0, 0), -EOPNOTSUPP);
	assert_non_null(strstr(got.text, "keeps no labels"));
	assert_int_equal(release(1, 0, 0), 0);
	use_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_shared),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_changed), cmocka_unit_test(test_still_used),
		cmocka_unit_test(test_still_read), cmocka_unit_test(test_older_label),
		cmocka_unit_test(test_two_names), cmocka_unit_test(test_two_names_restart),
		cmocka_unit_test(test_kill),
	};
	/* of the real cordon-file nobody can ask to fail */
	const struct CMUnitTest played[] = {
		cmocka_unit_test(test_file_fails), cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_no_labels),
	};
	int failed = cmocka_run_group_tests(tests, start, stop);

	return failed + (has_selinux() ? 0 : cmocka_run_group_tests(played, start, stop));
}
