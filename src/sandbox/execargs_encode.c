/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The planner's side; the cage has the other. */
#include "sandbox/execargs.h"

#include <errno.h>
#include <string.h>

#include "base/be.h"

int execargs_encode(const char *const *args, size_t n, struct buf *out, struct err *err)
{
	uint8_t head[EXECARGS_HEAD];
	size_t size = 0;

	if (n > EXECARGS_COUNT_MAX)
		return err_set(err, -E2BIG, ERR_CONFIG_UNSUPPORTED,
			       "more than %u arguments for the emulator", EXECARGS_COUNT_MAX);
	for (size_t i = 0; i < n; i++)
		size += strlen(args[i]) + 1;
	if (size > EXECARGS_BYTES_MAX)
		return err_set(err, -E2BIG, ERR_CONFIG_UNSUPPORTED,
			       "the arguments for the emulator exceed %u bytes",
			       EXECARGS_BYTES_MAX);
	be_put32(head, (uint32_t)size);
	be_put32(head + 4, (uint32_t)n);
	buf_put(out, head, sizeof(head));
	for (size_t i = 0; i < n; i++)
		buf_put(out, args[i], strlen(args[i]) + 1);
	if (out->error)
		return err_set(err, out->error, ERR_NO_MEMORY, "no memory for the arguments");
	return 0;
}
