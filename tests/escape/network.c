/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Through one's own passt: what listens on the host for the host alone. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "escape.h"

#define ANSWER_MS 1000
#define LIFE_TRIES 5     /* passt may just be starting */
#define OUR_PORT 40000

struct frame {
	uint32_t size;              /* before each frame on passt's socket */
	struct ether_header eth;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

static uint16_t sum(const void *data, size_t n, uint32_t s)
{
	const uint8_t *p = data;

	for (size_t i = 0; i + 1 < n; i += 2)
		s += (uint32_t)p[i] << 8 | p[i + 1];
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

static void fill(struct frame *f, uint32_t from, uint32_t to, uint16_t port)
{
	struct { uint32_t from, to; uint8_t zero, protocol; uint16_t len; } pseudo = {
		from, to, 0, IPPROTO_TCP, htons(sizeof(f->tcp)) };

	*f = (struct frame){
		.size = htonl(sizeof(*f) - sizeof(f->size)),
		.eth = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, { 0x52, 0x54, 0, 1, 2, 3 },
			 htons(ETHERTYPE_IP) },
		.ip = { .version = 4, .ihl = 5, .tot_len = htons(sizeof(f->ip) + sizeof(f->tcp)),
			.ttl = 64, .protocol = IPPROTO_TCP, .saddr = from, .daddr = to },
		.tcp = { .source = htons(OUR_PORT), .dest = htons(port), .seq = htonl(1000), .doff = 5,
			 .syn = 1, .window = htons(65535) },
	};
	f->ip.check = htons((uint16_t)~sum(&f->ip, sizeof(f->ip), 0));
	f->tcp.check = htons((uint16_t)~sum(&f->tcp, sizeof(f->tcp), sum(&pseudo, sizeof(pseudo), 0)));
}

static int read_full(int fd, void *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		struct pollfd w = { fd, POLLIN, 0 };
		ssize_t r;

		if (poll(&w, 1, ANSWER_MS) != 1)
			return -ETIMEDOUT;
		r = read(fd, (char *)p + done, n - done);
		if (r <= 0)
			return -EPIPE;
		done += (size_t)r;
	}
	return 0;
}

/*
 * The answer to our SYN: 0 it is accepted, -ECONNREFUSED, -ETIMEDOUT: none. Or, of another type of
 * frame, to our question: 0 any came.
 */
static int answer(int fd, uint16_t type)
{
	for (;;) {
		static union {
			struct frame f;
			uint8_t data[sizeof(uint32_t) + 65536];
		} u;
		const struct frame *f = &u.f;
		int r = read_full(fd, &u.f.size, sizeof(u.f.size));
		size_t n = ntohl(u.f.size);

		if (r == 0)
			r = n <= 65536 ? read_full(fd, u.data + sizeof(uint32_t), n) : -EBADMSG;
		if (r < 0)
			return r;
		if (f->eth.ether_type != htons(type))
			continue;
		if (type != ETHERTYPE_IP)
			return 0;
		if (f->ip.protocol != IPPROTO_TCP || f->tcp.dest != htons(OUR_PORT))
			continue;
		return f->tcp.syn && f->tcp.ack && !f->tcp.rst ? 0 : -ECONNREFUSED;
	}
}

/* Does passt live? It answers every question for a hardware address but that for its guest's own. */
static bool lives(int fd)
{
	struct {
		uint32_t size;
		struct ether_header eth;
		struct arphdr arp;
		uint8_t from[6], from_ip[4], to[6], to_ip[4];
	} __attribute__((packed)) q = {
		.size = htonl(sizeof(q) - sizeof(q.size)),
		.eth = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, { 0x52, 0x54, 0, 1, 2, 3 },
			 htons(ETHERTYPE_ARP) },
		.arp = { htons(ARPHRD_ETHER), htons(ETHERTYPE_IP), 6, 4, htons(ARPOP_REQUEST) },
		.from = { 0x52, 0x54, 0, 1, 2, 3 },
	};
	in_addr_t from = inet_addr(target("guest_address")), to = inet_addr(target("gateway"));

	memcpy(q.from_ip, &from, sizeof(from));
	memcpy(q.to_ip, &to, sizeof(to));
	for (int i = 0; i < LIFE_TRIES; i++)
		if (write(fd, &q, sizeof(q)) == (ssize_t)sizeof(q) && answer(fd, ETHERTYPE_ARP) == 0)
			return true;
	return false;
}

static int try_address(int fd, const char *address, long port)
{
	struct frame f;
	in_addr_t from = inet_addr(target("guest_address"));

	fill(&f, from, inet_addr(address), (uint16_t)port);
	if (write(fd, &f, sizeof(f)) != (ssize_t)sizeof(f))
		return -EIO;
	return answer(fd, ETHERTYPE_IP);
}

/* Uncaged: a passt as its package would start it, which takes the gateway for the host. */
static int passt_outside(void)
{
	char number[16];
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return -errno;
	snprintf(number, sizeof(number), "%d", pair[1]);
	if (fork() == 0) {
		close(pair[0]);
		execl("/usr/bin/passt", "passt", "--foreground", "--quiet", "--one-off", "--fd", number,
		      (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	return pair[0];
}

static int talk(const char *const *addresses, long port)
{
	static int fd = -1;
	int r = -ECONNREFUSED;

	if (fd < 0)
		fd = uncaged ? passt_outside() : (int)target_number("own_net_fd");
	if (fd < 0 || !lives(fd))
		return ESCAPE_VOID;
	for (; *addresses; addresses++)
		r = better(try_address(fd, *addresses, port), r);
	return r;
}

/* The gateway's is what passt takes for the host's, unless told not to. */
static int to_port(long port)
{
	const char *const all[] = { target("gateway"), "127.0.0.1", "0.0.0.0", target("guest_address"), NULL };

	return talk(all, port);
}

/* The guest's address is the host's, as long as passt chooses it. */
static int net_address(void)
{
	const char *const all[] = { target("guest_address"), target("near_address"), NULL };

	return talk(all, target_number("everywhere"));
}

static int net_neighbour(void)
{
	const char *const all[] = { target("neighbour"), NULL };

	return talk(all, target_number("neighbour_port"));
}

static int net_loopback(void)
{
	return to_port(target_number("loopback"));
}

static int net_viewer(void)
{
	return to_port(target_number("victim_vnc"));
}

const struct attack network_attacks[] = {
	{ "net-loopback", "a service on the host's 127.0.0.1, by one's own network", net_loopback, 0,
	  "gateway" },
	{ "net-address", "a service on all of the host's addresses, by one of them", net_address, 0, "near_address" },
	{ "net-neighbour", "a host nearby", net_neighbour, A_CONTROL, "neighbour" },
	{ "net-viewer", "another guest's viewer, by one's own network", net_viewer, A_GUEST, "gateway" },
	{ 0 },
};
