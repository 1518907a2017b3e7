/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes of another guest and of Cordon: signals, memory, descriptors, limits. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "escape.h"

#define KCMP_FILE 0
#define IOPRIO_WHO_PROCESS 1
#define PIDS_SCAN_MAX 32768

/*
 * Whoever must not be touched: the other guest, Cordon, and for a room somebody else's process of the same
 * room and uid. QEMU's own cordon-vm has no number where QEMU is: pid-scan would find it.
 */
static const char *const others[] = {
	"sibling",
	"victim_qemu", "victim_vm", "victim_passt", "victim_swtpm", "core", "door", "launch", "file", "disk",
	"host", "supervisor", "room_ledger", "room_image", "cordond",
};

/* Until it works with one of them. */
static int with_each(int (*try)(pid_t pid))
{
	int r = -ESRCH;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (target_number(others[i]) > 0)
			r = better(try((pid_t)target_number(others[i])), r);
	return r;
}

static int one_kill(pid_t pid)
{
	return outcome(kill(pid, 0));
}

static int one_tgkill(pid_t pid)
{
	return outcome(syscall(SYS_tgkill, pid, pid, 0));
}

static int one_queue(pid_t pid)
{
	siginfo_t si = { .si_code = SI_QUEUE };

	return outcome(syscall(SYS_rt_sigqueueinfo, pid, 0, &si));
}

static int one_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), r;

	if (fd < 0)
		return -errno;
	r = outcome(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	close(fd);
	return r;
}

/* To be told of a socket's news by signals; the kernel looks at uids only when it sends one. */
static int one_sigio(pid_t pid)
{
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	r = outcome(fcntl(pair[0], F_SETOWN, pid));
	close(pair[0]);
	close(pair[1]);
	return r;
}

static int one_ptrace(pid_t pid)
{
	int r = outcome(ptrace(PTRACE_SEIZE, pid, NULL, NULL));

	/* where it works we run in a child, whose end lets go again */
	return r;
}

static int one_readv(pid_t pid)
{
	uint8_t byte;
	struct iovec ours = { &byte, 1 }, theirs = { (void *)0x400000, 1 };

	if (process_vm_readv(pid, &ours, 1, &theirs, 1, 0) == 1 || errno == EFAULT)
		return 0;   /* a wrong address is the only thing in the way */
	return -errno;
}

static int one_writev(pid_t pid)
{
	uint8_t byte = 0;
	struct iovec ours = { &byte, 1 }, theirs = { (void *)0x10, 1 };

	return process_vm_writev(pid, &ours, 1, &theirs, 1, 0) == 1 || errno == EFAULT ? 0 : -errno;
}

static int one_mem(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	return try_open(path, O_RDWR);
}

static int one_getfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), r;

	r = outcome(syscall(SYS_pidfd_getfd, fd, 0, 0));
	if (fd >= 0)
		close(fd);
	return r;
}

static int one_kcmp(pid_t pid)
{
	return outcome(syscall(SYS_kcmp, getpid(), pid, KCMP_FILE, 0, 0));
}

static int one_limit(pid_t pid)
{
	struct rlimit old;

	return outcome(prlimit(pid, RLIMIT_NOFILE, NULL, &old));
}

static int one_affinity(pid_t pid)
{
	uint8_t mask[128] = { 0 };
	long n = syscall(SYS_sched_getaffinity, pid, sizeof(mask), mask);

	return n < 0 ? -errno : outcome(syscall(SYS_sched_setaffinity, pid, (size_t)n, mask));
}

static int one_nice(pid_t pid)
{
	errno = 0;
	if (getpriority(PRIO_PROCESS, (id_t)pid) == -1 && errno)
		return -errno;
	return outcome(setpriority(PRIO_PROCESS, (id_t)pid, getpriority(PRIO_PROCESS, (id_t)pid)));
}

static int one_ioprio(pid_t pid)
{
	long old = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, pid);

	return old < 0 ? -errno : outcome(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, old));
}

static int one_pages(pid_t pid)
{
	void *page = (void *)0x400000;
	int status = 0;
	unsigned long all = 1;
	int r = outcome(syscall(SYS_move_pages, pid, 1, &page, NULL, &status, 0));

	return r == 0 ? 0 : better(outcome(syscall(SYS_migrate_pages, pid, 1, &all, &all)), r);
}

static int one_robust(pid_t pid)
{
	void *head;
	size_t len;

	return outcome(syscall(SYS_get_robust_list, pid, &head, &len));
}

static int one_madvise(pid_t pid)
{
	struct iovec range = { (void *)0x400000, 4096 };
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), r;

	r = outcome(syscall(SYS_process_madvise, fd, &range, 1, 20 /* MADV_COLD */, 0));
	if (fd >= 0)
		close(fd);
	/* the range is not mapped there: we were let in all the same */
	return r == -ENOMEM ? 0 : r;
}

static int one_status(pid_t pid)
{
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	r = try_open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	return better(r, try_open(path, O_RDONLY));
}

static int signal_kill(void) { return with_each(one_kill); }
static int signal_thread(void) { return with_each(one_tgkill); }
static int signal_queue(void) { return with_each(one_queue); }
static int signal_pidfd(void) { return with_each(one_pidfd); }
static int signal_owner(void) { return with_each(one_sigio); }
static int trace(void) { return with_each(one_ptrace); }
static int memory_read(void) { return with_each(one_readv); }
static int memory_write(void) { return with_each(one_writev); }
static int memory_proc(void) { return with_each(one_mem); }
static int memory_advise(void) { return with_each(one_madvise); }
static int fd_steal(void) { return with_each(one_getfd); }
static int fd_compare(void) { return with_each(one_kcmp); }
static int other_limit(void) { return with_each(one_limit); }
static int other_affinity(void) { return with_each(one_affinity); }
static int other_nice(void) { return with_each(one_nice); }
static int other_ioprio(void) { return with_each(one_ioprio); }
static int other_pages(void) { return with_each(one_pages); }
static int other_robust(void) { return with_each(one_robust); }
static int other_status(void) { return with_each(one_status); }

/* Not one of them by its number: anybody at all, but for the one that had us forked for each attack. */
static int pid_scan(void)
{
	const pid_t maker = uncaged || target("may_fork") ? getppid() : 0;
	int r = -ESRCH;

	for (pid_t pid = 1; pid <= PIDS_SCAN_MAX && r; pid++) {
		int one = pid == getpid() || pid == maker ? -ESRCH : one_tgkill(pid);

		r = one == -ESRCH ? r : one;
	}
	return r;
}

/* All processes of a uid at once. */
static int nice_user(void)
{
	id_t uid = (id_t)target_number("victim_uid");

	errno = 0;
	if (getpriority(PRIO_USER, uid) == -1 && errno)
		return -errno;
	return outcome(setpriority(PRIO_USER, uid, 0));
}

/* A message that says it comes from root's core. */
static int forged_sender(void)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control = { .head = { CMSG_LEN(sizeof(struct ucred)), SOL_SOCKET, SCM_CREDENTIALS } };
	struct ucred who = { .pid = (pid_t)target_number("core"), .uid = 0, .gid = 0 };
	struct iovec data = { (void *)"x", 1 };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	memcpy(CMSG_DATA(&control.head), &who, sizeof(who));
	r = outcome(sendmsg(pair[0], &m, 0));
	close(pair[0]);
	close(pair[1]);
	return r;
}

static int new_process(void)
{
	pid_t pid = (pid_t)syscall(SYS_fork);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return outcome(pid);
}

const struct attack processes_attacks[] = {
	{ "signal-kill", "kill() another process", signal_kill, A_GUEST, "core" },
	{ "signal-thread", "tgkill() one of its threads", signal_thread, A_GUEST, "core" },
	{ "signal-queue", "rt_sigqueueinfo() to it", signal_queue, A_GUEST, "core" },
	{ "signal-pidfd", "signal it by a pidfd", signal_pidfd, A_GUEST, "core" },
	{ "signal-owner", "name it as the receiver of one's own signals (F_SETOWN)", signal_owner, 0,
	  "core" },
	{ "pid-scan", "find any other process by its number", pid_scan, A_GUEST, NULL },
	{ "ptrace", "attach to it with ptrace()", trace, A_GUEST, "core" },
	{ "memory-read", "process_vm_readv()", memory_read, A_GUEST, "core" },
	{ "memory-write", "process_vm_writev()", memory_write, A_GUEST, "core" },
	{ "memory-proc", "open /proc/PID/mem", memory_proc, A_GUEST, "core" },
	{ "memory-advise", "process_madvise()", memory_advise, A_GUEST, "core" },
	{ "fd-steal", "pidfd_getfd()", fd_steal, A_GUEST, "core" },
	{ "fd-compare", "kcmp() with its descriptors", fd_compare, A_GUEST, "core" },
	{ "proc-status", "read /proc/PID/status and maps", other_status, 0, "core" },
	{ "other-limit", "read or set its limits (prlimit)", other_limit, A_GUEST, "core" },
	{ "other-affinity", "move it to other processors", other_affinity, A_GUEST, "core" },
	{ "other-nice", "change its priority", other_nice, A_GUEST, "core" },
	{ "other-nice-uid", "change the priority of all processes of the other guest's uid", nice_user,
	  A_GUEST, "victim_uid" },
	{ "other-ioprio", "change its I/O priority", other_ioprio, A_GUEST, "core" },
	{ "other-pages", "move its pages (move_pages, migrate_pages)", other_pages, A_GUEST, "core" },
	{ "other-robust", "learn addresses in it (get_robust_list)", other_robust, A_GUEST, "core" },
	{ "forged-sender", "send a message as root and as another pid (SCM_CREDENTIALS)", forged_sender,
	  0, "core" },
	{ "fork", "make a new process", new_process, 0, NULL },
	{ 0 },
};
