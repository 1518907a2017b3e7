/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors in libvirt's words: its codes, its sentence around ours, the names of its functions. */
#include <string.h>

#include "conn/conn.h"

/* virErrorDomain: the part of libvirt that would have spoken */
enum {
	FROM_NONE = 0, FROM_RPC = 7, FROM_QEMU = 10, FROM_STORAGE = 18, FROM_NETWORK = 19,
	FROM_DOMAIN = 20, FROM_NODEDEV = 22, FROM_INTERFACE = 26, FROM_SECRET = 30,
	FROM_NWFILTER = 33, FROM_STREAMS = 38,
};
#define LEVEL_ERROR 2
#define READ_ONLY "read only access prevents "   /* core/may.c, and a row's name */

/* What libvirt writes before the detail. Texts that have it already are not given it twice. */
static const struct {
	int code;
	const char *prefix;
} sentences[] = {
	{ ERR_INTERNAL_ERROR, "internal error: " },
	{ ERR_NO_MEMORY, "out of memory: " },
	{ ERR_NO_SUPPORT, "this function is not supported by the connection driver: " },
	{ ERR_NO_CONNECT, "no connection driver available for " },
	{ ERR_INVALID_CONN, "invalid connection pointer in " },
	{ ERR_INVALID_DOMAIN, "invalid domain pointer in " },
	{ ERR_INVALID_ARG, "invalid argument: " },
	{ ERR_OPERATION_FAILED, "operation failed: " },
	{ ERR_XML_ERROR, "XML error: " },
	{ ERR_DOM_EXIST, "this domain exists already: " },
	{ ERR_OPERATION_DENIED, "operation forbidden: " },
	{ ERR_NO_DOMAIN, "Domain not found: " },
	{ ERR_NO_NETWORK, "Network not found: " },
	{ ERR_INVALID_MAC, "invalid MAC address: " },
	{ ERR_AUTH_FAILED, "authentication failed: " },
	{ ERR_NO_STORAGE_POOL, "Storage pool not found: " },
	{ ERR_NO_STORAGE_VOL, "Storage volume not found: " },
	{ ERR_NO_NODE_DEVICE, "Node device not found: " },
	{ ERR_OPERATION_INVALID, "Requested operation is not valid: " },
	{ ERR_NO_INTERFACE, "Interface not found: " },
	{ ERR_NO_NWFILTER, "Network filter not found: " },
	{ ERR_NO_SECRET, "Secret not found: " },
	{ ERR_CONFIG_UNSUPPORTED, "unsupported configuration: " },
	{ ERR_OPERATION_TIMEOUT, "Timed out during operation: " },
	{ ERR_NO_DOMAIN_SNAPSHOT, "Domain snapshot not found: " },
	{ ERR_INVALID_STREAM, "invalid stream pointer in " },
	{ ERR_ARGUMENT_UNSUPPORTED, "argument unsupported: " },
	{ ERR_OPERATION_ABORTED, "operation aborted: " },
	{ ERR_NO_DOMAIN_METADATA, "metadata not found: " },
	{ ERR_OVERFLOW, "numerical overflow: " },
	{ ERR_OPERATION_UNSUPPORTED, "Operation not supported: " },
	{ ERR_AGENT_UNRESPONSIVE, "Guest agent is not responding: " },
	{ ERR_RESOURCE_BUSY, "resource busy: " },
	{ ERR_ACCESS_DENIED, "access denied: " },
	{ ERR_XML_INVALID_SCHEMA, "XML document failed to validate against schema: " },
};

static const char *prefix_of(int code)
{
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (sentences[i].code == code)
			return sentences[i].prefix;
	return "";
}

static int class_domain(uint8_t cls)
{
	static const int from[] = {
		[IPC_CLASS_DOMAIN] = FROM_DOMAIN, [IPC_CLASS_NETWORK] = FROM_NETWORK,
		[IPC_CLASS_NETWORK_PORT] = FROM_NETWORK, [IPC_CLASS_NWFILTER] = FROM_NWFILTER,
		[IPC_CLASS_NWFILTER_BINDING] = FROM_NWFILTER,
		[IPC_CLASS_NODE_DEVICE] = FROM_NODEDEV,
		[IPC_CLASS_STORAGE_POOL] = FROM_STORAGE, [IPC_CLASS_STORAGE_VOL] = FROM_STORAGE,
		[IPC_CLASS_SECRET] = FROM_SECRET, [IPC_CLASS_INTERFACE] = FROM_INTERFACE,
	};

	return cls < sizeof(from) / sizeof(from[0]) ? from[cls] : FROM_NONE;
}

/* Which part of libvirt says this: its public interface, its wire, or the driver. */
static int domain_of(const struct ipc_row *row, int code)
{
	uint8_t cls = row ? row->cls : IPC_CLASS_NONE;

	if (!row || code == ERR_RPC || code == ERR_AUTH_FAILED)
		return FROM_RPC;
	if (code == ERR_NO_CONNECT)
		return FROM_NONE;
	if (code == ERR_NO_SUPPORT || code == ERR_OPERATION_DENIED || code == ERR_XML_ERROR)
		return class_domain(cls);
	if (code == ERR_INVALID_STREAM)
		return FROM_STREAMS;
	if (cls == IPC_CLASS_DOMAIN || cls == IPC_CLASS_CONNECT || cls == IPC_CLASS_NONE)
		return FROM_QEMU;
	return class_domain(cls);
}

/* ---- names ---- */

/* Words of a row's name that libvirt's functions do not write with one capital. */
static const char *const words[][2] = {
	{ "XML", "XML" }, { "UUID", "UUID" }, { "ID", "ID" }, { "URI", "URI" }, { "CPU", "CPU" },
	{ "OS", "OS" }, { "FD", "FD" }, { "NMI", "NMI" }, { "PM", "PM" }, { "MAC", "MAC" },
	{ "DHCP", "DHCP" }, { "SEV", "SEV" }, { "SCSI", "SCSI" }, { "WWN", "WWN" },
	{ "SSH", "SSH" }, { "FSTRIM", "FSTrim" }, { "FSFREEZE", "FSFreeze" },
	{ "FSTHAW", "FSThaw" }, { "FSINFO", "FSInfo" }, { "IOTHREAD", "IOThread" },
	{ "IOTHREADS", "IOThreads" }, { "NWFILTER", "NWFilter" }, { "NWFILTERS", "NWFilters" },
	{ "CALLBACK", "" },
};

void error_api_name(const struct ipc_program *p, const struct ipc_row *row,
		    char ret[ERROR_NAME_MAX])
{
	size_t at = 3;
	const char *s = ipc_row_name(row);

	memcpy(ret, "vir", 4);
	while (*s) {
		size_t n = strcspn(s, "_");
		const char *as = NULL;

		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (strlen(words[i][0]) == n && !memcmp(words[i][0], s, n))
				as = words[i][1];
		for (size_t i = 0; !as && i < n && at < ERROR_NAME_MAX - 6; i++)
			ret[at++] = (char)(i && s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
		for (; as && *as && at < ERROR_NAME_MAX - 6; as++)
			ret[at++] = *as;
		/* virDomainQemuMonitorCommand */
		if (p == &qemu_program && n == 6 && !memcmp(s, "DOMAIN", 6)) {
			memcpy(ret + at, "Qemu", 4);
			at += 4;
		}
		s += n;
		s += *s == '_';
	}
	ret[at] = '\0';
}

/* ---- encoding ---- */

static bool row_name(const char *s)
{
	return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")] == '\0';
}

int error_encode(const struct ipc_program *p, const struct ipc_row *row, const struct err *err,
		 struct buf *out)
{
	const char *prefix = prefix_of(err->code);
	size_t n = strlen(prefix), kept = 0;
	char message[ERR_TEXT_MAX + 96], format[96], name[ERROR_NAME_MAX];
	const char *detail = err->text, *rest;
	struct remote_error e = {
		.code = err->code, .domain = domain_of(row, err->code), .level = LEVEL_ERROR,
		.message = message, .str1 = format, .int1 = -1, .int2 = -1,
	};

	if (!strncmp(detail, prefix, n))
		detail += n;
	/* the other rooms know rows, clients know functions */
	if (err->code == ERR_OPERATION_DENIED && !strncmp(detail, READ_ONLY, strlen(READ_ONLY)))
		kept = strlen(READ_ONLY);
	rest = detail + kept;
	if ((err->code == ERR_NO_SUPPORT || kept) && row && row_name(rest)) {
		error_api_name(p, row, name);
		rest = name;
	}
	snprintf(message, sizeof(message), "%s%.*s%s", prefix, (int)kept, detail, rest);
	snprintf(format, sizeof(format), "%s%%s", prefix);
	e.str2 = message + n;
	return xdr_encode(&remote_error_xdr, &e, out);
}
