/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordon-image: reads the headers of the images of one chain for cordon-file.
 * What it reads, a guest may have written, so it has a uid of its own, no
 * capability, an empty root and no call that could open anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "image/qcow2.h"
#include "ipc/serve.h"
#include "proto/file.x.h"
#include "sandbox/sandbox.h"

#define FD_CHANNEL 3
#define FD_ROOT 4

/* Read until `len` bytes, or the end of the file. Bytes read or -errno. */
static ssize_t read_head(int fd, uint8_t *data, size_t from, size_t len)
{
	while (from < len) {
		ssize_t n = pread(fd, data + from, len - from, (off_t)from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		from += (size_t)n;
	}
	return (ssize_t)from;
}

static int read_qcow2(int fd, uint8_t *data, struct qcow2 *ret, bool *ret_is, struct err *err)
{
	ssize_t n = read_head(fd, data, 0, QCOW2_HEAD_MIN);
	size_t want;
	int r;

	*ret_is = n > 0 && qcow2_is(data, (size_t)n);
	if (n >= 0 && !*ret_is)
		return 0;
	if (n == QCOW2_HEAD_MIN) {
		r = qcow2_wanted(data, &want, err);
		if (r < 0)
			return r;
		n = read_head(fd, data, QCOW2_HEAD_MIN, want);
	}
	if (n < 0)
		return err_sys(err, (int)n, "reading the image's header");
	return qcow2_parse(data, (size_t)n, ret, err);
}

int image_on_read(struct ipc_call *call)
{
	static uint8_t data[QCOW2_CLUSTER_MAX];
	struct image_info info = { 0 };
	struct qcow2 q = { 0 };
	int r;

	r = read_qcow2(call->fds[0], data, &q, &info.qcow2, &call->err);
	if (r < 0)
		return r;
	info.virtual_size = q.virtual_size;
	info.version = q.version;
	info.data_file = q.data_file;
	info.encrypted = q.encrypted;
	info.backing = q.has_backing ? q.backing : NULL;
	info.backing_format = q.has_format ? q.format : NULL;
	return image_reply_read(call, &info);
}

static int enter(struct err *err)
{
	static const int keep[] = { STDERR_FILENO, FD_CHANNEL };
	const struct sandbox_profile profile = {
		.name = "image",
		.policy = &sandbox_policy_image,
		.uid = SANDBOX_ID_KEEP,      /* cordon-file changed it, who alone can */
		.gid = SANDBOX_ID_KEEP,
		.root_fd = FD_ROOT,
		.keep_fds = keep,
		.n_keep_fds = 2,
		.nofile = 64,
	};

	if (prctl(PR_SET_NAME, "cordon-image") < 0)
		return err_sys(err, -errno, "naming the process");
	return sandbox_enter(&profile, err);
}

int main(void)
{
	struct ipc_chan ch, *chans[] = { &ch };
	struct err err = { 0 };

	log_open("image", LOG_LEVEL_INFO, &ipc_req);
	if (enter(&err) < 0) {
		log_error("%s", err.text);
		return EXIT_FAILURE;
	}
	ipc_chan_init(&ch, FD_CHANNEL, "file", IPC_ROOM_FILE);
	ch.serves[0] = &image_server;
	/* nothing to tidy, and no call but these few: not even the C library's last ones */
	_exit(ipc_serve(chans, 1, NULL, 0, NULL, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
