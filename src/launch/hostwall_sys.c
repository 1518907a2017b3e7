/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/launch.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define LOOPBACK_IFINDEX 1   /* in every network namespace (linux/net.h of the kernel) */

int hostwall_raise(int dir, struct err *err)
{
	static const struct bpf_insn program[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_1,
		  .off = offsetof(struct __sk_buff, ifindex) },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_2, .off = 1, .imm = LOOPBACK_IFINDEX },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_CGROUP_SKB, .license = (uintptr_t)"GPL",
		.expected_attach_type = BPF_CGROUP_INET_EGRESS, .insns = (uintptr_t)program,
		.insn_cnt = sizeof(program) / sizeof(program[0]),
	};
	union bpf_attr attach = { .attach_type = BPF_CGROUP_INET_EGRESS, .target_fd = (uint32_t)dir };
	CLEAN_FD int fd = dir < 0 ? -1 : (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));

	attach.attach_bpf_fd = (uint32_t)fd;
	if (fd < 0 || syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)) < 0)
		return err_sys(err, dir < 0 ? -EOPNOTSUPP : -errno,
			       "closing this host to guests' user-mode networks (needs cgroup v2)");
	return 0;
}
