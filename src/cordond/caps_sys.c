/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What cordond may still do once it runs. It starts the two rooms that hold
 * privilege, so it has to hold theirs to pass on: those stay permitted but not
 * effective. A room is given its column only, by the child before exec.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "cordond/cordond.h"
#include "sandbox/sandbox.h"

#define FDS_PER_CLIENT 2      /* the control channel, and its copy on the way */
#define FDS_BESIDE 1024
#define OOM_SCORE "-900"

const struct cap_row cap_rows[] = {
	{ CAP_CHOWN, true, "viewer sockets belong to the administrators' group" },
	{ CAP_KILL, true, "rooms run under other uids and may hang" },
	{ CAP_SETUID, false, "every room takes its own uid" },
	{ CAP_SETGID, false, "and gid" },
	{ CAP_SETPCAP, false, "every room empties its bounding set" },
	{ CAP_SYS_CHROOT, false, "rooms go into an empty root" },
	{ CAP_DAC_OVERRIDE, false, "file, launch: images and folders of any owner; core until it has its uid" },
	{ CAP_FOWNER, false, "launch: modes of what it made for other uids" },
	{ CAP_MKNOD, false, "launch: device nodes in cages" },
	{ CAP_SYS_ADMIN, false, "launch: mounts and namespaces of cages" },
	{ CAP_SYS_RESOURCE, false, "launch: limits and OOM scores of guests" },
};
const unsigned cap_n_rows = sizeof(cap_rows) / sizeof(cap_rows[0]);

#define C(x) SANDBOX_CAP(CAP_##x)
#define ENTER (C(SETUID) | C(SETGID) | C(SETPCAP) | C(SYS_CHROOT))
/* core opens its state folder, which is its uid's alone, before it takes that uid */
#define CORE (ENTER | C(DAC_OVERRIDE))
#define LAUNCH (ENTER | C(CHOWN) | C(KILL) | C(DAC_OVERRIDE) | C(FOWNER) | C(MKNOD) | \
		C(SYS_ADMIN) | C(SYS_RESOURCE))
#define FILE_ (ENTER | C(DAC_OVERRIDE))

static const uint64_t room_caps[ROOM_MAX + 1] = {
	[ROOM_CONF] = ENTER, [ROOM_CONN] = ENTER, [ROOM_CORE] = CORE, [ROOM_HOST] = ENTER,
	[ROOM_EDGE] = ENTER, [ROOM_LAUNCH] = LAUNCH, [ROOM_FILE] = FILE_,
};

uint64_t caps_of_room(enum room which)
{
	return room_caps[which];
}

static uint64_t caps_sum(bool own_only)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < cap_n_rows; i++)
		if (cap_rows[i].own || !own_only)
			mask |= SANDBOX_CAP(cap_rows[i].cap);
	return mask;
}

uint64_t caps_all(void)
{
	return caps_sum(false);
}

uint64_t caps_own(void)
{
	return caps_sum(true);
}

int caps_effective(uint64_t mask)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	data[0].effective = data[0].permitted & (uint32_t)mask;
	data[1].effective = data[1].permitted & (uint32_t)(mask >> 32);
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

/* Short of descriptors, clients are refused one by one; that is no reason not to start. */
static void raise_nofile(void)
{
	rlim_t want = (rlim_t)sup.conf.max_clients * FDS_PER_CLIENT + FDS_BESIDE;
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return;
	if (lim.rlim_cur >= want)
		return;
	lim.rlim_cur = want;
	if (lim.rlim_max < want)
		lim.rlim_max = want;
	if (setrlimit(RLIMIT_NOFILE, &lim) == 0)
		return;
	getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_cur = lim.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &lim) < 0 || lim.rlim_cur < want)
		log_warn("the descriptor limit %llu is below the %llu that max_clients needs",
			 (unsigned long long)lim.rlim_max, (unsigned long long)want);
}

static void lower_oom_score(void)
{
	int CLEAN_FD fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, OOM_SCORE, sizeof(OOM_SCORE) - 1) < 0)
		log_debug("the OOM score stays as it is");
}

int confine(struct err *err)
{
	const struct sandbox_profile profile = {
		.name = "cordond",
		.policy = &sandbox_policy_cordond,
		.uid = SANDBOX_ID_KEEP,
		.gid = SANDBOX_ID_KEEP,
		.keep_caps = caps_all(),
		.root_fd = SANDBOX_ROOT_KEEP,
		.keep_all_fds = true,
	};
	int r;

	raise_nofile();
	lower_oom_score();
	r = sandbox_enter(&profile, err);
	if (r < 0)
		return r;
	r = caps_effective(caps_own());
	return r < 0 ? err_sys(err, r, "reducing the effective capabilities") : 0;
}
