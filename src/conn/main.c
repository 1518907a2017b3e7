/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordon-conn: one process per client. It starts with root's uid and nothing
 * read, gives everything up when cordond has told it the configuration, and
 * then waits in the pool until door hands it a client.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/oom.h"
#include "conn/conn.h"
#include "ipc/serve.h"
#include "sandbox/sandbox.h"

#define CONTROL_FD 3
#define NOFILE_MAX 64    /* the client, core, the loop, streams */
#define MEMORY (512u << 20)   /* bytes that a conn may map, beside four times client_memory_max */

static struct ipc_chan control, door;
static struct watch_chan door_watch;
static struct client client;
static bool ready;

/* A folder with nothing in it, which cordond made; nobody writes to it. */
static int open_empty_root(const struct config *conf)
{
	CLEAN_FD int dir = open(conf->run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = dir < 0 ? -1 : openat(dir, "empty", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int give_up(const struct config *conf, struct err *err)
{
	struct sandbox_profile p = {
		.name = "cordon-conn", .policy = &sandbox_policy_conn,
		.uid = conf->uid_conn, .gid = conf->uid_conn,
		/* all there are were given: the client may be among them already */
		.keep_all_fds = true, .nofile = NOFILE_MAX,
		.memory = MEMORY + 4 * (uint64_t)conf->client_memory_max,
	};

	p.root_fd = open_empty_root(conf);     /* sandbox_enter() closes it */
	return p.root_fd < 0 ? err_sys(err, p.root_fd, "%s/empty", conf->run_dir) : sandbox_enter(&p, err);
}

/* Without door a process of the pool is of no use; one with a client goes on. */
static void door_closed(struct ipc_chan *ch)
{
	(void)ch;
	if (client.fd < 0)
		_exit(0);
}

int room_on_setup(struct ipc_call *call, const struct room_setup *args)
{
	const struct config *conf = &args->conf;
	int rc;

	if (ready || call->n_fds != 1)
		return err_set(&call->err, -EPROTO, ERR_INTERNAL_ERROR, "set up twice or without door");
	log_open("conn", conf->log_level ? (enum log_level)conf->log_level : LOG_LEVEL_WARN, &ipc_req);
	conn_limits_from(conf, &client.limits);
	oom_first();
	rc = give_up(conf, &call->err);
	if (rc) {
		/* half a sandbox is none */
		log_error("%s", call->err.text);
		_exit(1);
	}
	ready = true;
	ipc_chan_init(&door, take_fd(&call->fds[0]), "door", IPC_ROOM_DOOR);
	door.serves[0] = &room_server;
	door.on_closed = door_closed;
	rc = watch_chan_start(&door_watch, &door);
	return rc ? rc : room_reply_setup(call);
}

/* door counts it as an anonymous client until then */
static void client_open(struct client *c)
{
	(void)c;
	(void)door_send_known(&door);
}

static void client_gone(struct client *c)
{
	(void)c;
	_exit(0);     /* what the C library has to do at the end is for nobody */
}

int room_on_client(struct ipc_call *call, const struct room_client *args)
{
	int rc;

	if (!ready || client.fd >= 0) {
		log_error("a second client");
		return ipc_reply_raw(call, NULL, 0, NULL, 0);
	}
	rc = client_start(&client, call->fds[0], call->fds[1], args->conn_id, &args->who);
	call->fds[0] = call->fds[1] = -1;
	if (rc)
		_exit(1);
	return ipc_reply_raw(call, NULL, 0, NULL, 0);
}

int main(void)
{
	static const struct sigaction ignore = { .sa_handler = SIG_IGN };

	log_open("conn", LOG_LEVEL_WARN, &ipc_req);
	sigaction(SIGPIPE, &ignore, NULL);
	client.fd = -1;
	client.on_end = client_gone;
	client.on_open = client_open;
	ipc_chan_init(&control, CONTROL_FD, "supervisor", IPC_ROOM_SUPERVISOR);
	control.serves[0] = &room_server;
	if (loop_open()) {
		log_error("no event loop");
		return 1;
	}
	/* not in the loop: once we are set up, or not needed, the supervisor has no more to say */
	if (ipc_wait(&control, &ready, -1) < 0)
		return 0;
	fd_close(&control.fd);
	for (;;) {
		loop_turn(client.fd < 0 ? -1 : client_wait_ms(&client));
		if (client.fd >= 0)
			client_settle(&client);
		watch_chan_settle(&door_watch);
	}
}
