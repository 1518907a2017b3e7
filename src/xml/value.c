/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xml/value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t\r\n"

int xml_value_uint(const char *s, bool any_base, uint64_t min, uint64_t max, uint64_t *ret)
{
	const char *digits = "0123456789";
	unsigned long long value;
	size_t len;
	int base = 10;

	s += strspn(s, BLANKS);
	if (any_base && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
		digits = "0123456789abcdefABCDEF";
	} else if (any_base && s[0] == '0') {
		base = 8;
		digits = "01234567";
	}
	/* strtoull alone would take a sign, and a second 0x */
	len = strspn(s, digits);
	if (len == 0 || s[len + strspn(s + len, BLANKS)] != '\0')
		return -EINVAL;
	errno = 0;
	value = strtoull(s, NULL, base);
	if (errno || value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

int xml_value_int(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	const char *digits;
	long long value;
	char *end;

	s += strspn(s, BLANKS);
	digits = *s == '-' ? s + 1 : s;
	if (*digits < '0' || *digits > '9')
		return -EINVAL;
	errno = 0;
	value = strtoll(s, &end, 10);
	if (end[strspn(end, BLANKS)] != '\0')
		return -EINVAL;
	if (errno || value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int xml_value_mac(const char *s, uint8_t ret[6])
{
	uint8_t mac[6];

	for (int i = 0; i < 6; i++) {
		int high = hex_digit(*s), low;

		if (high < 0)
			return -EINVAL;
		low = hex_digit(*++s);
		if (low >= 0)
			s++;
		mac[i] = (uint8_t)(low < 0 ? high : high * 16 + low);
		if (*s++ != (i < 5 ? ':' : '\0'))
			return -EINVAL;
	}
	memcpy(ret, mac, sizeof(mac));
	return 0;
}

void xml_value_mac_print(const uint8_t mac[6], char out[XML_MAC_TEXT])
{
	snprintf(out, XML_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
}

int xml_value_uuid(const char *s, uint8_t ret[16])
{
	uint8_t uuid[16];

	s += strspn(s, BLANKS);
	for (int i = 0; i < 16; i++) {
		int high, low;

		if (i > 0 && *s == '-')
			s++;
		high = hex_digit(*s);
		low = high < 0 ? -1 : hex_digit(s[1]);
		if (low < 0)
			return -EINVAL;
		uuid[i] = (uint8_t)(high * 16 + low);
		s += 2;
	}
	if (s[strspn(s, BLANKS)] != '\0')
		return -EINVAL;
	memcpy(ret, uuid, sizeof(uuid));
	return 0;
}

void xml_value_uuid_print(const uint8_t uuid[16], char out[XML_UUID_TEXT])
{
	size_t at = 0;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[at++] = '-';
		snprintf(out + at, XML_UUID_TEXT - at, "%02x", uuid[i]);
		at += 2;
	}
}

static const struct {
	const char *name;
	uint64_t bytes;
} units[] = {
	{ "b", 1 }, { "byte", 1 }, { "bytes", 1 },
	{ "KB", 1000 }, { "k", 1ULL << 10 }, { "KiB", 1ULL << 10 },
	{ "MB", 1000000 }, { "M", 1ULL << 20 }, { "MiB", 1ULL << 20 },
	{ "GB", 1000000000 }, { "G", 1ULL << 30 }, { "GiB", 1ULL << 30 },
	{ "TB", 1000000000000 }, { "T", 1ULL << 40 }, { "TiB", 1ULL << 40 },
	{ "PB", 1000000000000000 }, { "P", 1ULL << 50 }, { "PiB", 1ULL << 50 },
	{ "EB", 1000000000000000000 }, { "E", 1ULL << 60 }, { "EiB", 1ULL << 60 },
};

int xml_value_kib(uint64_t number, const char *unit, uint64_t *ret)
{
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcasecmp(units[i].name, unit ? unit : "KiB") != 0)
			continue;
		if (__builtin_mul_overflow(number, units[i].bytes, &bytes))
			return -ERANGE;
		*ret = bytes / 1024 + (bytes % 1024 ? 1 : 0);
		return 0;
	}
	return -EINVAL;
}
