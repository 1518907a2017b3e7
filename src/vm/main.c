/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordon-vm: the supervisor of one guest. Parent of its QEMU, own uid, no
 * capability, no root but the guest's folder. See vm_fds.h for how it begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/ev.h"
#include "sandbox/sandbox.h"
#include "vm/chardev.h"
#include "vm/events.h"
#include "vm/viewer.h"
#include "vm/vm_fds.h"

#define NOFILE_MAX 2048           /* pty masters, console streams, viewers on their way */
#define MEMORY (768u << 20)       /* bytes that may be mapped */
#define BODY_MAX (16u << 20)      /* of a message of core: a model and its metadata */

struct vm vm = { .name = "" };

extern const struct ipc_handlers vm_server;

static void core_closed(struct ipc_chan *ch)
{
	if (vm.core != ch)
		return;
	vm.core = NULL;
	viewer_core_gone();
	if (!vm.cfg) {
		/* nobody knows of us before BOOT: the next core undoes the start, or has launch make another */
		log_info("core is gone before it said what to boot");
		event_base_loopbreak(vm.base);
		return;
	}
	log_info("guest '%s': core is gone; waiting for another", vm.name);
}

int vm_attach_core(int fd)
{
	struct ipc_chan *ch = vm.core == &vm.core_chan[0] ? &vm.core_chan[1] : &vm.core_chan[0];
	struct ipc_chan *old = vm.core;

	ipc_chan_init(ch, fd, "core", IPC_ROOM_CORE);
	ch->serves[0] = &vm_server;
	ch->body_max = BODY_MAX;
	ch->on_closed = core_closed;
	if (ipc_ev_attach(vm.base, ch)) {
		fd_close(&fd);
		return -ENOMEM;
	}
	vm.core = ch;
	if (old) {
		viewer_core_gone();
		ipc_ev_detach(old);
	}
	return 0;
}

static void on_connect(evutil_socket_t listener, short what, void *arg)
{
	struct ucred who = { 0 };
	socklen_t len = sizeof(who);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	(void)arg;
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 || who.uid != 0) {
		log_warn("guest '%s': uid %u wanted to be its core", vm.name, who.uid);
		fd_close(&fd);
		return;
	}
	log_info("guest '%s': a new core", vm.name);
	if (vm_attach_core(fd))
		log_error("guest '%s': out of memory", vm.name);
}

/* Stage S leaves us in the guest's folder; launch made the journal there for the uid that is ours. */
static int enter(void)
{
	const struct sandbox_path proc = { .fd = VM_FD_PROC, .access = SANDBOX_READ };
	struct sandbox_profile profile = {
		.name = "vm", .policy = &sandbox_policy_vm, .uid = SANDBOX_ID_KEEP,
		.gid = SANDBOX_ID_KEEP, .root_fd = SANDBOX_ROOT_KEEP, .keep_all_fds = true,
		.nofile = NOFILE_MAX, .memory = MEMORY, .paths = &proc, .n_paths = 1,
	};
	CLEAN_FD int root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err err = { 0 };
	struct stat st;

	if (root < 0 || fstat(VM_FD_JOURNAL, &st) < 0) {
		log_error("no journal and folder of a guest: started by hand?");
		return -EBADF;
	}
	if (geteuid() == 0) {
		if (st.st_uid == 0 || st.st_gid == 0) {
			log_error("the journal belongs to root: who am I to be?");
			return -EPERM;
		}
		profile.uid = st.st_uid;
		profile.gid = st.st_gid;
		profile.root_fd = root;
	}
	if (sandbox_enter(&profile, &err) < 0) {
		log_error("%s", err.text);
		return -EPERM;
	}
	return 0;
}

int main(void)
{
	log_open("vm", LOG_LEVEL_INFO, &ipc_req);
	signal(SIGPIPE, SIG_IGN);
	if (enter() < 0)
		return EXIT_FAILURE;
	vm.base = ipc_ev_base();
	if (!vm.base || qmp_init(&vm.qmp, vm.base, "") || vm_attach_core(VM_FD_CORE))
		return EXIT_FAILURE;
	vm.qmp.on_event = events_on_qmp;
	vm.qmp.on_lost = adopt_on_lost;
	vm.listener = event_new(vm.base, VM_FD_LISTEN, EV_READ | EV_PERSIST, on_connect, NULL);
	if (!vm.listener || event_add(vm.listener, NULL))
		log_error("no socket for a new core to come by");
	event_base_dispatch(vm.base);
	return EXIT_FAILURE;
}
