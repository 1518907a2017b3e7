/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel itself: programs for it, its keys, clocks, modules, odd system calls. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/reboot.h>
#include <sys/shm.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <linux/keyctl.h>
#include <linux/quota.h>
#include <linux/reboot.h>
#include <mqueue.h>
#include <unistd.h>

#include "escape.h"

#define X32_BIT 0x40000000

static int close_it(long fd)
{
	int r = outcome(fd);

	if (fd >= 0)
		close((int)fd);
	return r;
}

/* A socket filter that takes everything: the smallest program there is. */
static int bpf_load(void)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr a = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = (uintptr_t)code, .insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	};

	return close_it(syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a)));
}

static int bpf_maps(void)
{
	union bpf_attr a = { .start_id = 0 };
	long r = syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &a, sizeof(a));

	return r < 0 && errno == ENOENT ? 0 : outcome(r);   /* none loaded: we were let in */
}

static int perf(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(a),
				     .config = PERF_COUNT_SW_CPU_CLOCK };

	/* all processes of one processor */
	return close_it(syscall(SYS_perf_event_open, &a, -1, 0, -1, 0));
}

static int user_fault(void)
{
	return close_it(syscall(SYS_userfaultfd, O_CLOEXEC));
}

static int uring(void)
{
	struct io_uring_params p = { 0 };

	return close_it(syscall(SYS_io_uring_setup, 4, &p));
}

static int key_search(void)
{
	return outcome(syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user",
			       target("victim_key_name"), 0));
}

static int key_read(void)
{
	char data[64];

	return outcome(syscall(SYS_keyctl, KEYCTL_READ, (int)target_number("victim_key"), data,
			       sizeof(data)));
}

static int key_request(void)
{
	return outcome(syscall(SYS_request_key, "user", target("victim_key_name"), NULL, 0));
}

static int key_add(void)
{
	return outcome(syscall(SYS_add_key, "user", "cordon-escape-2", "x", 1,
			       KEY_SPEC_PROCESS_KEYRING));
}

static int kexec(void)
{
	return outcome(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}

/* An empty module is refused as such where the call is allowed at all. */
static int module_load(void)
{
	long r = syscall(SYS_init_module, "x", 1, "");

	return r < 0 && errno == ENOEXEC ? 0 : outcome(r);
}

static int module_load_fd(void)
{
	int fd = open("/usr/share/seabios/bios-256k.bin", O_RDONLY | O_CLOEXEC), r;

	r = outcome(syscall(SYS_finit_module, fd, "", 0));
	if (fd >= 0)
		close(fd);
	return r == -ENOEXEC ? 0 : r;
}

static int module_remove(void)
{
	long r = syscall(SYS_delete_module, "cordon_escape", O_NONBLOCK);

	return r < 0 && errno == ENOENT ? 0 : outcome(r);
}

static int kernel_log(void)
{
	char text[128];

	return outcome(klogctl(3, text, sizeof(text)));
}

/* Ctrl-Alt-Del back to what it is by default: nothing changes where it works. */
static int restart(void)
{
	return outcome(reboot(LINUX_REBOOT_CMD_CAD_ON));
}

static int swap_on(void)
{
	long r = swapon("/nonexistent", 0);

	return r < 0 && errno == ENOENT ? 0 : outcome(r);
}

static int accounting(void)
{
	return outcome(acct(NULL));
}

static int quota(void)
{
	/* Q_SYNC of all file systems is open to everybody; settings of one are not */
	long r = syscall(SYS_quotactl, QCMD(Q_QUOTAOFF, USRQUOTA), target("host_disk"), 0, NULL);

	return r < 0 && (errno == ESRCH || errno == EINVAL || errno == ENOSYS) && uncaged ? 0
									      : outcome(r);
}

static int clock_set(void)
{
	return outcome(syscall(SYS_settimeofday, NULL, NULL));
}

static int clock_adjust(void)
{
	struct timex t = { .modes = ADJ_TICK, .tick = 10000 };

	return outcome(adjtimex(&t));
}

static int ports_all(void)
{
	return outcome(syscall(SYS_iopl, 3));
}

static int ports_some(void)
{
	return outcome(syscall(SYS_ioperm, 0x80, 1, 1));
}

static int ldt(void)
{
	uint8_t table[16];

	return outcome(syscall(SYS_modify_ldt, 0, table, sizeof(table)));
}

static int person(void)
{
	return outcome(personality(ADDR_NO_RANDOMIZE));
}

static int watch_all(void)
{
	return close_it(fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY));
}

/* The calls of another architecture, of which a filter may know nothing. */
static int gate_i386(void)
{
#if defined(__x86_64__)
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20 /* getpid */) : "memory", "r8", "r9", "r10", "r11");
	return r > 0 ? 0 : (int)r;
#else
	return ESCAPE_VOID;
#endif
}

static int gate_x32(void)
{
	return outcome(syscall(X32_BIT | SYS_getpid));
}

static int exec_path(void)
{
	char *argv[] = { (char *)"/bin/true", NULL }, *envp[] = { NULL };

	/* where it works this very process becomes true, whose status tells */
	return outcome(execve(argv[0], argv, envp));
}

static int exec_memory(void)
{
	char *argv[] = { (char *)ESCAPE_AGAIN, NULL }, *envp[] = { NULL };
	int fd = (int)syscall(SYS_memfd_create, "escape", 0u), from;
	char page[4096];
	ssize_t n;

	from = open(uncaged ? "/proc/self/exe" : "/usr/bin/qemu-system-x86_64", O_RDONLY | O_CLOEXEC);
	while (from >= 0 && (n = read(from, page, sizeof(page))) > 0)
		if (write(fd, page, (size_t)n) != n)
			return -EIO;
	return outcome(syscall(SYS_execveat, fd, "", argv, envp, 0x1000 /* AT_EMPTY_PATH */));
}

static int shm_attach(void)
{
	void *p = shmat((int)target_number("victim_shm"), NULL, SHM_RDONLY);

	if (p == (void *)-1)
		return -errno;
	shmdt(p);
	return 0;
}

static int queue_open(void)
{
	mqd_t q = mq_open(target("victim_queue"), O_RDONLY);

	if (q == (mqd_t)-1)
		return -errno;
	mq_close(q);
	return 0;
}

static int secret_memory(void)
{
	/* pages that the kernel itself cannot see: where an attacker would hide */
	return close_it(syscall(SYS_memfd_secret, 0));
}

const struct attack kernel_attacks[] = {
	{ "bpf-load", "load a BPF program", bpf_load, 0, NULL },
	{ "bpf-list", "list the host's BPF programs", bpf_maps, 0, NULL },
	{ "perf", "perf_event_open() over all processes", perf, A_GUEST, NULL },
	{ "userfaultfd", "userfaultfd()", user_fault, 0, NULL },
	{ "io-uring", "io_uring_setup()", uring, 0, NULL },
	{ "key-search", "find another guest's key in the keyring", key_search, A_GUEST, "victim_key" },
	{ "key-read", "read it by its number", key_read, A_GUEST, "victim_key" },
	{ "key-request", "request_key()", key_request, A_GUEST, "victim_key" },
	{ "key-add", "add_key()", key_add, 0, NULL },
	{ "kexec", "kexec_load()", kexec, 0, NULL },
	{ "module-load", "init_module()", module_load, 0, NULL },
	{ "module-load-fd", "finit_module()", module_load_fd, 0, NULL },
	{ "module-remove", "delete_module()", module_remove, 0, NULL },
	{ "kernel-log", "read the kernel's log", kernel_log, 0, NULL },
	{ "reboot", "reboot()", restart, 0, NULL },
	{ "swap", "swapon()", swap_on, 0, NULL },
	{ "accounting", "acct(): process accounting", accounting, 0, NULL },
	{ "quota", "quotactl()", quota, 0, "host_disk" },
	{ "clock-set", "settimeofday()", clock_set, 0, NULL },
	{ "clock-adjust", "adjtimex()", clock_adjust, 0, NULL },
	{ "ports-all", "iopl(): all I/O ports", ports_all, 0, NULL },
	{ "ports-some", "ioperm(): one I/O port", ports_some, 0, NULL },
	{ "ldt", "modify_ldt()", ldt, 0, NULL },
	{ "personality", "personality(): addresses that can be guessed", person, 0, NULL },
	{ "watch-all", "fanotify_init(): see every open of the host", watch_all, 0, NULL },
	{ "gate-i386", "system calls by the 32-bit gate", gate_i386, 0, NULL },
	{ "gate-x32", "system calls by x32 numbers", gate_x32, 0, NULL },
	{ "exec-path", "execve() another program", exec_path, 0, NULL },
	{ "exec-memory", "execveat() a program made in memory", exec_memory, 0, NULL },
	{ "shm-attach", "attach another process's System V memory", shm_attach, A_GUEST, "victim_shm" },
	{ "queue-open", "open another process's message queue", queue_open, A_GUEST, "victim_queue" },
	{ "memfd-secret", "memfd_secret(): memory that nobody can look into", secret_memory, 0, NULL },
	{ 0 },
};
