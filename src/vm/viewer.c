/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/viewer.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "ipc/call.h"
#include "vm/events.h"
#include "vm/qmp_cmd.h"

enum { PHASE_CONNECT = 0, PHASE_DISCONNECT = 2 };   /* virDomainEventGraphicsPhase */

/* Who was handed in, oldest first. */
struct viewer_peer {
	struct viewer_peer *next;
	uint64_t number;          /* core's, which tells of it; 0: nobody does */
	char address[256];
};

static bool missing;              /* QEMU had fewer clients than we have peers, when last asked */

static void tell(int phase, const char *address)
{
	const struct domain *d = &vm.cfg->model;
	struct vm_event e = { .kind = VM_EVENT_KIND_GRAPHICS, .a = phase };

	e.text = (char *)(uintptr_t)address;
	e.text2 = (char *)(uintptr_t)"";
	e.text3 = (char *)(uintptr_t)(d->n_graphics && vm.viewer_password ? "vnc" : "none");
	outbox_put(&e);
}

static unsigned count_peers(void)
{
	unsigned n = 0;

	for (const struct viewer_peer *p = vm.peers; p; p = p->next)
		n++;
	return n;
}

static struct viewer_peer **find(uint64_t number)
{
	struct viewer_peer **pp = &vm.peers;

	while (*pp && (*pp)->number != number)
		pp = &(*pp)->next;
	return pp;
}

static void forget(struct viewer_peer **pp)
{
	struct viewer_peer *p = *pp;

	*pp = p->next;
	tell(PHASE_DISCONNECT, p->address);
	free(p);
}

void viewer_forget_all(void)
{
	while (vm.peers)
		forget(&vm.peers);
}

/* ---- those nobody tells of ---- */

static void ask_later(void)
{
	struct timeval tv = { VIEWER_ASK_S, 0 };

	if (*find(0) && vm.viewer_timer)
		event_add(vm.viewer_timer, &tv);
}

void viewer_core_gone(void)
{
	for (struct viewer_peer *p = vm.peers; p; p = p->next)
		p->number = 0;
	ask_later();
}

/*
 * QEMU cannot tell them apart: the oldest counts as gone. Twice missing, for the
 * one that is missing may be one that core is about to tell of.
 */
static void got_clients(void *ctx, struct json_object *ret, const struct err *err)
{
	size_t n = 0;
	bool was_missing = missing;

	(void)ctx;
	for (size_t i = 0; !err && i < qmp_len(ret); i++)
		n += qmp_len(qmp_arr(qmp_at(ret, i), "clients"));
	missing = !err && count_peers() > n;
	while (missing && was_missing && count_peers() > n && *find(0))
		forget(find(0));
	ask_later();
}

static void on_ask(evutil_socket_t fd, short what, void *arg)
{
	struct err err = { 0 };

	(void)fd;
	(void)what;
	(void)arg;
	if (qmp_send(&vm.qmp, "query-vnc-servers", NULL, -1, got_clients, NULL, &err))
		ask_later();
}

static void peer_add(const char *address, uint64_t number)
{
	struct viewer_peer **pp = &vm.peers, *p;

	p = count_peers() < VIEWER_PEERS_MAX ? calloc(1, sizeof(*p)) : NULL;
	if (!p)
		return;
	snprintf(p->address, sizeof(p->address), "%s", address);
	p->number = number;
	while (*pp)
		pp = &(*pp)->next;
	*pp = p;
	tell(PHASE_CONNECT, p->address);
	if (!vm.viewer_timer)
		vm.viewer_timer = evtimer_new(vm.base, on_ask, NULL);
	if (vm.viewer_timer && !event_pending(vm.viewer_timer, EV_TIMEOUT, NULL))
		ask_later();
}

/* ---- row VIEWER_PHASE ---- */

int vm_on_viewer_phase(struct ipc_call *call, const struct vm_viewer_phase *args)
{
	struct viewer_peer **pp = find(args->viewer);

	if (args->viewer && *pp && args->phase == PHASE_DISCONNECT)
		forget(pp);
	else if (args->viewer && *pp)
		tell(args->phase, (*pp)->address);
	return ipc_reply(call, NULL, NULL, 0);
}

/* ---- row VIEWER ---- */

struct handing {
	struct ipc_call *call;
	int theirs;
	unsigned left;
	struct err err;
	uint64_t number;
	char peer[256];
};

static void handed(void *ctx, struct json_object *ret, const struct err *err)
{
	struct handing *h = ctx;

	(void)ret;
	if (err && !h->err.code)
		h->err = *err;
	if (--h->left)
		return;
	if (h->err.code)
		vm_refuse(h->call, &h->err);
	else
		ipc_reply(h->call, NULL, &h->theirs, 1);
	if (!h->err.code)
		peer_add(h->peer, h->number);
	fd_close(&h->theirs);
	free(h);
}

static int hand_in(struct handing *h, int ours, bool skip_auth, struct err *err)
{
	struct json_object *args = qmp_args("protocol:s fdname:s skipauth:b", "vnc", "viewer",
					    (int)skip_auth);
	int rc = qmp_send(&vm.qmp, "getfd", qmp_args("fdname:s", "viewer"), ours, handed, h, err);

	if (rc) {
		json_object_put(args);
		return rc;
	}
	h->left = 1;
	rc = qmp_send(&vm.qmp, "add_client", args, -1, handed, h, err);
	if (rc) {
		h->err = *err;   /* the first one's answer ends it */
		return 0;
	}
	h->left = 2;
	return 0;
}

int vm_on_viewer(struct ipc_call *call, const struct vm_device_args *args)
{
	const struct domain *d = vm.cfg ? &vm.cfg->model : NULL;
	struct handing *h;
	int fds[2], rc;

	if (!d || args->screen >= d->n_graphics)
		return err_set(&call->err, -ENOENT, ERR_OPERATION_FAILED,
			       "guest '%s' has no graphics display %u", vm.name, args->screen);
	if (d->graphics[args->screen].type != DOM_GRAPHICS_TYPE_VNC)
		return err_set(&call->err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED,
			       "guest '%s': display %u is not of type 'vnc'", vm.name, args->screen);
	h = calloc(1, sizeof(*h));
	if (!h)
		return err_sys(&call->err, -ENOMEM, "guest '%s': viewer", vm.name);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		rc = err_sys(&call->err, -errno, "guest '%s': viewer", vm.name);
		free(h);
		return rc;
	}
	*h = (struct handing){ .call = call, .theirs = fds[1],
			       .number = args->viewer };
	snprintf(h->peer, sizeof(h->peer), "%s", args->peer);
	rc = hand_in(h, fds[0], args->skip_auth, &call->err);
	fd_close(&fds[0]);
	if (rc) {
		fd_close(&fds[1]);
		free(h);
		return rc;
	}
	return 0;
}
