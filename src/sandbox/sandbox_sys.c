/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define CAP_NUMBERS 64   /* the kernel's own ceiling for a capability set */
#define KEEP_FDS_MAX 256

int sandbox_close_others(const int *keep, size_t n_keep)
{
	unsigned from = 0;

	/* Each round closes up to the lowest number that stays above the last one. */
	for (;;) {
		unsigned next = UINT_MAX;

		for (size_t i = 0; i < n_keep; i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next == UINT_MAX)
			break;
		if (next > from && close_range(from, next - 1, 0) < 0)
			return -errno;
		from = next + 1;
	}
	return close_range(from, UINT_MAX, 0) < 0 ? -errno : 0;
}

static int set_caps(uint64_t effective, uint64_t permitted)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)effective, .permitted = (uint32_t)permitted },
		{ .effective = (uint32_t)(effective >> 32),
		  .permitted = (uint32_t)(permitted >> 32) },
	};

	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

static int drop_bounding(uint64_t keep, struct err *err)
{
	for (int cap = 0; cap < CAP_NUMBERS; cap++) {
		if (keep & SANDBOX_CAP(cap))
			continue;
		/* reading is cheap, every drop makes new credentials: conn starts by the thousand */
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 0 ||
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			return 0;   /* past the last one that this kernel knows */
		return err_sys(err, -errno, "dropping capability %d from the bounding set", cap);
	}
	return 0;
}

/* Only capabilities that we hold can be kept: a container may lack some. */
static int held_caps(uint64_t *ret_permitted)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	*ret_permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	return 0;
}

int sandbox_drop_caps(uint64_t keep, struct err *err)
{
	uint64_t held;
	int r;

	r = held_caps(&held);
	if (r < 0)
		return err_sys(err, r, "reading the capability sets");
	if (held & SANDBOX_CAP(CAP_SETPCAP)) {
		r = drop_bounding(keep, err);
		if (r < 0)
			return r;
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_sys(err, -errno, "clearing the ambient capabilities");
	r = set_caps(keep & held, keep & held);
	if (r < 0)
		return err_sys(err, r, "reducing the capability sets");
	return 0;
}

int sandbox_effective_caps(uint64_t mask)
{
	uint64_t held;
	int r = held_caps(&held);

	return r < 0 ? r : set_caps(mask & held, held);
}

/* Without CAP_SYS_RESOURCE the limit we were given is all there is: a lower one stays. 0: none is set. */
static int limit(const struct sandbox_profile *p, int what, rlim_t most, const char *word, struct err *err)
{
	struct rlimit l;

	if (getrlimit(what, &l) < 0 || l.rlim_max > most)
		l.rlim_max = most;
	l.rlim_cur = l.rlim_max;
	return most && setrlimit(what, &l) < 0 ?
	       err_sys(err, -errno, "sandbox '%s': limit of %s", p->name, word) : 0;
}

static int enter_limits(const struct sandbox_profile *p, struct err *err)
{
	/* 1, not 0: with 0 a core dump still goes where core_pattern has a pipe (core(5)) */
	const struct rlimit core = { 1, 1 };
	int r = setrlimit(RLIMIT_CORE, &core) < 0 && errno != EPERM ?   /* 0 may not be raised by all */
		err_sys(err, -errno, "sandbox '%s': limit of core files", p->name) : 0;

#ifndef CORDON_SANITIZE   /* which maps terabytes */
	r = r < 0 ? r : limit(p, RLIMIT_AS, p->memory, "memory", err);
#endif
	return r < 0 ? r : limit(p, RLIMIT_NOFILE, p->nofile, "descriptors", err);
}

static int enter_root(const struct sandbox_profile *p, struct err *err)
{
	int fd = p->root_fd;

	if (fd == SANDBOX_ROOT_KEEP)
		return 0;
	if (fchdir(fd) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_sys(err, -errno, "sandbox '%s': chroot", p->name);
	for (size_t i = 0; i < p->n_keep_fds; i++)
		if (p->keep_fds[i] == fd)
			return 0;
	fd_close(&fd);
	return 0;
}

static int enter_ids(const struct sandbox_profile *p, struct err *err)
{
	if (p->gid != SANDBOX_ID_KEEP || p->uid != SANDBOX_ID_KEEP)
		if (setgroups(p->n_groups, p->groups) < 0)
			return err_sys(err, -errno, "sandbox '%s': groups", p->name);
	if (p->gid != SANDBOX_ID_KEEP && setresgid(p->gid, p->gid, p->gid) < 0)
		return err_sys(err, -errno, "sandbox '%s': gid %u", p->name, p->gid);
	if (p->uid == SANDBOX_ID_KEEP)
		return 0;
	/* Survive the change of uid until sandbox_drop_caps() has chosen. */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_sys(err, -errno, "sandbox '%s': keepcaps", p->name);
	if (setresuid(p->uid, p->uid, p->uid) < 0)
		return err_sys(err, -errno, "sandbox '%s': uid %u", p->name, p->uid);
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return err_sys(err, -errno, "sandbox '%s': keepcaps", p->name);
	return 0;
}

/* SETPCAP has to be effective again: the change of uid emptied that set. */
static int enter_caps(const struct sandbox_profile *p, struct err *err)
{
	int r = sandbox_effective_caps(~UINT64_C(0));

	if (r < 0)
		return err_sys(err, r, "sandbox '%s': capabilities", p->name);
	r = sandbox_drop_caps(p->keep_caps, err);
	return r < 0 ? err_prefix(err, r, "sandbox '%s'", p->name) : 0;
}

static int enter_fds(const struct sandbox_profile *p, struct err *err)
{
	int keep[KEEP_FDS_MAX + 1];
	int r;

	if (p->keep_all_fds)
		return 0;
	if (p->n_keep_fds > KEEP_FDS_MAX)
		return err_set(err, -E2BIG, ERR_INTERNAL_ERROR,
			       "sandbox '%s': more than %d descriptors", p->name, KEEP_FDS_MAX);
	for (size_t i = 0; i < p->n_keep_fds; i++)
		keep[i] = p->keep_fds[i];
	keep[p->n_keep_fds] = p->root_fd;
	r = sandbox_close_others(keep, p->n_keep_fds + 1);
	return r < 0 ? err_sys(err, r, "sandbox '%s': closing descriptors", p->name) : 0;
}

int sandbox_enter(const struct sandbox_profile *p, struct err *err)
{
	int r;

	r = enter_fds(p, err);
	if (r == 0)
		r = enter_limits(p, err);
	if (r == 0)
		r = enter_root(p, err);
	if (r == 0)
		r = enter_ids(p, err);
	if (r == 0)
		r = enter_caps(p, err);
	if (r < 0)
		return r;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, -errno, "sandbox '%s': dumpable, no-new-privs", p->name);
	if (!p->any_path)
		r = sandbox_landlock(p->paths, p->n_paths, p->tcp, err);
	return r == 0 && p->policy ? sandbox_load_policy(p->policy, false, err) : r;
}
