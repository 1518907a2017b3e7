/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two instances, one book: nobody shares a uid or a label, nothing leaks, nothing living is taken. */
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
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "ledger/book.h"

#define FIRST 1879150000u
#define SETS 8u
#define SVIRT "system_u:system_r:svirt_t:"

static char dir[] = "/tmp/cordon-ledger-XXXXXX";
static struct err err;
static int folder = -1, proc = -1, run = -1;

static int reopen_some(struct book *l, uint64_t instance, unsigned sets)
{
	return book_open(folder, proc, run, "test", 0xfd, instance, FIRST, sets * BOOK_UIDS_EACH, l, &err);
}

static int reopen(struct book *l, uint64_t instance)
{
	return reopen_some(l, instance, SETS);
}

static const char *uuid(unsigned n)
{
	static char id[4][BOOK_GUEST + 1];

	snprintf(id[n % 4], sizeof(id[0]), "%08x-0000-4000-8000-000000000000", n);
	return id[n % 4];
}

static int count_claims(void *ctx, const struct book_claim *c)
{
	(void)c;
	++*(int *)ctx;
	return 0;
}

static const struct book_want no_label;

static int claim_uid(struct book *l, unsigned guest, uid_t *ret)
{
	struct book_claim c;
	int r = book_claim(l, uuid(guest), &no_label, &c, &err);

	*ret = c.uid;
	return r;
}

/* Claim with a pair out of `categories`, or with the label as it is. */
static int claim_label(struct book *l, unsigned guest, const char *text, unsigned categories,
		       bool share, struct book_claim *ret)
{
	struct seclabel label;
	const struct book_want w = { .label = &label, .fixed = !categories, .share = share,
				     .categories = categories };

	assert_int_equal(seclabel_parse(text, &label), 0);
	return book_claim(l, uuid(guest), &w, ret, &err);
}

static int empty_folder(void **state)
{
	(void)state;
	if (fork() == 0)
		execlp("find", "find", dir, "-mindepth", "1", "-delete", (char *)NULL);
	wait(NULL);
	fd_close(&folder);
	fd_close(&proc);
	folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

static void two_instances_never_share(void **state)
{
	struct book a, b;
	uid_t q[4], x;
	int n = 0;

	(void)state;
	assert_int_equal(reopen_some(&a, 1, 4), 0);
	assert_int_equal(reopen_some(&b, 2, 4), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(claim_uid(i & 1 ? &b : &a, i, &q[i]), 0);
		assert_int_equal((q[i] - FIRST) % BOOK_UIDS_EACH, 0);
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(q[i], q[j]);
	}
	assert_int_equal(claim_uid(&a, 5, &x), -EUSERS);
	/* the same guest, asked twice, has one claim; another instance's guest of that name is another */
	assert_int_equal(claim_uid(&a, 0, &x), 0);
	assert_int_equal(x, q[0]);
	assert_int_equal(claim_uid(&b, 0, &x), -EUSERS);
	assert_int_equal(book_release(&b, uuid(1), &err), 0);
	assert_int_equal(book_release(&b, uuid(1), &err), 0);
	assert_int_equal(claim_uid(&a, 5, &x), 0);
	assert_int_equal(x, q[1]);
	assert_int_equal(book_each(&a, count_claims, &n, &err), 0);
	assert_int_equal(n, 3);
	book_close(&a);
	book_close(&b);
}

static void one_process_per_instance(void **state)
{
	struct book a, again;
	struct stat st;

	(void)state;
	assert_int_equal(reopen(&a, 1), 0);
	assert_int_equal(reopen(&again, 1), -EBUSY);
	assert_int_equal(fstatat(folder, "fd-1", &st, 0), 0);
	book_close(&a);
	assert_int_equal(fstatat(folder, "fd-1", &st, 0), -1);   /* it had no claims: nothing is left */
	assert_int_equal(reopen(&again, 1), 0);
	book_close(&again);
}

static void own_claims_survive_a_restart(void **state)
{
	struct book_claim c, c2;
	struct book a;
	int n = 0;

	(void)state;
	assert_int_equal(reopen(&a, 1), 0);
	assert_int_equal(claim_label(&a, 0, SVIRT "s0", 1024, false, &c), 0);
	book_close(&a);
	assert_int_equal(reopen(&a, 1), 0);
	assert_int_equal(book_each(&a, count_claims, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(claim_label(&a, 0, SVIRT "s0", 1024, false, &c2), 0);
	assert_int_equal(c.uid, c2.uid);
	assert_string_equal(c.label.text, c2.label.text);
	book_close(&a);
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

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A dead instance's claim goes, unless somebody still runs under it; its label with it. */
static void stale_claims_are_reclaimed(void **state)
{
	struct book_claim c[2], x;
	struct book dead, a;
	pid_t pid;

	(void)state;
	assert_int_equal(reopen(&dead, 3), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(claim_label(&dead, i, i ? SVIRT "s0:c2,c3" : SVIRT "s0:c0,c1", 0, false,
					     &c[i]), 0);
	book_close(&dead);
	pid = live_under(c[1].uid + 1);
	assert_int_equal(reopen(&a, 1), 0);
	assert_int_equal(a.reclaimed, 1);
	assert_int_equal(claim_label(&a, 5, SVIRT "s0:c0,c1", 0, false, &x), 0);
	assert_int_equal(claim_label(&a, 6, SVIRT "s0:c2,c3", 0, false, &x), -EBUSY);
	end(pid);
	book_close(&a);
	assert_int_equal(reopen(&a, 1), 0);
	assert_int_equal(a.reclaimed, 1);
	assert_int_equal(claim_label(&a, 6, SVIRT "s0:c2,c3", 0, false, &x), 0);
	book_close(&a);
}

/* Not before its cage and its processes are gone, whoever asks. */
static void claims_in_use_are_kept(void **state)
{
	struct book_claim c, again;
	char name[192];
	struct book a;
	pid_t pid;

	(void)state;
	run = folder;
	assert_int_equal(reopen(&a, 1), 0);
	assert_int_equal(claim_label(&a, 0, SVIRT "s0:c0,c1", 0, false, &c), 0);
	for (unsigned i = 0; i < BOOK_UIDS_EACH; i++) {
		pid = live_under(c.uid + i);
		assert_int_equal(book_release(&a, uuid(0), &err), -EBUSY);
		end(pid);
	}
	snprintf(name, sizeof(name), "guests/%s", uuid(0));
	assert_int_equal(mkdirat(run, "guests", 0700) | mkdirat(run, name, 0700), 0);
	assert_int_equal(book_release(&a, uuid(0), &err), -EBUSY);
	assert_int_equal(book_find(&a, uuid(0), &again), 0);
	assert_int_equal(again.uid, c.uid);
	assert_int_equal(claim_label(&a, 1, SVIRT "s0:c0,c1", 0, false, &again), -EBUSY);
	assert_int_equal(unlinkat(run, name, AT_REMOVEDIR), 0);
	assert_int_equal(book_release(&a, uuid(0), &err), 0);
	assert_int_equal(book_find(&a, uuid(0), &again), -ENOENT);
	assert_int_equal(claim_label(&a, 1, SVIRT "s0:c0,c1", 0, false, &again), 0);
	book_close(&a);
	run = -1;
}

/* The host's ledgers wait for one another: one that failed must not hold the folder. */
static void a_release_that_fails_lets_others_in(void **state)
{
	struct book a;
	char aside[192];
	int other;
	uid_t q;

	(void)state;
	assert_int_equal(reopen(&a, 1), 0);
	assert_int_equal(claim_uid(&a, 0, &q), 0);
	snprintf(aside, sizeof(aside), "fd-1-.%s", uuid(0));
	assert_int_equal(mkdirat(folder, aside, 0700), 0);   /* no file can be renamed to that */
	assert_int_equal(book_release(&a, uuid(0), &err), -EISDIR);
	other = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
	assert_int_equal(unlinkat(folder, aside, AT_REMOVEDIR), 0);
	assert_int_equal(book_release(&a, uuid(0), &err), 0);
	book_close(&a);
}

/* A ledger that died between laying a claim aside and looking whether it is in use. */
static void a_release_that_was_cut_short_is_undone(void **state)
{
	struct book_claim c, found;
	char name[192], aside[192];
	struct book a;

	(void)state;
	assert_int_equal(reopen(&a, 1), 0);
	assert_int_equal(claim_label(&a, 0, SVIRT "s0:c0,c1", 0, false, &c), 0);
	snprintf(name, sizeof(name), "fd-1.%s", uuid(0));
	snprintf(aside, sizeof(aside), "fd-1-.%s", uuid(0));
	assert_int_equal(renameat(folder, name, folder, aside), 0);
	book_close(&a);
	assert_int_equal(reopen(&a, 1), 0);
	assert_int_equal(a.reclaimed, 0);
	assert_int_equal(book_find(&a, uuid(0), &found), 0);
	assert_int_equal(found.uid, c.uid);
	assert_string_equal(found.label.text, c.label.text);
	assert_int_equal(book_release(&a, uuid(0), &err), 0);
	book_close(&a);
}

static void foreign_processes_keep_their_uid(void **state)
{
	struct book a;
	uid_t q;
	pid_t pid = live_under(FIRST + 1);

	(void)state;
	assert_int_equal(reopen_some(&a, 1, 4), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(claim_uid(&a, i, &q), 0);
		assert_int_not_equal(q, FIRST);
	}
	assert_int_equal(claim_uid(&a, 3, &q), -EUSERS);
	end(pid);
	assert_int_equal(claim_uid(&a, 3, &q), 0);
	book_close(&a);
}

static void what_is_no_claim_is_left_alone(void **state)
{
	struct book a;
	uid_t q;
	int n = 0;

	(void)state;
	assert_int_equal(symlinkat("junk", folder, "fd-1.00000000-0000-4000-8000-000000000000"), 0);
	assert_int_equal(symlinkat("12", folder, "fd-1.short"), 0);
	assert_int_equal(mkdirat(folder, "fd-9.folder", 0700), 0);
	assert_int_equal(reopen(&a, 1), 0);
	assert_int_equal(claim_uid(&a, 1, &q), 0);
	assert_int_equal(claim_uid(&a, 0, &q), -EEXIST);
	assert_int_equal(book_each(&a, count_claims, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(book_claim(&a, "../../etc/passwd", &no_label, &(struct book_claim){ 0 }, &err),
			 -EINVAL);
	book_close(&a);
}

/* ---- labels ---- */

static void labels_are_taken_apart(void **state)
{
	static const struct {
		const char *text;
		int n;          /* of categories; -1: refused */
	} rows[] = {
		{ SVIRT "s0", 0 }, { SVIRT "s0:c1", 1 }, { SVIRT "s0:c1,c2", 2 },
		{ SVIRT "s0:c0.c1023", 1024 }, { SVIRT "s0-s0:c0.c3,c9", 5 },
		{ SVIRT "s3:c5-s15:c5,c7", 2 }, { SVIRT "s0:c4095", 1 }, { "a.b:c-d:e_f:s0", 0 },
		{ SVIRT "", -1 }, { SVIRT "s", -1 }, { SVIRT "s0:", -1 }, { SVIRT "s0:c1,", -1 },
		{ SVIRT "s0:c4096", -1 }, { SVIRT "s0:c1.c0", -1 }, { SVIRT "s0:c01", -1 },
		{ SVIRT "s0-", -1 }, { SVIRT "s0:c1 ", -1 }, { SVIRT "s0\n", -1 }, { SVIRT "s0:c1,c2x", -1 },
		{ SVIRT "SystemLow", -1 }, { "svirt_t:s0", -1 }, { "u:r:t", -1 }, { "::t:s0", -1 },
		{ "u:r:t/../x:s0", -1 }, { "u:r:t x:s0", -1 }, { SVIRT "s99999999999", -1 }, { "", -1 },
	};
	char text[SECLABEL_MAX + 2];
	struct seclabel l;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = seclabel_parse(rows[i].text, &l);

		if (r != (rows[i].n < 0 ? -EINVAL : 0) || (r == 0 && (int)l.n != rows[i].n))
			fail_msg("'%s': %d, %u categories", rows[i].text, r, r ? 0 : l.n);
	}
	memset(text, 'a', sizeof(text));
	memcpy(text + SECLABEL_MAX - 8, ":r:t:s0:", 8);
	memcpy(text + SECLABEL_MAX, "c", 2);
	assert_int_equal(seclabel_parse(text, &l), -EINVAL);   /* a byte too long */
}

static void some_labels_meet(void **state)
{
	static const struct {
		const char *a, *b;
		bool meet;
	} rows[] = {
		{ SVIRT "s0:c1,c2", SVIRT "s0:c1,c2", true },
		{ SVIRT "s0:c1,c2", "u:r:other_t:s0:c1,c2", true },
		{ SVIRT "s0:c1,c2", SVIRT "s0:c1,c3", false },
		{ SVIRT "s0:c1,c2", SVIRT "s0:c0.c1023", true },
		{ SVIRT "s0:c1,c2", SVIRT "s0:c2", true },
		{ SVIRT "s0:c1,c2", SVIRT "s0", false },
		{ SVIRT "s0", SVIRT "s0", true },
		{ SVIRT "s0", "u:r:other_t:s0", false },
	};
	struct seclabel a, b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(seclabel_parse(rows[i].a, &a), 0);
		assert_int_equal(seclabel_parse(rows[i].b, &b), 0);
		assert_int_equal(seclabel_meet(&a, &b), rows[i].meet);
		assert_int_equal(seclabel_meet(&b, &a), rows[i].meet);
	}
}

/* Four categories make six pairs; each is had once, by whichever instance, and then none is left. */
static void pairs_are_used_up_and_come_back(void **state)
{
	struct book_claim c[6], x;
	struct book a, b;

	(void)state;
	assert_int_equal(reopen(&a, 1), 0);
	assert_int_equal(reopen(&b, 2), 0);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(claim_label(i & 1 ? &b : &a, i, SVIRT "s0", 4, false, &c[i]), 0);
		assert_int_equal(c[i].label.n, 2);
		for (unsigned j = 0; j < i; j++)
			assert_false(seclabel_meet(&c[i].label, &c[j].label));
	}
	assert_int_equal(claim_label(&a, 6, SVIRT "s0", 4, false, &x), -EUSERS);
	assert_int_equal(book_release(&b, uuid(3), &err), 0);
	assert_int_equal(claim_label(&a, 6, SVIRT "s0", 4, false, &x), 0);
	assert_string_equal(x.label.text, c[3].label.text);
	assert_int_equal(claim_label(&a, 7, SVIRT "s0", 1, false, &x), -EUSERS);
	book_close(&a);
	book_close(&b);
}

static void the_sensitivity_is_the_bases(void **state)
{
	struct seclabel base, pair;
	const struct book_want w = { .label = &base, .categories = 2 };

	(void)state;
	assert_int_equal(seclabel_parse("u:r:t:s7:c5-s15:c0.c9", &base), 0);
	assert_int_equal(book_pick_pair(NULL, 0, &w, 12345, &pair), 0);
	assert_string_equal(pair.text, "u:r:t:s7:c0,c1");
}

static void every_pair_can_be_had(void **state)
{
	struct seclabel base, pair;
	const struct book_want w = { .label = &base, .categories = 5 };
	uint64_t seen = 0;

	(void)state;
	assert_int_equal(seclabel_parse(SVIRT "s0", &base), 0);
	for (uint64_t start = 0; start < 10; start++) {
		assert_int_equal(book_pick_pair(NULL, 0, &w, start, &pair), 0);
		assert_int_equal(pair.n, 2);
		seen |= UINT64_C(1) << pair.set[0];
	}
	assert_int_equal(__builtin_popcountll(seen), 10);
}

/* A /proc where these labels are in use. */
static void play_proc(const char *const *labels, unsigned n)
{
	char name[40];

	mkdirat(folder, "proc", 0700);
	for (unsigned i = 0; i < n; i++) {
		int fd;

		snprintf(name, sizeof(name), "proc/%u", 100 + i);
		mkdirat(folder, name, 0700);
		snprintf(name, sizeof(name), "proc/%u/attr", 100 + i);
		mkdirat(folder, name, 0700);
		snprintf(name, sizeof(name), "proc/%u/attr/current", 100 + i);
		fd = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_int_equal(write(fd, labels[i], strlen(labels[i])), strlen(labels[i]));
		close(fd);
	}
	mkdirat(folder, "proc/200", 0700);   /* it just ended */
	close(proc);
	proc = openat(folder, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* /proc of other people: a container, another manager's guest, a daemon that may see all. */
static void pairs_of_processes_are_avoided(void **state)
{
	static const char *const labels[] = {
		"system_u:system_r:container_t:s0:c0,c1\n", "system_u:system_r:svirt_t:s0:c0,c2",
		"system_u:system_r:init_t:s0-s0:c0.c1023", "unconfined", "u:r:t:s0:c1,c2",
	};
	struct book_claim c;
	struct book a;

	(void)state;
	play_proc(labels, 5);
	assert_int_equal(reopen(&a, 1), 0);
	assert_int_equal(claim_label(&a, 0, SVIRT "s0", 3, false, &c), -EUSERS);
	assert_int_equal(claim_label(&a, 0, SVIRT "s0", 4, false, &c), 0);
	assert_true(seclabel_has(&c.label, 3));
	book_close(&a);
}

/* Another manager's guest may have a label of many categories, which reaches all pairs of them. */
static void wide_labels_of_guests_are_avoided(void **state)
{
	static const char *const labels[] = {
		SVIRT "s0:c0.c2", "system_u:system_r:init_t:s0-s0:c0.c1023", SVIRT "s0",
	};
	char *types[] = { (char *)"svirt_t" };
	struct book_claim c;
	struct book a;

	(void)state;
	play_proc(labels, 3);
	assert_int_equal(reopen(&a, 1), 0);
	a.types = types;
	a.n_types = 1;
	assert_int_equal(claim_label(&a, 0, SVIRT "s0", 3, false, &c), -EUSERS);
	assert_int_equal(claim_label(&a, 0, SVIRT "s0", 4, false, &c), 0);
	assert_true(seclabel_has(&c.label, 3));
	/* nor is it another's by accident, if it is the user's own */
	assert_int_equal(claim_label(&a, 1, SVIRT "s0:c0,c1", 0, false, &c), -EBUSY);
	assert_non_null(strstr(err.text, "a process of this host"));
	assert_non_null(strstr(err.text, "static_label_sharing"));
	assert_int_equal(claim_label(&a, 1, SVIRT "s0", 0, false, &c), -EBUSY);
	assert_int_equal(claim_label(&a, 1, SVIRT "s0:c0,c1", 0, true, &c), 0);
	assert_int_equal(claim_label(&a, 2, SVIRT "s0:c5,c6", 0, false, &c), 0);
	book_close(&a);
}

static void fixed_labels_are_shared_by_consent_only(void **state)
{
	struct book_claim c;
	struct book a, b;

	(void)state;
	assert_int_equal(reopen(&a, 1), 0);
	assert_int_equal(reopen(&b, 2), 0);
	assert_int_equal(claim_label(&a, 0, SVIRT "s0:c1,c2", 0, false, &c), 0);
	assert_string_equal(c.label.text, SVIRT "s0:c1,c2");
	assert_int_equal(claim_label(&b, 1, SVIRT "s0:c1,c2", 0, true, &c), -EBUSY);
	assert_non_null(strstr(err.text, uuid(0)));
	assert_non_null(strstr(err.text, "static_label_sharing"));
	assert_int_equal(claim_label(&b, 1, SVIRT "s0:c0.c9", 0, true, &c), -EBUSY);
	assert_int_equal(claim_label(&b, 1, SVIRT "s0:c3,c4", 0, true, &c), 0);
	assert_int_equal(claim_label(&a, 2, SVIRT "s0:c3,c4", 0, false, &c), -EBUSY);
	assert_int_equal(claim_label(&a, 2, SVIRT "s0:c3,c4", 0, true, &c), 0);
	assert_int_equal(claim_label(&a, 3, SVIRT "s0", 0, false, &c), 0);
	assert_int_equal(claim_label(&b, 3, SVIRT "s0", 0, false, &c), -EBUSY);
	/* a pair of our own avoids them: of (0,1) (0,2) (1,2) only the last is taken */
	for (unsigned i = 4; i < 6; i++) {
		assert_int_equal(claim_label(&a, i, SVIRT "s0", 3, false, &c), 0);
		assert_true(seclabel_has(&c.label, 0));
	}
	assert_int_equal(claim_label(&a, 6, SVIRT "s0", 3, false, &c), -EUSERS);
	book_close(&a);
	book_close(&b);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, empty_folder)
	const struct CMUnitTest tests[] = {
		TEST(two_instances_never_share), TEST(one_process_per_instance),
		TEST(own_claims_survive_a_restart), TEST(stale_claims_are_reclaimed),
		TEST(claims_in_use_are_kept), TEST(a_release_that_fails_lets_others_in),
		TEST(a_release_that_was_cut_short_is_undone),
		TEST(foreign_processes_keep_their_uid), TEST(what_is_no_claim_is_left_alone),
		TEST(labels_are_taken_apart), TEST(some_labels_meet),
		TEST(pairs_are_used_up_and_come_back), TEST(the_sensitivity_is_the_bases),
		TEST(every_pair_can_be_had), TEST(pairs_of_processes_are_avoided),
		TEST(wide_labels_of_guests_are_avoided), TEST(fixed_labels_are_shared_by_consent_only),
	};
	int r;

	if (!mkdtemp(dir))
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	empty_folder(NULL);
	rmdir(dir);
	return r;
}
