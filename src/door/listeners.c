/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where viewers knock: listeners of guests, a cordon-edge for each viewer. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "door/door.h"
#include "door/listen.h"
#include "ipc/call.h"

#define BACKLOG 16
#define LISTENERS_PER_GUEST 4
#define ORPHAN_MS 60000       /* for a new core to claim what the old one asked for */

struct listener {
	struct listener *next;
	struct listen_spec spec;
	int fd;
	struct event *ev;
	bool orphan;
};

static struct listener *listeners;
static struct refusals viewers;
static int reserve = -1;

static void listener_free(struct listener *l)
{
	if (l->ev)
		event_free(l->ev);
	fd_close(&l->fd);
	if (l->spec.kind == LISTEN_KIND_UNIX_PATH)
		listen_unlink(l->spec.path);
	free(l);
}

static bool is_of(const struct listener *l, const void *guest)
{
	return memcmp(l->spec.guest, guest, sizeof(l->spec.guest)) == 0;
}

static bool is_orphan(const struct listener *l, const void *unused)
{
	(void)unused;
	return l->orphan;
}

static bool is_any(const struct listener *l, const void *unused)
{
	(void)l;
	(void)unused;
	return true;
}

static void drop(bool (*which)(const struct listener *l, const void *arg), const void *arg)
{
	struct listener **at = &listeners, *l;

	while ((l = *at)) {
		if (!which(l, arg)) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		listener_free(l);
	}
}

void listeners_init(void)
{
	reserve = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	listen_sweep();
}

void listeners_close(void)
{
	drop(is_any, NULL);
}

static void orphans_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	drop(is_orphan, NULL);
}

void listeners_orphan(void)
{
	for (struct listener *l = listeners; l; l = l->next)
		l->orphan = true;
	if (listeners)
		after_ms(ORPHAN_MS, orphans_over, NULL);
}

static unsigned viewers_of(const uint8_t *guest)
{
	unsigned n = 0;

	for (const struct ward *w = door.wards; w; w = w->next)
		n += w->which == ROOM_EDGE && memcmp(w->guest, guest, 16) == 0;
	return n;
}

static int hand_over(struct ward *w, const struct listener *l, int fd)
{
	char peer[LISTEN_NAME_MAX], local[LISTEN_NAME_MAX];
	struct room_viewer args = {
		.peer = peer, .local = local, .tcp = l->spec.kind == LISTEN_KIND_TCP,
	};
	int pair[2], to_edge[2], r;

	memcpy(args.guest, l->spec.guest, sizeof(args.guest));
	listen_names(fd, &l->spec, peer, local);
	r = ipc_pair(pair);
	if (r < 0)
		return r;
	to_edge[0] = fd;
	to_edge[1] = pair[0];
	r = intake_send_viewer_fds(&door.core, &args, &pair[1], 1);
	if (r == 0)
		r = room_send_viewer_fds(&w->ch, &args, to_edge, 2);
	fd_close_all(pair, 2);
	return r;
}

/*
 * Out of descriptors, the knocking would go on for ever: one kept in reserve
 * lets the viewer in, and out.
 */
static void turn_away(int fd)
{
	fd_close(&reserve);
	reserve = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	fd_close(&reserve);
	reserve = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	if (refusals_log(&viewers))
		log_warn("a viewer is refused: no descriptors are left");
}

static void on_viewer(evutil_socket_t fd, short what, void *arg)
{
	const struct listener *l = arg;
	struct err err = { 0 };
	struct ward *w;
	int CLEAN_FD viewer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (viewer < 0) {
		if (errno == EMFILE || errno == ENFILE)
			turn_away(fd);
		return;
	}
	if (!door.open)
		return;
	if (viewers_of(l->spec.guest) >= door.conf.max_viewers_per_guest) {
		if (refusals_log(&viewers))
			log_warn("a viewer is refused: max_viewers_per_guest");
		return;
	}
	w = ward_start(ROOM_EDGE, NULL, &err);
	if (!w) {
		log_error("%s", err.text);
		return;
	}
	memcpy(w->guest, l->spec.guest, sizeof(w->guest));
	if (hand_over(w, l, viewer) < 0)
		ward_end(w);
}

/* What an earlier core asked for and nobody dropped since. */
static struct listener *reclaim(const struct listen_spec *want)
{
	for (struct listener *l = listeners; l; l = l->next)
		if (l->orphan && listen_same(&l->spec, want)) {
			l->orphan = false;
			return l;
		}
	return NULL;
}

static int listener_new(struct listen_spec *spec, struct listener **ret, struct err *err)
{
	struct listener *l = calloc(1, sizeof(*l));
	unsigned n = 0;
	int r;

	for (const struct listener *o = listeners; o; o = o->next)
		n += is_of(o, spec->guest);
	if (!l || n >= LISTENERS_PER_GUEST) {
		free(l);
		return err_set(err, -EMFILE, ERR_RESOURCE_BUSY, "a guest has at most %d listeners",
			       LISTENERS_PER_GUEST);
	}
	l->fd = -1;
	r = listen_open(spec, BACKLOG, &l->fd, err);
	l->spec = *spec;
	if (r == 0) {
		l->ev = event_new(door.base, l->fd, EV_READ | EV_PERSIST, on_viewer, l);
		r = l->ev && event_add(l->ev, NULL) == 0 ? 0 : -ENOMEM;
	}
	if (r < 0) {
		if (l->fd >= 0)
			listener_free(l);
		else
			free(l);
		return r;
	}
	l->next = listeners;
	listeners = l;
	*ret = l;
	return 0;
}

int door_on_listen(struct ipc_call *call, const struct door_listen_args *args)
{
	struct listen_spec spec;
	struct door_listen_ret ret;
	struct listener *l;
	int r;

	r = listen_spec_from(args, door.conf.run_dir, &spec, &call->err);
	if (r < 0)
		return r;
	l = reclaim(&spec);
	r = l ? 0 : listener_new(&spec, &l, &call->err);
	if (r < 0)
		return r;
	ret = (struct door_listen_ret){
		.port = l->spec.port, .path = l->spec.path[0] ? l->spec.path : NULL,
	};
	return door_reply_listen(call, &ret);
}

int door_on_unlisten(struct ipc_call *call, const struct door_guest_args *args)
{
	drop(is_of, args->guest);
	return door_reply_unlisten(call);
}
