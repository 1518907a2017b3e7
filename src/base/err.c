/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"

#include <stdio.h>
#include <string.h>

int err_vset(struct err *err, int ret, int code, const char *fmt, va_list ap)
{
	if (err) {
		err->code = code;
		if (vsnprintf(err->text, sizeof(err->text), fmt, ap) < 0)
			err->text[0] = '\0';
	}
	return ret;
}

int err_set(struct err *err, int ret, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(err, ret, code, fmt, ap);
	va_end(ap);
	return ret;
}

int err_sys(struct err *err, int ret, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	if (!err)
		return ret;
	va_start(ap, fmt);
	err_vset(err, ret, ERR_SYSTEM_ERROR, fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s", strerrordesc_np(-ret));
	return ret;
}

int err_prefix(struct err *err, int ret, const char *fmt, ...)
{
	char old[ERR_TEXT_MAX];
	va_list ap;
	size_t len;

	if (!err)
		return ret;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	err_vset(err, ret, err->code ? err->code : ERR_INTERNAL_ERROR, fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %.*s",
		 (int)(sizeof(err->text) - len - 3), old);
	return ret;
}
