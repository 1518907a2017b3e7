/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UUIDs as text, and the one that a host goes by. Pure. */
#ifndef CORDON_CONF_UUID_H
#define CORDON_CONF_UUID_H

#include <stdint.h>

/* 32 hexadecimal digits, dashes anywhere. 0; -EINVAL; -EDOM: all digits are the same. */
int conf_uuid_parse(const char *text, uint8_t ret[16]);

/*
 * What the machine says of itself, as libvirt takes it: the firmware's UUID, or
 * else machine-id(5) (texts as read, NULL or "" when there is none). Private
 * instances of one host, which is what migration tells hosts apart by, differ
 * by their folder. 0; -ENOENT: the machine has neither.
 */
int conf_uuid_of_host(const char *firmware, const char *machine_id, const char *instance,
		      uint8_t ret[16]);

#endif
