/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "room.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "escape.h"
#include "ipc/chan.h"

#define CHANNELS_MAX 8
#define HANG_UP_MS 2000
#define TEXT_MAX (256 << 10)
#define FILE_NAME "/escape-targets"

static bool armed;
static const char *room_name = "?";

void room_say(const char *format, ...)
{
	char text[512];
	va_list args;
	int n = snprintf(text, sizeof(text), "escape-room %s ", room_name);

	va_start(args, format);
	n += vsnprintf(text + n, sizeof(text) - (size_t)n - 1, format, args);
	va_end(args);
	n = n < (int)sizeof(text) - 1 ? n : (int)sizeof(text) - 2;
	text[n++] = '\n';
	(void)!write(STDERR_FILENO, text, (size_t)n);
}

/* Before main(): afterwards there is no file system. */
static void __attribute__((constructor)) learn(void)
{
	static char text[TEXT_MAX];
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(FILE_NAME));
	char *slash;
	int fd;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return;
	memcpy(slash, FILE_NAME, sizeof(FILE_NAME));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	armed = n > 0 && targets_parse(text) == 0;
	if (target("list_rows")) {
		room_list_rows();
		exit(0);
	}
}

bool room_is_taken(const char *room)
{
	room_name = room;
	return armed && target("room") && !strcmp(target("room"), room);
}

static void probe_all(const char *list)
{
	for (const struct attack *const *t = attack_tables; *t; t++)
		for (const struct attack *a = *t; a->id; a++) {
			char text[64];

			if (!attack_named(a, list))
				continue;
			room_say("%s begin", a->id);
			room_say("%s %s", a->id, attack_result(attack_run(a), text));
		}
}

/* The room's channels, as it makes them. */
static const struct ipc_chan *channels[CHANNELS_MAX];
static size_t n_channels;

void __real_ipc_chan_init(struct ipc_chan *ch, int fd, const char *name, enum ipc_room peer);
void __wrap_ipc_chan_init(struct ipc_chan *ch, int fd, const char *name, enum ipc_room peer);

void __wrap_ipc_chan_init(struct ipc_chan *ch, int fd, const char *name, enum ipc_room peer)
{
	__real_ipc_chan_init(ch, fd, name, peer);
	if (n_channels < CHANNELS_MAX)
		channels[n_channels++] = ch;
}

/* -1: it was closed. */
static int channel(const char *name)
{
	for (size_t i = 0; i < n_channels; i++)
		if (!strcmp(channels[i]->name, name))
			return channels[i]->fd;
	return -1;
}

static void throw_all(int fd, char *list)
{
	/* the supervisor hangs up when we are set up, which may have been just now */
	struct pollfd end = { .fd = target("hangs_up") ? fd : -1 };
	char *rest = NULL;

	(void)poll(&end, 1, end.fd < 0 ? 0 : HANG_UP_MS);
	for (char *w = strtok_r(list, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
		room_say("%s begin", w);
		if (fd < 0)
			room_say("%s none", w);
		else if (!room_throw(fd, w))
			return;
	}
}

_Noreturn void room_takeover(const char *room, int core)
{
	const char *probes = target("only"), *messages = target("throw");

	room_say("takes %s", room);
	if (probes)
		probe_all(probes);
	if (messages)
		throw_all(target("channel") ? channel(target("channel")) : core, strdup(messages));
	room_say("end end");
	_exit(0);
}
