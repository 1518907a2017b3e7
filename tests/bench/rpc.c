/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of libvirt's wire protocol that costs next to nothing itself, so that what it measures is
 * the daemon. Times are printed in microseconds, one sample a line, or as a summary.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REMOTE 0x20008086u
#define BODY_MAX (1u << 20)
#define REPLY_MAX (32u << 20)

enum { OPEN = 1, CLOSE = 2, CREATE = 9, DEFINE_XML = 11, DESTROY = 12, LOOKUP = 23,
	UNDEFINE = 231, AUTH_LIST = 66, LIST_ALL = 273, STATS = 344 };

struct body {
	uint8_t data[BODY_MAX];
	size_t len;
};

struct conn {
	int fd;
	uint32_t serial;
};

static uint8_t reply[REPLY_MAX];
static struct body body;

static void die(const char *what)
{
	fprintf(stderr, "rpc: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long number(const char *s)
{
	return strtol(s, NULL, 10);
}

static double real(const char *s)
{
	return strtod(s, NULL);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void put_u32(struct body *b, uint32_t v)
{
	v = htonl(v);
	memcpy(b->data + b->len, &v, 4);
	b->len += 4;
}

static void put_bytes(struct body *b, const void *p, size_t n)
{
	memcpy(b->data + b->len, p, n);
	b->len += n;
	while (b->len % 4)
		b->data[b->len++] = 0;
}

static void put_string(struct body *b, const char *s)
{
	put_u32(b, (uint32_t)strlen(s));
	put_bytes(b, s, strlen(s));
}

static void send_all(int fd, const void *p, size_t n)
{
	const uint8_t *at = p;

	while (n) {
		ssize_t w = send(fd, at, n, MSG_NOSIGNAL);

		if (w < 0)
			die("send");
		at += w;
		n -= (size_t)w;
	}
}

static bool recv_all(int fd, void *p, size_t n)
{
	uint8_t *at = p;

	while (n) {
		ssize_t r = recv(fd, at, n, 0);

		if (r <= 0)
			return false;
		at += r;
		n -= (size_t)r;
	}
	return true;
}

static void call_send(struct conn *c, uint32_t proc, const struct body *b)
{
	static uint8_t packet[BODY_MAX + 28];
	uint32_t head[7] = { htonl((uint32_t)(28 + (b ? b->len : 0))), htonl(REMOTE), htonl(1),
		htonl(proc), 0, htonl(++c->serial), 0 };

	memcpy(packet, head, 28);
	if (b)
		memcpy(packet + 28, b->data, b->len);
	send_all(c->fd, packet, 28 + (b ? b->len : 0));
}

/* Returns the reply's status; its length without the header in *ret_len. */
static uint32_t reply_read(struct conn *c, size_t *ret_len, uint32_t *ret_serial)
{
	uint32_t head[7];

	if (!recv_all(c->fd, head, sizeof(head)))
		die("connection closed");
	*ret_len = ntohl(head[0]) - 28;
	if (*ret_len > REPLY_MAX)
		die("reply too long");
	if (!recv_all(c->fd, reply, *ret_len))
		die("reply cut");
	if (ret_serial)
		*ret_serial = ntohl(head[5]);
	return ntohl(head[6]);
}

static void call_checked(struct conn *c, uint32_t proc, const struct body *b)
{
	size_t len;

	call_send(c, proc, b);
	if (reply_read(c, &len, NULL) != 0) {
		/* code, domain, optional message */
		uint32_t n = len > 16 ? ntohl(*(uint32_t *)(void *)(reply + 12)) : 0;

		fprintf(stderr, "rpc: procedure %u: error %u: %.*s\n", proc,
			ntohl(*(uint32_t *)(void *)reply), (int)(n < 200 ? n : 200), (char *)reply + 16);
		exit(1);
	}
}

static int socket_connect(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(sun.sun_path))
		die(path);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool conn_open(struct conn *c, const char *path)
{
	struct body b = { .len = 0 };

	c->serial = 0;
	c->fd = socket_connect(path);
	if (c->fd < 0)
		return false;
	put_u32(&b, 1);
	put_string(&b, "qemu:///system");
	put_u32(&b, 0);
	call_checked(c, AUTH_LIST, NULL);
	call_checked(c, OPEN, &b);
	return true;
}

static void conn_must_open(struct conn *c, const char *path)
{
	if (!conn_open(c, path))
		die(path);
}

static void conn_close(struct conn *c)
{
	uint8_t byte;

	call_checked(c, CLOSE, NULL);
	/* until the daemon has closed its end too */
	(void)!recv(c->fd, &byte, 1, 0);
	close(c->fd);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void summary(double *samples, size_t n, double seconds)
{
	if (!n)
		return;
	qsort(samples, n, sizeof(*samples), compare);
	printf("n %zu p50 %.1f p90 %.1f p99 %.1f max %.1f rate %.0f\n", n, samples[n / 2],
		samples[n * 9 / 10], samples[n * 99 / 100], samples[n - 1], (double)n / seconds);
}

static double since_us(uint64_t begin)
{
	return (double)(now_ns() - begin) / 1000.0;
}

static void put_domain(struct body *b, const char *name, const char *uuid)
{
	uint8_t raw[16] = { 0 };
	size_t n = 0;

	for (const char *p = uuid; *p && n < 16; p += 2) {
		unsigned v;

		if (*p == '-')
			p++;
		if (sscanf(p, "%2x", &v) != 1)
			die("uuid");
		raw[n++] = (uint8_t)v;
	}
	put_string(b, name);
	put_bytes(b, raw, 16);
	put_u32(b, (uint32_t)-1);
}

/*
 * The answers that have come on a connection, read by one system call, each to be followed by a
 * new question. Their number; their serials in `ret`.
 */
static int replies_read(struct conn *c, uint32_t ret[64])
{
	ssize_t have = recv(c->fd, reply, 65536, 0);
	size_t at = 0;
	int n = 0;

	if (have <= 0)
		die("connection closed");
	while (at < (size_t)have && n < 64) {
		uint32_t head[7];
		size_t left = (size_t)have - at;

		if (left < 28 && !recv_all(c->fd, reply + at + left, 28 - left))
			die("reply cut");
		left = left < 28 ? 28 : left;
		memcpy(head, reply + at, 28);
		if (ntohl(head[6]) || ntohl(head[0]) > 4096)
			die("lookup refused");
		if (ntohl(head[0]) > left && !recv_all(c->fd, reply + at + left, ntohl(head[0]) - left))
			die("reply cut");
		ret[n++] = ntohl(head[5]);
		at += ntohl(head[0]);
	}
	return n;
}

/* Say that something is reached, and go on at a word: what happens between can be measured outside. */
static void stop_and_go(const char *what)
{
	char byte;

	puts(what);
	fflush(stdout);
	if (read(0, &byte, 1) < 0)
		die("standard input");
}

/*
 * call SOCKET CONNECTIONS IN-FLIGHT SECONDS NAME: lookups by name, that many at a time. Says "ready"
 * when all are connected and the figures when all is done; each time it waits for a line.
 */
static int do_call(char **argv)
{
	int conns = (int)number(argv[1]), flight = (int)number(argv[2]), ready = 1;
	double seconds = real(argv[3]);
	struct conn *c = calloc((size_t)conns, sizeof(*c));
	struct epoll_event events[64] = { 0 };
	uint64_t *sent = calloc((size_t)conns * 64, sizeof(*sent));
	size_t n = 0, cap = 4u << 20;
	double *samples = malloc(cap * sizeof(*samples));
	int poll = epoll_create1(EPOLL_CLOEXEC);
	uint64_t begin;

	put_string(&body, argv[4]);
	for (int i = 0; i < conns; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.u32 = (uint32_t)i };

		conn_must_open(&c[i], argv[0]);
		if (epoll_ctl(poll, EPOLL_CTL_ADD, c[i].fd, &ev) < 0)
			die("epoll");
	}
	stop_and_go("ready");
	begin = now_ns();
	for (int i = 0; i < conns; i++)
		for (int j = 0; j < flight; j++) {
			sent[i * 64 + (int)((c[i].serial + 1) % 64)] = now_ns();
			call_send(&c[i], LOOKUP, &body);
		}
	while (n + 64 < cap && since_us(begin) < seconds * 1e6) {
		/* a single connection is simply read */
		if (conns > 1 && (ready = epoll_wait(poll, events, 64, 1000)) <= 0)
			die("no answer");
		for (int k = 0; k < ready && n + 64 < cap; k++) {
			int i = (int)events[k].data.u32;
			uint32_t serials[64];
			int answers = replies_read(&c[i], serials);

			for (int j = 0; j < answers; j++) {
				samples[n++] = since_us(sent[i * 64 + (int)(serials[j] % 64)]);
				sent[i * 64 + (int)((c[i].serial + 1) % 64)] = now_ns();
				call_send(&c[i], LOOKUP, &body);
			}
		}
	}
	summary(samples, n, since_us(begin) / 1e6);
	stop_and_go("");
	return 0;
}

/* open SOCKET COUNT PAUSE-US: connect, authenticate, open, close; one after the other. */
static int do_open(char **argv)
{
	size_t n = (size_t)number(argv[1]);
	double *samples = calloc(n, sizeof(*samples));
	uint64_t begin = now_ns();

	for (size_t i = 0; i < n; i++) {
		uint64_t one = now_ns();
		struct conn c;

		conn_must_open(&c, argv[0]);
		conn_close(&c);
		samples[i] = since_us(one);
		usleep((useconds_t)number(argv[2]));
	}
	summary(samples, n, since_us(begin) / 1e6);
	return 0;
}

/* burst SOCKET COUNT ROUNDS PAUSE-MS: COUNT connections in a row, then a pause in which a pool fills. */
static int do_burst(char **argv)
{
	int count = (int)number(argv[1]), rounds = (int)number(argv[2]);
	double *samples = calloc((size_t)count * (size_t)rounds, sizeof(*samples));
	struct conn *c = calloc((size_t)count, sizeof(*c));
	uint64_t begin = now_ns();
	size_t n = 0;

	for (int r = 0; r < rounds; r++) {
		for (int i = 0; i < count; i++) {
			uint64_t one = now_ns();

			conn_must_open(&c[i], argv[0]);
			conn_close(&c[i]);
			samples[n++] = since_us(one);
		}
		usleep((useconds_t)number(argv[3]) * 1000);
	}
	summary(samples, n, since_us(begin) / 1e6);
	return 0;
}

static void list_body(struct body *b)
{
	b->len = 0;
	put_u32(b, 1);
	put_u32(b, 0);
}

/* list SOCKET SECONDS PAUSE-US: the list of all guests, again and again. */
static int do_list(char **argv)
{
	size_t n = 0, cap = 1u << 20;
	double *samples = malloc(cap * sizeof(*samples));
	struct conn c;
	uint64_t begin;

	conn_must_open(&c, argv[0]);
	list_body(&body);
	begin = now_ns();
	while (n < cap && since_us(begin) < real(argv[1]) * 1e6) {
		uint64_t one = now_ns();

		call_checked(&c, LIST_ALL, &body);
		samples[n++] = since_us(one);
		usleep((useconds_t)number(argv[2]));
	}
	summary(samples, n, since_us(begin) / 1e6);
	return 0;
}

/* stats SOCKET COUNT: statistics of every running guest. */
static int do_stats(char **argv)
{
	size_t n = (size_t)number(argv[1]);
	double *samples = calloc(n, sizeof(*samples));
	struct conn c;
	uint64_t begin = now_ns();

	conn_must_open(&c, argv[0]);
	put_u32(&body, 0);
	put_u32(&body, 0);
	put_u32(&body, 1);
	for (size_t i = 0; i < n; i++) {
		uint64_t one = now_ns();

		call_checked(&c, STATS, &body);
		samples[i] = since_us(one);
	}
	summary(samples, n, since_us(begin) / 1e6);
	return 0;
}

/* cycle SOCKET NAME UUID: start, then destroy; both times. */
static int do_cycle(char **argv)
{
	struct conn c;
	uint64_t begin;
	double start;

	conn_must_open(&c, argv[0]);
	put_domain(&body, argv[1], argv[2]);
	begin = now_ns();
	call_checked(&c, CREATE, &body);
	start = since_us(begin);
	usleep(50000);
	begin = now_ns();
	call_checked(&c, DESTROY, &body);
	printf("%.1f %.1f\n", start, since_us(begin));
	return 0;
}

/* start SOCKET NAME UUID, destroy SOCKET NAME UUID */
static int do_one(char **argv, uint32_t proc)
{
	struct conn c;
	uint64_t begin;

	conn_must_open(&c, argv[0]);
	put_domain(&body, argv[1], argv[2]);
	begin = now_ns();
	call_checked(&c, proc, &body);
	printf("%.1f\n", since_us(begin));
	return 0;
}

static int do_start(char **argv)
{
	return do_one(argv, CREATE);
}

static int do_destroy(char **argv)
{
	return do_one(argv, DESTROY);
}

static void guest_uuid(char out[37], unsigned i)
{
	snprintf(out, 37, "beac0000-0000-4000-8000-%012x", i);
}

/* define SOCKET FROM TO TEMPLATE: %NAME% and %UUID% in the file are replaced; each call's time. */
static int do_define(char **argv)
{
	static char text[BODY_MAX / 2], template[BODY_MAX / 2];
	int fd = open(argv[3], O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, template, sizeof(template) - 1);
	struct conn c;

	if (len <= 0)
		die(argv[3]);
	template[len] = '\0';
	conn_must_open(&c, argv[0]);
	for (unsigned i = (unsigned)number(argv[1]); i < (unsigned)number(argv[2]); i++) {
		char uuid[37], name[32];
		const char *at = template;
		size_t n = 0;
		uint64_t begin;

		guest_uuid(uuid, i);
		snprintf(name, sizeof(name), "bench%u", i);
		while (*at && n < sizeof(text) - 64) {
			const char *word = !strncmp(at, "%NAME%", 6) ? name :
				!strncmp(at, "%UUID%", 6) ? uuid : NULL;

			if (word) {
				n += (size_t)snprintf(text + n, 64, "%s", word);
				at += 6;
			} else {
				text[n++] = *at++;
			}
		}
		text[n] = '\0';
		body.len = 0;
		put_string(&body, text);
		begin = now_ns();
		call_checked(&c, DEFINE_XML, &body);
		printf("%.1f\n", since_us(begin));
	}
	return 0;
}

/* undefine SOCKET FROM TO */
static int do_undefine(char **argv)
{
	struct conn c;

	conn_must_open(&c, argv[0]);
	for (unsigned i = (unsigned)number(argv[1]); i < (unsigned)number(argv[2]); i++) {
		char uuid[37], name[32];
		uint64_t begin;

		guest_uuid(uuid, i);
		snprintf(name, sizeof(name), "bench%u", i);
		body.len = 0;
		put_domain(&body, name, uuid);
		put_u32(&body, 0);
		begin = now_ns();
		call_checked(&c, UNDEFINE, &body);
		printf("%.1f\n", since_us(begin));
	}
	return 0;
}

/* first SOCKET COUNT: until a client has connected and listed COUNT guests. */
static int do_first(char **argv)
{
	uint64_t begin = now_ns();

	list_body(&body);
	while (since_us(begin) < 60e6) {
		struct conn c;

		if (conn_open(&c, argv[0])) {
			call_checked(&c, LIST_ALL, &body);
			if (ntohl(*(uint32_t *)(void *)reply) >= (uint32_t)number(argv[1])) {
				printf("%.1f\n", since_us(begin));
				return 0;
			}
			close(c.fd);
		}
		usleep(1000);
	}
	die("no answer");
	return 1;
}

/* idle SOCKET COUNT: open connections, say "ready", hold them until standard input ends. */
static int do_idle(char **argv)
{
	int n = (int)number(argv[1]);
	char byte;

	for (int i = 0; i < n; i++) {
		struct conn c;

		conn_must_open(&c, argv[0]);
	}
	puts("ready");
	fflush(stdout);
	return read(0, &byte, 1) < 0;
}

/* fsync DIRECTORY COUNT: 4 KiB to a new file, fsync, rename over, fsync of the directory. */
static int do_fsync(char **argv)
{
	size_t n = (size_t)number(argv[1]);
	double *samples = calloc(n, sizeof(*samples));
	int dir = open(argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	static char block[4096];
	uint64_t begin = now_ns();

	if (dir < 0)
		die(argv[0]);
	for (size_t i = 0; i < n; i++) {
		char name[32];
		uint64_t one = now_ns();
		int fd = openat(dir, "new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		snprintf(name, sizeof(name), "floor%zu", i);
		if (fd < 0 || write(fd, block, sizeof(block)) < 0 || fsync(fd) < 0 || close(fd) < 0 ||
		    renameat(dir, "new", dir, name) < 0 || fsync(dir) < 0)
			die("floor");
		samples[i] = since_us(one);
	}
	summary(samples, n, since_us(begin) / 1e6);
	return 0;
}

static void qmp_line(FILE *f, const char *wanted)
{
	char line[8192];

	do {
		if (!fgets(line, sizeof(line), f))
			die("QMP closed");
	} while (!strstr(line, wanted));
}

/* floor QMP-SOCKET PROGRAM ARGUMENT...: bare QEMU until query-status is answered, and its end. */
static int do_floor(char **argv)
{
	uint64_t begin = now_ns();
	pid_t pid = fork();
	double up;
	int fd, null;
	FILE *f;

	if (pid == 0) {
		null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		execv(argv[1], argv + 1);
		_exit(127);
	}
	while ((fd = socket_connect(argv[0])) < 0) {
		if (waitpid(pid, NULL, WNOHANG) == pid || since_us(begin) > 20e6)
			die("bare QEMU did not come up");
		usleep(200);
	}
	f = fdopen(fd, "r+");
	setvbuf(f, NULL, _IONBF, 0);
	qmp_line(f, "QMP");
	dprintf(fd, "{\"execute\":\"qmp_capabilities\"}{\"execute\":\"query-status\"}");
	qmp_line(f, "return");
	qmp_line(f, "running\":");
	up = since_us(begin);
	usleep(50000);
	begin = now_ns();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	printf("%.1f %.1f\n", up, since_us(begin));
	return 0;
}

static const struct {
	const char *name;
	int words;
	int (*run)(char **argv);
} modes[] = {
	{ "call", 5, do_call }, { "open", 3, do_open }, { "burst", 4, do_burst }, { "list", 3, do_list },
	{ "stats", 2, do_stats }, { "cycle", 3, do_cycle }, { "start", 3, do_start },
	{ "destroy", 3, do_destroy }, { "define", 4, do_define }, { "undefine", 3, do_undefine },
	{ "first", 2, do_first }, { "idle", 2, do_idle }, { "fsync", 2, do_fsync }, { "floor", 2, do_floor },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(argv[1], modes[i].name) && argc - 2 >= modes[i].words)
			return modes[i].run(argv + 2);
	fputs("usage: rpc MODE ARGUMENT...; the modes are above their functions in rpc.c\n", stderr);
	return 2;
}
