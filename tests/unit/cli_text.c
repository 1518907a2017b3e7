/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon ps: the words it makes of the kernel's, and itself as it stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cage.h"
#include "cli/cli.h"

static void caps(uint64_t v, uint64_t all, const char *want)
{
	CLEAN_BUF struct buf b;

	buf_init(&b, 4096);
	caps_text(v, all, &b);
	assert_string_equal(buf_str(&b), want);
}

static void test_caps(void **state)
{
	(void)state;
	caps(0, 0, "-");
	caps(1, 0, "chown");
	caps(UINT64_C(0x401c2), 0, "dac_override,setgid,setuid,setpcap,sys_chroot");
	caps(UINT64_C(1) << 63, 0, "63");
	caps(0x1ff, 0x1ff, "all");
}

static void test_field(void **state)
{
	static const char text[] = "Name:\tx\nUid:\t12\t13\t14\t15\nCapEff:\t00ff\nVmPeak:\t 7 kB\n";
	char w[16];

	(void)state;
	assert_true(proc_field(text, "Uid", w, sizeof(w)));
	assert_string_equal(w, "12");
	assert_true(proc_field(text, "CapEff", w, sizeof(w)));
	assert_string_equal(w, "00ff");
	assert_true(proc_field(text, "VmPeak", w, sizeof(w)));
	assert_string_equal(w, "7");
	assert_false(proc_field(text, "Cap", w, sizeof(w)));
}

/* On cgroup v1: the mount of "cpu" is not that of "cpuset". */
static void test_list(void **state)
{
	(void)state;
	assert_true(cage_list_has("rw,cpu,cpuacct", "cpu"));
	assert_true(cage_list_has("cpu,cpuacct", "cpu"));
	assert_true(cage_list_has("rw,cpuacct,cpu", "cpu"));
	assert_false(cage_list_has("rw,cpuset", "cpu"));
	assert_false(cage_list_has("rw,name=cpu", "cpu"));
	assert_false(cage_list_has("", "cpu"));
}

static void test_self(void **state)
{
	struct proc_view v;
	CLEAN_BUF struct buf b;

	(void)state;
	assert_int_equal(proc_view(getpid(), &v), 0);
	assert_int_equal(v.uid, geteuid());
	assert_int_equal(v.root, ROOT_HOST);
	assert_true(v.fds >= 3);
	assert_true(v.pss_kib > 0);
	buf_init(&b, 1 << 20);
	proc_fds(getpid(), &b);
	assert_non_null(strstr(buf_str(&b), "    fd 0 "));
	assert_int_equal(proc_view(0x3fffffff, &v), -ESRCH);
}

/* Whoever holds the lock is the instance; a stale line about a guest is nobody. */
static void test_find(void **state)
{
	char dir[] = "/tmp/cordon-cli-XXXXXX", run[64], lock[80], guests[80], guest[160], pids[176];
	struct found *list = NULL;
	struct err err;
	bool self = false;
	size_t n = 0;
	int fd;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(run, sizeof(run), "%s/run", dir);
	snprintf(lock, sizeof(lock), "%s/cordond.lock", run);
	snprintf(guests, sizeof(guests), "%s/guests", run);
	snprintf(guest, sizeof(guest), "%s/00000000-0000-0000-0000-000000000001", guests);
	snprintf(pids, sizeof(pids), "%s/pids", guest);
	assert_int_equal(find_processes(dir, &list, &n, &err), -ENOENT);
	mkdir(run, 0700);
	mkdir(guests, 0700);
	mkdir(guest, 0700);
	f = fopen(pids, "w");
	fprintf(f, "uid 5 0\nqemu %d 12345\nlog x.log\n", (int)getpid());
	fclose(f);
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(find_processes(dir, &list, &n, &err), -ESRCH);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(find_processes(dir, &list, &n, &err), 0);
	for (size_t i = 0; i < n; i++)
		self |= list[i].pid == getpid() && !list[i].guest[0];
	assert_true(self);
	free(list);
	close(fd);
	unlink(lock);
	unlink(pids);
	rmdir(guest);
	rmdir(guests);
	rmdir(run);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_caps), cmocka_unit_test(test_field), cmocka_unit_test(test_list),
		cmocka_unit_test(test_self), cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
