/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordond.conf through cordon-conf, which reads it without privilege: we get typed values. */
#include <errno.h>

#include "base/fd.h"
#include "cordond/cordond.h"
#include "ipc/serve.h"

#define ANSWER_MS 10000

static bool configured;

int starter_on_config(struct ipc_call *call, const struct config *args)
{
	conf = *args;
	call->arena = NULL;   /* the configuration stays where it is, for good */
	configured = true;
	return ipc_reply(call, NULL, NULL, 0);
}

int config_read(const struct conf_load_args *args, struct err *err)
{
	struct ipc_chan ch;
	pid_t pid = child_start(ROOM_CONF, &ch, err);
	int r = pid;

	if (pid < 0)
		return pid;
	ch.serves[0] = &starter_server;
	r = conf_send_load(&ch, args);
	if (r == 0)
		r = ipc_wait(&ch, &configured, ANSWER_MS);
	fd_close(&ch.fd);
	child_kill(pid);      /* it has answered, or never will */
	child_end_all();
	return r < 0 ? err_set(err, r, ERR_CONF_SYNTAX, "there is no configuration") : 0;
}
