/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What cordon cage says of a process: here of a child of ours that is first as launch makes one, as far as
 * the rows looked at go, and then in one thing different.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cage.h"
#include "need_root.h"

#define NOGROUP 65534
#define LABEL "system_u:system_r:svirt_t:s0:c1,c2"

static uid_t uid;    /* nobody's */

/* What is not as it has to be. */
enum what { NOTHING, UID, GID, SAVED_GID, FS_GID, GROUPS, CAPS, BOUNDING, PRIVS, CORE, ONE_GID };

static void must(bool good)
{
	if (!good)
		_exit(1);
}

static void drop_bounding(enum what what)
{
	for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		if (what != BOUNDING || c != CAP_SYS_PTRACE)
			must(prctl(PR_CAPBSET_DROP, c, 0, 0, 0) == 0);
}

static void drop_sets(enum what what)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (what == CAPS)
		data[0].permitted = data[0].effective = 1u << CAP_KILL;
	must(syscall(SYS_capset, &head, data) == 0);
}

static void become(enum what what, bool caged)
{
	const gid_t seven[] = { 7 };
	const struct rlimit core = { what == CORE ? RLIM_INFINITY : 1, what == CORE ? RLIM_INFINITY : 1 };

	must(setrlimit(RLIMIT_CORE, &core) == 0);
	must(setgroups(what == GROUPS, seven) == 0);
	must(setresgid(caged && what != GID ? NOGROUP : uid, uid, what == SAVED_GID ? 0 : uid) == 0);
	must(what != ONE_GID || setresgid(NOGROUP, NOGROUP, NOGROUP) == 0);
	if (what == FS_GID)
		(void)syscall(SYS_setfsgid, 0);
	drop_bounding(what);
	must(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
	must(setresuid(what == UID ? uid + 1 : uid, uid, uid) == 0);
	drop_sets(what);
	must(what == PRIVS || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
}

/* A child that waits to be killed. */
static pid_t child(enum what what, bool caged)
{
	int fds[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		become(what, caged);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		must(write(fds[1], "", 1) == 1);
		while (true)
			pause();
	}
	fd_close(&fds[1]);
	assert_int_equal(read(fds[0], &c, 1), 1);
	fd_close(&fds[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* The mark of a row, a letter of "ok", "DIFFERS", "-"; 0: there is no such row. */
static char mark(const struct cage_report *r, const char *row)
{
	char line[64];
	static const char *const marks[] = { "ok", "DIFFERS", "-" };

	for (size_t i = 0; i < 3; i++) {
		snprintf(line, sizeof(line), "\n  %-8s %-16s ", marks[i], row);
		if (strstr(buf_str(&r->out), line))
			return marks[i][0];
	}
	return 0;
}

static struct cage_other *other_of(const struct cage_host *h, pid_t pid)
{
	struct cage_other *o = (struct cage_other *)(uintptr_t)cage_host_find(h, pid);

	assert_non_null(o);
	return o;
}

/* The mark of `row` for `pid` in the place of a guest's `role`. */
static char look(const struct cage_host *host, const struct dom_seclabel *told, const char *role, pid_t pid,
		 const char *row)
{
	struct found f = { .pid = pid };
	const struct cage_guest g = { .host = host, .list = &f, .n = 1, .n_all = 1,
				      .model = { .seclabels = (struct dom_seclabel *)(uintptr_t)told,
						 .n_seclabels = !!told } };
	struct cage_report r = { 0 };
	char found;

	snprintf(f.role, sizeof(f.role), "%s", role);
	buf_init(&r.out, 1 << 20);
	buf_puts(&r.out, "\n");
	cage_process(&g, &f, &r);
	found = mark(&r, row);
	buf_free(&r.out);
	return found;
}

static char look_at(const char *role, pid_t pid, const char *row)
{
	struct cage_host host = { 0 };
	char found;

	assert_int_equal(cage_host_read(&host, NULL), 0);
	found = look(&host, NULL, role, pid, row);
	cage_host_free(&host);
	return found;
}

static void test_each_thing(void **state)
{
	static const struct {
		enum what what;
		const char *row;
	} cases[] = {
		{ UID, "uid" }, { GID, "gid" }, { SAVED_GID, "gid" }, { FS_GID, "gid" }, { GROUPS, "groups" },
		{ CAPS, "capabilities" }, { BOUNDING, "capabilities" }, { PRIVS, "no new privs" },
		{ CORE, "core dump" },
	};

	ROOT();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t good = child(NOTHING, true), bad;

		assert_int_equal(look_at("qemu", good, cases[i].row), 'o');
		end(good);
		bad = child(cases[i].what, true);
		assert_int_equal(look_at("qemu", bad, cases[i].row), 'D');
		end(bad);
	}
}

/* A cordon-vm's real gid is its own, too; a caged program's must not be, and may be the only one. */
static void test_gid_of_vm(void **state)
{
	pid_t own, nogroup, one;

	ROOT();
	one = child(ONE_GID, true);
	assert_int_equal(look_at("qemu", one, "gid"), 'o');
	assert_int_equal(look_at("vm", one, "gid"), 'D');
	end(one);
	own = child(NOTHING, false);
	nogroup = child(NOTHING, true);
	assert_int_equal(look_at("vm", own, "gid"), 'o');
	assert_int_equal(look_at("qemu", own, "gid"), 'D');
	assert_int_equal(look_at("vm", nogroup, "gid"), 'D');
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(look_at(i ? "passt" : "swtpm", nogroup, "gid"), 'o');
	end(own);
	end(nogroup);
}

static void test_uid_of_two(void **state)
{
	pid_t one, two;

	ROOT();
	one = child(NOTHING, true);
	assert_int_equal(look_at("qemu", one, "uid of its own"), 'o');
	two = child(UID, true);   /* only its effective uid is the same */
	assert_int_equal(look_at("qemu", one, "uid of its own"), 'D');
	end(one);
	end(two);
}

static void test_tracer(void **state)
{
	pid_t pid;

	ROOT();
	pid = child(NOTHING, true);
	assert_int_equal(look_at("qemu", pid, "traced by"), 'o');
	assert_int_equal(ptrace(PTRACE_SEIZE, pid, 0, 0), 0);
	assert_int_equal(look_at("qemu", pid, "traced by"), 'D');
	end(pid);
}

/* The labels are what the host's list says, so they need no SELinux here. */
static void test_labels(void **state)
{
	const struct dom_seclabel told = { .model = (char *)"selinux", .label = (char *)LABEL };
	static const struct {
		const char *label, *of_another;
		bool enforcing;
		const char *row;
		char mark;
	} cases[] = {
		{ LABEL, "", true, "SELinux", 'o' },
		{ LABEL, "", false, "SELinux", 'D' },
		{ LABEL, "", true, "label", 'o' },
		{ "", "", true, "label", 'D' },
		{ "unconfined_u:unconfined_r:unconfined_t:s0", "", true, "label", 'D' },
		{ LABEL, "system_u:system_r:svirt_t:s0:c1,c3", true, "label of its own", 'o' },
		{ LABEL, LABEL, true, "label of its own", 'D' },
		{ LABEL, "", true, "label as told", 'o' },
		{ "system_u:system_r:svirt_t:s0:c1,c3", "", true, "label as told", 'D' },
	};
	struct cage_host host = { 0 };
	pid_t pid, other;

	ROOT();
	pid = child(NOTHING, true);
	other = child(UID, true);
	assert_int_equal(cage_host_read(&host, NULL), 0);
	host.selinux = false;
	assert_int_equal(look(&host, &told, "qemu", pid, "label"), '-');
	host.selinux = true;
	for (size_t i = 0; i < host.n; i++)   /* of the machine, should it have labels */
		host.list[i].label[0] = '?';
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(other_of(&host, pid)->label, CAGE_LABEL_MAX, "%s", cases[i].label);
		snprintf(other_of(&host, other)->label, CAGE_LABEL_MAX, "%s", cases[i].of_another);
		host.enforcing = cases[i].enforcing;
		if (look(&host, &told, "qemu", pid, cases[i].row) != cases[i].mark)
			fail_msg("row %zu, %s", i, cases[i].row);
	}
	cage_host_free(&host);
	end(pid);
	end(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_thing),
		cmocka_unit_test(test_gid_of_vm),
		cmocka_unit_test(test_uid_of_two),
		cmocka_unit_test(test_tracer),
		cmocka_unit_test(test_labels),
	};

	uid = 1900000000u + (uid_t)getpid() % 1000000u;
	return cmocka_run_group_tests_name("cli_cage_process", tests, NULL, NULL);
}
