/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "core/client.h"
#include "core/may.h"

#define RECORD_MAX 4096
#define FILE_NAME "audit.log"
#define FILE_OLD "audit.log.0"

static int out = -1;

void audit_open(void)
{
	out = open(FILE_NAME, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out < 0)
		log_error("%s: %s", FILE_NAME, strerrordesc_np(errno));
}

static void rotate(void)
{
	struct stat st;

	if (fstat(out, &st) < 0 || st.st_size < (off_t)AUDIT_FILE_MAX)
		return;
	if (rename(FILE_NAME, FILE_OLD) < 0)
		log_error("%s: %s", FILE_OLD, strerrordesc_np(errno));
	fd_close(&out);
	audit_open();
}

/* A name may hold what would end a field: auditd's own answer is hexadecimal. */
static void put_name(struct buf *b, const char *name)
{
	bool plain = true;

	for (const unsigned char *p = (const unsigned char *)name; *p; p++)
		plain = plain && *p > 0x20 && *p < 0x7f && *p != '"';
	if (plain) {
		buf_printf(b, "\"%s\"", name);
		return;
	}
	for (const unsigned char *p = (const unsigned char *)name; *p; p++)
		buf_printf(b, "%02X", *p);
}

/* "type=VIRT_CONTROL msg=audit(TIME:SERIAL): "; the serial is the request's id. */
static void put_head(struct buf *b, const char *type, size_t n)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	buf_printf(b, "type=%.*s msg=audit(%lld.%03ld:%llx): ", (int)n, type, (long long)ts.tv_sec,
		   ts.tv_nsec / 1000000, (unsigned long long)ipc_req);
}

static void put_subject(struct buf *b, const char *name, const uint8_t uuid[16])
{
	char text[GUEST_UUID_TEXT];

	guest_uuid_text(uuid, text);
	buf_puts(b, " vm=");
	put_name(b, name);
	buf_printf(b, " uuid=%s", text);
}

static void finish(struct buf *b, bool success)
{
	buf_printf(b, " res=%s\n", success ? "success" : "failed");
	/* who asks for these in the log wants them at its default level */
	if (core.conf.audit_logging && !b->error)
		log_warn("audit: %s", buf_str(b));
	if (b->error || out < 0)
		return;
	if (fd_write_all(out, b->data, b->len))
		log_error("%s: cannot be written", FILE_NAME);
	rotate();
}

void audit_guest(const struct guest *g, const char *op, const char *reason, bool success)
{
	static const char type[] = "VIRT_CONTROL";
	CLEAN_BUF struct buf b = { 0 };

	if (!core.conf.audit_level)
		return;
	buf_init(&b, RECORD_MAX);
	put_head(&b, type, sizeof(type) - 1);
	buf_printf(&b, "virt=%s op=%s reason=%s",
		   g->run && g->run->rec.live.type == DOM_TYPE_KVM ? "kvm" : "qemu", op, reason);
	put_subject(&b, g->name, g->uuid);
	buf_printf(&b, " vm-pid=%d vm-uid=%u", g->run ? g->run->rec.launched.qemu_pid : -1,
		   g->run ? g->run->rec.launched.guest_uid : 0);
	finish(&b, success);
}

/* ---- what clients ask for ---- */

/* What is to be said when the call is answered: client and guest may be gone by then. */
struct note {
	uint64_t client;
	unsigned uid;
	int pid;
	const char *role;
	bool about_guest;
	uint8_t uuid[16];
	char *name;
};

/* The row says "TYPE op". */
static void answered(struct ipc_call *call, bool ok)
{
	const struct note *n = call->answer_ctx;
	const char *op = strchr(ipc_row_audit(call->row), ' ');
	CLEAN_BUF struct buf b = { 0 };

	buf_init(&b, RECORD_MAX);
	put_head(&b, ipc_row_audit(call->row), op ? (size_t)(op - ipc_row_audit(call->row)) : strlen(ipc_row_audit(call->row)));
	buf_printf(&b, "op=%s reason=request client=%llu pid=%d uid=%u role=%s",
		   op ? op + 1 : ipc_row_name(call->row), (unsigned long long)n->client, n->pid, n->uid, n->role);
	if (n->about_guest)
		put_subject(&b, n->name ? n->name : "?", n->uuid);
	finish(&b, ok);
}

void audit_call(struct ipc_call *call)
{
	const struct client *c = client_of(call);
	struct note *n;

	if (!call->row->audit || !core.conf.audit_level)
		return;
	n = arena_calloc(call->arena, 1, sizeof(*n));
	if (!n)
		return;
	n->client = c->id;
	n->uid = c->who.uid;
	n->pid = c->who.pid;
	n->role = may_role_name(c->role);
	call->on_answer = answered;
	call->answer_ctx = n;
}

void audit_subject(struct ipc_call *call, const uint8_t uuid[16], const char *name)
{
	struct note *n = call->on_answer == answered ? call->answer_ctx : NULL;

	if (!n)
		return;
	n->about_guest = true;
	memcpy(n->uuid, uuid, 16);
	n->name = arena_strdup(call->arena, name);
}
