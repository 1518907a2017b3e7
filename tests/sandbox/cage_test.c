/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real QEMU in its cage, looked at from outside, by what the kernel says. Needs root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cage_help.h"
#include "sandbox/sandbox.h"

static struct help h;

/* All of /proc/PID/FILE (static buffer). */
static const char *proc(pid_t pid, const char *file)
{
	static char text[65536];
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("'%s' is missing in:\n%s", line, text);
}

static void link_of(pid_t pid, const char *name, char *to, size_t size)
{
	char path[320];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	n = readlink(path, to, size - 1);
	assert_true(n > 0);
	to[n] = '\0';
}

/* Names in a directory as the process sees it, sorted, "a b c ". */
static const char *list_dir(pid_t pid, const char *dir)
{
	static char text[4096];
	struct dirent **e;
	char path[128];
	size_t at = 0;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, dir);
	n = scandir(path, &e, NULL, alphasort);
	assert_true(n >= 0);
	text[0] = '\0';
	for (int i = 0; i < n; i++) {
		if (strcmp(e[i]->d_name, ".") && strcmp(e[i]->d_name, ".."))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s ", e[i]->d_name);
		free(e[i]);
	}
	free(e);
	return text;
}

static void check_identity(const struct help_guest *g)
{
	const char *s = proc(g->cage.pid, "status");
	char line[128];

	snprintf(line, sizeof(line), "\nUid:\t%u\t%u\t%u\t%u\n", g->uid, g->uid, g->uid, g->uid);
	assert_has(s, line);
	/* another real one than the effective one: it was not dumpable from exec on */
	snprintf(line, sizeof(line), "\nGid:\t65534\t%u\t%u\t%u\n", g->uid, g->uid, g->uid);
	assert_has(s, line);
	assert_true(strstr(s, "\nGroups:\t\n") || strstr(s, "\nGroups:\t \n"));
	for (const char *const *c =
		     (const char *const[]){ "Inh", "Prm", "Eff", "Bnd", "Amb", NULL };
	     *c; c++) {
		snprintf(line, sizeof(line), "\nCap%s:\t0000000000000000\n", *c);
		assert_has(s, line);
	}
	assert_has(s, "\nNoNewPrivs:\t1\n");
	assert_has(s, "\nSeccomp:\t2\n");
}

static void check_namespaces(const struct help_guest *g, bool host_net)
{
	static const char *const names[] = { "user", "mnt", "pid", "ipc", "uts", "cgroup", "net" };
	char map[64], line[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[16], theirs[64], ours[64];

		snprintf(name, sizeof(name), "ns/%s", names[i]);
		link_of(g->cage.pid, name, theirs, sizeof(theirs));
		link_of(getpid(), name, ours, sizeof(ours));
		if (host_net && !strcmp(names[i], "net"))
			assert_string_equal(theirs, ours);
		else
			assert_string_not_equal(theirs, ours);
	}
	snprintf(map, sizeof(map), "%s", proc(g->cage.pid, "uid_map"));
	snprintf(line, sizeof(line), "%10u %10u %10u\n", g->uid, g->uid, 1u);
	assert_string_equal(map, line);
	assert_string_equal(proc(g->cage.pid, "setgroups"), "deny\n");
}

/* Below the mount point only what was asked for; nothing writable, no setuid, no foreign device. */
static void check_root(const struct help_guest *g, bool kvm)
{
	char text[65536], *save = NULL, *line;
	struct stat st;
	char path[64];

	assert_has(list_dir(g->cage.pid, "root"), "boot dev etc lib lib");
	assert_string_equal(list_dir(g->cage.pid, "root/dev"),
			    kvm ? "kvm null random urandom zero " : "null random urandom zero ");
	assert_string_equal(list_dir(g->cage.pid, "root/tmp"), "");
	assert_string_equal(list_dir(g->cage.pid, "root/run"), "");
	assert_string_equal(list_dir(g->cage.pid, "root/usr/bin"), "qemu-system-x86_64 ");
	snprintf(path, sizeof(path), "/proc/%d/root/dev/null", (int)g->cage.pid);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISCHR(st.st_mode) && st.st_uid == 0);
	snprintf(text, sizeof(text), "%s", proc(g->cage.pid, "mountinfo"));
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strstr(line, " ro,nosuid") ||
		    (!strstr(line, "nodev") && !strstr(line, " /dev ")))
			fail_msg("a mount is not closed enough: %s", line);
		if (strstr(line, "proc proc") || strstr(line, "sysfs"))
			fail_msg("a kernel file system is visible: %s", line);
	}
}

/* Nothing but what was placed and what QEMU opened itself: no directory, no file of the host. */
static void check_fds(const struct help_guest *g)
{
	char path[64], to[256];
	DIR *d;
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)g->cage.pid);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d))) {
		char name[300];
		long n = strtol(e->d_name, NULL, 10);

		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "fd/%s", e->d_name);
		link_of(g->cage.pid, name, to, sizeof(to));
		if (n == 1 || n == 2)
			continue;   /* the test's own log */
		if (strncmp(to, "socket:", 7) && strncmp(to, "anon_inode:", 11) &&
		    strncmp(to, "/dev/null", 9) && strcmp(to, "/dev/urandom") &&
		    strcmp(to, "/dev/kvm"))
			fail_msg("descriptor %ld is %s", n, to);
		assert_true(n < 64);
	}
	closedir(d);
}

static void check_group(const struct help_guest *g)
{
	const char *s = proc(g->cage.pid, "cgroup");
	char want[200];
	unsigned found = 0;

	snprintf(want, sizeof(want), "/cordon-test-%d/%s\n", (int)getpid(), g->group);
	for (const char *p = s; (p = strstr(p, want)); p++)
		found++;
	assert_int_equal(found, h.groups.n);
	assert_true(cgroup_populated(&h.groups, g->group));
}

static void check_limits(const struct help_guest *g)
{
	const char *s = proc(g->cage.pid, "limits");

	/* 1, not 0: see core_dumps_go_nowhere() */
	assert_has(s, "Max core file size        1                    1 ");
	assert_has(s, "Max open files            4096                 4096 ");
	assert_has(s, "Max locked memory         8388608              8388608 ");
	assert_has(s, "Max processes             1024                 1024 ");
	assert_has(s, "Max msgqueue size         0                    0 ");
	assert_has(s, "Max realtime priority     0                    0 ");
}

static void qemu_is_caged(void **state)
{
	struct help_guest g;

	(void)state;
	help_cage(&h, &g, help_qemu_args, NULL, 0, NULL, 0);
	assert_string_equal(help_report(&g), "");
	help_qmp_open(&g);
	assert_has(help_qmp(&g, "query-status"), "\"running\"");
	check_identity(&g);
	check_namespaces(&g, false);
	check_root(&g, access("/dev/kvm", F_OK) == 0);
	check_fds(&g);
	check_group(&g);
	check_limits(&g);
	assert_string_equal(proc(g.cage.pid, "environ"), "LANG=C");   /* the first of four */
	help_kill(&h, &g);
	assert_false(cgroup_populated(&h.groups, g.group));
}

/* Launch holds descriptors of all guests, more than one of them may have, and a cage begins with all. */
static void however_many_launch_holds(void **state)
{
	struct rlimit lim;
	struct help_guest g;
	int held[4096];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &lim), 0);
	lim.rlim_cur = lim.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &lim), 0);
	for (size_t i = 0; i < 4096; i++) {
		held[i] = fcntl(0, F_DUPFD_CLOEXEC, 3);
		assert_true(held[i] >= 0);
	}
	help_cage(&h, &g, help_qemu_args, NULL, 0, NULL, 0);
	assert_string_equal(help_report(&g), "");
	help_qmp_open(&g);
	check_fds(&g);
	check_limits(&g);
	help_kill(&h, &g);
	fd_close_all(held, 4096);
}

static void copies_are_inside(void **state)
{
	int fd = memfd_create("kernel", MFD_CLOEXEC);
	const struct root_copy copies[] = { { .fd = fd, .name = "kernel" },
					    { .fd = fd, .name = "initrd" } };
	struct help_guest g;
	struct stat st;
	char path[64];

	(void)state;
	assert_int_equal(ftruncate(fd, 5 << 20), 0);
	help_cage(&h, &g, help_qemu_args, NULL, 0, copies, 2);
	assert_string_equal(help_report(&g), "");
	assert_string_equal(list_dir(g.cage.pid, "root/boot"), "initrd kernel ");
	snprintf(path, sizeof(path), "/proc/%d/root/boot/initrd", (int)g.cage.pid);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 5 << 20);
	assert_int_equal(st.st_uid, g.uid);
	assert_int_equal(st.st_mode & 07777, 0400);
	help_kill(&h, &g);
	close(fd);
}

static void descriptors_get_their_numbers(void **state)
{
	struct help_guest g;
	int pipes[2];
	char ours[64], theirs[64];
	struct cage_fd more[3];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	/* numbers that are taken outside, crosswise, and the highest one */
	more[0] = (struct cage_fd){ .fd = pipes[0], .at = pipes[1] + 20 };
	more[1] = (struct cage_fd){ .fd = pipes[1], .at = pipes[0] + 20 };
	more[2] = (struct cage_fd){ .fd = pipes[0], .at = CAGE_FD_TOP };
	help_cage(&h, &g, help_qemu_args, more, 3, NULL, 0);
	assert_string_equal(help_report(&g), "");
	for (int i = 0; i < 3; i++) {
		char name[16];

		snprintf(name, sizeof(name), "fd/%d", more[i].at);
		link_of(g.cage.pid, name, theirs, sizeof(theirs));
		snprintf(name, sizeof(name), "fd/%d", more[i].fd);
		link_of(getpid(), name, ours, sizeof(ours));
		assert_string_equal(ours, theirs);
	}
	help_kill(&h, &g);
	close(pipes[0]);
	close(pipes[1]);
}

static void a_program_that_refuses_shows_its_status(void **state)
{
	static const char *const args[] = { "-nonsense", NULL };
	struct help_guest g;
	int status;

	(void)state;
	help_cage(&h, &g, args, NULL, 0, NULL, 0);
	assert_string_equal(help_report(&g), "");
	assert_int_equal(waitpid(g.cage.pid, &status, 0), g.cage.pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	help_kill(&h, &g);
}

static void bad_specifications_are_refused(void **state)
{
	const struct cage_spec good = { .root = &h.qemu, .uid = 70000,
					.limits = CAGE_LIMITS_QEMU, .args_fd = 0 };
	struct cage_spec s = good;
	struct err err = { 0 };

	(void)state;
	s.uid = 0;
	assert_int_equal(cage_spawn(&s, &err), -EINVAL);
	s = good;
	s.uid = 4;
	assert_int_equal(cage_spawn(&s, &err), -EINVAL);
	s = good;
	s.host_net = true;
	assert_int_equal(cage_spawn(&s, &err), -EINVAL);
}

/* Start a cage by hand, say `what` on its argument socket, return the last report. */
static const char *talk(const void *what, size_t n, bool hang_up)
{
	static struct execargs_report rep;
	struct cage_spec s = { .root = &h.qemu, .uid = HELP_UID_FIRST + 900,
			       .limits = CAGE_LIMITS_QEMU };
	struct err err = { 0 };
	int pair[2], status;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	s.args_fd = pair[1];
	pid = cage_spawn(&s, &err);
	assert_true(pid > 0);
	close(pair[1]);
	assert_int_equal(recv(pair[0], &rep, sizeof(rep), MSG_WAITALL), sizeof(rep));
	assert_int_equal(rep.code, 0);
	assert_int_equal(write(pair[0], what, n), n);
	if (hang_up)
		shutdown(pair[0], SHUT_WR);
	assert_int_equal(recv(pair[0], &rep, sizeof(rep), MSG_WAITALL), sizeof(rep));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 126);
	close(pair[0]);
	assert_int_not_equal(rep.code, 0);
	return rep.text;
}

static void bad_argument_lists_start_nothing(void **state)
{
	(void)state;
	assert_has(talk("", 0, true), "no argument list came");
	assert_has(talk("\0\0\0\4\0\0\0\2ab", 10, true), "no argument list came");
	assert_has(talk("\0\0\0\4\0\0\0\2ab\0c", 12, false), "argument list");
	assert_has(talk("\0\0\0\4\0\0\0\1ab\0\0", 12, false), "argument list");
	assert_has(talk("\377\0\0\0\0\0\0\1", 8, false), "argument list");
	assert_has(talk("\0\0\0\1\0\1\0\0", 8, false), "argument list");
}

static void leftovers_are_found_and_killed(void **state)
{
	struct help_guest g[2];
	struct err err = { 0 };
	const struct cgroup_limits lim = { .pids_max = 10 };

	(void)state;
	help_cage(&h, &g[0], help_qemu_args, NULL, 0, NULL, 0);
	help_cage(&h, &g[1], help_qemu_args, NULL, 0, NULL, 0);
	assert_string_equal(help_report(&g[0]), "");
	assert_string_equal(help_report(&g[1]), "");
	assert_true(cgroup_populated(&h.groups, g[0].group));
	assert_int_equal(cgroup_create(&h.groups, g[0].group, &lim, &err), -EBUSY);
	assert_int_equal(cgroup_remove(&h.groups, g[0].group, &err), -EBUSY);
	for (int i = 0; i < 2; i++) {
		int status;

		cgroup_kill(&h.groups, g[i].group);
		assert_int_equal(waitpid(g[i].cage.pid, &status, 0), g[i].cage.pid);
		assert_true(WIFSIGNALED(status));
		assert_false(cgroup_populated(&h.groups, g[i].group));
		g[i].cage.pid = 0x7ffffffe;   /* nobody: only the group is left to remove */
		help_kill(&h, &g[i]);
	}
}

/* Copy one frame of passt's stream on (four bytes of length, then the frame). Its size. */
static ssize_t relay(int from, int to, uint8_t *frame, size_t size)
{
	uint8_t head[4];
	uint32_t n;

	if (recv(from, head, 4, MSG_WAITALL) != 4)
		return -1;
	n = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
	if (n > size || recv(from, frame, n, MSG_WAITALL) != (ssize_t)n)
		return -1;
	if (send(to, head, 4, MSG_NOSIGNAL) != 4 || send(to, frame, n, MSG_NOSIGNAL) != (ssize_t)n)
		return -1;
	return n;
}

static bool is_dhcp_answer(const uint8_t *f, ssize_t n)
{
	return n > 282 && f[12] == 8 && f[13] == 0 && f[23] == 17 && f[34] == 0 && f[35] == 67;
}

/* QEMU's network boot ROM asks, passt in its own cage answers: we sit on the wire between. */
static void passt_serves_a_guest(void **state)
{
	static const char *const net[] = {
		"-netdev", "stream,id=n,server=off,addr.type=fd,addr.str=11",
		"-device", "virtio-net-pci,netdev=n,bootindex=1", NULL,
	};
	const char *args[64];
	struct help_guest q, p;
	static uint8_t frame[65536];
	int a[2], b[2], asked = 0, answered = 0;
	size_t n = 0;

	(void)state;
	for (; help_qemu_args[n]; n++)
		args[n] = help_qemu_args[n];
	memcpy(&args[n], net, sizeof(net));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, b), 0);
	help_passt(&h, &p, b[1]);
	assert_string_equal(help_report(&p), "");
	help_cage(&h, &q, args, &(struct cage_fd){ .fd = a[1], .at = 11 }, 1, NULL, 0);
	assert_string_equal(help_report(&q), "");
	close(a[1]);
	close(b[1]);
	check_identity(&p);
	check_namespaces(&p, true);
	for (double end = help_now_ms() + 30000; !answered && help_now_ms() < end;) {
		struct pollfd f[2] = { { a[0], POLLIN, 0 }, { b[0], POLLIN, 0 } };

		assert_true(poll(f, 2, 1000) >= 0);
		if (f[0].revents)
			asked += relay(a[0], b[0], frame, sizeof(frame)) > 0;
		if (f[1].revents)
			answered = is_dhcp_answer(frame, relay(b[0], a[0], frame, sizeof(frame)));
		if ((f[0].revents | f[1].revents) & POLLHUP)
			break;
	}
	print_message("           guest sent %d frames, DHCP answered: %s\n", asked,
		      answered ? "yes" : "no");
	assert_true(answered);
	help_kill(&h, &q);
	close(a[0]);
	close(b[0]);
	/* --one-off: passt leaves by itself when the wire is gone */
	for (int i = 0;
	     i < 100 && kill(p.cage.pid, 0) == 0 && waitpid(p.cage.pid, NULL, WNOHANG) == 0; i++)
		usleep(20000);
	assert_int_equal(kill(p.cage.pid, 0), -1);
	p.cage.pid = 0x7ffffffe;   /* nobody: only the group is left to remove */
	help_kill(&h, &p);
}

/* dd takes swtpm's place, in our mount namespace, and writes what it can into the state of a TPM. */
static void a_file_of_a_tpm_stays_small(void **state)
{
	static const char *const args[] = { "if=/dev/zero", "of=/run/filler", "bs=1M", "count=16", NULL };
	const struct cage_fd fds[] = { { .fd = 2, .at = 2 } };
	struct root_template root;
	struct err err = { 0 };
	char dir[96], folder[96], path[128];
	struct cage_spec spec = {
		.root = &root, .uid = HELP_UID_FIRST, .fds = fds, .n_fds = 1, .state = folder,
		.limits = CAGE_LIMITS_SWTPM, .args = args, .args_fd = -1,
	};
	struct stat st;
	int status;
	pid_t pid;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/swtpm", h.dir);
	snprintf(folder, sizeof(folder), "%s/tpm", h.dir);
	snprintf(path, sizeof(path), "%s/filler", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(chown(folder, spec.uid, spec.uid), 0);
	assert_int_equal(mount("/usr/bin/dd", "/usr/bin/swtpm", NULL, MS_BIND, NULL), 0);
	if (root_build(ROOT_SWTPM, dir, &root, &err) < 0)
		fail_msg("%s", err.text);
	pid = cage_spawn(&spec, &err);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, W_EXITCODE(1, 0));   /* it was told, and not killed */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, TPM_FILE_MAX);
	root_drop(&root);
	umount2("/usr/bin/swtpm", MNT_DETACH);
	unlink(path);
	rmdir(folder);
	rmdir(dir);
}

/* What is to run in a cage is root's, and nobody else may write it. */
static void a_program_of_others_is_none(void **state)
{
	static const struct {
		mode_t mode;
		uid_t owner;
		bool fine;
	} cases[] = {
		{ 0755, 0, true }, { 0775, 0, false }, { 0757, 0, false }, { 0755, HELP_UID_FIRST, false },
	};
	char dir[96], path[96];

	(void)state;
	snprintf(dir, sizeof(dir), "%s/swtpm", h.dir);
	snprintf(path, sizeof(path), "%s/program", h.dir);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct root_template root = { 0 };
		struct err err = { 0 };
		const mode_t mask = umask(0);
		int from = open("/usr/bin/swtpm", O_RDONLY | O_CLOEXEC);
		int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, cases[i].mode);
		char page[4096];
		ssize_t n;
		int r;

		umask(mask);
		while ((n = read(from, page, sizeof(page))) > 0)
			assert_int_equal(write(to, page, (size_t)n), n);
		close(from);
		close(to);
		assert_int_equal(chown(path, cases[i].owner, 0), 0);
		assert_int_equal(mount(path, "/usr/bin/swtpm", NULL, MS_BIND, NULL), 0);
		r = root_build(ROOT_SWTPM, dir, &root, &err);
		umount2("/usr/bin/swtpm", MNT_DETACH);
		assert_int_equal(r, cases[i].fine ? 0 : -EPERM);
		if (r < 0)
			assert_non_null(strstr(err.text, "is not root's own file, or others may write it"));
		root_drop(&root);
		unlink(path);
		rmdir(dir);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu_is_caged),
		cmocka_unit_test(however_many_launch_holds),
		cmocka_unit_test(copies_are_inside),
		cmocka_unit_test(descriptors_get_their_numbers),
		cmocka_unit_test(a_program_that_refuses_shows_its_status),
		cmocka_unit_test(bad_specifications_are_refused),
		cmocka_unit_test(bad_argument_lists_start_nothing),
		cmocka_unit_test(leftovers_are_found_and_killed),
		cmocka_unit_test(passt_serves_a_guest),
		cmocka_unit_test(a_file_of_a_tpm_stays_small),
		cmocka_unit_test(a_program_of_others_is_none),
	};
	struct err err = { 0 };
	int r;

	if (geteuid()) {
		fprintf(stderr, "needs root\n");
		return getenv("CORDON_MUST_RUN") ? 1 : 77;
	}
	help_open(&h);
	/* the walls that stand round it in real life; a call missing there would show here */
	if (sandbox_load_policy(&sandbox_policy_cordond, false, &err) < 0 ||
	    sandbox_load_policy(&sandbox_policy_launch, false, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	r = cmocka_run_group_tests(tests, NULL, NULL);
	help_close(&h);
	return r;
}
