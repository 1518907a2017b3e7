/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loading the filters that tools/bpfgen made. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/sandbox.h"

#define FILTER_MAX 1024   /* the longest policy with the gate before it */

#if defined(__x86_64__)
#define ARCH_NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH_NATIVE AUDIT_ARCH_AARCH64
#else
#error "tell src/sandbox/seccomp_sys.c the audit number of this architecture"
#endif

#define DATA_NR offsetof(struct seccomp_data, nr)
#define DATA_ARCH offsetof(struct seccomp_data, arch)
#define DATA_ARG(n) (offsetof(struct seccomp_data, args) + 8 * (n))

#ifdef CORDON_SANITIZE
static int inside;

/* Asks LSan: behind a filter and without /proc its search would fail, or wait for ever. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return inside;
}
#endif

static int load(const struct sock_filter *f, unsigned n, unsigned flags)
{
	struct sock_fprog prog = { .len = (unsigned short)n, .filter = (struct sock_filter *)f };

#ifdef CORDON_SANITIZE
	inside = 1;
#endif
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog) < 0)
		return -errno;
	return 0;
}

/*
 * The quiet filter goes on top: of two filters that both refuse, the kernel
 * takes the answer, and the wish for an audit record, of the newest. Where
 * everything else is killed nothing is refused twice, and the order is free.
 */
static int load_both(const struct sandbox_policy *p, const struct sock_filter *f, unsigned n,
		     bool audit, struct err *err)
{
	int r = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, -errno, "sandbox '%s': no-new-privs", p->name);
	if (p->quiet && p->quiet_first)
		r = load(p->quiet, p->n_quiet, 0);
	if (r == 0)
		r = load(f, n, audit ? SECCOMP_FILTER_FLAG_LOG : 0);
	if (r == 0 && p->quiet && !p->quiet_first)
		r = load(p->quiet, p->n_quiet, 0);
	return r < 0 ? err_sys(err, r, "sandbox '%s': system call filter", p->name) : 0;
}

int sandbox_load_policy(const struct sandbox_policy *p, bool audit, struct err *err)
{
	return load_both(p, p->filter, p->n_filter, audit, err);
}

/* "args[n] == v, else on to the policy", one 32-bit half at a time. */
static unsigned gate_word(struct sock_filter *f, unsigned at, unsigned end, unsigned arg, bool high,
			  uint32_t v)
{
	unsigned off = (unsigned)DATA_ARG(arg) + (high ? 4 : 0);

	f[at] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, off);
	f[at + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v, 0,
						 (uint8_t)(end - at - 2));
	return at + 2;
}

int sandbox_load_policy_exec(const struct sandbox_policy *p, bool audit, const char *path,
			     char *const *argv, char *const *envp, struct err *err)
{
	const uint64_t ptr[3] = { (uintptr_t)path, (uintptr_t)argv, (uintptr_t)envp };
	struct sock_filter f[FILTER_MAX];
	const unsigned end = 4 + 3 * 4 + 1;
	unsigned at = 0;

	if (p->n_filter + end > FILTER_MAX)
		return err_set(err, -E2BIG, ERR_INTERNAL_ERROR, "sandbox '%s': filter too long",
			       p->name);
	f[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA_ARCH);
	f[at] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH_NATIVE, 0,
					     (uint8_t)(end - at - 1));
	at++;
	f[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, DATA_NR);
	f[at] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_execve, 0,
					     (uint8_t)(end - at - 1));
	at++;
	for (unsigned i = 0; i < 3; i++) {
		at = gate_word(f, at, end, i, false, (uint32_t)ptr[i]);
		at = gate_word(f, at, end, i, true, (uint32_t)(ptr[i] >> 32));
	}
	f[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	memcpy(&f[at], p->filter, p->n_filter * sizeof(f[0]));
	return load_both(p, f, at + p->n_filter, audit, err);
}
