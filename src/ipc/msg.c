/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipc/msg.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define CTRL_SIZE CMSG_SPACE(sizeof(int) * IPC_FDS_MAX)

/* One thread per process: the batch buffers are shared by all channels. */
static uint8_t rx_data[IPC_BATCH][IPC_PACKET_MAX];
static _Alignas(struct cmsghdr) uint8_t rx_ctrl[IPC_BATCH][CTRL_SIZE];

static void collect_fds(const struct msghdr *mh, struct ipc_in *in)
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

int ipc_recv_batch(int fd, struct ipc_in *in, unsigned max)
{
	struct mmsghdr mm[IPC_BATCH] = { 0 };
	struct iovec iov[IPC_BATCH];
	int n;

	for (unsigned i = 0; i < max; i++) {
		iov[i] = (struct iovec){ rx_data[i], IPC_PACKET_MAX };
		mm[i].msg_hdr = (struct msghdr){
			.msg_iov = &iov[i], .msg_iovlen = 1,
			.msg_control = rx_ctrl[i], .msg_controllen = CTRL_SIZE,
		};
	}
	do
		n = recvmmsg(fd, mm, max, MSG_CMSG_CLOEXEC | MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		in[i].len = mm[i].msg_len;
		in[i].data = rx_data[i];
		collect_fds(&mm[i].msg_hdr, &in[i]);
	}
	return n;
}

int ipc_send_batch(int fd, const struct ipc_packet *head)
{
	struct mmsghdr mm[IPC_BATCH] = { 0 };
	struct iovec iov[IPC_BATCH];
	_Alignas(struct cmsghdr) uint8_t ctrl[CTRL_SIZE];
	const struct ipc_packet *p = head;
	unsigned n = 0;
	int sent;

	/* descriptors go one message at a time, so that one control buffer is enough */
	for (; p && n < IPC_BATCH && (!p->n_fds || n == 0); p = p->next, n++) {
		iov[n] = (struct iovec){ (void *)(uintptr_t)p->data, p->len };
		mm[n].msg_hdr = (struct msghdr){ .msg_iov = &iov[n], .msg_iovlen = 1 };
		if (p->n_fds) {
			struct msghdr *mh = &mm[n].msg_hdr;
			struct cmsghdr *c;

			memset(ctrl, 0, sizeof(ctrl));
			mh->msg_control = ctrl;
			mh->msg_controllen = CMSG_SPACE(sizeof(int) * p->n_fds);
			c = CMSG_FIRSTHDR(mh);
			c->cmsg_level = SOL_SOCKET;
			c->cmsg_type = SCM_RIGHTS;
			c->cmsg_len = CMSG_LEN(sizeof(int) * p->n_fds);
			memcpy(CMSG_DATA(c), p->fds, sizeof(int) * p->n_fds);
		}
	}
	do
		sent = sendmmsg(fd, mm, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}
