/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other uids, groups, capabilities. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "escape.h"

static int uid_root(void)
{
	return outcome(syscall(SYS_setuid, 0));
}

static int uid_victim(void)
{
	long uid = target_number("victim_uid");

	return outcome(syscall(SYS_setresuid, uid, uid, uid));
}

static int gid_victim(void)
{
	long gid = target_number("victim_uid");

	return outcome(syscall(SYS_setresgid, gid, gid, gid));
}

static int gid_root(void)
{
	return outcome(syscall(SYS_setgid, 0));
}

static int groups(void)
{
	gid_t none[] = { 0 };

	return outcome(syscall(SYS_setgroups, 1, none));
}

/* setfsuid() has no error: ask it twice what it is. */
static int uid_files(void)
{
	uid_t uid = (uid_t)target_number("victim_uid");

	(void)setfsuid(uid);
	return (uid_t)setfsuid(uid) == uid && uid != geteuid() ? 0 : -EPERM;
}

/* The least that counts: one capability in the effective set. */
static int caps(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = 1u << CAP_DAC_OVERRIDE, .permitted = 1u << CAP_DAC_OVERRIDE } };

	return outcome(syscall(SYS_capset, &head, data));
}

static int secure_bits(void)
{
	return outcome(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0));
}

static int limit_raise(void)
{
	const rlim_t over = (rlim_t)target_number("fds_over");
	const struct rlimit l = { over, over };

	return outcome(setrlimit(RLIMIT_NOFILE, &l));
}

static int priority(void)
{
	return outcome(setpriority(PRIO_PROCESS, 0, -20));
}

static int realtime(void)
{
	struct { int prio; } p = { 50 };

	return outcome(syscall(SYS_sched_setscheduler, 0, 1 /* SCHED_FIFO */, &p));
}

const struct attack identity_attacks[] = {
	{ "uid-root", "setuid(0)", uid_root, 0, NULL },
	{ "uid-victim", "become another guest's uid", uid_victim, A_GUEST, "victim_uid" },
	{ "uid-files", "setfsuid() to it", uid_files, A_GUEST, "victim_uid" },
	{ "gid-root", "setgid(0)", gid_root, 0, NULL },
	{ "gid-victim", "become another guest's gid", gid_victim, A_GUEST, "victim_uid" },
	{ "groups", "join a group", groups, 0, NULL },
	{ "caps", "capset(): take a capability", caps, 0, NULL },
	{ "secure-bits", "change how capabilities are kept (PR_SET_SECUREBITS)", secure_bits, 0, NULL },
	{ "limit-raise", "raise one's own limit of descriptors", limit_raise, 0, "fds_over" },
	{ "priority", "raise one's own priority", priority, 0, NULL },
	{ "realtime", "become a real-time process", realtime, 0, NULL },
	{ 0 },
};
