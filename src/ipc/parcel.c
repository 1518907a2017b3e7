/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipc/parcel.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "ipc/chan.h"
#include "ipc/msg.h"

int parcel_wrap(int *fd)
{
	const struct ipc_head head = { .magic = IPC_MAGIC, .n_fds = 1 };
	struct ipc_chan ch = { 0 };
	int pair[2], r = ipc_pair(pair);

	if (r < 0)
		return r;
	ch.fd = pair[0];
	r = ipc_send_now(&ch, &head, NULL, 0, fd, 1);
	fd_close(&pair[0]);
	fd_close(r < 0 ? &pair[1] : fd);
	if (r == 0)
		*fd = pair[1];
	return r;
}

int parcel_unwrap(int fd)
{
	_Alignas(struct cmsghdr) uint8_t ctrl[CMSG_SPACE(sizeof(int))];
	struct msghdr mh = { .msg_control = ctrl, .msg_controllen = sizeof(ctrl) };
	struct ipc_in in = { 0 };
	int r = 0;

	if (recvmsg(fd, &mh, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return errno == ENOTSOCK ? 0 : -errno;
	ipc_collect_fds(&mh, &in);
	if (in.n_fds != 1)
		return -EBADMSG;
	if (dup3(in.fds[0], fd, O_CLOEXEC) < 0)
		r = -errno;
	fd_close(&in.fds[0]);
	return r;
}
