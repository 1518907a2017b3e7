/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipc/msg.h"

#include <errno.h>
#include <string.h>

#include "ipc/chan.h"

#define ARENA_FACTOR 4           /* decoded structs may be larger than their bytes */
#define ARENA_BASE 65536

size_t ipc_decode_max(const struct ipc_received *m)
{
	return ARENA_BASE + (size_t)m->h->body_len * ARENA_FACTOR;
}

void ipc_collect_fds(const struct msghdr *mh, struct ipc_in *in)
{
	in->n_fds = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)mh, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (n > IPC_FDS_MAX - in->n_fds)
			n = IPC_FDS_MAX - in->n_fds;
		memcpy(in->fds + in->n_fds, CMSG_DATA(c), n * sizeof(int));
		in->n_fds += (unsigned)n;
	}
	in->truncated = (mh->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
}

int ipc_recv_packet(struct ipc_chan *ch, struct ipc_in *in)
{
	/* one thread per process: all channels share it */
	static uint8_t data[IPC_PACKET_MAX];
	static _Alignas(16) uint8_t ctrl[IPC_CTRL_SIZE];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1,
			     .msg_control = ctrl, .msg_controllen = sizeof(ctrl) };

	do
		in->len = recvmsg(ch->fd, &mh, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (in->len < 0 && errno == EINTR);
	if (in->len < 0)
		return -errno;
	in->data = data;
	ipc_collect_fds(&mh, in);
	return in->len > 0;
}

int ipc_send_now(struct ipc_chan *ch, const void *head, const void *share, size_t n,
		 const int *fds, unsigned n_fds)
{
	_Alignas(struct cmsghdr) uint8_t ctrl[IPC_CTRL_SIZE];
	struct iovec iov[2] = { { (void *)(uintptr_t)head, sizeof(struct ipc_head) },
				{ (void *)(uintptr_t)share, n } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = n ? 2 : 1 };
	ssize_t sent;

	if (n_fds) {
		struct cmsghdr *c = memset(ctrl, 0, sizeof(ctrl));

		mh.msg_control = c;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	do
		sent = sendmsg(ch->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}
