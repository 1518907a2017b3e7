/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

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

void audit_guest(const struct guest *g, const char *op, const char *reason, bool success)
{
	CLEAN_BUF struct buf b = { 0 };
	char uuid[GUEST_UUID_TEXT];
	struct timespec ts;

	if (!core.conf.audit_level)
		return;
	buf_init(&b, 4096);
	clock_gettime(CLOCK_REALTIME, &ts);
	guest_uuid_text(g->uuid, uuid);
	buf_printf(&b, "type=VIRT_CONTROL msg=audit(%lld.%03ld:%llx): virt=%s op=%s reason=%s vm=",
		   (long long)ts.tv_sec, ts.tv_nsec / 1000000, (unsigned long long)ipc_req,
		   g->run && g->run->rec.live.type == DOM_TYPE_KVM ? "kvm" : "qemu", op, reason);
	put_name(&b, g->name);
	buf_printf(&b, " uuid=%s vm-pid=%d uid=%u res=%s\n", uuid,
		   g->run ? g->run->rec.launched.qemu_pid : -1,
		   g->run ? g->run->rec.launched.guest_uid : 0, success ? "success" : "failed");
	if (core.conf.audit_logging && !b.error)
		log_info("audit: %s", buf_str(&b));
	if (b.error || out < 0)
		return;
	if (fd_write_all(out, b.data, b.len))
		log_error("%s: cannot be written", FILE_NAME);
	rotate();
}
