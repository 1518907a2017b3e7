/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordond.conf through cordon-conf, which reads it without privilege: we get typed values. */
#include <signal.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "cordond/cordond.h"
#include "ipc/serve.h"

#define ANSWER_MS 10000

struct answer {
	bool done;
	int rc;
	struct err *err;
};

static void on_loaded(void *ctx, struct ipc_reply *r)
{
	struct answer *a = ctx;

	a->done = true;
	a->rc = r->rc;
	if (r->rc < 0) {
		*a->err = *r->err;
		return;
	}
	sup.conf = *(const struct config *)r->ret;
	r->arena = NULL;   /* the configuration stays where it is, for good */
}

int config_read(const struct conf_load_args *args, struct err *err)
{
	struct answer a = { .err = err };
	struct ipc_chan ch;
	int pair[2];
	pid_t pid;

	a.rc = ipc_pair(pair);
	if (a.rc < 0)
		return err_sys(err, a.rc, "making a channel");
	pid = spawn_exec(ROOM_CONF, pair[1], err);
	fd_close(&pair[1]);
	if (pid < 0) {
		fd_close(&pair[0]);
		return (int)pid;
	}
	ipc_chan_init(&ch, pair[0], "cordon-conf", IPC_ROOM_CONF);
	a.rc = conf_call_load(&ch, args, NULL, 0, on_loaded, &a);
	if (a.rc < 0)
		err_sys(err, a.rc, "asking cordon-conf");
	else
		(void)ipc_wait(&ch, &a.done, ANSWER_MS);
	ipc_chan_close(&ch, "does not answer");
	fd_close(&ch.fd);
	kill(pid, SIGKILL);   /* it has answered, or never will */
	waitpid(pid, NULL, 0);
	return a.rc;
}
