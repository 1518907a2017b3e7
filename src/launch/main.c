/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-launch: cages and control groups. Reads no path, argument or rule from anybody. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/serve.h"
#include "launch/launch.h"
#include "sandbox/sandbox.h"

#include <linux/capability.h>

#define CONTROL_FD 3

extern const struct ipc_handlers room_server;
extern const struct ipc_handlers launch_server;

struct launch launch;

/*
 * Each with its reason; docs/threat-model.md says what they mean in an attacker's hands. Until it
 * enters its sandbox it has CAP_NET_ADMIN too, for hostwall_raise().
 */
static const uint64_t caps =
	SANDBOX_CAP(CAP_SYS_ADMIN) |        /* namespaces, mounts of the private root */
	SANDBOX_CAP(CAP_SETUID) | SANDBOX_CAP(CAP_SETGID) |   /* QEMU's, passt's and vm's uids */
	SANDBOX_CAP(CAP_SETPCAP) |          /* empty the children's bounding sets */
	SANDBOX_CAP(CAP_SYS_CHROOT) |       /* cordon-vm's root is its guest's folder */
	SANDBOX_CAP(CAP_CHOWN) |            /* sockets and device nodes for those uids */
	SANDBOX_CAP(CAP_FOWNER) |           /* modes of what was just given away */
	SANDBOX_CAP(CAP_DAC_OVERRIDE) |     /* control groups, ptys, folders of other uids */
	SANDBOX_CAP(CAP_MKNOD) |            /* /dev/null, /dev/kvm inside the cage */
	SANDBOX_CAP(CAP_KILL) |             /* end a guest */
	SANDBOX_CAP(CAP_SYS_RESOURCE);      /* rlimits above our own */

static int open_dir(const char *parent, const char *name, mode_t mode)
{
	CLEAN_FD int dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || (mkdirat(dir, name, mode) < 0 && errno != EEXIST))
		return -1;
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static int open_all(struct err *err)
{
	CLEAN_FD int top = -1;
	struct err wall = { 0 };
	char group[64];
	int rc;

	label_own(launch.label);
	launch.run_dir = open_dir(launch.conf.run_dir, "guests", 0711);
	launch.log_dir = open_dir(launch.conf.log_dir, "guests", 0700);
	launch.tpm_dir = open(launch.conf.tpm_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (launch.run_dir < 0 || launch.log_dir < 0 || launch.tpm_dir < 0)
		return err_sys(err, -errno, "folders of the guests below %s and %s, or %s",
			       launch.conf.run_dir, launch.conf.log_dir, launch.conf.tpm_dir);
	rc = claim_open(err);
	if (rc)
		return rc;
	snprintf(group, sizeof(group), "cordon-%s", launch.instance);   /* each with a weight of its own */
	rc = cgroup_tree_open(group, launch.conf.guest_cpu_weight, &launch.cgroups, err);
	if (rc)
		return rc;
	top = cgroup_open_unified(&launch.cgroups, ".");
	launch.resolver = hostwall_resolver();
	launch.host_closed = !hostwall_raise(top, launch.resolver, &wall);
	if (!launch.host_closed)
		log_warn("no guest gets an interface of type user: %s", wall.text);
	if (!sandbox_landlock_abi())
		log_warn("this kernel has no Landlock: one wall less round guests and rooms");
	return root_detach(err);
}

static int open_watch(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -errno;
	launch.sigchld = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	launch.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return launch.sigchld < 0 || launch.timer < 0 ? -errno : 0;
}

static void watch_ready(void *ctx, unsigned i)
{
	struct signalfd_siginfo si;
	uint64_t ticks;

	(void)ctx;
	(void)i;
	while (read(launch.sigchld, &si, sizeof(si)) > 0 || read(launch.timer, &ticks, sizeof(ticks)) > 0)
		;
	cleanup_children();
}

int room_on_setup(struct ipc_call *call, const struct room_setup *args)
{
	struct sandbox_profile p = {
		.name = "cordon-launch", .policy = &sandbox_policy_launch, .uid = SANDBOX_ID_KEEP,
		.gid = SANDBOX_ID_KEEP, .keep_caps = caps, .root_fd = SANDBOX_ROOT_KEEP,
		.keep_all_fds = true, .any_path = true, .nofile = 65536,
	};
	int rc;

	if (launch.arena || call->n_fds != 1)
		return err_set(&call->err, -EPROTO, ERR_INTERNAL_ERROR, "set up twice or without core");
	launch.arena = arena_new(1u << 20);
	if (!launch.arena || xdr_copy(&config_xdr, &args->conf, launch.arena, &launch.conf))
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	log_open("launch", launch.conf.log_level, &ipc_req);
	rc = open_all(&call->err);
	if (!rc)
		rc = sandbox_enter(&p, &call->err);
	if (!rc && (rc = cells_load()))
		err_sys(&call->err, rc, "folders of the guests");
	if (rc)
		return rc;
	ipc_chan_init(&launch.core, take_fd(&call->fds[0]), "core", IPC_ROOM_CORE);
	launch.core.serves[0] = &launch_server;
	return room_reply_setup(call);
}

int main(void)
{
	struct ipc_chan *chans[] = { &launch.control, &launch.core };
	struct pollfd extra[2];

	log_open("launch", LOG_LEVEL_INFO, &ipc_req);
	ipc_chan_init(&launch.control, CONTROL_FD, "supervisor", IPC_ROOM_SUPERVISOR);
	launch.control.serves[0] = &room_server;
	launch.core.fd = -1;
	launch.core.closed = true;
	if (fd_set_cloexec(CONTROL_FD, 1) || open_watch())
		return 1;
	extra[0] = (struct pollfd){ launch.sigchld, POLLIN, 0 };
	extra[1] = (struct pollfd){ launch.timer, POLLIN, 0 };
	if (ipc_serve(chans, 2, extra, 2, watch_ready, NULL))
		return 1;
	/* the supervisor is gone: guests go on in their groups; without any, nothing is left behind */
	if (launch.arena && !launch.cells)
		cgroup_tree_remove(&launch.cgroups);
	return 0;
}
