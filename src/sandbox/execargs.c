/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sandbox/execargs.h"

#include <errno.h>
#include <string.h>

#include "base/be.h"

int execargs_head(const uint8_t head[EXECARGS_HEAD], uint32_t *ret_size, uint32_t *ret_count)
{
	uint32_t size = be_get32(head), count = be_get32(head + 4);

	if (size > EXECARGS_BYTES_MAX || count > EXECARGS_COUNT_MAX || count > size)
		return -EBADMSG;
	*ret_size = size;
	*ret_count = count;
	return 0;
}

int execargs_split(char *data, uint32_t size, uint32_t count, char **argv)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < count; i++) {
		char *end = at < size ? memchr(data + at, '\0', size - at) : NULL;

		if (!end)
			return -EBADMSG;
		argv[i + 1] = data + at;
		at = (uint32_t)(end - data) + 1;
	}
	argv[count + 1] = NULL;
	return at == size ? 0 : -EBADMSG;
}
