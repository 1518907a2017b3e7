/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordon-edge: the relay of one viewer. Bytes of strangers and of the guest pass through it as they
 * are; only the end of the handshake is looked for. It has no privilege, an empty root, and ends with
 * either side. A viewer that is in stays when door or core are started again; when both are gone, so
 * is Cordon.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/oom.h"
#include "edge/relay.h"
#include "edge/rfb.h"
#include "ipc/call.h"
#include "ipc/ev.h"
#include "proto/core.x.h"
#include "proto/room.x.h"
#include "sandbox/sandbox.h"

#define FD_CONTROL 3
#define NOFILE 32
#define MEMORY (64u << 20)      /* bytes that may be mapped */
#define PATH_LEN 4096

static struct event_base *base;
static struct ipc_chan control, door, core;
static int viewer_fd = -1;
static bool inside, door_gone;
static unsigned half_open_s;
static struct rfb rfb;

static int enter(const struct config *c, struct err *err)
{
	char path[PATH_LEN];
	struct sandbox_profile p = {
		.name = "edge", .policy = &sandbox_policy_edge, .uid = c->uid_edge, .gid = c->uid_edge,
		.keep_all_fds = true, .nofile = NOFILE, .memory = MEMORY,
	};
	int CLEAN_FD root = -1;
	int r;

	if (snprintf(path, sizeof(path), "%s/empty", c->run_dir) >= (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, ERR_INTERNAL_ERROR, "%s: path too long", c->run_dir);
	root = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (root < 0)
		return err_sys(err, -errno, "%s", path);
	p.root_fd = root;
	r = sandbox_enter(&p, err);
	return r;
}

static void on_end(const char *why)
{
	log_debug("ends: %s", why);
	event_base_loopbreak(base);
}

/* Without a viewer yet there is nothing to go on for. */
static void door_closed(struct ipc_chan *ch)
{
	(void)ch;
	door_gone = true;
	if (core.closed || !core.name)
		on_end("door and core are gone");
}

int room_on_setup(struct ipc_call *call, const struct room_setup *args)
{
	if (inside || call->n_fds != 1)
		return err_set(&call->err, -EPROTO, ERR_INTERNAL_ERROR, "set up twice or without door");
	log_open("edge", (enum log_level)args->conf.log_level, &ipc_req);
	oom_first();
	if (enter(&args->conf, &call->err) < 0) {
		log_error("%s", call->err.text);
		_exit(EXIT_FAILURE);   /* half a sandbox is none */
	}
	inside = true;
	half_open_s = args->conf.half_open_timeout;
	ipc_chan_init(&door, take_fd(&call->fds[0]), "door", IPC_ROOM_DOOR);
	door.serves[0] = &room_server;
	door.on_closed = door_closed;
	return ipc_ev_attach(base, &door) ? -ENOMEM : room_reply_setup(call);
}

/* QEMU tells nobody when a viewer that was handed in has got through its handshake. */
static void look_on(bool from_viewer, const void *data, size_t n)
{
	if (from_viewer)
		rfb_from_viewer(&rfb, data, n);
	else if (rfb_from_guest(&rfb, data, n) && core.name && !core.closed)
		(void)viewer_send_initialized(&core);
	if (rfb_over(&rfb))
		relay_watch(NULL);
}

static void on_attached(void *ctx, struct ipc_reply *r)
{
	(void)ctx;
	relay_watch(look_on);
	if (r->rc < 0) {
		log_info("viewer refused: %s", r->err->text);
		on_end("not attached");
	} else if (relay_start(base, take_fd(&viewer_fd), take_fd(&r->fds[0]), on_end) < 0) {
		on_end("out of memory");
	}
}

/* Core is needed to get in; a viewer that is in outlives a restart of core. */
static void core_closed(struct ipc_chan *ch)
{
	(void)ch;
	if (viewer_fd >= 0 || door_gone)
		on_end("core is gone");
}

/* Once we are set up the supervisor has no more to say. */
static void control_closed(struct ipc_chan *ch)
{
	(void)ch;
	if (!inside)
		on_end("the supervisor is gone");
}

/* There are few places, and whoever can connect takes one: none is kept by saying nothing. */
static void half_open_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	if (rfb_over(&rfb))
		return;
	log_info("a viewer was not let in within half_open_timeout");
	on_end("half open");
}

int room_on_viewer(struct ipc_call *call, const struct room_viewer *args)
{
	struct viewer_attach_args attach = { .peer = args->peer };
	const struct timeval tv = { half_open_s, 0 };

	if (!inside || core.name) {
		log_error("a viewer at the wrong time");
		exit(EXIT_FAILURE);
	}
	memcpy(attach.guest, args->guest, sizeof(attach.guest));
	viewer_fd = take_fd(&call->fds[0]);
	ipc_chan_init(&core, take_fd(&call->fds[1]), "core", IPC_ROOM_CORE);
	core.on_closed = core_closed;
	if (ipc_ev_attach(base, &core) < 0 ||
	    viewer_call_attach(&core, &attach, NULL, 0, on_attached, NULL) < 0)
		on_end("no way to core");
	if (half_open_s && event_base_once(base, -1, EV_TIMEOUT, half_open_over, NULL, &tv) < 0)
		on_end("out of memory");
	return ipc_reply(call, NULL, NULL, 0);
}

int main(void)
{
	log_open("edge", LOG_LEVEL_WARN, &ipc_req);
	base = ipc_ev_base();
	ipc_chan_init(&control, FD_CONTROL, "supervisor", IPC_ROOM_SUPERVISOR);
	control.serves[0] = &room_server;
	control.on_closed = control_closed;
	if (!base || fd_set_cloexec(FD_CONTROL, 1) < 0 || ipc_ev_attach(base, &control) < 0) {
		log_error("no event loop");
		return EXIT_FAILURE;
	}
	event_base_dispatch(base);
	return EXIT_SUCCESS;
}
