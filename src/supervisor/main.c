/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-supervisor: setting up, and the loop. */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/ev.h"
#include "sandbox/sandbox.h"

#define FD_CONTROL 3

struct supervisor supervisor;
static struct event *timer;
static uint64_t wake;     /* 0: no need */
static bool inside;

void wake_at(uint64_t at_ms)
{
	uint64_t now = ipc_ev_ms(), ms = at_ms > now ? at_ms - now : 0;
	const struct timeval tv = { (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };

	if (wake && at_ms >= wake)
		return;
	wake = at_ms;
	event_add(timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	uint64_t now = ipc_ev_ms();

	(void)fd;
	(void)what;
	(void)arg;
	wake = 0;
	procs_tick(now);
	rooms_tick(now);
}

void give_up(const char *text)
{
	log_error("%s", text);
	exit(EXIT_FAILURE);
}

static int enter(const struct config *conf, struct err *err)
{
	struct sandbox_profile p = {
		.name = "supervisor", .policy = &sandbox_policy_supervisor,
		.uid = conf->uid_supervisor, .gid = conf->uid_supervisor,
		.keep_all_fds = true, .nofile = SANDBOX_NOFILE_KEEP,
	};
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/empty", conf->run_dir) >= (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, ERR_INTERNAL_ERROR, "%s: path too long", conf->run_dir);
	p.root_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return p.root_fd < 0 ? err_sys(err, -errno, "%s", path) : sandbox_enter(&p, err);
}

int supervisor_on_begin(struct ipc_call *call, const struct config *args)
{
	if (inside)
		return ipc_reply(call, NULL, NULL, 0);
	log_open("supervisor", (enum log_level)args->log_level, &ipc_req);
	if (enter(args, &call->err) < 0)
		give_up(call->err.text);   /* half a sandbox is none */
	inside = true;
	rooms_tick(ipc_ev_ms());
	return ipc_reply(call, NULL, NULL, 0);
}

/* Our rooms end with us. */
static void cordond_closed(struct ipc_chan *ch)
{
	(void)ch;
	event_base_loopbreak(supervisor.base);
}

int main(void)
{
	static const struct sigaction ignore = { .sa_handler = SIG_IGN };

	log_open("supervisor", LOG_LEVEL_INFO, &ipc_req);
	sigaction(SIGPIPE, &ignore, NULL);
	supervisor.base = ipc_ev_base();
	timer = supervisor.base ? evtimer_new(supervisor.base, on_timer, NULL) : NULL;
	ipc_chan_init(&supervisor.cordond, FD_CONTROL, "cordond", IPC_ROOM_CORDOND);
	supervisor.cordond.serves[0] = &supervisor_server;
	supervisor.cordond.on_closed = cordond_closed;
	if (!timer || fd_set_cloexec(FD_CONTROL, 1) < 0 ||
	    ipc_ev_attach(supervisor.base, &supervisor.cordond) < 0)
		give_up("no event loop");
	event_base_dispatch(supervisor.base);
	return EXIT_SUCCESS;
}
