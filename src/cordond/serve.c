/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Program starter: what the supervisor asks for because it takes privilege.
 * Its word is checked, not trusted. When it ends all rooms do, and a new one
 * starts them anew.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "base/log.h"
#include "cordond/cordond.h"
#include "ipc/serve.h"

#define ENDING_MAX 64            /* that door no longer counts and that were not reaped yet */
#define AGAIN_FIRST_MS 20
#define AGAIN_MAX_MS 5000
#define AGAIN_FORGIVEN_S 10      /* a life this long clears the record */
#define PEERS_MAX 8              /* of struct starter_room */

static struct ipc_chan control = { .closed = true };
static const int *client_sockets;
static bool was_ready;    /* all rooms have been up */

/* A word that the supervisor does not take is the end of it. */
void child_ended(enum room which, int pid, int status)
{
	const struct supervisor_death death = { .pid = pid, .status = status };

	if (which == ROOM_SUPERVISOR && !stopping)
		log_error("cordon-supervisor[%d] ended (wait status %#x); all rooms do", pid, status);
	else if (!control.closed && supervisor_send_ended(&control, &death) < 0)
		ipc_chan_close(&control, "does not listen");
}

static void on_signal(void *ctx, unsigned i)
{
	(void)ctx;
	(void)i;
	(void)child_signal(0);
	if (!stopping)
		return;
	notify_send("STOPPING=1");
	ipc_chan_close(&control, "no longer needed");
}

/* How many there may be at a time: of what is started for door as many as it may have use for. */
static uint64_t most(enum room which)
{
	switch (which) {
	case ROOM_CORDOND: case ROOM_SUPERVISOR: case ROOM_CONF: case ROOM_VM:
		return 0;
	case ROOM_CONN:
		return ENDING_MAX + (uint64_t)conf.max_clients + conf.pool_size;
	case ROOM_EDGE:
		return ENDING_MAX + (uint64_t)conf.max_guests * conf.max_viewers_per_guest;
	default:
		return 1;
	}
}

int starter_on_start(struct ipc_call *call, const struct starter_room *args)
{
	const struct room_setup setup = {
		.conf = conf, .n_peers = args->n_peers, .peers = args->peers,
	};
	unsigned there = child_count(args->which), n = call->n_fds;
	struct starter_child ret;
	int fds[PEERS_MAX + 2], r;
	struct ipc_chan ch;

	if (n != args->n_peers)
		return -EPROTO;
	if (there >= most(args->which))
		return err_set(&call->err, -EAGAIN, ERR_RESOURCE_BUSY,
			       "cordond starts no more than %u processes cordon-%s", there,
			       room_names[args->which]);
	memcpy(fds, call->fds, n * sizeof(int));
	if (args->which == ROOM_DOOR) {
		memcpy(&fds[n], client_sockets, 2 * sizeof(int));
		n += 2;
	}
	ret.pid = child_start(args->which, &ch, &call->err);
	if (ret.pid < 0)
		return ret.pid;
	/* the supervisor, who gets the channel, hears the answer */
	r = ipc_send_event(&ch, &room_program, ROOM_SETUP - 1, &setup, fds, n);
	if (r == 0)
		r = ipc_reply(call, &ret, &ch.fd, 1);
	else
		r = err_sys(&call->err, r, "setting up cordon-%s", room_names[args->which]);
	fd_close(&ch.fd);
	return r;
}

int starter_on_kill(struct ipc_call *call, const struct starter_child *args)
{
	child_kill(args->pid);
	return ipc_reply(call, NULL, NULL, 0);
}

int starter_on_ready(struct ipc_call *call)
{
	was_ready = true;
	notify_send("READY=1");
	return ipc_reply(call, NULL, NULL, 0);
}

/* One life of the supervisor, until all rooms have gone with it. */
static int live(const struct pollfd *signals, struct err *err)
{
	struct ipc_chan *chans[] = { &control };
	int pid = child_start(ROOM_SUPERVISOR, &control, err);

	if (pid < 0)
		return pid;
	control.serves[0] = &starter_server;
	if (supervisor_send_begin(&control, &conf) == 0)
		(void)ipc_serve(chans, 1, signals, 1, on_signal, NULL);
	control.closed = true;
	fd_close(&control.fd);
	child_kill(pid);     /* the channels that it holds close with it */
	child_end_all();
	return was_ready || stopping ? 0 : err_set(err, -EIO, ERR_INTERNAL_ERROR, "not all processes "
						   "come up; see above");
}

int serve(const int sockets[2], int signal_fd, struct err *err)
{
	const struct pollfd signals = { signal_fd, POLLIN, 0 };
	int ms = AGAIN_FIRST_MS;

	client_sockets = sockets;
	while (!stopping) {
		time_t since = time(NULL);
		int r = live(&signals, err);

		if (r < 0 || stopping)
			return r;
		ms = time(NULL) - since > AGAIN_FORGIVEN_S ? AGAIN_FIRST_MS : ms < AGAIN_MAX_MS ? ms * 2 : ms;
		(void)child_signal(ms);
	}
	return 0;
}
