/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox_enter() and the policies, by forked probes: what passes, what is refused, what kills. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/execargs.h"
#include "sandbox/sandbox.h"

#define UID 1879141000u

/* How a probe ended: its exit code (an errno, 0: it passed), or KILLED. */
#define KILLED 1000

/* The promise `sanitize` lets calls pass that kill otherwise. */
#ifdef CORDON_SANITIZE
#define SANITIZED true
#else
#define SANITIZED false
#endif

static pid_t parent;       /* of the probe that runs */

static int run(const struct sandbox_policy *p, bool audit, int (*probe)(void))
{
	int status;
	pid_t pid;

	parent = getpid();
	pid = fork();
	if (pid == 0) {
		if (sandbox_load_policy(p, audit, NULL) < 0)
			_exit(255);
		_exit(probe());
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return KILLED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#define ANSWER(call) ((call) < 0 ? errno : 0)

static int p_getpid(void) { return syscall(SYS_getpid) > 0 ? 0 : 1; }
static int p_mount(void) { return ANSWER(mount("x", "/tmp/none", "tmpfs", 0, NULL)); }
static int p_unshare(void) { return ANSWER(unshare(CLONE_NEWUSER)); }
static int p_ptrace(void) { return ANSWER(ptrace(PTRACE_TRACEME, 0, 0, 0)); }
static int p_fork(void) { return ANSWER(syscall(SYS_fork)); }
static int p_clone(void) { return ANSWER(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }
static int p_clone3(void) { return ANSWER(syscall(SYS_clone3, NULL, 0)); }
static int p_io_uring(void) { return ANSWER(syscall(SYS_io_uring_setup, 1, NULL)); }
static int p_new_number(void) { return ANSWER(syscall(1000)); }
static int p_unix(void) { return ANSWER(socket(AF_UNIX, SOCK_STREAM, 0)); }
static int p_inet(void) { return ANSWER(socket(AF_INET, SOCK_STREAM, 0)); }
static int p_pair(void) { int s[2]; return ANSWER(socketpair(AF_UNIX, SOCK_STREAM, 0, s)); }
static int p_pair_packets(void) { int s[2]; return ANSWER(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s)); }
static int p_pair_datagrams(void) { int s[2]; return ANSWER(socketpair(AF_UNIX, SOCK_DGRAM, 0, s)); }
static int p_pair_raw(void) { int s[2]; return ANSWER(socketpair(AF_UNIX, SOCK_RAW, 0, s)); }
static int p_unix_datagrams(void) { return ANSWER(socket(AF_UNIX, SOCK_DGRAM, 0)); }
/* To port 9, where nobody listens. */
static int p_send_connects(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&a, sizeof(a)) < 0 &&
	       errno != ECONNREFUSED ? errno : 0;
}
static int p_bind(void) { return bind(-1, NULL, 0) < 0 && errno != EBADF ? errno : 0; }
static int p_alarm(void) { return ANSWER(syscall(SYS_alarm, 0)); }
static int p_fionread(void) { int n; return ioctl(0, FIONREAD, &n) < 0 && errno == EPERM ? errno : 0; }
static int p_mkdir(void) { return mkdir("", 0700) < 0 && errno != ENOENT ? errno : 0; }
static int p_getfl(void) { return ANSWER(fcntl(2, F_GETFL)); }
static int p_signal(void) { return ANSWER(syscall(SYS_tgkill, parent, parent, 0)); }
static int p_open(void) { return ANSWER(open("/dev/null", O_RDONLY)); }
static int p_write(void) { return ANSWER(open("/dev/null", O_WRONLY)); }
static int p_exec(void) { return ANSWER(execl("/bin/true", "true", (char *)NULL)); }
static int p_kill(void) { return ANSWER(kill(1, 0)); }
static int p_userfault(void) { return ANSWER(syscall(SYS_userfaultfd, 0)); }
static int p_sticky(void) { return ANSWER(ioctl(0, TIOCSTI, "x")); }
static int p_setuid(void) { return ANSWER(syscall(SYS_setuid, 0)); }
/* the bits above 32, which the kernel ignores, must not open a way around a condition */
static int p_sticky_high(void)
{
	return ANSWER(syscall(SYS_ioctl, 0L, 0x100000000L | TIOCSTI, "x"));
}
static int p_inet_high(void)
{
	return ANSWER(syscall(SYS_socket, 0x100000000L | AF_INET, SOCK_STREAM, 0));
}

/* News of a descriptor as signals, to another process. */
static int p_owner(void)
{
	return ANSWER(fcntl(2, F_SETOWN, parent));
}

/* A limit for another process, from an address whose lower half looks like NULL. */
static int p_limit(void)
{
	struct rlimit *l = mmap((void *)0x100000000, 4096, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (l == MAP_FAILED)
		return EFAULT;
	*l = (struct rlimit){ 1 << 20, RLIM_INFINITY };
	return ANSWER(syscall(SYS_prlimit64, parent, RLIMIT_CPU, l, NULL));
}

static int p_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED ? errno : 0;
}

static int p_data(void)
{
	char *p = malloc(1 << 20);

	if (!p)
		return 1;
	memset(p, 1, 1 << 20);
	free(p);
	return 0;
}

static void qemu_policy(void **state)
{
	const struct sandbox_policy *q = &sandbox_policy_qemu;

	(void)state;
	assert_int_equal(run(q, true, p_getpid), 0);
	assert_int_equal(run(q, true, p_open), 0);
	assert_int_equal(run(q, true, p_pair), 0);
	assert_int_equal(run(q, true, p_code), 0);      /* TCG */
	assert_int_equal(run(q, true, p_fork), EPERM);
	assert_int_equal(run(q, true, p_clone), EPERM);
	assert_int_equal(run(q, true, p_unix), EPERM);
	assert_int_equal(run(q, true, p_inet), EPERM);
	assert_int_equal(run(q, true, p_kill), EPERM);
	assert_int_equal(run(q, true, p_userfault), EPERM);
	assert_int_equal(run(q, true, p_io_uring), EPERM);
	assert_int_equal(run(q, true, p_sticky), EPERM);
	assert_int_equal(run(q, true, p_sticky_high), EPERM);
	assert_int_equal(run(q, true, p_clone3), ENOSYS);
	assert_int_equal(run(q, true, p_new_number), ENOSYS);
	assert_int_equal(run(q, true, p_mount), KILLED);
	assert_int_equal(run(q, true, p_unshare), KILLED);
	assert_int_equal(run(q, true, p_ptrace), KILLED);
	assert_int_equal(run(q, true, p_exec), KILLED);
	assert_int_equal(run(q, true, p_setuid), KILLED);
}

static void room_policies(void **state)
{
	static const struct sandbox_policy *const closed[] = {
		&sandbox_policy_conn, &sandbox_policy_edge, &sandbox_policy_reader,
		&sandbox_policy_conf,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
		assert_int_equal(run(closed[i], false, p_getpid), 0);
		assert_int_equal(run(closed[i], false, p_data), 0);
		if (!SANITIZED) {
			assert_int_equal(run(closed[i], false, p_open), KILLED);
			assert_int_equal(run(closed[i], false, p_code), KILLED);
			assert_int_equal(run(closed[i], false, p_clone), KILLED);
			assert_int_equal(run(closed[i], false, p_ptrace), KILLED);
		}
		assert_int_equal(run(closed[i], false, p_inet), KILLED);
		assert_int_equal(run(closed[i], false, p_exec), KILLED);
		assert_int_equal(run(closed[i], false, p_new_number), KILLED);
		assert_int_equal(run(closed[i], false, p_mount), KILLED);
	}
	assert_int_equal(run(&sandbox_policy_conn, false, p_pair), KILLED);
	assert_int_equal(run(&sandbox_policy_edge, false, p_pair), KILLED);
	assert_int_equal(run(&sandbox_policy_disk, false, p_pair_packets), 0);
	assert_int_equal(run(&sandbox_policy_vm, false, p_pair), 0);
	assert_int_equal(run(&sandbox_policy_vm, false, p_bind), KILLED);
	assert_int_equal(run(&sandbox_policy_vm, false, p_unix), 0);
	assert_int_equal(run(&sandbox_policy_vm, false, p_inet), KILLED);
	assert_int_equal(run(&sandbox_policy_vm, false, p_inet_high), KILLED);
	if (!SANITIZED) {
		assert_int_equal(run(&sandbox_policy_vm, false, p_sticky_high), KILLED);
		assert_int_equal(run(&sandbox_policy_vm, false, p_mkdir), KILLED);
	}
	assert_int_equal(run(&sandbox_policy_core, false, p_unix), KILLED);
	assert_int_equal(run(&sandbox_policy_door, false, p_unix), 0);
	assert_int_equal(run(&sandbox_policy_door, false, p_inet), 0);
	assert_int_equal(run(&sandbox_policy_door, false, p_open), 0);
	assert_int_equal(run(&sandbox_policy_door, false, p_exec), KILLED);
	assert_int_equal(run(&sandbox_policy_door, false, p_setuid), KILLED);
	assert_int_equal(run(&sandbox_policy_door, false, p_mount), KILLED);
	assert_int_equal(run(&sandbox_policy_door, false, p_new_number), KILLED);
	if (!SANITIZED) {
		assert_int_equal(run(&sandbox_policy_door, false, p_write), KILLED);
		assert_int_equal(run(&sandbox_policy_door, false, p_clone), KILLED);
		assert_int_equal(run(&sandbox_policy_door, false, p_kill), KILLED);
		assert_int_equal(run(&sandbox_policy_door, false, p_code), KILLED);
	}
	assert_int_equal(run(&sandbox_policy_file, false, p_exec), KILLED);
	assert_int_equal(run(&sandbox_policy_file, false, p_mount), KILLED);
	assert_int_equal(run(&sandbox_policy_file, false, p_setuid), KILLED);
	if (!SANITIZED) {
		assert_int_equal(run(&sandbox_policy_file, false, p_sticky), KILLED);
		assert_int_equal(run(&sandbox_policy_disk, false, p_open), KILLED);
		assert_int_equal(run(&sandbox_policy_image, false, p_open), KILLED);
	}
	assert_int_equal(run(&sandbox_policy_disk, false, p_exec), KILLED);
	assert_int_equal(run(&sandbox_policy_disk, false, p_fork), KILLED);
	assert_int_equal(run(&sandbox_policy_disk, false, p_unix), KILLED);
	assert_int_equal(run(&sandbox_policy_image, false, p_clone), 0);
	assert_int_equal(run(&sandbox_policy_image, false, p_unshare), KILLED);
	assert_int_equal(run(&sandbox_policy_image, false, p_exec), KILLED);
}

/* Without a filter, as a process of the uid that its parent has. */
static int run_free(int (*probe)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setuid(UID) < 0)
			_exit(255);
		parent = getpid();
		pid = fork();
		if (pid == 0)
			_exit(probe());
		waitpid(pid, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 255);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Rooms of one kind have one uid, and older kernels' Landlock knows neither signals nor abstract sockets. */
static void no_room_reaches_its_like(void **state)
{
	static const struct sandbox_policy *const rooms[] = {
		&sandbox_policy_conf, &sandbox_policy_conn, &sandbox_policy_core, &sandbox_policy_disk,
		&sandbox_policy_door, &sandbox_policy_edge, &sandbox_policy_file, &sandbox_policy_host,
		&sandbox_policy_image, &sandbox_policy_ledger, &sandbox_policy_reader,
		&sandbox_policy_supervisor, &sandbox_policy_vm,
	};
	static int (*const always[])(void) = { p_pair_datagrams, p_pair_raw, p_unix_datagrams, p_owner,
					       p_send_connects };
	static int (*const plain[])(void) = { p_signal, p_kill, p_limit, p_fionread };

	(void)state;
	for (size_t k = 0; k < sizeof(always) / sizeof(always[0]); k++)
		assert_int_equal(run_free(always[k]), 0);
	for (size_t k = 0; k < sizeof(plain) / sizeof(plain[0]) && !SANITIZED; k++)
		assert_int_equal(run_free(plain[k]), plain[k] == p_kill ? EPERM : 0);
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		print_message("%s\n", rooms[i]->name);
		assert_int_equal(run(rooms[i], false, p_getfl), 0);
		for (size_t k = 0; k < sizeof(always) / sizeof(always[0]); k++)
			assert_int_equal(run(rooms[i], false, always[k]), KILLED);
		for (size_t k = 0; k < sizeof(plain) / sizeof(plain[0]) && !SANITIZED; k++)
			assert_int_equal(run(rooms[i], false, plain[k]), KILLED);
	}
}

static void starters_refuse_but_do_not_kill(void **state)
{
	(void)state;
	assert_int_equal(run(&sandbox_policy_launch, false, p_exec), 0);
	assert_int_equal(run(&sandbox_policy_launch, false, p_new_number), ENOSYS);
	assert_int_equal(run(&sandbox_policy_launch, false, p_userfault), EPERM);
	assert_int_equal(run(&sandbox_policy_cordond, false, p_exec), 0);
	assert_int_equal(run(&sandbox_policy_cordond, false, p_inet), 0);
	assert_int_equal(run(&sandbox_policy_cordond, false, p_signal), 0);   /* abort() */
	assert_int_equal(run(&sandbox_policy_launch, false, p_signal), 0);
	assert_int_equal(run(&sandbox_policy_cordond, false, p_alarm), 0);    /* of cordon-host's probes */
	if (!SANITIZED)
		assert_int_equal(run(&sandbox_policy_cordond, false, p_ptrace), KILLED);
}

/* What passt asks for and the cage has done is answered with success, and not done. */
static void passt_policy(void **state)
{
	(void)state;
	assert_int_equal(run(&sandbox_policy_passt, true, p_unshare), 0);
	assert_int_equal(run(&sandbox_policy_passt, true, p_mount), 0);
	assert_int_equal(run(&sandbox_policy_passt, true, p_inet), 0);
	assert_int_equal(run(&sandbox_policy_passt, true, p_unix), EPERM);
	assert_int_equal(run(&sandbox_policy_passt, true, p_exec), KILLED);
}

/* One exec with these pointers passes; other pointers, or the same text elsewhere, kill. */
static int run_exec(int wrong)
{
	char *argv[] = { "true", NULL }, *envp[] = { NULL }, *other[] = { "true", NULL };
	char path[] = "/bin/true", copy[] = "/bin/true";
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (sandbox_load_policy_exec(&sandbox_policy_qemu, false, path, argv, envp, NULL) < 0)
			_exit(255);
		execve(wrong == 1 ? copy : path, wrong == 2 ? other : argv,
		       wrong == 3 ? other : envp);
		_exit(254);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return KILLED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void one_exec_passes(void **state)
{
	(void)state;
	assert_int_equal(run_exec(0), 0);
	for (int wrong = 1; wrong <= 3; wrong++)
		assert_int_equal(run_exec(wrong), KILLED);
}

static void assert_line(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("'%s' is missing in:\n%s", line, text);
}

/* The child enters and waits; the parent reads what the kernel says about it. */
static void entering_gives_everything_up(void **state)
{
	int gate[2], extra = open("/dev/zero", O_RDONLY | O_CLOEXEC), root, status;
	char dir[] = "/tmp/cordon-empty-XXXXXX", path[64], text[8192], link[64];
	struct err err = { 0 };
	pid_t pid;
	ssize_t n;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate), 0);
	pid = fork();
	if (pid == 0) {
		const int keep[] = { gate[1], 2 };
		const struct sandbox_profile p = {
			.name = "probe", .policy = &sandbox_policy_conn, .uid = UID, .gid = UID,
			.keep_caps = SANDBOX_CAP(CAP_KILL), .root_fd = root, .keep_fds = keep,
			.n_keep_fds = 2, .nofile = 64,
		};
		char c;

		if (sandbox_enter(&p, &err) < 0) {
			dprintf(2, "%s\n", err.text);
			_exit(1);
		}
		if (write(gate[1], "x", 1) != 1 || read(gate[1], &c, 1) != 1)
			_exit(2);
		_exit(0);
	}
	assert_int_equal(read(gate[0], text, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(n > 0);
	text[n] = '\0';
	assert_line(text, "\nUid:\t1879141000\t1879141000\t1879141000\t1879141000\n");
	assert_line(text, "\nCapInh:\t0000000000000000\n");
	assert_line(text, "\nCapPrm:\t0000000000000020\n");
	assert_line(text, "\nCapEff:\t0000000000000020\n");
	assert_line(text, "\nCapBnd:\t0000000000000020\n");
	assert_line(text, "\nCapAmb:\t0000000000000000\n");
	assert_line(text, "\nNoNewPrivs:\t1\n");
	assert_line(text, "\nSeccomp:\t2\n");
	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	n = readlink(path, link, sizeof(link) - 1);
	assert_true(n > 0);
	link[n] = '\0';
	assert_string_equal(link, dir);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, extra);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, root);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, gate[1]);
	assert_int_equal(faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(write(gate[0], "x", 1), 1);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	rmdir(dir);
	close(root);
	close(extra);
	close(gate[0]);
	close(gate[1]);
}

/* A limit that cordond was born with is lower: kept, for a room may not raise it. */
static int limits_below(rlim_t nofile, rlim_t memory, rlim_t core, struct rlimit ret[3])
{
	static const int which[] = { RLIMIT_NOFILE, RLIMIT_AS, RLIMIT_CORE };
	const rlim_t low[] = { nofile, memory, core };
	const struct sandbox_profile p = { .name = "probe", .uid = UID, .gid = UID, .keep_all_fds = true,
					   .root_fd = SANDBOX_ROOT_KEEP, .any_path = true, .nofile = 64,
					   .memory = UINT64_C(1) << 40 };
	struct err err = { 0 };
	int out[2], status;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 3; i++)
			if (low[i] != RLIM_INFINITY &&
			    setrlimit(which[i], &(struct rlimit){ low[i], low[i] }) < 0)
				_exit(2);
		if (sandbox_drop_caps(~SANDBOX_CAP(CAP_SYS_RESOURCE), &err) < 0 ||
		    sandbox_enter(&p, &err) < 0) {
			dprintf(2, "%s\n", err.text);
			_exit(1);
		}
		for (int i = 0; i < 3; i++)
			getrlimit(which[i], &ret[i]);
		_exit(write(out[1], ret, 3 * sizeof(*ret)) < 0);
	}
	waitpid(pid, &status, 0);
	if (status == 0)
		assert_int_equal(read(out[0], ret, 3 * sizeof(*ret)), 3 * sizeof(*ret));
	close(out[0]);
	close(out[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void a_lower_limit_is_kept(void **state)
{
	const rlim_t many = SANITIZED ? RLIM_INFINITY : (rlim_t)1 << 40;
	const rlim_t few = SANITIZED ? RLIM_INFINITY : (rlim_t)1 << 39;
	struct rlimit have[3];

	(void)state;
	assert_int_equal(limits_below(RLIM_INFINITY, RLIM_INFINITY, RLIM_INFINITY, have), 0);
	assert_int_equal(have[0].rlim_max, 64);
	assert_true(have[1].rlim_max == many && have[1].rlim_cur == many);
	assert_int_equal(have[2].rlim_max, 1);
	assert_int_equal(limits_below(32, few, 0, have), 0);
	assert_int_equal(have[0].rlim_max, 32);
	assert_true(have[1].rlim_max == few && have[1].rlim_cur == few);
	assert_int_equal(have[2].rlim_max, 0);
}

/* ---- Landlock: each probe runs free first, which is the control, and then under rules ---- */

static char land_dir[] = "/tmp/cordon-land-XXXXXX";
static int land_fd = -1;          /* a file opened before */
static pid_t land_other;          /* a process of the same uid */

static int land_open(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", land_dir, name);
	return ANSWER(open(path, flags | O_CLOEXEC, 0600));
}

static int l_read(void) { return land_open("file", O_RDONLY); }
static int l_list(void) { return land_open("", O_RDONLY | O_DIRECTORY); }
static int l_write(void) { return land_open("file", O_WRONLY); }
static int l_make(void) { return land_open("new", O_WRONLY | O_CREAT); }
static int l_device(void) { return ANSWER(open("/dev/zero", O_RDWR)); }
static int l_exec(void) { return ANSWER(execl("/bin/true", "true", (char *)NULL)); }
static int l_held(void) { return ANSWER(write(land_fd, "x", 1)); }
static int l_signal(void) { return ANSWER(kill(land_other, 0)); }
static int l_trace(void) { return ANSWER(ptrace(PTRACE_SEIZE, land_other, 0, 0)); }
static int l_mount(void) { return ANSWER(mount("x", land_dir, "tmpfs", 0, NULL)); }

static int l_folder(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/folder", land_dir);
	return ANSWER(mkdir(path, 0700)) ? errno : ANSWER(rmdir(path));
}

static int l_abstract(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "\0cordon-land" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return ANSWER(connect(fd, (struct sockaddr *)&a, sizeof(a)));
}

/* Port 9, where nobody listens: refused by the other end when the call is allowed. */
static int l_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	r = ANSWER(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	return r == ECONNREFUSED ? 0 : r;
}

static int run_land(const struct sandbox_path *rows, size_t n, bool net, bool uncapped,
		    int (*probe)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 || (uncapped && setuid(UID) < 0) ||
		    (rows && sandbox_landlock(rows, n, net, NULL) < 0))
			_exit(255);
		_exit(probe());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void landlock_bites(void **state)
{
	const struct sandbox_path none = { "/nowhere", SANDBOX_READ }, look = { "/", SANDBOX_READ };
	const struct sandbox_path work = { land_dir, SANDBOX_READ | SANDBOX_WRITE | SANDBOX_MAKE };
	const struct {
		int (*probe)(void);
		int none, look, work;
		int abi;
		bool user;       /* as an ordinary uid, whom nothing but Landlock stands in the way */
	} rows[] = {
		{ l_read, EACCES, 0, 0, 1, false },
		{ l_list, EACCES, 0, 0, 1, false },
		{ l_write, EACCES, EACCES, 0, 1, false },
		{ l_make, EACCES, EACCES, 0, 1, false },
		{ l_folder, EACCES, EACCES, EACCES, 1, false },
		{ l_device, EACCES, EACCES, EACCES, 1, false },
		{ l_exec, EACCES, EACCES, EACCES, 1, false },
		{ l_mount, EPERM, EPERM, EPERM, 1, false },
		{ l_held, 0, 0, 0, 1, false },
		{ l_trace, EPERM, EPERM, EPERM, 1, true },
		{ l_tcp, EACCES, EACCES, EACCES, 4, false },
		{ l_abstract, EPERM, EPERM, EPERM, 6, false },
		{ l_signal, EPERM, EPERM, EPERM, 6, true },
	};
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "\0cordon-land" };
	int abi = sandbox_landlock_abi(), sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char path[64];

	(void)state;
	/* a kernel without it is no failure of ours; the one the tests run on has it */
	assert_true(abi > 0 || !getenv("CORDON_MUST_RUN"));
	assert_non_null(mkdtemp(land_dir));
	snprintf(path, sizeof(path), "%s/file", land_dir);
	land_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(land_fd >= 0);
	assert_int_equal(bind(sock, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(sock, 64), 0);
	land_other = fork();
	if (land_other == 0) {
		if (setuid(UID) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	usleep(50000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(run_land(NULL, 0, false, rows[i].user, rows[i].probe), 0);
		if (abi < rows[i].abi)
			continue;
		assert_int_equal(run_land(&none, 1, false, rows[i].user, rows[i].probe), rows[i].none);
		assert_int_equal(run_land(&look, 1, false, rows[i].user, rows[i].probe), rows[i].look);
		assert_int_equal(run_land(&work, 1, false, rows[i].user, rows[i].probe), rows[i].work);
	}
	assert_int_equal(run_land(&look, 1, true, false, l_tcp), 0);
	kill(land_other, SIGKILL);
	waitpid(land_other, NULL, 0);
	close(sock);
	close(land_fd);
	unlink(path);
	snprintf(path, sizeof(path), "%s/new", land_dir);
	unlink(path);
	rmdir(land_dir);
}

/* A room whose row is empty; its root still holds a file that its uid may read and write. */
static int room_opens(bool any_path)
{
	int status, root;
	pid_t pid;
	char path[80];

	snprintf(path, sizeof(path), "%s/open", land_dir);
	close(open(path, O_CREAT | O_CLOEXEC, 0666));
	chmod(path, 0666);
	chmod(land_dir, 0755);
	root = open(land_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid = fork();
	if (pid == 0) {
		const struct sandbox_profile p = { .name = "probe", .uid = UID, .gid = UID,
						   .root_fd = root, .keep_all_fds = true,
						   .any_path = any_path };

		if (sandbox_enter(&p, NULL) < 0)
			_exit(255);
		_exit(ANSWER(open("/open", O_RDWR)));
	}
	waitpid(pid, &status, 0);
	close(root);
	unlink(path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_room_opens_nothing_unless_its_row_says_so(void **state)
{
	(void)state;
	snprintf(land_dir, sizeof(land_dir), "/tmp/cordon-land-XXXXXX");
	assert_non_null(mkdtemp(land_dir));
	assert_int_equal(room_opens(true), 0);
	if (sandbox_landlock_abi())
		assert_int_equal(room_opens(false), EACCES);
	rmdir(land_dir);
}

static void only_listed_descriptors_survive(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		const int keep[] = { 9, 2, 9, 5, -1 };

		for (int i = 3; i < 12; i++)
			dup2(0, i);
		if (sandbox_close_others(keep, 5) < 0)
			_exit(1);
		for (int i = 0; i < 20; i++)
			if ((fcntl(i, F_GETFD) >= 0) != (i == 2 || i == 5 || i == 9))
				_exit(2);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void argument_lists_are_checked(void **state)
{
	const char *const args[] = { "-M", "", "q35" };
	struct buf b;
	char *argv[5] = { "qemu" };
	uint32_t size, count;

	(void)state;
	buf_init(&b, 1 << 12);
	assert_int_equal(execargs_encode(args, 3, &b, NULL), 0);
	assert_int_equal(execargs_head(b.data, &size, &count), 0);
	assert_int_equal(size, b.len - EXECARGS_HEAD);
	assert_int_equal(count, 3);
	assert_int_equal(execargs_split((char *)b.data + EXECARGS_HEAD, size, count, argv), 0);
	assert_string_equal(argv[1], "-M");
	assert_string_equal(argv[2], "");
	assert_string_equal(argv[3], "q35");
	assert_null(argv[4]);
	assert_int_equal(execargs_split((char *)b.data + EXECARGS_HEAD, size, 2, argv), -EBADMSG);
	assert_int_equal(execargs_split((char *)b.data + EXECARGS_HEAD, size - 1, 3, argv),
			 -EBADMSG);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu_policy),
		cmocka_unit_test(room_policies),
		cmocka_unit_test(no_room_reaches_its_like),
		cmocka_unit_test(starters_refuse_but_do_not_kill),
		cmocka_unit_test(passt_policy),
		cmocka_unit_test(one_exec_passes),
		cmocka_unit_test(entering_gives_everything_up),
		cmocka_unit_test(a_lower_limit_is_kept),
		cmocka_unit_test(landlock_bites),
		cmocka_unit_test(a_room_opens_nothing_unless_its_row_says_so),
		cmocka_unit_test(only_listed_descriptors_survive),
		cmocka_unit_test(argument_lists_are_checked),
	};

	if (geteuid()) {
		fprintf(stderr, "needs root\n");
		return getenv("CORDON_MUST_RUN") ? 1 : 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
