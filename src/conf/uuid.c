/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/uuid.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static int hex(char c)
{
	static const char all[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(all, c) : NULL;

	return at ? (int)((at - all) & 15) : -1;
}

int conf_uuid_parse(const char *text, uint8_t ret[16])
{
	uint8_t uuid[16] = { 0 };
	bool same = true;
	unsigned n = 0;

	for (const char *s = text; *s; s++) {
		if (*s == '-')
			continue;
		if (n == 32 || hex(*s) < 0)
			return -EINVAL;
		uuid[n / 2] = (uint8_t)(uuid[n / 2] << 4 | hex(*s));
		same = same && *s == text[0];
		n++;
	}
	if (n != 32)
		return -EINVAL;
	if (same)
		return -EDOM;
	memcpy(ret, uuid, sizeof(uuid));
	return 0;
}

/* A line, as files of the kernel and of systemd have one. */
static bool parse_line(const char *text, uint8_t ret[16])
{
	char line[64];
	size_t n = text ? strcspn(text, "\n") : 0;

	if (n == 0 || n >= sizeof(line))
		return false;
	memcpy(line, text, n);
	line[n] = '\0';
	return conf_uuid_parse(line, ret) == 0;
}

int conf_uuid_of_host(const char *firmware, const char *machine_id, const char *instance,
		      uint8_t ret[16])
{
	uint64_t h = UINT64_C(14695981039346656037);   /* FNV-1a */

	if (!parse_line(firmware, ret) && !parse_line(machine_id, ret))
		return -ENOENT;
	if (!instance[0])
		return 0;
	for (const char *s = instance; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	for (int i = 0; i < 8; i++)
		ret[8 + i] ^= (uint8_t)(h >> 8 * i);
	return 0;
}
