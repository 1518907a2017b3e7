/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-door: setting up, and who its neighbours are. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/log.h"
#include "door/door.h"
#include "ipc/call.h"
#include "ipc/ev.h"
#include "sandbox/sandbox.h"

#define CONTROL_FD 3
#define CONFIG_MAX (1u << 20)
#define FDS_PER_CLIENT 2      /* the channel to its conn, and what is on its way */
#define FDS_BESIDE 1024
#define SETUP_FDS 3           /* core, the read-write and the read-only socket */
#define SOCKET_UMASK 0117     /* viewers' sockets are for us and for their folder's group */

extern const struct ipc_handlers room_server, door_server;

struct door door;

void after_ms(unsigned ms, event_callback_fn fn, void *arg)
{
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	if (event_base_once(door.base, -1, EV_TIMEOUT, fn, arg, &tv) < 0)
		abort();
}

/* Clients wait outside. Those that are in end with core, by their own doing. */
static void core_closed(struct ipc_chan *ch)
{
	(void)ch;
	door.open = false;
	accept_pause(true);
	pool_pause(true);
	listeners_orphan();
}

static int core_attach(int fd)
{
	if (door.core.loop)
		ipc_chan_close(&door.core, "replaced");
	ipc_chan_init(&door.core, fd, "core", IPC_ROOM_CORE);
	door.core.serves[0] = &door_server;
	door.core.on_closed = core_closed;
	return ipc_ev_attach(door.base, &door.core);
}

/* Short of descriptors, clients are refused one by one; that is no reason not to start. */
static void raise_nofile(void)
{
	rlim_t want = (rlim_t)door.conf.max_clients * FDS_PER_CLIENT + FDS_BESIDE;
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0 || lim.rlim_cur >= want)
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

static int enter(struct err *err)
{
	/* when a client's process started; viewers' sockets, wherever they are asked for */
	static const struct sandbox_path paths[] = {
		{ .path = "/proc", .access = SANDBOX_READ }, { .path = "/", .access = SANDBOX_SOCKETS },
	};
	const struct sandbox_profile p = {
		.name = "door", .policy = &sandbox_policy_door,
		.uid = door.conf.uid_door, .gid = door.conf.uid_door,
		.root_fd = SANDBOX_ROOT_KEEP, .keep_all_fds = true, .nofile = SANDBOX_NOFILE_KEEP,
		.paths = paths, .n_paths = sizeof(paths) / sizeof(paths[0]), .tcp = true,
	};

	raise_nofile();
	umask(SOCKET_UMASK);
	return sandbox_enter(&p, err);
}

int room_on_setup(struct ipc_call *call, const struct room_setup *args)
{
	int r;

	if (door.arena || args->n_peers != 1 || call->n_fds != SETUP_FDS)
		return err_set(&call->err, -EPROTO, ERR_INTERNAL_ERROR, "set up twice, or in part");
	door.arena = arena_new(CONFIG_MAX);
	if (!door.arena || xdr_copy(&config_xdr, &args->conf, door.arena, &door.conf))
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	log_open("door", (enum log_level)door.conf.log_level, &ipc_req);
	if (enter(&call->err) < 0) {
		log_error("%s", call->err.text);
		_exit(EXIT_FAILURE);   /* half a sandbox is none */
	}
	listeners_init();
	r = pool_init(&call->err);
	if (r == 0)
		r = accept_init(take_fd(&call->fds[1]), take_fd(&call->fds[2]), &call->err);
	if (r == 0 && core_attach(take_fd(&call->fds[0])) < 0)
		r = err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	return r < 0 ? r : room_reply_setup(call);
}

int room_on_peer(struct ipc_call *call, const struct room_peer *args)
{
	if (args->which != ROOM_CORE || !door.arena || core_attach(take_fd(&call->fds[0])) < 0) {
		log_error("core cannot be reached");
		exit(EXIT_FAILURE);    /* the supervisor has it started again */
	}
	return ipc_reply(call, NULL, NULL, 0);
}

int room_on_ready(struct ipc_call *call)
{
	if (door.core.loop) {
		door.open = true;
		pool_pause(false);
		accept_pause(false);
	}
	return ipc_reply(call, NULL, NULL, 0);
}

static void control_closed(struct ipc_chan *ch)
{
	(void)ch;
	event_base_loopbreak(door.base);
}

int main(void)
{
	static const struct sigaction ignore = { .sa_handler = SIG_IGN };

	log_open("door", LOG_LEVEL_INFO, &ipc_req);
	sigaction(SIGPIPE, &ignore, NULL);
	door.base = ipc_ev_base();
	ipc_chan_init(&door.control, CONTROL_FD, "supervisor", IPC_ROOM_SUPERVISOR);
	door.control.serves[0] = &room_server;
	door.control.on_closed = control_closed;
	if (!door.base || fd_set_cloexec(CONTROL_FD, 1) || ipc_ev_attach(door.base, &door.control)) {
		log_error("no event loop");
		return EXIT_FAILURE;
	}
	event_base_dispatch(door.base);
	listeners_close();
	return EXIT_SUCCESS;
}
