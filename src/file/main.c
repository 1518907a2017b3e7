/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-file: opens images, kernels and variable stores for guests; remembers who uses what. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "file/file.h"
#include "file/mounts.h"
#include "ipc/serve.h"
#include "sandbox/sandbox.h"

#define FD_CONTROL 3
#define SETUP_TIMEOUT_MS 30000
#define CONF_ARENA_MAX (4u << 20)
#define NOFILE 4096

static struct ipc_chan control, core;
static struct ipc_call *setup_call;   /* the first one: answered from inside the sandbox */
static bool ready;
static bool inside;

static int take_config(struct ipc_call *call, const struct config *conf)
{
	struct arena *a = arena_new(CONF_ARENA_MAX);
	struct config *copy = a ? arena_alloc(a, sizeof(*copy)) : NULL;

	if (!copy || xdr_copy(&config_xdr, conf, a, copy) < 0) {
		arena_free(a);
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	}
	arena_free(file_room.conf_arena);
	file_room.conf_arena = a;
	file_room.conf = copy;
	return 0;
}

/* Core's channel; a core that was started again adopts its guests anew. */
static void take_core(int fd)
{
	if (core.name && !core.closed)
		ipc_chan_close(&core, "replaced");
	if (core.name)
		fd_close(&core.fd);
	ipc_chan_init(&core, fd, "core", IPC_ROOM_CORE);
	core.serves[0] = &file_server;
	core.state = IPC_STATE_OPEN;
	claims_clear(&file_room.claims);
}

int room_on_setup(struct ipc_call *call, const struct room_setup *args)
{
	int r;

	if (args->n_peers != call->n_fds)
		return err_set(&call->err, -EINVAL, ERR_INTERNAL_ERROR, "peers without channels");
	r = take_config(call, &args->conf);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < args->n_peers; i++)
		if (args->peers[i] == ROOM_CORE)
			take_core(take_fd(&call->fds[i]));
	if (inside)
		return room_reply_setup(call);
	setup_call = call;
	ready = true;
	return 0;
}

static int fd_high(int *fd)
{
	int high = fcntl(*fd, F_DUPFD_CLOEXEC, FILE_FD_LOW);

	if (high < 0)
		return -errno;
	fd_close(fd);
	*fd = high;
	return 0;
}

/* It stands beside us. */
static int open_image_bin(struct err *err)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof("cordon-image"));
	char *slash;

	if (n < 0)
		return err_sys(err, -errno, "finding cordon-image");
	path[n] = '\0';
	slash = strrchr(path, '/');
	memcpy(slash + 1, "cordon-image", sizeof("cordon-image"));
	file_room.image_bin = open(path, O_PATH | O_CLOEXEC);
	if (file_room.image_bin < 0)
		return err_sys(err, -errno, "'%s'", path);
	return fd_high(&file_room.image_bin);
}

/* A folder that was removed: nothing is in it, and nothing can be put there. */
static int open_empty_root(struct err *err)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/empty.XXXXXX", file_room.conf->run_dir) >= PATH_MAX ||
	    !mkdtemp(path))
		return err_sys(err, -errno, "a folder in '%s'", file_room.conf->run_dir);
	if (chmod(path, 0555) < 0)
		return err_sys(err, -errno, "'%s'", path);
	file_room.empty_root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (rmdir(path) < 0 || file_room.empty_root < 0)
		return err_sys(err, -errno, "'%s'", path);
	return fd_high(&file_room.empty_root);
}

static int enter(struct err *err)
{
	int mounts = -1, r;
	unsigned n;

	r = open_image_bin(err);
	if (r == 0)
		r = open_empty_root(err);
	if (r < 0)
		return r;
	r = mounts_open(&mounts);
	if (r < 0)
		return err_sys(err, r, "the list of mounts");
	r = job_init();
	if (r < 0)
		return err_sys(err, r, "a timer");
	const int keep[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, FD_CONTROL, core.fd, mounts,
			     file_room.image_bin, file_room.empty_root, job_poll(&n)[0].fd };
	const struct sandbox_profile profile = {
		.name = "file",
		.policy = &sandbox_policy_file,
		.uid = file_room.conf->uid_file,
		.gid = file_room.conf->uid_file,
		.keep_caps = FILE_KEEP_CAPS,
		.root_fd = SANDBOX_ROOT_KEEP,
		.keep_fds = keep,
		.n_keep_fds = sizeof(keep) / sizeof(keep[0]),
		.nofile = NOFILE,
	};
	umask(077);
	return sandbox_enter(&profile, err);
}

int main(void)
{
	struct ipc_chan *chans[] = { &control, &core };
	struct pollfd *extra;
	struct err err = { 0 };
	unsigned n_extra;
	int r;

	log_open("file", LOG_LEVEL_INFO, &ipc_req);
	ipc_chan_init(&control, FD_CONTROL, "cordond", IPC_ROOM_CORDOND);
	control.serves[0] = &room_server;
	control.state = IPC_STATE_OPEN;
	r = ipc_wait(&control, &ready, SETUP_TIMEOUT_MS);
	if (r < 0 || !core.name) {
		log_error("no setup from cordond");
		return EXIT_FAILURE;
	}
	log_open("file", file_room.conf->log_level, &ipc_req);
	if (enter(&err) < 0) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	inside = true;
	room_reply_setup(setup_call);
	extra = job_poll(&n_extra);
	r = ipc_serve(chans, 2, extra, n_extra, job_ready, NULL);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
