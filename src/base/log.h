/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines of one process: "<level>room[pid] req=..: text" on descriptor 2. */
#ifndef CORDON_BASE_LOG_H
#define CORDON_BASE_LOG_H

#include <stdint.h>

/* libvirtd.conf's log_level: 1 debug .. 4 errors. */
enum log_level { LOG_LEVEL_DEBUG = 1, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

#define LOG_LINE_MAX 2048   /* longer lines are cut */

/*
 * Name the room, the least level that is written, and where the current
 * request's id is found (NULL: none).
 */
void log_open(const char *room, enum log_level level, const uint64_t *req);

void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
