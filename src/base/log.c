/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char *log_room = "cordon";
static enum log_level log_least = LOG_LEVEL_INFO;
static const uint64_t *log_req;
static const char *const level_names[] = { "", "debug", "info", "warning", "error" };

void log_open(const char *room, enum log_level level, const uint64_t *req)
{
	log_room = room;
	log_least = level;
	log_req = req;
}

/* Control characters would let a guest or client forge lines. */
static void flatten(char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			s[i] = ' ';
}

void log_at(enum log_level level, const char *fmt, ...)
{
	int saved = errno, len, n;
	char line[LOG_LINE_MAX];
	struct timespec ts;
	va_list ap;

	if (level < log_least)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	len = snprintf(line, sizeof(line), "%lld.%06ld %s[%d] %s:", (long long)ts.tv_sec,
		       ts.tv_nsec / 1000, log_room, (int)getpid(), level_names[level]);
	if (log_req && *log_req)
		len += snprintf(line + len, sizeof(line) - (size_t)len, " req=%" PRIx64, *log_req);
	line[len++] = ' ';
	va_start(ap, fmt);
	n = vsnprintf(line + len, sizeof(line) - (size_t)len - 1, fmt, ap);
	va_end(ap);
	if (n > 0) {
		size_t room = sizeof(line) - (size_t)len - 2;
		size_t used = (size_t)n < room ? (size_t)n : room;

		flatten(line + len, used);
		len += (int)used;
	}
	line[len++] = '\n';
	n = (int)write(2, line, (size_t)len);
	(void)n;   /* nothing to be done about a log that cannot be written */
	errno = saved;
}
