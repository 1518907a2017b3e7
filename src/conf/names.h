/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Users and groups from the text of /etc/passwd and /etc/group. Directory
 * services are not asked: their libraries have no place in our processes.
 */
#ifndef CORDON_CONF_NAMES_H
#define CORDON_CONF_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* The number of `name` in "name:x:NUMBER:..." lines; false when there is none. */
bool conf_name_find(const char *text, const char *name, uint32_t *ret_id);

/* As above, for a line of passwd, with the number of its group. */
bool conf_account_find(const char *text, const char *name, uint32_t *ret_uid, uint32_t *ret_gid);

/* A whole number 0 .. 2^32 - 2 and nothing else. */
bool conf_id_parse(const char *s, uint32_t *ret_id);

#endif
