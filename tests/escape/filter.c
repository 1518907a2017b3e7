/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's own -sandbox. QEMU sets it up itself, so a program in its place has
 * to do so as well, or the comparison would not be fair. The filter is not
 * rebuilt here: it is the very one that this machine's QEMU loads, caught on
 * the way into seccomp(2).
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "escape.h"

#define FILTER_MAX 4096     /* instructions; the kernel's own limit */

static int fetch(pid_t pid, uint64_t at, void *to, size_t n)
{
	struct iovec ours = { to, n }, theirs = { (void *)(uintptr_t)at, n };

	return process_vm_readv(pid, &ours, 1, &theirs, 1, 0) == (ssize_t)n ? 0 : -errno;
}

/* One line of hexadecimal digits for each filter loaded. */
static int put_filter(FILE *out, pid_t pid, uint64_t at)
{
	static uint8_t code[FILTER_MAX * sizeof(struct sock_filter)];
	struct { uint16_t len; uint64_t filter; } prog = { 0 };
	int r = fetch(pid, at, &prog, sizeof(prog));

	if (r == 0 && prog.len > FILTER_MAX)
		r = -E2BIG;
	if (r == 0)
		r = fetch(pid, prog.filter, code, prog.len * sizeof(struct sock_filter));
	for (size_t i = 0; r == 0 && i < prog.len * sizeof(struct sock_filter); i++)
		fprintf(out, "%02x", code[i]);
	if (r == 0)
		fputc('\n', out);
	return r;
}

/* Until the program waits for its monitor, or ends. */
static int follow(FILE *out, pid_t pid)
{
	bool entering = true;
	int status, found = 0;

	while (ptrace(PTRACE_SYSCALL, pid, 0, 0) == 0 && waitpid(pid, &status, __WALL) == pid &&
	       WIFSTOPPED(status)) {
		struct user_regs_struct regs;

		if (WSTOPSIG(status) != (SIGTRAP | 0x80) || ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0)
			continue;
		if (entering && regs.orig_rax == SYS_seccomp && regs.rdi == SECCOMP_SET_MODE_FILTER &&
		    put_filter(out, pid, regs.rdx) == 0)
			found++;
		entering = !entering;
		/* libseccomp asks with NULL what the kernel can do: not counted by put_filter */
		if (found && entering)
			break;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return found ? 0 : -ENOENT;
}

int filter_dump(const char *out, char **argv)
{
	FILE *f = fopen(out, "we");
	pid_t pid = f ? fork() : -1;
	int status, r;

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execvp(argv[0], argv);
		_exit(127);
	}
	r = pid > 0 && waitpid(pid, &status, 0) == pid ? 0 : -errno;
	if (r == 0)
		r = outcome(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	if (r == 0)
		r = follow(f, pid);
	if (f && fclose(f) != 0 && r == 0)
		r = -errno;
	return r;
}

int filter_load(const char *hex)
{
	size_t n = strlen(hex) / (2 * sizeof(struct sock_filter));
	struct sock_filter *code = calloc(n ? n : 1, sizeof(*code));
	struct sock_fprog prog = { (unsigned short)n, code };
	int r;

	for (size_t i = 0; code && i < n * sizeof(*code); i++) {
		unsigned byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			break;
		((uint8_t *)code)[i] = (uint8_t)byte;
	}
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	r = outcome(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog));
	free(code);
	return r;
}
