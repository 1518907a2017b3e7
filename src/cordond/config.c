/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordond.conf through cordon-conf, which reads it without privilege: we get typed values. */
#include "base/fd.h"
#include "cordond/cordond.h"
#include "cordond/setup.h"
#include "ipc/serve.h"

#define ANSWER_MS 10000

struct config conf;
static bool configured;

int starter_on_config(struct ipc_call *call, const struct config *args)
{
	conf = *args;
	call->arena = NULL;   /* the configuration stays where it is, for good */
	if (call->n_fds)
		(void)take_fd(&call->fds[0]);   /* a lock for as long as we live */
	/* what it leaves to us */
	conf.instance = paths[PATH_INSTANCE];
	conf.state_dir = paths[PATH_STATE];
	conf.nvram_dir = paths[PATH_NVRAM];
	conf.labels_dir = paths[PATH_LABELS];
	conf.tpm_dir = paths[PATH_TPM];
	conf.run_dir = paths[PATH_RUN];
	conf.log_dir = paths[PATH_LOG];
	configured = true;
	return ipc_reply(call, NULL, NULL, 0);
}

int config_load(const char *file, struct err *err)
{
	const struct conf_load_args args = {
		.path = file ? (char *)(uintptr_t)file : paths[PATH_CONF], .must_exist = file,
		.instance = paths[PATH_INSTANCE], .state = paths[PATH_STATE],
		.empty_root = paths[PATH_EMPTY],
	};
	struct ipc_chan ch;
	int pid = child_start(ROOM_CONF, &ch, err), r;

	if (pid < 0)
		return pid;
	ch.serves[0] = &starter_server;
	r = conf_send_load(&ch, &args);
	if (r == 0)
		r = ipc_wait(&ch, &configured, ANSWER_MS);
	fd_close(&ch.fd);
	child_kill(pid);      /* it has answered, or never will */
	child_end_all();
	return r < 0 ? err_set(err, r, ERR_CONF_SYNTAX, "there is no configuration") : 0;
}
