/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-host: tells core what this machine is and what it can do. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "host/facts.h"
#include "host/gather.h"
#include "host/policy.h"
#include "host/probe.h"
#include "ipc/serve.h"
#include "proto/hostd.x.h"
#include "proto/room.x.h"
#include "sandbox/sandbox.h"

#define FD_CONTROL 3
#define SETUP_TIMEOUT_MS 30000
#define CONF_ARENA_MAX (4u << 20)

static struct ipc_chan control, core;
static struct ipc_call *setup_call;   /* answered from inside the sandbox */
static struct room_setup *setup;
static bool ready;
static int core_fd = -1;

/* what the probes said, and what was read last */
static int kvm_fd = -1, emulator_fd = -1;
static struct probe_kvm kvm;
static unsigned qemu_version;
static struct arena *facts_arena;
static struct host_facts facts;
static char facts_mark[GATHER_MARK_MAX + POLICY_MARK_MAX];

int room_on_setup(struct ipc_call *call, const struct room_setup *args)
{
	struct arena *a;

	if (setup)
		return err_set(&call->err, -EALREADY, ERR_INTERNAL_ERROR, "set up already");
	a = arena_new(CONF_ARENA_MAX);
	setup = a ? arena_alloc(a, sizeof(*setup)) : NULL;
	if (!setup || xdr_copy(&room_setup_xdr, args, a, setup) < 0)
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	for (unsigned i = 0; i < args->n_peers && i < call->n_fds; i++)
		if (args->peers[i] == ROOM_CORE)
			core_fd = take_fd(&call->fds[i]);
	setup_call = call;
	ready = true;
	return 0;
}

/* The probes' answers; waits for them the first time. */
static void hear_probes(void)
{
	char text[256];
	size_t n;

	if (kvm_fd >= 0) {
		if (probe_read(kvm_fd, &kvm, sizeof(kvm), PROBE_KVM_SECONDS) != sizeof(kvm))
			kvm = (struct probe_kvm){ .reason = "the guest of the probe hung or its process died" };
		kvm.reason[sizeof(kvm.reason) - 1] = '\0';
		if (kvm.usable)
			log_info("KVM runs guests");
		else
			log_warn("KVM cannot be used: %s", kvm.reason);
		fd_close(&kvm_fd);
	}
	if (emulator_fd >= 0) {
		n = probe_read(emulator_fd, text, sizeof(text) - 1, PROBE_EMULATOR_SECONDS);
		text[n] = '\0';
		qemu_version = facts_qemu_version(text);
		if (!qemu_version)
			log_warn("'%s' does not tell its version", setup->conf.emulator);
		fd_close(&emulator_fd);
	}
}

static int read_facts(struct err *err)
{
	char mark[GATHER_MARK_MAX + POLICY_MARK_MAX], missing[64];
	struct host_selinux *selinux = NULL;
	struct arena *a;
	int r;

	gather_mark(mark);
	policy_mark(mark + strlen(mark));
	if (facts_arena && strcmp(mark, facts_mark) == 0)
		return 0;
	if (!facts_arena && gather_missing_limits(missing, sizeof(missing)))
		log_warn("no cgroup controller here, so no limit for: %s", missing);
	a = arena_new(GATHER_ARENA_MAX);
	if (!a)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	r = policy_gather(a, &selinux, err);
	if (r == 0)
		r = gather_facts(a, &facts, err);
	if (r < 0) {
		arena_free(a);
		return r;
	}
	arena_free(facts_arena);
	facts_arena = a;
	facts.selinux = selinux;
	memcpy(facts_mark, mark, sizeof(mark));
	memcpy(facts.uuid, setup->conf.host_uuid, sizeof(facts.uuid));
	hear_probes();
	facts.kvm = kvm.usable;
	facts.kvm_reason = kvm.usable ? NULL : kvm.reason;
	facts.tsc_scaling = kvm.tsc_scaling;
	facts.tsc_hz = (uint64_t)kvm.tsc_khz * 1000;
	facts.qemu_version = qemu_version;
	if (qemu_version && strlen(setup->conf.emulator) <= HOST_TEXT_MAX)
		facts.emulator = setup->conf.emulator;
	return 0;
}

int hostd_on_facts(struct ipc_call *call)
{
	int r = read_facts(&call->err);

	return r < 0 ? r : hostd_reply_facts(call, &facts);
}

int hostd_on_ask(struct ipc_call *call, const struct host_ask *args)
{
	struct host_answer ret;
	int r = policy_ask(args, call->arena, &ret, &call->err);

	return r < 0 ? r : hostd_reply_ask(call, &ret);
}

/* The only child process that ever runs is a probe, so nobody needs to wait for it. */
static int start_probes(struct err *err)
{
	int r;

	signal(SIGCHLD, SIG_IGN);
	r = probe_kvm_start(setup->conf.uid_host, &kvm_fd, err);
	if (r == 0 && setup->conf.emulator[0])
		r = probe_emulator_start(setup->conf.uid_host, setup->conf.emulator, &emulator_fd, err);
	return r;
}

static int enter(struct err *err)
{
	const int keep[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, FD_CONTROL, core_fd, kvm_fd,
			     emulator_fd };
	/* the policy is asked by writing (selinux: security_compute_av(3)) */
	static const struct sandbox_path paths[] = {
		{ "/", SANDBOX_READ }, { "/sys/fs/selinux", SANDBOX_READ | SANDBOX_WRITE },
	};
	const struct sandbox_profile profile = {
		.name = "host",
		.policy = &sandbox_policy_host,
		.uid = setup->conf.uid_host,
		.gid = setup->conf.uid_host,
		.root_fd = SANDBOX_ROOT_KEEP,   /* /proc and /sys are what it is for */
		.keep_fds = keep,
		.n_keep_fds = sizeof(keep) / sizeof(keep[0]),
		.nofile = 64,
		.paths = paths,
		.n_paths = sizeof(paths) / sizeof(paths[0]),
	};

	return sandbox_enter(&profile, err);
}

int main(void)
{
	struct ipc_chan *chans[] = { &control, &core };
	struct err err = { 0 };
	int r;

	log_open("host", LOG_LEVEL_INFO, &ipc_req);
	ipc_chan_init(&control, FD_CONTROL, "supervisor", IPC_ROOM_SUPERVISOR);
	control.serves[0] = &room_server;
	control.state = IPC_STATE_OPEN;
	r = ipc_wait(&control, &ready, SETUP_TIMEOUT_MS);
	if (r < 0 || core_fd < 0) {
		log_error("no setup from cordond");
		return EXIT_FAILURE;
	}
	log_open("host", setup->conf.log_level, &ipc_req);
	if (start_probes(&err) < 0 || enter(&err) < 0) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	ipc_chan_init(&core, core_fd, "core", IPC_ROOM_CORE);
	core.serves[0] = &hostd_server;
	core.state = IPC_STATE_OPEN;
	policy_open();
	room_reply_setup(setup_call);
	r = ipc_serve(chans, 2, NULL, 0, NULL, NULL);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
