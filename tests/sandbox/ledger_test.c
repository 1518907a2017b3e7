/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two instances, one book: nobody shares a uid, nothing leaks, nothing living is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/ledger.h"

#define FIRST 1879150000u
#define COUNT (4 * LEDGER_UIDS_EACH)

static char dir[] = "/tmp/cordon-ledger-XXXXXX";
static char path[64];
static struct err err;

static int instance(const char *name)
{
	char p[64];

	snprintf(p, sizeof(p), "%s/%s", dir, name);
	mkdir(p, 0700);
	return open(p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int reopen(struct ledger *l, const char *name)
{
	int fd = instance(name), r = ledger_open(path, fd, name, FIRST, COUNT, l, &err);

	close(fd);
	return r;
}

static const uint8_t *uuid(int n)
{
	static uint8_t id[8][LEDGER_GUEST];

	id[n][0] = (uint8_t)(n + 1);
	return id[n];
}

static int count_claims(void *ctx, const struct ledger_record *r)
{
	(void)r;
	++*(int *)ctx;
	return 0;
}

static void two_instances_never_share(void **state)
{
	struct ledger a, b;
	uid_t q[4], x;
	int n = 0;

	(void)state;
	unlink(path);
	assert_int_equal(reopen(&a, "a"), 0);
	assert_int_equal(reopen(&b, "b"), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(ledger_claim_uids(i & 1 ? &b : &a, uuid(i), &q[i], &err), 0);
		assert_int_equal((q[i] - FIRST) % LEDGER_UIDS_EACH, 0);
		for (int j = 0; j < i; j++)
			assert_int_not_equal(q[i], q[j]);
	}
	assert_int_equal(ledger_claim_uids(&a, uuid(5), &x, &err), -EUSERS);
	assert_non_null(strstr(err.text, "in use"));
	/* the same guest, asked twice, has one claim */
	assert_int_equal(ledger_claim_uids(&a, uuid(0), &x, &err), 0);
	assert_int_equal(x, q[0]);
	assert_int_equal(ledger_release(&b, uuid(1), &err), 0);
	assert_int_equal(ledger_claim_uids(&a, uuid(5), &x, &err), 0);
	assert_int_equal(x, q[1]);
	assert_int_equal(ledger_each(&a, count_claims, &n, &err), 0);
	assert_int_equal(n, 3);
	ledger_close(&a);
	ledger_close(&b);
}

static void one_launch_per_instance(void **state)
{
	struct ledger a, again;

	(void)state;
	unlink(path);
	assert_int_equal(reopen(&a, "a"), 0);
	assert_int_equal(reopen(&again, "a"), -EBUSY);
	ledger_close(&a);
	assert_int_equal(reopen(&again, "a"), 0);
	ledger_close(&again);
}

static void own_claims_survive_a_restart(void **state)
{
	struct ledger a;
	uid_t q, q2;
	int n = 0;

	(void)state;
	unlink(path);
	assert_int_equal(reopen(&a, "a"), 0);
	assert_int_equal(ledger_claim_uids(&a, uuid(0), &q, &err), 0);
	ledger_close(&a);
	assert_int_equal(reopen(&a, "a"), 0);
	assert_int_equal(ledger_each(&a, count_claims, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(ledger_claim_uids(&a, uuid(0), &q2, &err), 0);
	assert_int_equal(q, q2);
	ledger_close(&a);
}

/* A process that has the uid when we return, and ends with us. */
static pid_t live_under(uid_t uid)
{
	int gate[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		if (setresuid(uid, uid, uid) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
		    write(gate[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	close(gate[1]);
	assert_int_equal(read(gate[0], &c, 1), 1);
	close(gate[0]);
	return pid;
}

/* A dead instance's claim goes, unless somebody still runs under it. */
static void stale_claims_are_reclaimed(void **state)
{
	struct ledger dead, a;
	uid_t q[2];
	pid_t pid;

	(void)state;
	unlink(path);
	assert_int_equal(reopen(&dead, "dead"), 0);
	assert_int_equal(ledger_claim_uids(&dead, uuid(0), &q[0], &err), 0);
	assert_int_equal(ledger_claim_uids(&dead, uuid(1), &q[1], &err), 0);
	ledger_close(&dead);
	pid = live_under(q[1] + 1);
	assert_int_equal(reopen(&a, "a"), 0);
	assert_int_equal(a.reclaimed, 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ledger_close(&a);
	assert_int_equal(reopen(&a, "a"), 0);
	assert_int_equal(a.reclaimed, 1);
	ledger_close(&a);
}

static void foreign_processes_keep_their_uid(void **state)
{
	struct ledger a;
	uid_t q;
	pid_t pid = live_under(FIRST + 1);

	(void)state;
	unlink(path);
	assert_int_equal(reopen(&a, "a"), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ledger_claim_uids(&a, uuid(i), &q, &err), 0);
		assert_int_not_equal(q, FIRST);
	}
	assert_int_equal(ledger_claim_uids(&a, uuid(3), &q, &err), -EUSERS);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(ledger_claim_uids(&a, uuid(3), &q, &err), 0);
	ledger_close(&a);
}

static void damage_is_set_aside(void **state)
{
	struct ledger a;
	uid_t q;
	int fd;

	(void)state;
	unlink(path);
	assert_int_equal(reopen(&a, "a"), 0);
	assert_int_equal(ledger_claim_uids(&a, uuid(0), &q, &err), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "junk", 4, 128 + 20), 4);
	assert_int_equal(pwrite(fd, "torn tail", 9, 256), 9);
	close(fd);
	assert_int_equal(ledger_claim_uids(&a, uuid(1), &q, &err), 0);
	assert_int_equal(a.damaged, 1);
	assert_int_equal(ledger_release(&a, uuid(1), &err), 0);
	ledger_close(&a);
	chmod(path, 0644);
	assert_int_equal(reopen(&a, "a"), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_instances_never_share),
		cmocka_unit_test(one_launch_per_instance),
		cmocka_unit_test(own_claims_survive_a_restart),
		cmocka_unit_test(stale_claims_are_reclaimed),
		cmocka_unit_test(foreign_processes_keep_their_uid),
		cmocka_unit_test(damage_is_set_aside),
	};
	int r;

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/ledger", dir);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	for (const char *const *n = (const char *const[]){ "a", "b", "dead", NULL }; *n; n++) {
		char p[64];

		snprintf(p, sizeof(p), "%s/%s", dir, *n);
		rmdir(p);
	}
	rmdir(dir);
	return r;
}
