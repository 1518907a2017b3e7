/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-file: opens and labels images, kernels and variable stores; remembers nothing. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "file/file.h"
#include "ipc/serve.h"
#include "proto/room.x.h"

#define FD_CONTROL 3
#define SETUP_TIMEOUT_MS 30000
#define CONF_ARENA_MAX (4u << 20)
#define NOFILE 16384          /* so many may be on their way at a time, too (unix(7), ETOOMANYREFS) */

static struct ipc_chan control, disk;
static struct ipc_call *setup_call;   /* answered from inside the sandbox */
static bool ready;

int room_on_setup(struct ipc_call *call, const struct room_setup *args)
{
	struct arena *a = arena_new(CONF_ARENA_MAX);
	struct config *conf = a ? arena_alloc(a, sizeof(*conf)) : NULL;

	if (ready || args->n_peers != 1 || args->peers[0] != ROOM_DISK || call->n_fds != 1)
		return err_set(&call->err, -EINVAL, ERR_INTERNAL_ERROR, "cordon-file serves cordon-disk");
	if (!conf || xdr_copy(&config_xdr, &args->conf, a, conf) < 0)
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	file_room.conf = conf;
	ipc_chan_init(&disk, take_fd(&call->fds[0]), "disk", IPC_ROOM_DISK);
	disk.serves[0] = &file_server;
	disk.state = IPC_STATE_OPEN;
	setup_call = call;
	ready = true;
	return 0;
}

static int enter(struct err *err)
{
	const int keep[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, FD_CONTROL, disk.fd };
	/* images are anywhere; nothing here is to be run, no folder made */
	const struct sandbox_path anywhere = {
		"/", SANDBOX_READ | SANDBOX_WRITE | SANDBOX_MAKE | SANDBOX_DEVICES, -1,
	};
	const struct sandbox_profile profile = {
		.name = "file",
		.policy = &sandbox_policy_file,
		.uid = file_room.conf->uid_file,
		.gid = file_room.conf->uid_file,
		.keep_caps = FILE_KEEP_CAPS,
		.root_fd = SANDBOX_ROOT_KEEP,
		.keep_fds = keep,
		.n_keep_fds = sizeof(keep) / sizeof(keep[0]),
		.paths = &anywhere,
		.n_paths = 1,
		.nofile = NOFILE,
	};
	umask(077);
	return sandbox_enter(&profile, err);
}

int main(void)
{
	struct ipc_chan *chans[] = { &control, &disk };
	struct err err = { 0 };

	log_open("file", LOG_LEVEL_INFO, &ipc_req);
	ipc_chan_init(&control, FD_CONTROL, "supervisor", IPC_ROOM_SUPERVISOR);
	control.serves[0] = &room_server;
	control.state = IPC_STATE_OPEN;
	if (ipc_wait(&control, &ready, SETUP_TIMEOUT_MS) < 0) {
		log_error("no setup from cordond");
		return EXIT_FAILURE;
	}
	log_open("file", file_room.conf->log_level, &ipc_req);
	if (enter(&err) < 0) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	room_reply_setup(setup_call);
	_exit(ipc_serve(chans, 2, NULL, 0, NULL, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
