/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several packets by one system call, for channels with a call always under way: conn and core. */
#include <errno.h>
#include <sys/socket.h>

#include "ipc/chan.h"
#include "ipc/msg.h"

static int recv_batch(struct ipc_chan *ch, struct ipc_in *in)
{
	/* one thread per process: all channels share them */
	static uint8_t data[IPC_BATCH][IPC_PACKET_MAX];
	static _Alignas(16) uint8_t ctrl[IPC_BATCH][IPC_CTRL_SIZE];
	struct mmsghdr mm[IPC_BATCH] = { 0 };
	struct iovec iov[IPC_BATCH];
	int n;

	/* where one answer is awaited, a look for more would cost as much and find nothing */
	if (ch->n_pending == 1)
		return ipc_recv_packet(ch, in);
	for (unsigned i = 0; i < IPC_BATCH; i++) {
		iov[i] = (struct iovec){ data[i], IPC_PACKET_MAX };
		mm[i].msg_hdr = (struct msghdr){
			.msg_iov = &iov[i], .msg_iovlen = 1,
			.msg_control = ctrl[i], .msg_controllen = IPC_CTRL_SIZE,
		};
	}
	do
		n = recvmmsg(ch->fd, mm, IPC_BATCH, MSG_CMSG_CLOEXEC | MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		in[i].len = mm[i].msg_len;
		in[i].data = data[i];
		ipc_collect_fds(&mm[i].msg_hdr, &in[i]);
	}
	return n;
}

static int send_batch(struct ipc_chan *ch)
{
	struct mmsghdr mm[IPC_BATCH] = { 0 };
	struct iovec iov[IPC_BATCH];
	const struct ipc_packet *p = ch->out_head;
	unsigned n = 0;
	int sent;

	/* those with descriptors go alone */
	for (; p && n < IPC_BATCH && !p->n_fds; p = p->next, n++) {
		iov[n] = (struct iovec){ p->data, p->len };
		mm[n].msg_hdr = (struct msghdr){ .msg_iov = &iov[n], .msg_iovlen = 1 };
	}
	if (n < 2)
		return ipc_send_packet(ch);
	do
		sent = sendmmsg(ch->fd, mm, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

void ipc_chan_batch(struct ipc_chan *ch)
{
	ipc_chan_queue(ch);
	ch->recv = recv_batch;
	ch->send = send_batch;
}
