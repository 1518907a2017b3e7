/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordon-conf: reads cordond.conf for cordond, so that no parser runs with
 * privilege. Descriptor 3 brings the open file and an empty directory; it
 * opens /etc/passwd and /etc/group for names, gives everything else up, parses,
 * answers and ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "conf/load.h"
#include "ipc/serve.h"
#include "sandbox/sandbox.h"

#define FD_CHANNEL 3
#define NAMES_MAX (4u << 20)   /* bytes of passwd or group */
#define ARENA_MAX (16u << 20)

static bool answered;

static char *read_whole(int fd, size_t max, const char *what, size_t *ret_len, struct err *err)
{
	char *text = malloc(max + 1);
	ssize_t n;

	if (!text) {
		err_set(err, -ENOMEM, ERR_NO_MEMORY, "%s: out of memory", what);
		return NULL;
	}
	n = fd_read_all(fd, text, max);
	if (n < 0) {
		err_sys(err, (int)n, "reading %s", what);
		free(text);
		return NULL;
	}
	text[n] = '\0';
	*ret_len = (size_t)n;
	return text;
}

static char *read_names(const char *path, struct err *err)
{
	int CLEAN_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len;

	if (fd < 0) {
		err_sys(err, -errno, "%s", path);
		return NULL;
	}
	return read_whole(fd, NAMES_MAX, path, &len, err);
}

/* From here on nothing can be opened, and the uid is one that owns nothing. */
static int enter(const struct ipc_call *call, uint32_t uid, struct err *err)
{
	const int keep[] = { STDERR_FILENO, FD_CHANNEL, call->fds[0] };
	const bool drop = call->n_fds > 1;
	const struct sandbox_profile profile = {
		.name = "conf",
		.policy = &sandbox_policy_conf,
		.uid = drop ? uid : SANDBOX_ID_KEEP,
		.gid = drop ? uid : SANDBOX_ID_KEEP,
		.root_fd = drop ? call->fds[1] : SANDBOX_ROOT_KEEP,
		.keep_fds = keep,
		.n_keep_fds = sizeof(keep) / sizeof(keep[0]),
		.nofile = 64,
	};

	return sandbox_enter(&profile, err);
}

static int find_uids(const struct conf_load *l, const struct conf_load_args *args,
		     struct config *cfg, struct err *err)
{
	int r = conf_load_uids(l, args->uid_base, cfg, err);

	if (r == -ENOENT && args->check) {
		cfg->uid_conf = 65534;   /* nobody */
		return 0;
	}
	return r;
}

int conf_on_load(struct ipc_call *call, const struct conf_load_args *args)
{
	struct conf_load l = {
		.file = args->path, .instance = args->instance, .arena = arena_new(ARENA_MAX),
	};
	struct config uids = { 0 }, cfg;
	int r;

	answered = true;
	l.passwd = read_names("/etc/passwd", &call->err);
	l.group = l.passwd ? read_names("/etc/group", &call->err) : NULL;
	if (!l.arena || !l.group)
		return -EIO;
	r = find_uids(&l, args, &uids, &call->err);
	if (r == 0)
		r = enter(call, uids.uid_conf, &call->err);
	if (r < 0)
		return r;
	call->fds[1] = -1;   /* closed by the sandbox */
	l.text = read_whole(call->fds[0], CONF_FILE_MAX, args->path, &l.len, &call->err);
	if (!l.text)
		return -EIO;
	r = conf_load(&l, &cfg, &call->err);
	if (r < 0)
		return r;
	r = find_uids(&l, args, &cfg, &call->err);
	return r < 0 ? r : conf_reply_load(call, &cfg);
}

int main(void)
{
	struct ipc_chan ch;

	log_open("conf", LOG_LEVEL_WARN, &ipc_req);
	ipc_chan_init(&ch, FD_CHANNEL, "cordond", IPC_ROOM_CORDOND);
	ch.serves[0] = &conf_server;
	if (ipc_wait(&ch, &answered, -1) < 0)
		return EXIT_FAILURE;
	while (ipc_chan_flush(&ch) == -EAGAIN)
		sched_yield();   /* the policy has no call that waits; cordond is reading */
	return EXIT_SUCCESS;
}
