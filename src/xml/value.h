/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strict readers and writers of single values, as libvirt's XML spells them. */
#ifndef CORDON_XML_VALUE_H
#define CORDON_XML_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { XML_UUID_TEXT = 37, XML_MAC_TEXT = 18 };

/*
 * A whole number with nothing around it but white space; base 10, or with
 * `any_base` also 0x... and 0... (octal). -EINVAL: no number; -ERANGE.
 */
int xml_value_uint(const char *s, bool any_base, uint64_t min, uint64_t max, uint64_t *ret);
int xml_value_int(const char *s, int64_t min, int64_t max, int64_t *ret);

/* "52:54:00:12:34:56", one or two hex digits each. -EINVAL. */
int xml_value_mac(const char *s, uint8_t ret[6]);
void xml_value_mac_print(const uint8_t mac[6], char out[XML_MAC_TEXT]);

/* 32 hex digits, hyphens only between whole octets. -EINVAL. */
int xml_value_uuid(const char *s, uint8_t ret[16]);
void xml_value_uuid_print(const uint8_t uuid[16], char out[XML_UUID_TEXT]);

/* `number` in `unit` (NULL: KiB) as KiB, rounded up. -EINVAL: no such unit; -ERANGE. */
int xml_value_kib(uint64_t number, const char *unit, uint64_t *ret);

#endif
