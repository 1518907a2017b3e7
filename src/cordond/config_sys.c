/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordond.conf through cordon-conf: we open the file, and get typed values. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

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
	sup.arena = take_ptr(r->arena);
}

/* A file that was asked for must be there; the default one need not. */
static int open_conf(const char *path, bool asked, int *ret_fd, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 && errno == ENOENT && !asked)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, -errno, "%s", path);
	*ret_fd = fd;
	return 0;
}

static int ask(int ctl, const struct conf_load_args *args, const int *fds, unsigned n_fds,
	       struct err *err)
{
	struct answer a = { .err = err };
	struct ipc_chan ch;
	int r;

	ipc_chan_init(&ch, ctl, "conf", IPC_ROOM_CONF);
	r = conf_call_load(&ch, args, fds, n_fds, on_loaded, &a);
	if (r == 0)
		r = ipc_wait(&ch, &a.done, ANSWER_MS);
	if (r < 0 && !a.done)
		err_sys(err, r, "cordon-conf does not answer");
	a.err = &(struct err){ 0 };   /* what closing says is no news */
	ipc_chan_close(&ch, "done");
	fd_close(&ch.fd);
	return a.done ? a.rc : r;
}

int config_read(const char *path, bool asked, const char *instance, uint32_t uid_base, int empty_fd,
		bool check, struct err *err)
{
	const struct conf_load_args args = {
		.path = (char *)(uintptr_t)path, .instance = (char *)(uintptr_t)instance,
		.uid_base = uid_base, .check = check,
	};
	int pair[2], fds[2] = { -1, empty_fd }, r;
	pid_t pid;

	r = open_conf(path, asked, &fds[0], err);
	if (r < 0)
		return r;
	r = ipc_pair(pair);
	if (r < 0) {
		fd_close(&fds[0]);
		return err_sys(err, r, "making a channel");
	}
	pid = spawn_exec(ROOM_CONF, pair[1], err);
	fd_close(&pair[1]);
	if (pid < 0)
		r = (int)pid;
	else
		r = ask(pair[0], &args, fds, empty_fd < 0 ? 1 : 2, err);
	if (pid < 0)
		fd_close(&pair[0]);
	fd_close(&fds[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);   /* it has answered, or never will */
		waitpid(pid, NULL, 0);
	}
	return r;
}
