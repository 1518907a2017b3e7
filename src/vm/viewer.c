/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Viewers: a socket pair, one end for QEMU by add_client, one for who asked; and QEMU's events about them. */
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

/* Who was handed in, newest last; QEMU sees nothing but a socket pair. */
struct viewer_peer {
	struct viewer_peer *next;
	enum viewer_phase phase;     /* VIEWER_DISCONNECTED: QEMU has not told of it yet */
	char address[256];
};

static void peer_add(const char *address)
{
	struct viewer_peer **pp = &vm.peers, *p;
	unsigned n = 0;

	for (; *pp; pp = &(*pp)->next)
		n++;
	p = n < VIEWER_PEERS_MAX ? calloc(1, sizeof(*p)) : NULL;
	if (!p)
		return;
	p->phase = VIEWER_DISCONNECTED;
	snprintf(p->address, sizeof(p->address), "%s", address);
	*pp = p;
}

/* The oldest one in a phase: QEMU takes them in order. It tells of an end without saying whose. */
static struct viewer_peer **peer_in(enum viewer_phase phase)
{
	for (struct viewer_peer **pp = &vm.peers; *pp; pp = &(*pp)->next)
		if ((*pp)->phase == phase)
			return pp;
	return NULL;
}

void viewer_event(enum viewer_phase phase, struct json_object *data)
{
	static const enum viewer_phase before[] = {
		[VIEWER_CONNECTED] = VIEWER_DISCONNECTED, [VIEWER_INITIALIZED] = VIEWER_CONNECTED,
		[VIEWER_DISCONNECTED] = VIEWER_INITIALIZED,
	};
	struct viewer_peer **pp = peer_in(before[phase]), *gone = NULL;
	const char *auth = qmp_str(qmp_obj(data, "server"), "auth");
	struct vm_event e = { .kind = VM_EVENT_KIND_GRAPHICS, .a = phase };

	if (!pp && phase == VIEWER_DISCONNECTED)
		pp = peer_in(VIEWER_CONNECTED);
	e.text = pp ? (*pp)->address : (char *)(uintptr_t)"";
	e.text2 = (char *)(uintptr_t)"";
	e.text3 = (char *)(uintptr_t)(auth ? auth : "");
	outbox_put(&e);
	if (!pp)
		return;
	(*pp)->phase = phase;
	if (phase == VIEWER_DISCONNECTED) {
		gone = *pp;
		*pp = gone->next;
		free(gone);
	}
}

/* ---- row VIEWER ---- */

struct handing {
	struct ipc_call *call;
	int theirs;
	unsigned left;
	struct err err;
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
	*h = (struct handing){ .call = call, .theirs = fds[1] };
	rc = hand_in(h, fds[0], args->skip_auth, &call->err);
	fd_close(&fds[0]);
	if (rc) {
		fd_close(&fds[1]);
		free(h);
		return rc;
	}
	peer_add(args->peer);
	return 0;
}
