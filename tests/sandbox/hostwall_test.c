/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest's passt reaches of this host: its name server, and nothing else of the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/launch.h"

#define RESOLVER "127.0.0.53"
#define WAIT_MS 200

static struct cgroup_tree groups;

/* A network of our own, with nothing but a loopback device. */
static void own_network(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	CLEAN_FD int fd = -1;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &r), 0);
}

static void own_group(void)
{
	const struct cgroup_limits limits = { 0 };
	struct err err = { 0 };
	CLEAN_FD int dir = -1, procs = -1;

	assert_int_equal(cgroup_create(&groups, "one", &limits, &err), 0);
	dir = cgroup_open_unified(&groups, "one");
	procs = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	assert_int_equal(dprintf(procs, "0"), 1);
}

static struct sockaddr_in address(const char *text, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	assert_int_equal(inet_pton(AF_INET, text, &a.sin_addr), 1);
	return a;
}

static int listener(int type, const struct sockaddr *a, socklen_t size)
{
	int fd = socket(a->sa_family, type | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, a, size), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* Does what a new socket of ours sends to `a` come to the listener there? */
static bool reaches(int type, const struct sockaddr *a, socklen_t size, int there)
{
	CLEAN_FD int fd = socket(a->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd p = { there, POLLIN, 0 };
	char byte;

	if (type == SOCK_STREAM)
		(void)connect(fd, a, size);
	else
		(void)sendto(fd, "?", 1, 0, a, size);
	if (poll(&p, 1, WAIT_MS) != 1)
		return false;
	if (type == SOCK_STREAM)
		close(accept4(there, NULL, NULL, SOCK_CLOEXEC));
	else
		assert_int_equal(recv(there, &byte, 1, 0), 1);
	return true;
}

static const struct row {
	const char *address;
	uint16_t port;
	int type;
	bool open;          /* behind a wall with RESOLVER in it */
} rows[] = {
	{ RESOLVER, 53, SOCK_DGRAM, true },
	{ RESOLVER, 54, SOCK_DGRAM, false },
	{ RESOLVER, 53, SOCK_STREAM, false },
	{ RESOLVER, 22, SOCK_STREAM, false },
	{ "127.0.0.54", 53, SOCK_DGRAM, false },
	{ "127.0.0.1", 53, SOCK_DGRAM, false },
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static void look(const int *there, int six, int wall, uint32_t resolver)
{
	const struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(53),
					 .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	CLEAN_FD int top = cgroup_open_unified(&groups, ".");
	struct err err = { 0 };

	if (wall && hostwall_raise(top, resolver, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct sockaddr_in a = address(rows[i].address, rows[i].port);
		bool open = reaches(rows[i].type, (const struct sockaddr *)&a, sizeof(a), there[i]);

		if (open != (!wall || (resolver && rows[i].open)))
			fail_msg("%s port %u, %s: %s", rows[i].address, rows[i].port,
				 rows[i].type == SOCK_STREAM ? "TCP" : "UDP", open ? "open" : "closed");
	}
	assert_int_equal(reaches(SOCK_DGRAM, (const struct sockaddr *)&a6, sizeof(a6), six), !wall);
}

static void only_the_name_server_is_reached(void **state)
{
	const struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(53),
					 .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct in_addr resolver;
	int there[N_ROWS], six;

	(void)state;
	own_network();
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct sockaddr_in a = address(rows[i].address, rows[i].port);

		there[i] = listener(rows[i].type, (const struct sockaddr *)&a, sizeof(a));
	}
	six = listener(SOCK_DGRAM, (const struct sockaddr *)&a6, sizeof(a6));
	own_group();
	assert_int_equal(inet_pton(AF_INET, RESOLVER, &resolver), 1);
	look(there, six, 0, 0);
	look(there, six, 1, 0);
	look(there, six, 1, resolver.s_addr);
}

/* An address whose last byte makes it a negative number must be told from others, too. */
static void any_address_will_do(void **state)
{
	const struct sockaddr_in a = address("127.0.0.200", 53);
	CLEAN_FD int top = cgroup_open_unified(&groups, "."), there = -1;
	struct err err = { 0 };

	(void)state;
	there = listener(SOCK_DGRAM, (const struct sockaddr *)&a, sizeof(a));
	assert_int_equal(hostwall_raise(top, a.sin_addr.s_addr, &err), 0);
	assert_true(reaches(SOCK_DGRAM, (const struct sockaddr *)&a, sizeof(a), there));
}

static void the_first_name_server_counts(void **state)
{
	static const struct {
		const char *text, *first;
	} files[] = {
		{ "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n", "127.0.0.53" },
		{ "search a.example\nnameserver ::1\nnameserver 127.0.0.1", "127.0.0.1" },
		{ "nameserver 2001:db8::1\nnameserver fe80::1%eth0\nnameserver 127.1.2.3\n", "127.1.2.3" },
		{ "nameserver 192.0.2.1\nnameserver 127.0.0.1\n", NULL },
		{ "# nameserver 127.0.0.1\n", NULL },
		{ "nameserver 127.0.0.1.5\n", NULL },
		{ "nameserver 128.0.0.1\n", NULL },
		{ "", NULL },
	};
	char path[] = "/tmp/cordon-resolv-XXXXXX", got[INET_ADDRSTRLEN];
	CLEAN_FD int fd = mkstemp(path);

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL), 0);
	unlink(path);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		uint32_t a;

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, files[i].text, strlen(files[i].text), 0),
				 strlen(files[i].text));
		a = hostwall_resolver();
		assert_string_equal(inet_ntop(AF_INET, &a, got, sizeof(got)),
				    files[i].first ? files[i].first : "0.0.0.0");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_name_server_is_reached),
		cmocka_unit_test(any_address_will_do),
		cmocka_unit_test(the_first_name_server_counts),
	};
	struct err err = { 0 };
	char parent[64];
	int status, r;
	pid_t pid;

	if (geteuid()) {
		fprintf(stderr, "needs root\n");
		return getenv("CORDON_MUST_RUN") ? 1 : 77;
	}
	snprintf(parent, sizeof(parent), "cordon-wall-%d", (int)getpid());
	r = cgroup_tree_open(parent, 100, &groups, &err);
	if (r < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	pid = fork();       /* who is in a group cannot remove it */
	if (pid == 0)
		exit(cmocka_run_group_tests(tests, NULL, NULL));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = 1;
	if (cgroup_remove(&groups, "one", &err))
		fprintf(stderr, "%s\n", err.text);
	cgroup_tree_remove(&groups);
	return status ? 1 : 0;
}
