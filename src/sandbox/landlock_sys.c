/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Landlock by its three system calls: the C library has no names for them, and the headers of the
 * build may be older than the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/sandbox.h"

#define CREATE_VERSION 1u    /* LANDLOCK_CREATE_RULESET_VERSION */
#define RULE_PATH_BENEATH 1

/* struct landlock_ruleset_attr; a kernel that knows less of it wants zeros behind what it knows. */
struct ruleset {
	uint64_t files, net, scoped;
};

struct path_rule {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

/* What each version of the interface can forbid (landlock(7)); later ones: as the last. */
static const struct ruleset abis[] = {
	{ 0 },
	{ .files = 0x1fff },                               /* 5.13: execute .. make_sym */
	{ .files = 0x3fff },                               /* 5.19: refer */
	{ .files = 0x7fff },                               /* 6.2: truncate */
	{ .files = 0x7fff, .net = 3 },                     /* 6.7: bind, connect of TCP */
	{ .files = 0xffff, .net = 3 },                     /* 6.10: ioctl of devices */
	{ .files = 0xffff, .net = 3, .scoped = 3 },        /* 6.12: abstract sockets, signals */
};
#define ABI_LAST (int)(sizeof(abis) / sizeof(abis[0]) - 1)

int sandbox_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);

	return abi < 0 ? 0 : abi > ABI_LAST ? ABI_LAST : (int)abi;
}

static int add_row(int rules, const struct sandbox_path *row, uint64_t known)
{
	CLEAN_FD int fd = row->path ? open(row->path, O_PATH | O_CLOEXEC) : -1;
	struct path_rule rule = { row->access & known, row->path ? fd : row->fd };

	if (row->path && fd < 0)
		return errno == ENOENT ? 0 : -errno;   /* nothing there to be allowed */
	if (!rule.access)
		return 0;
	return syscall(SYS_landlock_add_rule, rules, RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

int sandbox_landlock(const struct sandbox_path *rows, size_t n, bool net, struct err *err)
{
	struct ruleset all = abis[sandbox_landlock_abi()];
	CLEAN_FD int rules = -1;
	int r = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, -errno, "sandbox: no-new-privs");
	if (!all.files)
		return 0;
	if (net)
		all.net = 0;
	rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (rules < 0)
		return err_sys(err, -errno, "sandbox: Landlock rules");
	for (size_t i = 0; i < n && r == 0; i++) {
		r = add_row(rules, &rows[i], all.files);
		if (r < 0)
			return err_sys(err, r, "sandbox: Landlock rule for %s",
				       rows[i].path ? rows[i].path : "a folder");
	}
	if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		return err_sys(err, -errno, "sandbox: Landlock");
	return 0;
}
