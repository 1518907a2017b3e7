/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-disk: which guest uses which image, how, and under which label. Own uid, no capability. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "disk/disk.h"
#include "disk/label.h"
#include "disk/mounts.h"
#include "ipc/ev.h"
#include "ipc/serve.h"
#include "proto/room.x.h"
#include "sandbox/sandbox.h"

#define FD_CONTROL 3
#define SETUP_TIMEOUT_MS 30000
#define CONF_ARENA_MAX (4u << 20)
#define NOFILE 16384
#define PEERS_MAX 8

extern const struct ipc_handlers room_server;
extern const struct ipc_handlers disk_server;

struct disk_room disk_room = {
	.core = { .name = "cordon-core" }, .file = { .name = "cordon-file" },
	.image = { .name = "cordon-image" },
};
static struct ipc_chan control;

static struct disk_peer *peer_of(uint32_t room, enum ipc_room *ret_kind)
{
	switch (room) {
	case ROOM_CORE:
		*ret_kind = IPC_ROOM_CORE;
		return &disk_room.core;
	case ROOM_FILE:
		*ret_kind = IPC_ROOM_FILE;
		return &disk_room.file;
	case ROOM_IMAGE:
		*ret_kind = IPC_ROOM_IMAGE;
		return &disk_room.image;
	default:
		return NULL;
	}
}

static void peer_closed(struct ipc_chan *ch)
{
	struct disk_peer *p = ch->ctx;

	p->up = false;
	log_debug("%s is gone", p->name);
}

static int peer_attach(uint32_t room, int fd)
{
	enum ipc_room kind;
	struct disk_peer *p = peer_of(room, &kind);

	if (!p) {
		fd_close(&fd);
		return -EPROTO;
	}
	if (p->up)
		ipc_chan_close(&p->ch, "replaced");
	ipc_chan_init(&p->ch, fd, p->name, kind);
	p->ch.ctx = p;
	p->ch.on_closed = peer_closed;
	p->ch.state = IPC_STATE_OPEN;
	if (p == &disk_room.core)
		p->ch.serves[0] = &disk_server;
	if (ipc_ev_attach(disk_room.base, &p->ch) < 0) {
		fd_close(&fd);
		return -ENOMEM;
	}
	p->up = true;
	return 0;
}

/* What SETUP brought, until the sandbox is entered. */
static struct ipc_call *setup_call;
static uint32_t setup_peers[PEERS_MAX];
static int setup_fds[PEERS_MAX];
static unsigned n_setup;
static bool ready;

int room_on_setup(struct ipc_call *call, const struct room_setup *args)
{
	struct arena *a = arena_new(CONF_ARENA_MAX);
	struct config *conf = a ? arena_alloc(a, sizeof(*conf)) : NULL;

	if (ready || args->n_peers != call->n_fds || args->n_peers > PEERS_MAX)
		return err_set(&call->err, -EPROTO, ERR_INTERNAL_ERROR, "no setup for cordon-disk");
	if (!conf || xdr_copy(&config_xdr, &args->conf, a, conf) < 0)
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	disk_room.conf = conf;
	for (; n_setup < args->n_peers; n_setup++) {
		setup_peers[n_setup] = args->peers[n_setup];
		setup_fds[n_setup] = take_fd(&call->fds[n_setup]);
	}
	setup_call = call;
	ready = true;
	return 0;
}

static int enter(struct err *err)
{
	int keep[7 + PEERS_MAX] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, FD_CONTROL };
	const struct config *c = disk_room.conf;
	struct sandbox_profile profile = {
		.name = "disk", .policy = &sandbox_policy_disk, .uid = c->uid_disk, .gid = c->uid_disk,
		.keep_fds = keep, .n_keep_fds = 7 + n_setup, .nofile = NOFILE,
	};
	char path[PATH_MAX];
	int CLEAN_FD root = -1;
	int CLEAN_FD labels = open(c->labels_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (labels < 0)
		return err_sys(err, -errno, "%s", c->labels_dir);
	r = mounts_open(&keep[4]);
	if (r < 0)
		return err_sys(err, r, "the list of mounts");
	if (snprintf(path, sizeof(path), "%s/empty", c->run_dir) >= (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, ERR_INTERNAL_ERROR, "%s: path too long", c->run_dir);
	root = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root < 0)
		return err_sys(err, -errno, "%s", path);
	/* the way to the folder of labels may be root's; what is in it is ours alone (setfsuid(2)) */
	setfsgid(c->uid_disk);
	setfsuid(c->uid_disk);
	r = label_open(labels, err);
	if (r < 0)
		return r;
	keep[5] = label_room.files.fd[0];
	keep[6] = label_room.files.fd[1];
	for (unsigned i = 0; i < n_setup; i++)
		keep[7 + i] = setup_fds[i];
	profile.root_fd = take_fd(&root);   /* closed by sandbox_enter() */
	return sandbox_enter(&profile, err);
}

int room_on_peer(struct ipc_call *call, const struct room_peer *args)
{
	int r;

	if (!disk_room.base && n_setup < PEERS_MAX) {   /* it came right behind SETUP */
		setup_peers[n_setup] = args->which;
		setup_fds[n_setup++] = take_fd(&call->fds[0]);
		return ipc_reply(call, NULL, NULL, 0);
	}
	r = peer_attach(args->which, take_fd(&call->fds[0]));
	if (r < 0)
		log_error("new channel: %s", strerrordesc_np(-r));
	else if (args->which == ROOM_FILE)
		label_retry();
	return ipc_reply(call, NULL, NULL, 0);
}

static void control_closed(struct ipc_chan *ch)
{
	(void)ch;
	event_base_loopbreak(disk_room.base);
}

/* The loop, once nothing more can be opened. */
static int loop_init(void)
{
	int r = 0;

	disk_room.base = ipc_ev_base();
	if (!disk_room.base)
		return -ENOMEM;
	for (unsigned i = 0; i < n_setup && r == 0; i++)
		r = peer_attach(setup_peers[i], setup_fds[i]);
	control.on_closed = control_closed;
	return r < 0 ? r : ipc_ev_attach(disk_room.base, &control);
}

int main(void)
{
	struct err err = { 0 };

	log_open("disk", LOG_LEVEL_INFO, &ipc_req);
	ipc_chan_init(&control, FD_CONTROL, "supervisor", IPC_ROOM_SUPERVISOR);
	control.serves[0] = &room_server;
	control.state = IPC_STATE_OPEN;
	if (fd_set_cloexec(FD_CONTROL, 1) < 0 || ipc_wait(&control, &ready, SETUP_TIMEOUT_MS) < 0) {
		log_error("no setup from cordond");
		return EXIT_FAILURE;
	}
	log_open("disk", (enum log_level)disk_room.conf->log_level, &ipc_req);
	if (enter(&err) < 0) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	if (loop_init() < 0 || label_load(&err) < 0) {
		log_error("%s", err.text[0] ? err.text : "out of memory");
		return EXIT_FAILURE;
	}
	room_reply_setup(setup_call);
	event_base_dispatch(disk_room.base);
	_exit(EXIT_SUCCESS);   /* nothing to tidy, and nothing here that could look for leaks */
}
