/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where viewers knock: a listener per guest, a cordon-edge per viewer. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "cordond/cordond.h"
#include "cordond/listen.h"
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

static bool wanted(const struct listener *l, const uint8_t *guest, bool orphans)
{
	return orphans ? !l->orphan : memcmp(l->spec.guest, guest, sizeof(l->spec.guest)) != 0;
}

static void drop(const uint8_t *guest, bool orphans)
{
	struct listener **at = &listeners, *l;

	while ((l = *at)) {
		if (wanted(l, guest, orphans)) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		listener_free(l);
	}
}

static void orphans_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	drop(NULL, true);
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

	for (const struct proc *p = sup.procs; p; p = p->next)
		n += p->which == ROOM_EDGE && !p->given_up && memcmp(p->guest, guest, 16) == 0;
	return n;
}

static int hand_over(struct proc *p, const struct listener *l, int fd)
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
	r = intake_send_viewer_fds(&sup.core->ch, &args, &pair[1], 1);
	if (r == 0)
		r = room_send_viewer_fds(&p->ch, &args, to_edge, 2);
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
	reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	log_warn("a viewer is refused: no descriptors are left");
}

static void on_viewer(evutil_socket_t fd, short what, void *arg)
{
	const struct listener *l = arg;
	struct err err = { 0 };
	struct proc *p;
	int CLEAN_FD viewer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (viewer < 0) {
		if (errno == EMFILE || errno == ENFILE)
			turn_away(fd);
		return;
	}
	if (!sup.core || sup.stopping)
		return;
	if (viewers_of(l->spec.guest) >= sup.conf.max_viewers_per_guest) {
		log_warn("a viewer is refused: max_viewers_per_guest");
		return;
	}
	p = proc_start(ROOM_EDGE, NULL, NULL, 0, &err);
	if (!p) {
		log_error("%s", err.text);
		return;
	}
	memcpy(p->guest, l->spec.guest, sizeof(p->guest));
	if (hand_over(p, l, viewer) < 0)
		proc_end(p);
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
		n += memcmp(o->spec.guest, spec->guest, sizeof(spec->guest)) == 0;
	if (!l || n >= LISTENERS_PER_GUEST) {
		free(l);
		return err_set(err, -EMFILE, ERR_RESOURCE_BUSY, "a guest has at most %d listeners",
			       LISTENERS_PER_GUEST);
	}
	l->fd = -1;
	r = listen_open(spec, BACKLOG, &l->fd, err);
	l->spec = *spec;
	if (r == 0) {
		l->ev = event_new(sup.base, l->fd, EV_READ | EV_PERSIST, on_viewer, l);
		r = l->ev && event_add(l->ev, NULL) == 0 ? 0 : -ENOMEM;
	}
	if (r < 0) {
		if (l->fd >= 0)
			listener_free(l);
		else
			free(l);
		return r;
	}
	if (reserve < 0)
		reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	l->next = listeners;
	listeners = l;
	*ret = l;
	return 0;
}

int sup_on_listen(struct ipc_call *call, const struct sup_listen_args *args)
{
	struct listen_spec spec;
	struct sup_listen_ret ret;
	struct listener *l;
	int r;

	r = listen_spec_from(args, &spec, &call->err);
	if (r < 0)
		return r;
	l = reclaim(&spec);
	r = l ? 0 : listener_new(&spec, &l, &call->err);
	if (r < 0)
		return r;
	ret.port = l->spec.port;
	return sup_reply_listen(call, &ret);
}

int sup_on_unlisten(struct ipc_call *call, const struct sup_guest_args *args)
{
	drop(args->guest, false);
	return sup_reply_unlisten(call);
}
