/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/launch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define LOOPBACK_IFINDEX 1   /* in every network namespace (linux/net.h of the kernel) */
#define NAMES_PORT 53
#define IPV4_PLAIN 0x45      /* version 4, a header without options */

/* dst = *(size *)(src + at) */
#define LOAD(size, dst, src, at) \
	{ .code = BPF_LDX | BPF_MEM | (size), .dst_reg = (dst), .src_reg = (src), .off = (short)(at) }
#define SET(dst, value) { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (dst), .imm = (value) }
/* over so many instructions, if the low 32 bits of reg are another value */
#define SKIP_UNLESS(reg, value, n) \
	{ .code = BPF_JMP32 | BPF_JNE | BPF_K, .dst_reg = (reg), .off = (n), .imm = (int32_t)(value) }

uint32_t hostwall_resolver(void)
{
	char *line = NULL, text[INET_ADDRSTRLEN];
	FILE *f = fopen("/etc/resolv.conf", "re");
	struct in_addr a = { 0 };
	size_t size = 0;

	while (f && !a.s_addr && getline(&line, &size, f) > 0)
		if (sscanf(line, "nameserver %15[0-9.]", text) != 1 || inet_pton(AF_INET, text, &a) != 1)
			a.s_addr = 0;
	free(line);
	if (f)
		fclose(f);
	return ntohl(a.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET ? a.s_addr : 0;
}

int hostwall_raise(int dir, uint32_t resolver, struct err *err)
{
	/* the answer is R0: 1 passes, 0 drops; the packet is what lies between R3 and R4 */
	const struct bpf_insn program[] = {
		LOAD(BPF_W, BPF_REG_2, BPF_REG_1, offsetof(struct __sk_buff, ifindex)),
		SET(BPF_REG_0, 1),
		SKIP_UNLESS(BPF_REG_2, LOOPBACK_IFINDEX, 15),
		SET(BPF_REG_0, 0),
		LOAD(BPF_W, BPF_REG_3, BPF_REG_1, offsetof(struct __sk_buff, data)),
		LOAD(BPF_W, BPF_REG_4, BPF_REG_1, offsetof(struct __sk_buff, data_end)),
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_3 },
		{ .code = BPF_ALU64 | BPF_ADD /* BPF_K is 0, too */, .dst_reg = BPF_REG_2,
		  .imm = sizeof(struct iphdr) + sizeof(struct udphdr) },
		{ .code = BPF_JMP | BPF_JGT | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_4, .off = 9 },
		LOAD(BPF_B, BPF_REG_2, BPF_REG_3, 0),
		SKIP_UNLESS(BPF_REG_2, IPV4_PLAIN, 7),
		LOAD(BPF_B, BPF_REG_2, BPF_REG_3, offsetof(struct iphdr, protocol)),
		SKIP_UNLESS(BPF_REG_2, IPPROTO_UDP, 5),
		LOAD(BPF_W, BPF_REG_2, BPF_REG_3, offsetof(struct iphdr, daddr)),
		SKIP_UNLESS(BPF_REG_2, resolver, 3),   /* 0 is in no packet */
		LOAD(BPF_H, BPF_REG_2, BPF_REG_3, sizeof(struct iphdr) + offsetof(struct udphdr, dest)),
		SKIP_UNLESS(BPF_REG_2, htons(NAMES_PORT), 1),
		SET(BPF_REG_0, 1),
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
