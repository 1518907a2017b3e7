/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One error object: what reaches the user, in libvirt's codes. */
#ifndef CORDON_BASE_ERR_H
#define CORDON_BASE_ERR_H

#include <stdarg.h>
#include <stdint.h>

#define ERR_TEXT_MAX 1024

/* libvirt's virErrorNumber, as far as clients branch on it (libvirt/virterror.h). */
enum err_code {
	ERR_OK = 0,
	ERR_INTERNAL_ERROR = 1,
	ERR_NO_MEMORY = 2,
	ERR_NO_SUPPORT = 3,
	ERR_NO_CONNECT = 5,
	ERR_INVALID_CONN = 6,
	ERR_INVALID_DOMAIN = 7,
	ERR_INVALID_ARG = 8,
	ERR_OPERATION_FAILED = 9,
	ERR_XML_ERROR = 27,
	ERR_DOM_EXIST = 28,
	ERR_OPERATION_DENIED = 29,
	ERR_CONF_SYNTAX = 34,
	ERR_SYSTEM_ERROR = 38,
	ERR_RPC = 39,
	ERR_NO_DOMAIN = 42,
	ERR_NO_NETWORK = 43,
	ERR_INVALID_MAC = 44,
	ERR_AUTH_FAILED = 45,
	ERR_NO_STORAGE_POOL = 49,
	ERR_NO_STORAGE_VOL = 50,
	ERR_NO_NODE_DEVICE = 53,
	ERR_OPERATION_INVALID = 55,
	ERR_NO_INTERFACE = 57,
	ERR_NO_NWFILTER = 62,
	ERR_NO_SECRET = 66,
	ERR_CONFIG_UNSUPPORTED = 67,
	ERR_OPERATION_TIMEOUT = 68,
	ERR_NO_DOMAIN_SNAPSHOT = 72,
	ERR_INVALID_STREAM = 73,
	ERR_ARGUMENT_UNSUPPORTED = 74,
	ERR_OPERATION_ABORTED = 78,
	ERR_AUTH_CANCELLED = 79,
	ERR_NO_DOMAIN_METADATA = 80,
	ERR_OVERFLOW = 82,
	ERR_OPERATION_UNSUPPORTED = 84,
	ERR_SSH = 85,
	ERR_AGENT_UNRESPONSIVE = 86,
	ERR_RESOURCE_BUSY = 87,
	ERR_ACCESS_DENIED = 88,
	ERR_XML_INVALID_SCHEMA = 92,
};

struct err {
	int32_t code;              /* enum err_code; 0: no error */
	char text[ERR_TEXT_MAX];   /* names the object, the layer that refused, the way out */
};

/*
 * Fill `err` (may be NULL) and return `ret`, a negative errno, so that a
 * refusal is one statement. The text is cut at ERR_TEXT_MAX.
 */
int err_set(struct err *err, int ret, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int err_vset(struct err *err, int ret, int code, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

/* As err_set() with ERR_SYSTEM_ERROR, code `-ret` explained by strerror. */
int err_sys(struct err *err, int ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "prefix: " before the text that is there. Returns `ret`. */
int err_prefix(struct err *err, int ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
