/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes that are started for us: a channel to each, made before it is there. */
#include <errno.h>
#include <stdlib.h>

#include "base/fd.h"
#include "base/log.h"
#include "door/door.h"
#include "ipc/call.h"
#include "ipc/ev.h"

extern const struct ipc_handlers door_server;

static void closed(struct ipc_chan *ch)
{
	struct ward *w = ch->ctx;

	ipc_calls_forget(&door.control, w);
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	if (w->on_gone)
		w->on_gone(w);
	free(w);
}

static void started(void *ctx, struct ipc_reply *r)
{
	struct ward *w = ctx;

	if (r->rc == 0) {
		w->pid = ((const struct sup_ward *)r->ret)->pid;
		if (w->doomed)
			ward_kill(w);
		return;
	}
	log_error("%s", r->err->text);
	ward_end(w);
}

struct ward *ward_start(enum room which, void (*on_gone)(struct ward *w), struct err *err)
{
	const struct sup_start_args args = { .which = which };
	struct ward *w = calloc(1, sizeof(*w));
	int pair[2] = { -1, -1 };
	int r = w ? ipc_pair(pair) : -ENOMEM;

	if (r == 0)
		r = sup_call_start(&door.control, &args, &pair[1], 1, started, w);
	fd_close(&pair[1]);
	if (r == 0) {
		ipc_chan_init(&w->ch, pair[0], room_names[which],
			      which == ROOM_CONN ? IPC_ROOM_CONN : IPC_ROOM_EDGE);
		w->ch.serves[0] = &door_server;
		w->ch.on_closed = closed;
		w->ch.ctx = w;
		r = ipc_ev_attach(door.base, &w->ch);
	}
	if (r < 0) {
		ipc_calls_forget(&door.control, w);
		fd_close(&pair[0]);
		free(w);
		err_sys(err, r, "starting cordon-%s", room_names[which]);
		return NULL;
	}
	w->which = which;
	w->on_gone = on_gone;
	w->link = &door.wards;
	w->next = door.wards;
	if (w->next)
		w->next->link = &w->next;
	door.wards = w;
	return w;
}

void ward_end(struct ward *w)
{
	ipc_chan_close(&w->ch, "no longer needed");
}

void ward_kill(struct ward *w)
{
	const struct sup_ward args = { .pid = w->pid };

	w->doomed = true;
	if (!w->pid)
		return;
	(void)sup_send_kill(&door.control, &args);
	ward_end(w);
}
