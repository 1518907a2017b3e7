/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/rpc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/be.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/xdr.h"
#include "proto/remote.x.h"
#include "xml/domain.h"

#define SOCKET "/run/libvirt/libvirt-sock-ro"   /* or below an instance's folder */
#define PROGRAM 0x20008086u
#define HEAD 28u
#define REPLY_MAX (8u << 20)
#define ANSWER_S 30
#define UUID_TEXT 36

/* procedures of proto/remote.x */
enum { CONNECT_OPEN = 1, DOMAIN_GET_XML_DESC = 14, DOMAIN_LOOKUP_BY_NAME = 23,
       DOMAIN_LOOKUP_BY_UUID = 24 };

struct rpc {
	int fd;
	uint32_t serial;
	struct arena *arena;
};

static int connect_to(const char *dir, const char *path, struct err *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const struct timeval patience = { ANSWER_S, 0 };
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s%s", dir && !path ? dir : "",
			 path ? path : SOCKET);
	CLEAN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (n < 0 || (size_t)n >= sizeof(a.sun_path))
		return err_set(err, -ENAMETOOLONG, ERR_INVALID_ARG, "the socket's path is too long");
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(err, -errno, "'%s'", a.sun_path);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return take_fd(&fd);
}

static int read_full(int fd, void *p, size_t n)
{
	ssize_t r = n ? recv(fd, p, n, MSG_WAITALL) : 0;

	return r == (ssize_t)n ? 0 : r < 0 ? -errno : -EPIPE;
}

static int refused(const struct rpc *c, const uint8_t *body, size_t len, struct err *err)
{
	struct remote_error e;
	int rc = xdr_decode(&remote_error_xdr, body, len, c->arena, &e, NULL, err);

	return rc ? rc : err_set(err, e.code == ERR_NO_DOMAIN ? -ENOENT : -EIO, e.code, "%s",
				 e.message ? e.message : "the daemon refused without a reason");
}

static int send_call(struct rpc *c, uint32_t procedure, const struct xdr_type *t, const void *args)
{
	const uint32_t head[] = { 0, PROGRAM, 1, procedure, 0, ++c->serial, 0 };
	uint8_t raw[HEAD] = { 0 };
	CLEAN_BUF struct buf b = { 0 };
	int rc;

	buf_init(&b, REPLY_MAX);
	buf_put(&b, raw, sizeof(raw));
	rc = xdr_encode(t, args, &b);
	if (rc || b.error)
		return rc ? rc : b.error;
	for (unsigned i = 0; i < HEAD / 4; i++)
		be_put32((uint8_t *)b.data + 4 * i, i ? head[i] : (uint32_t)b.len);
	return fd_write_all(c->fd, b.data, b.len);
}

/* One call and its reply, decoded into `ret`. */
static int call(struct rpc *c, uint32_t procedure, const struct xdr_type *t, const void *args,
		const struct xdr_type *ret_t, void *ret, struct err *err)
{
	uint8_t head[HEAD], *body;
	size_t len;
	int rc = send_call(c, procedure, t, args);

	if (rc == 0)
		rc = read_full(c->fd, head, sizeof(head));
	if (rc < 0)
		return err_sys(err, rc, "talking to the daemon");
	len = be_get32(head);
	if (len < HEAD || len - HEAD > REPLY_MAX || be_get32(head + 12) != procedure ||
	    be_get32(head + 20) != c->serial)
		return err_set(err, -EPROTO, ERR_INTERNAL_ERROR, "the daemon's answer makes no sense");
	len -= HEAD;
	body = arena_alloc(c->arena, len + 1);
	rc = body ? read_full(c->fd, body, len) : -ENOMEM;
	if (rc < 0)
		return err_sys(err, rc, "the daemon's answer");
	if (be_get32(head + 24) != 0)
		return refused(c, body, len, err);
	return xdr_decode(ret_t, body, len, c->arena, ret, NULL, err);
}

static bool parse_uuid(const char *s, uint8_t out[16])
{
	unsigned byte, n = 0;

	if (strlen(s) != UUID_TEXT)
		return false;
	for (; *s && n < 16; s += 2) {
		if (*s == '-')
			s++;
		if (sscanf(s, "%2x", &byte) != 1)
			return false;
		out[n++] = (uint8_t)byte;
	}
	return n == 16 && !*s;
}

static int look_up(struct rpc *c, const char *guest, struct remote_nonnull_domain *ret, struct err *err)
{
	struct remote_domain_lookup_by_uuid_args by_uuid;
	struct remote_domain_lookup_by_name_args by_name = { .name = (char *)(uintptr_t)guest };
	struct remote_domain_lookup_by_name_ret name_ret;
	struct remote_domain_lookup_by_uuid_ret uuid_ret;
	struct err first = { 0 };
	int rc = call(c, DOMAIN_LOOKUP_BY_NAME, &remote_domain_lookup_by_name_args_xdr, &by_name,
		      &remote_domain_lookup_by_name_ret_xdr, &name_ret, &first);

	if (rc == 0) {
		*ret = name_ret.dom;
		return 0;
	}
	if (rc == -ENOENT && parse_uuid(guest, by_uuid.uuid) &&
	    call(c, DOMAIN_LOOKUP_BY_UUID, &remote_domain_lookup_by_uuid_args_xdr, &by_uuid,
		 &remote_domain_lookup_by_uuid_ret_xdr, &uuid_ret, err) == 0) {
		*ret = uuid_ret.dom;
		return 0;
	}
	*err = first;
	return rc;
}

int rpc_running_guest(const char *dir, const char *path, const char *guest, struct arena *a,
		      struct domain *ret, struct err *err)
{
	CLEAN_FD int fd = connect_to(dir, path, err);
	struct rpc c = { .fd = fd, .arena = a };
	struct remote_connect_open_args open_args = { .name = (char *)(uintptr_t)"qemu:///system",
						      .flags = 1 /* read-only */ };
	struct remote_domain_get_xml_desc_args xml_args = { 0 };
	struct remote_domain_get_xml_desc_ret xml;
	int rc = fd < 0 ? fd : 0;

	if (rc == 0)
		rc = call(&c, CONNECT_OPEN, &remote_connect_open_args_xdr, &open_args, &xdr_void, NULL, err);
	if (rc == 0)
		rc = look_up(&c, guest, &xml_args.dom, err);
	if (rc == 0 && xml_args.dom.id < 0)
		rc = err_set(err, -ENOENT, ERR_OPERATION_INVALID, "guest '%s' does not run",
			     xml_args.dom.name);
	if (rc == 0)
		rc = call(&c, DOMAIN_GET_XML_DESC, &remote_domain_get_xml_desc_args_xdr, &xml_args,
			  &remote_domain_get_xml_desc_ret_xdr, &xml, err);
	return rc ? rc : domain_xml_parse(xml.xml, strlen(xml.xml), 0, a, ret, err);
}
