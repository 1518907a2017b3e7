/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What cordond may still do once it runs. It starts the rooms that hold
 * privilege, so it has to hold theirs to pass on: those stay permitted but not
 * effective. A room is given its column only, by the child before exec.
 */
#include <linux/capability.h>

#include "cordond/cordond.h"
#include "sandbox/sandbox.h"

#define R(x) (1u << ROOM_##x)
#define ALL ~0u

static const struct {
	int cap;
	bool own;              /* effective in cordond itself, not only held to be passed on */
	uint32_t rooms;        /* that start with it */
} cap_rows[] = {
	{ CAP_KILL, true, R(LAUNCH) },                 /* rooms run under other uids; so do guests */
	{ CAP_SETUID, false, ALL },                    /* every room takes its own uid */
	{ CAP_SETGID, false, ALL },                    /* and gid */
	{ CAP_SETPCAP, false, ALL },                   /* every room empties its bounding set */
	{ CAP_SYS_CHROOT, false, ALL },                /* rooms go into an empty root */
	/* launch: folders of guests' uids; file: images of any owner */
	{ CAP_DAC_OVERRIDE, false, R(LAUNCH) | R(FILE) },
	{ CAP_CHOWN, false, R(LAUNCH) },               /* sockets and ptys of a guest's uids */
	/* launch: modes of what it made for other uids; file: labels of images */
	{ CAP_FOWNER, false, R(LAUNCH) | R(FILE) },
	{ CAP_MKNOD, false, R(LAUNCH) },               /* device nodes in cages */
	{ CAP_SYS_ADMIN, false, R(LAUNCH) },           /* mounts and namespaces of cages */
	/* one program on the parent of all guests' groups, before launch listens to anybody */
	{ CAP_NET_ADMIN, false, R(LAUNCH) },
	/* launch: limits and OOM scores of guests; door: as many descriptors as clients */
	{ CAP_SYS_RESOURCE, false, R(LAUNCH) | R(DOOR) },
};

static uint64_t caps_sum(uint32_t rooms, bool own)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < sizeof(cap_rows) / sizeof(cap_rows[0]); i++)
		if (cap_rows[i].rooms & rooms || (own && cap_rows[i].own))
			mask |= SANDBOX_CAP(cap_rows[i].cap);
	return mask;
}

uint64_t caps_of_room(enum room which)
{
	return caps_sum(1u << which, false);
}

int confine(struct err *err)
{
	const struct sandbox_profile profile = {
		.name = "cordond",
		.policy = &sandbox_policy_cordond,
		.uid = SANDBOX_ID_KEEP,
		.gid = SANDBOX_ID_KEEP,
		.keep_caps = caps_sum(ALL, true),
		.root_fd = SANDBOX_ROOT_KEEP,
		.keep_all_fds = true,
		.any_path = true,
	};
	int r = sandbox_enter(&profile, err);

	if (r < 0)
		return r;
	r = sandbox_effective_caps(caps_sum(0, true));
	return r < 0 ? err_sys(err, r, "reducing the effective capabilities") : 0;
}
