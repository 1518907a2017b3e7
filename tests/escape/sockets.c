/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets: of every family, and to everything that listens on this host. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "escape.h"

#define WAIT_MS 500

static int family(int domain, int type, int protocol)
{
	int fd = socket(domain, type | SOCK_CLOEXEC, protocol), r = outcome(fd);

	if (fd >= 0)
		close(fd);
	return r;
}

static int family_inet(void)
{
	return better(family(AF_INET, SOCK_STREAM, 0), family(AF_INET6, SOCK_DGRAM, 0));
}

static int family_raw(void)
{
	return family(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int family_packet(void)
{
	return family(AF_PACKET, SOCK_RAW, htons(3 /* ETH_P_ALL */));
}

static int family_netlink(void)
{
	return better(family(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
		      family(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT));
}

static int family_alg(void)
{
	return family(AF_ALG, SOCK_SEQPACKET, 0);
}

static int family_unix(void)
{
	return family(AF_UNIX, SOCK_STREAM, 0);
}

/* The host's and other guests' cids; the control's listener says which port. */
static int vsock(void)
{
	struct sockaddr_vm a = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = 1 };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	if (fd < 0)
		return -errno;
	r = outcome(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	close(fd);
	return r == -EINPROGRESS || r == -ECONNRESET || r == -ENODEV || r == -ECONNREFUSED ? 0 : r;
}

static socklen_t unix_address(struct sockaddr_un *a, const char *path)
{
	size_t n = strlen(path);

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(a->sun_path, sizeof(a->sun_path), "%s", path);
	if (path[0] == '@')
		a->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (path[0] != '@'));
}

static int connect_unix(const char *path)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	struct sockaddr_un a;
	socklen_t len = unix_address(&a, path);
	int r = -ECONNREFUSED;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd < 0)
			return -errno;
		r = better(outcome(connect(fd, (struct sockaddr *)&a, len)), r);
		close(fd);
		if (r == 0)
			break;
	}
	return r;
}

/*
 * A datagram socket pair needs no socket(), and sendto() with an address
 * overrides who it is connected to. What answers ECONNREFUSED exists not
 * in our network namespace; EPROTOTYPE is a socket that was found.
 */
static int send_unix(const char *path)
{
	struct sockaddr_un a;
	socklen_t len = unix_address(&a, path);
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	r = outcome(sendto(pair[0], "escape", 6, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&a, len));
	close(pair[0]);
	close(pair[1]);
	return r == -EPROTOTYPE ? 0 : r;
}

static int reach_unix(const char *key)
{
	return better(connect_unix(target(key)), send_unix(target(key)));
}

static int rpc(void)
{
	return reach_unix("rpc");
}

static int rpc_ro(void)
{
	return reach_unix("rpc_ro");
}

static int victim_monitor(void)
{
	return reach_unix("victim_monitor");
}

static int victim_console(void)
{
	return reach_unix("victim_console");
}

static int victim_vm(void)
{
	return reach_unix("victim_vm_socket");
}

static int victim_tpm(void)
{
	return reach_unix("victim_tpm");
}

static int victim_vhost(void)
{
	return reach_unix("victim_vhost");
}

static int abstract(void)
{
	return connect_unix(target("abstract"));
}

static int abstract_datagram(void)
{
	return send_unix(target("abstract_datagram"));
}

static int path_datagram(void)
{
	return send_unix(target("path_datagram"));
}

static int connect_inet(long port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	r = outcome(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	close(fd);
	return r;
}

static int victim_viewer(void)
{
	return connect_inet(target_number("victim_vnc"));
}

static int loopback(void)
{
	return connect_inet(target_number("loopback"));
}

/* Listen where others connect to. */
static int listen_inet(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	r = outcome(bind(fd, (struct sockaddr *)&a, sizeof(a)));
	if (r == 0)
		r = outcome(listen(fd, 1));
	close(fd);
	return r;
}

/* One's own listeners for another purpose: bind and connect need no socket() then. */
static int listener_reuse(void)
{
	struct sockaddr_un a;
	int r = -EBADF, made = -1;

	if (uncaged)
		made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (int fd = 3; fd < 256; fd++) {
		int yes = 0;
		socklen_t len = sizeof(yes);

		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &yes, &len) < 0 || yes != SOCK_STREAM)
			continue;
		len = unix_address(&a, target("rpc"));
		r = better(outcome(connect(fd, (struct sockaddr *)&a, len)), r);
	}
	if (made >= 0)
		close(made);
	return r;
}

const struct attack sockets_attacks[] = {
	{ "socket-inet", "a socket of IPv4 or IPv6", family_inet, 0, NULL },
	{ "socket-raw", "a raw socket", family_raw, 0, NULL },
	{ "socket-packet", "a packet socket: see all frames", family_packet, A_GUEST, NULL },
	{ "socket-netlink", "a netlink socket", family_netlink, 0, NULL },
	{ "socket-alg", "the kernel's crypto by a socket (AF_ALG)", family_alg, 0, NULL },
	{ "socket-unix", "a unix socket", family_unix, 0, NULL },
	{ "vsock", "vsock to the host or to other guests", vsock, 0, NULL },
	{ "rpc", "Cordon's own RPC socket", rpc, A_GUEST, "rpc" },
	{ "rpc-readonly", "its read-only RPC socket", rpc_ro, A_GUEST, "rpc_ro" },
	{ "victim-monitor", "another guest's QMP socket", victim_monitor, A_GUEST, "victim_monitor" },
	{ "victim-console", "another guest's console socket", victim_console, A_GUEST, "victim_console" },
	{ "victim-vm", "another guest's cordon-vm socket", victim_vm, A_GUEST, "victim_vm_socket" },
	{ "victim-viewer", "another guest's viewer port", victim_viewer, A_GUEST, "victim_vnc" },
	{ "victim-tpm", "another guest's TPM socket", victim_tpm, A_GUEST, "victim_tpm" },
	{ "victim-vhost", "another guest's vhost-user socket", victim_vhost, A_GUEST, "victim_vhost" },
	{ "abstract", "an abstract unix socket of the host", abstract, 0, "abstract" },
	{ "abstract-datagram", "a datagram to one, from a socket pair", abstract_datagram, 0,
	  "abstract_datagram" },
	{ "path-datagram", "a datagram to a path's socket, from a socket pair", path_datagram, 0,
	  "path_datagram" },
	{ "loopback", "a service on the host's 127.0.0.1", loopback, 0, "loopback" },
	{ "listen", "listen on a port of the host", listen_inet, 0, NULL },
	{ "listener-reuse", "connect by the listening sockets one was given", listener_reuse, A_GUEST,
	  "rpc" },
	{ 0 },
};
