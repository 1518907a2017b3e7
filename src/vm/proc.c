/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/proc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STAT_UTIME 14      /* fields of proc_pid_stat(5), counted from 1 */
#define STAT_STIME 15
#define STAT_RSS 24

int proc_parse_stat(const char *text, uint64_t ns_per_tick, uint64_t kib_per_page,
		    struct proc_times *ret)
{
	const char *at = strrchr(text, ')');   /* the name may hold anything */
	struct proc_times t = { 0 };

	if (!at)
		return -EBADMSG;
	at++;
	for (int field = 3; field <= STAT_RSS; field++) {
		char *end;
		uint64_t v;

		at += strspn(at, " ");
		if (!*at)
			return -EBADMSG;
		v = strtoull(at, &end, 10);
		if (field == STAT_UTIME)
			t.user_ns = v * ns_per_tick;
		if (field == STAT_STIME)
			t.system_ns = v * ns_per_tick;
		if (field == STAT_RSS)
			t.rss_kib = v * kib_per_page;
		at += strcspn(at, " ");
	}
	*ret = t;
	return 0;
}

int proc_parse_nspid(const char *text)
{
	const char *at = strstr(text, "\nNSpid:");
	long v = 0;

	if (!at)
		return 0;
	at += strlen("\nNSpid:");
	while (*at == '\t' || *at == ' ' || (*at >= '0' && *at <= '9')) {
		char *end;

		if (*at < '0') {
			at++;
			continue;
		}
		v = strtol(at, &end, 10);
		at = end;
	}
	return v > 0 && v < INT32_MAX ? (int)v : 0;
}
