/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's part of QMP, far enough that a guest counts as started, and then a
 * lie: target `monitor` says which. `honest` tells none. The lies end only
 * with this process, or with the other side's patience.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "escape.h"

#define LINE_MAX_BYTES (1 << 20)
#define FDS_AT_ONCE 250
#define STAMP "\"timestamp\":{\"seconds\":1,\"microseconds\":1}"
#define ALL_ERRORS "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"},\"id\":%s}\n"

static int listener = -1, line_fd = -1;

/* 0 or -errno; blocks. */
static int put_bytes(const char *data, size_t n)
{
	while (n) {
		ssize_t done = send(line_fd, data, n, MSG_NOSIGNAL);

		if (done <= 0)
			return -errno;
		data += done;
		n -= (size_t)done;
	}
	return 0;
}

static int __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	static char text[LINE_MAX_BYTES + 4096];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return n < 0 || (size_t)n >= sizeof(text) ? -E2BIG : put_bytes(text, (size_t)n);
}

/* The word behind "key": in a line, without quotes; "" if there is none. */
static const char *field(const char *line, const char *key, char out[64])
{
	char look[64];
	const char *at;

	snprintf(look, sizeof(look), "\"%s\":", key);
	at = strstr(line, look);
	out[0] = '\0';
	if (!at)
		return out;
	at += strlen(look);
	at += *at == '"';
	snprintf(out, 64, "%.*s", (int)strcspn(at, "\",}"), at);
	return out;
}

/* A line, or NULL at the end. */
static const char *hear(void)
{
	static char data[LINE_MAX_BYTES];
	size_t n = 0;

	while (n < sizeof(data) - 1) {
		if (read(line_fd, data + n, 1) != 1)
			return NULL;
		if (data[n++] == '\n')
			break;
	}
	data[n] = '\0';
	return data;
}

static const char *truth(const char *command)
{
	if (!strcmp(command, "query-status"))
		return "{\"status\":\"running\",\"running\":true}";
	if (!strcmp(command, "query-balloon"))
		return "{\"actual\":134217728}";
	if (!strncmp(command, "query-", 6))
		return "[]";
	return "{}";
}

static int answer(const char *line, const char *with)
{
	char command[64], id[64];

	field(line, "execute", command);
	return say("{\"return\":%s,\"id\":%s}\n", with ? with : truth(command), field(line, "id", id));
}

static int connected(void)
{
	line_fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (line_fd < 0)
		return -errno;
	return say("{\"QMP\":{\"version\":{\"qemu\":{\"micro\":0,\"minor\":2,\"major\":7},\"package\":\"\"},"
		   "\"capabilities\":[\"oob\"]}}\n");
}

/* True answers until the guest was told to run. */
static int until_it_runs(void)
{
	const char *line;
	char command[64];

	while ((line = hear())) {
		bool go = !strcmp(field(line, "execute", command), "cont");
		int r = answer(line, NULL);

		/* for those who would ask more than we know before they let it run */
		if (r == 0 && target("monitor_early"))
			return 0;
		if (r == 0 && go)
			return say("{" STAMP ",\"event\":\"RESUME\"}\n");
		if (r < 0)
			return r;
	}
	return -EPIPE;
}

static void truth_from_here(void)
{
	const char *line;
	char command[64];

	while ((line = hear())) {
		field(line, "execute", command);
		if (answer(line, NULL) < 0)
			return;
		if (!strcmp(command, "quit"))
			_exit(0);
	}
}

/* ---- the lies ---- */

static void honest(void)
{
	say("{" STAMP ",\"event\":\"BALLOON_CHANGE\",\"data\":{\"actual\":67108864}}\n");
	truth_from_here();
}

static void garbage(void)
{
	static char data[65536];
	unsigned x = 1;

	for (;;) {
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = (char)((x = x * 1103515245 + 12345) >> 16);
		if (put_bytes(data, sizeof(data)) < 0)
			return;
	}
}

static void fill_forever(const char *begin, char with)
{
	static char data[65536];

	memset(data, with, sizeof(data));
	if (put_bytes(begin, strlen(begin)) < 0)
		return;
	while (put_bytes(data, sizeof(data)) == 0)
		;
}

static void endless_line(void)
{
	fill_forever("{\"event\":\"", 'A');
}

static void endless_depth(void)
{
	fill_forever("{\"return\":", '[');
}

static void wrong_ids(void)
{
	static const char *const ids[] = { "0", "-1", "18446744073709551616", "\"1\"", "null", "[1]",
					   "{\"id\":1}", "1e3", "99999" };
	const char *line;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (say("{\"return\":{},\"id\":%s}\n", ids[i]) < 0)
			return;
	while ((line = hear()))
		if (say("{\"return\":{}}\n") < 0 || answer(line, NULL) < 0 || answer(line, NULL) < 0)
			return;
}

static void wrong_types(void)
{
	static const char *const with[] = { "[[[]]]", "\"x\"", "-1", "1e308", "null", "true",
					    "{\"actual\":-9223372036854775808,\"status\":[],\"running\":\"x\"}",
					    "[{\"device\":1,\"inserted\":\"x\",\"stats\":[],\"node-name\":{}}]" };
	const char *line;

	for (size_t i = 0; (line = hear()); i++)
		if (answer(line, with[i % (sizeof(with) / sizeof(with[0]))]) < 0)
			return;
}

static void numbers(void)
{
	static const char *const values[] = { "-1", "9223372036854775807", "-9223372036854775808", "1e308",
					      "18446744073709551615", "0.1", "\"1\"" };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		say("{" STAMP ",\"event\":\"BALLOON_CHANGE\",\"data\":{\"actual\":%s}}\n", values[i]);
		say("{" STAMP ",\"event\":\"RTC_CHANGE\",\"data\":{\"offset\":%s}}\n", values[i]);
		say("{\"timestamp\":{\"seconds\":%s,\"microseconds\":%s},\"event\":\"STOP\"}\n", values[i],
		    values[i]);
	}
	truth_from_here();
}

static void event_flood(void)
{
	while (say("{" STAMP ",\"event\":\"STOP\"}\n{" STAMP ",\"event\":\"RESUME\"}\n") == 0)
		;
}

static void event_giant(void)
{
	static char big[LINE_MAX_BYTES - 4096];

	memset(big, 'x', sizeof(big) - 1);
	while (say("{" STAMP ",\"event\":\"BLOCK_IO_ERROR\",\"data\":{\"device\":\"%s\",\"action\":\"report\"}}\n",
		   big) == 0)
		;
}

/* Descriptors that nobody asked for, in heaps. */
static void descriptors(void)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(FDS_AT_ONCE * sizeof(int))];
	} control;
	struct iovec data = { (void *)" ", 1 };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };

	control.head = (struct cmsghdr){ CMSG_LEN(FDS_AT_ONCE * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	for (size_t i = 0; i < FDS_AT_ONCE; i++)
		memcpy(CMSG_DATA(&control.head) + i * sizeof(int), &(int){ 1 }, sizeof(int));
	for (int i = 0; i < 2000; i++)
		if (sendmsg(line_fd, &m, MSG_NOSIGNAL) < 0 && errno != ETOOMANYREFS)
			return;
	truth_from_here();
}

static void silence(void)
{
	while (hear())
		;
}

static void slow(void)
{
	static const char text[] = "{" STAMP ",\"event\":\"STOP\"}\n";

	for (size_t i = 0;; i = (i + 1) % (sizeof(text) - 1)) {
		if (put_bytes(text + i, 1) < 0)
			return;
		usleep(20000);
	}
}

static void hang_up(void)
{
	for (int i = 0; i < 2000; i++) {
		close(line_fd);
		if (connected() < 0)
			return;
	}
	truth_from_here();
}

/* What is not ours as if it were: paths, devices, and lines for the log of others. */
static void foreign(void)
{
	static const char claim[] =
		"[{\"device\":\"\",\"qdev\":\"/machine/peripheral/virtio-disk0/virtio-backend\",\"inserted\":"
		"{\"file\":\"%s\",\"node-name\":\"libvirt-1-format\",\"image\":{\"filename\":\"%s\","
		"\"virtual-size\":1,\"actual-size\":1}}}]";
	static char with[8192];
	const char *line;

	snprintf(with, sizeof(with), claim, target("victim_image"), target("victim_image"));
	say("{" STAMP ",\"event\":\"BLOCK_IO_ERROR\",\"data\":{\"device\":\"%s\",\"node-name\":\"%s\","
	    "\"operation\":\"write\",\"action\":\"report\",\"reason\":\"%s\"}}\n",
	    target("victim_image"), "../../victim", "x\\n1 launch[1] error: FORGED LINE\\n\\u001b]0;FORGED\\u0007");
	say("{" STAMP ",\"event\":\"VNC_CONNECTED\",\"data\":{\"server\":{\"host\":\"x\\nFORGED LINE\","
	    "\"service\":\"%%s%%n\",\"family\":\"ipv4\"},\"client\":{\"host\":\"\\u001b[2J\",\"service\":\"1\"}}}\n");
	while ((line = hear()))
		if (answer(line, strstr(line, "query-block") ? with : NULL) < 0)
			return;
}

/* It says it is gone, and stays. */
static void undead(void)
{
	say("{" STAMP ",\"event\":\"SHUTDOWN\",\"data\":{\"guest\":true,\"reason\":\"guest-shutdown\"}}\n");
	while (hear())
		say("{" STAMP ",\"event\":\"RESUME\"}\n");
	pause();
}

static void errors_only(void)
{
	const char *line;
	char id[64];

	while ((line = hear()))
		if (say(ALL_ERRORS, field(line, "id", id)) < 0)
			return;
}

/* All other listeners are consoles and channels: accept, and never stop talking. */
static void console_flood(void)
{
	static char data[65536];
	struct pollfd p[64];
	nfds_t n = 0;

	memset(data, '\7', sizeof(data));
	for (int fd = 3; fd < 256 && n < 64; fd++) {
		int yes = 0;
		socklen_t len = sizeof(yes);

		if (fd != listener && !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) && yes)
			p[n++] = (struct pollfd){ accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK),
						  POLLOUT, 0 };
	}
	for (;;) {
		if (poll(p, n, 100) < 0)
			return;
		for (nfds_t i = 0; i < n; i++)
			if (p[i].revents & POLLOUT)
				(void)!write(p[i].fd, data, sizeof(data));
	}
}

static const struct {
	const char *name;
	void (*tell)(void);
} lies[] = {
	{ "honest", honest }, { "garbage", garbage }, { "endless-line", endless_line },
	{ "endless-depth", endless_depth }, { "wrong-ids", wrong_ids }, { "wrong-types", wrong_types },
	{ "numbers", numbers }, { "event-flood", event_flood }, { "event-giant", event_giant },
	{ "descriptors", descriptors }, { "silence", silence }, { "slow", slow }, { "hang-up", hang_up },
	{ "foreign", foreign }, { "undead", undead }, { "errors", errors_only },
	{ "console-flood", console_flood },
};

/* -chardev socket,id=charmonitor,fd=20,server=on,wait=off */
int monitor_find(const char *argument)
{
	static const char key[] = "socket,id=charmonitor,fd=";

	if (!strncmp(argument, key, sizeof(key) - 1))
		listener = (int)strtol(argument + sizeof(key) - 1, NULL, 10);
	return listener;
}

int monitor_serve(void)
{
	const char *which = target("monitor"), *hold = target("hold"), *flood = target("flood");

	/* a descriptor that a QEMU would not have, for `cordon cage` to find */
	if (hold && open(hold, O_RDONLY | O_CLOEXEC) < 0)
		return 2;
	for (long i = flood ? strtol(flood, NULL, 10) : 0; i > 0; i--)
		(void)syscall(SYS_userfaultfd, 0);     /* refused, and nothing more */
	if (listener < 0 || connected() < 0 || until_it_runs() < 0)
		return 2;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		if (!strcmp(lies[i].name, which))
			lies[i].tell();
	/* the other side gave up on this connection: it may try another */
	while (connected() == 0)
		truth_from_here();
	return 0;
}
