/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cordon-core is the authority: whoever takes it over can start and stop every
 * guest. What it cannot is what cordon-disk, cordon-file and cordon-launch hold
 * by themselves: roots and denied folders, one writer per inode, uids and
 * labels, which program runs. It is taken over when a client comes and the file "take-over" lies in its
 * folder: it has adopted its guests by then.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "core/core.h"
#include "escape.h"
#include "ipc/msg.h"
#include "proto/ipc.x.h"
#include "room.h"

#define ANSWER_MS 10000
#define SPARE_FD 200      /* above those that it is started with */
#define MEMORY (4u << 20)
#define RESTORE_MS 500     /* until a label that is to be put back has been */

int __real_intake_on_client(struct ipc_call *call, const struct room_client *args);
int __wrap_intake_on_client(struct ipc_call *call, const struct room_client *args);

static const uint8_t own[16] = { 0x0e, 0x5c, 0xa9, 0xe0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 2 };

static char why[256];      /* what the neighbour said when it refused */

static void keep_reason(const char *body, size_t len)
{
	CLEAN_ARENA struct arena *a = arena_new(MEMORY);
	struct ipc_error e = { 0 };

	snprintf(why, sizeof(why), "%s", a && xdr_decode(&ipc_error_xdr, body, len, a, &e, NULL, NULL) == 0 ?
		 e.text : "?");
	for (char *p = why; *p; p++)
		if (*p == '\n' || *p == '|')
			*p = ' ';
}

/*
 * One call and its answer. 0 answered (the first descriptor that came in
 * *ret_fd), -EACCES refused. All else shows nothing, and the test takes it for
 * a failure: -EBADMSG could not be said, -EPIPE the channel was closed, -ETIMEDOUT.
 */
static int ask(int sock, const struct ipc_program *p, const char *row_name, const void *args, const int *fds,
	       unsigned n_fds, int *ret_fd)
{
	static uint64_t last = 100;
	const uint64_t serial = ++last;
	static char data[IPC_PACKET_MAX];
	const struct ipc_row *row = p->rows;
	const struct ipc_head *got = (const void *)data;
	struct ipc_head h = { .magic = IPC_MAGIC, .kind = IPC_CALL, .program = p->number,
			      .version = p->version, .serial = serial, .req = 1, .n_fds = (uint16_t)n_fds };
	union {
		struct cmsghdr head;
		char space[IPC_CTRL_SIZE];
	} control = { 0 };
	CLEAN_BUF struct buf body;
	struct iovec iov[2];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	while (strcmp(ipc_row_name(row), row_name))
		row++;
	buf_init(&body, 60000);
	why[0] = '\0';
	if (xdr_encode(ipc_row_args(row), args, &body) < 0)
		return -EBADMSG;
	h.num = row->num;
	h.body_len = (uint32_t)body.len;
	iov[0] = (struct iovec){ &h, sizeof(h) };
	iov[1] = (struct iovec){ body.data, body.len };
	if (n_fds) {
		control.head = (struct cmsghdr){ CMSG_LEN(n_fds * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.head), fds, n_fds * sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	}
	if (sendmsg(sock, &m, MSG_NOSIGNAL) < 0)
		return -EPIPE;
	for (;;) {
		struct pollfd w = { sock, POLLIN, 0 };
		ssize_t n;

		iov[0] = (struct iovec){ data, sizeof(data) };
		m = (struct msghdr){ .msg_iov = iov, .msg_iovlen = 1, .msg_control = &control,
				     .msg_controllen = sizeof(control) };
		if (poll(&w, 1, ANSWER_MS) != 1)
			return -ETIMEDOUT;
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
		if (n <= 0)
			return -EPIPE;
		if ((size_t)n < sizeof(h) || got->serial != serial || (got->kind != IPC_REPLY && got->kind != IPC_ERROR))
			continue;
		if (got->kind == IPC_ERROR) {
			keep_reason(data + sizeof(*got), (size_t)n - sizeof(*got));
			return -EACCES;
		}
		if (ret_fd && got->n_fds)
			memcpy(ret_fd, CMSG_DATA(&control.head), sizeof(int));
		return 0;
	}
}

static char *text(const char *s)
{
	return (char *)(uintptr_t)(s ? s : "");
}

static void victim(uint8_t u[16])
{
	const char *s = target("victim_uuid");
	unsigned byte;

	for (int i = 0; s && *s && i < 16; s += 2) {
		s += *s == '-';
		if (sscanf(s, "%2x", &byte) == 1)
			u[i++] = (uint8_t)byte;
	}
}

/* ---- disk and file ---- */

static int disk(const char *row, const void *args, const int *fds, unsigned n, int *ret_fd)
{
	return ask(core.disk.ch.fd, &disk_program, row, args, fds, n, ret_fd);
}

static int open_image(const char *path, enum file_role role, bool write, bool shareable, bool block)
{
	struct disk_open_args a = { .role = role, .path = text(path), .format = DOM_DISK_FORMAT_RAW,
				    .write = write, .shareable = shareable, .block = block,
				    .backing_given = true };

	memcpy(a.guest, own, sizeof(own));
	return disk("OPEN", &a, NULL, 0, NULL);
}

static int open_free(void) { return open_image(target("free_image"), FILE_ROLE_ADMIN, true, false, false); }
static int open_shadow(void) { return open_image("/etc/shadow", FILE_ROLE_ROOT, false, false, false); }
static int open_outside(void) { return open_image(target("outside"), FILE_ROLE_ADMIN, false, false, false); }
static int open_link(void) { return open_image(target("link_out"), FILE_ROLE_ADMIN, false, false, false); }
static int open_root_link(void) { return open_image(target("link_out"), FILE_ROLE_ROOT, false, false, false); }
static int open_dotdot(void) { return open_image(target("dotdot"), FILE_ROLE_ADMIN, false, false, false); }
static int open_record(void) { return open_image(target("victim_record"), FILE_ROLE_ROOT, true, false, false); }
static int open_tpm(void) { return open_image(target("victim_tpm_file"), FILE_ROLE_ROOT, true, false, false); }
static int open_log(void) { return open_image(target("victim_log"), FILE_ROLE_ROOT, true, false, false); }
static int open_conf(void) { return open_image(target("conf"), FILE_ROLE_ROOT, true, false, false); }
static int open_run(void) { return open_image(target("run_file"), FILE_ROLE_ROOT, false, false, false); }
static int open_proc(void) { return open_image("/proc/self/environ", FILE_ROLE_ROOT, false, false, false); }
static int open_disk(void) { return open_image(target("victim_block"), FILE_ROLE_ADMIN, false, false, true); }
static int write_victim(void) { return open_image(target("victim_image"), FILE_ROLE_ROOT, true, false, false); }
static int share_victim(void) { return open_image(target("victim_image"), FILE_ROLE_ROOT, true, true, false); }
static int read_victim(void) { return open_image(target("victim_image"), FILE_ROLE_ROOT, false, false, false); }
static int write_victim_link(void) { return open_image(target("victim_hard"), FILE_ROLE_ROOT, true, false, false); }
static int write_victim_block(void)
{
	return open_image(target("victim_block"), FILE_ROLE_ROOT, true, false, true);
}

/*
 * A core that never said which guests run: cordon-disk knows of none, for its claims are dropped here
 * by their own verb.
 */
static int forget(void)
{
	struct disk_guest_args a = { 0 };

	victim(a.guest);
	return disk("RELEASE", &a, NULL, 0, NULL);
}

static int forgotten_writer(void) { return forget() ? -EIO : write_victim(); }
static int forgotten_reader(void) { return forget() ? -EIO : read_victim(); }
static int forgotten_block(void) { return forget() ? -EIO : write_victim_block(); }

/* What became of the label, whoever stands outside sees. */
static int forgotten_restore(void)
{
	int r = forget();

	poll(NULL, 0, RESTORE_MS);
	return r;
}

static int plain(const char *path)
{
	struct disk_plain_args a = { .role = FILE_ROLE_ROOT, .path = text(path) };

	memcpy(a.guest, own, sizeof(own));
	return disk("OPEN_PLAIN", &a, NULL, 0, NULL);
}

static int plain_shadow(void) { return plain("/etc/shadow"); }
static int plain_free(void) { return plain(target("free_kernel")); }

static int nvram(const char *path, const char *template_path)
{
	struct disk_nvram_args a = { .role = FILE_ROLE_ROOT, .path = text(path),
				     .template_path = text(template_path) };

	memcpy(a.guest, own, sizeof(own));
	return disk("OPEN_NVRAM", &a, NULL, 0, NULL);
}

static int nvram_own(void)
{
	return nvram(target("nvram_file"), "/usr/share/OVMF/OVMF_VARS.fd");
}

static int nvram_template(void)
{
	return nvram(target("nvram_file"), "/etc/shadow");
}

static int nvram_outside(void)
{
	return nvram("/etc/cron.d/cordon-escape", "/usr/share/OVMF/OVMF_VARS.fd");
}

static int unlink_store(const char *path)
{
	struct disk_unlink_args a = { .path = text(path) };

	memcpy(a.guest, own, sizeof(own));
	return disk("UNLINK_NVRAM", &a, NULL, 0, NULL);
}

static int unlink_image(void) { return unlink_store(target("victim_image")); }

static int release_disk(void)
{
	struct disk_guest_args a = { 0 };

	memcpy(a.guest, own, sizeof(own));
	return disk("RELEASE", &a, NULL, 0, NULL);
}

/* It is in use until its guest is forgotten. */
static int unlink_own(void)
{
	int r = release_disk();

	return r ? r : unlink_store(target("nvram_file"));
}

static int stat_image(const char *path)
{
	struct disk_stat_args a = { .role = FILE_ROLE_ROOT, .path = text(path),
				    .format = DOM_DISK_FORMAT_RAW };

	return disk("STAT", &a, NULL, 0, NULL);
}

static int stat_shadow(void) { return stat_image("/etc/shadow"); }
static int stat_free(void) { return stat_image(target("free_image")); }

static int label(uint64_t dev, uint64_t ino, const char *what, int fd)
{
	struct disk_label_row row = { .dev = dev, .ino = ino, .label = text(what) };
	struct disk_label_args a = { .rows = &row, .n_rows = 1 };

	memcpy(a.guest, own, sizeof(own));
	return disk("LABEL", &a, &fd, 1, NULL);
}

/* A file that nobody else has, made before there is a sandbox: core's own may make none in memory. */
static int spare = -1;

static void __attribute__((constructor)) make_spare(void)
{
	int fd = memfd_create("escape", MFD_CLOEXEC);

	spare = fcntl(fd, F_DUPFD_CLOEXEC, SPARE_FD);
	close(fd);
}

/* A label for the victim's image, by a descriptor that is something else. */
static int label_victim(void)
{
	int fd = dup(spare), r;

	r = label((uint64_t)target_number("victim_dev"), (uint64_t)target_number("victim_ino"),
		  "system_u:object_r:svirt_image_t:s0:c1,c2", fd);
	if (fd >= 0)
		close(fd);
	return r;
}

/* For one's own open image. Void where its file system keeps no labels: cordon-disk says so first. */
static int label_own(const char *what)
{
	struct disk_open_args a = { .role = FILE_ROLE_ADMIN, .path = text(target("free_image")), .write = true,
				    .format = DOM_DISK_FORMAT_RAW, .backing_given = true };
	struct stat st;
	int fd = -1, r;

	memcpy(a.guest, own, sizeof(own));
	r = release_disk();
	if (r == 0)
		r = disk("OPEN", &a, NULL, 0, &fd);
	if (r == 0)
		r = fstat(fd, &st) < 0 ? -EBADMSG : label(st.st_dev, st.st_ino, what, fd);
	if (fd >= 0)
		close(fd);
	return r == -EACCES && strstr(why, "keeps no labels") ? ESCAPE_VOID : r;
}

static int label_free(void) { return label_own("system_u:object_r:svirt_image_t:s0:c1,c2"); }
static int label_type(void) { return label_own("system_u:object_r:shadow_t:s0"); }

/* ---- launch ---- */

static int launch(const char *row, const void *args, const int *fds, unsigned n)
{
	return ask(core.launch.ch.fd, &launch_program, row, args, fds, n, NULL);
}

static int ledger(const char *row, const void *args)
{
	return ask(core.ledger.ch.fd, &ledger_program, row, args, NULL, 0, NULL);
}

/* For a guest of its own each: who has a claim gets the same one again. */
static int claim(const char *label, bool fixed, unsigned categories)
{
	static uint8_t last = 0x10;
	struct ledger_claim_args a = { .label = text(label), .fixed = fixed, .categories = categories };

	if (!label)
		a.label = NULL;
	memcpy(a.guest, own, sizeof(own));
	a.guest[15] = last++;
	return ledger("CLAIM", &a);
}

static int claim_free(void) { return claim(NULL, false, 0); }
static int claim_unconfined(void) { return claim("system_u:system_r:unconfined_t:s0", true, 1024); }
static int claim_other(void) { return claim("system_u:system_r:cordon_launch_t:s0:c1,c2", true, 1024); }
static int claim_garbage(void) { return claim("a\nb:c:d:e", false, 1024); }
static int claim_no_pair(void) { return claim("system_u:system_r:svirt_t:s0", false, 1); }

static int start(const uint8_t guest[16], const char *name, unsigned n_fds, unsigned rows)
{
	struct guest_fd list[4] = { { .kind = GUEST_FD_KIND_IMAGE }, { .kind = GUEST_FD_KIND_IMAGE },
				    { .kind = GUEST_FD_KIND_IMAGE }, { .kind = GUEST_FD_KIND_IMAGE } };
	struct launch_start_args a = { .name = text(name), .memory_kib = 65536, .fds = list, .n_fds = rows };
	int fds[4], r;

	memcpy(a.guest, guest, 16);
	for (unsigned i = 0; i < 4; i++)
		fds[i] = dup(spare);
	r = launch("START", &a, fds, n_fds);
	for (unsigned i = 0; i < 4; i++)
		close(fds[i]);
	return r;
}

static int release_victim(void)
{
	struct ledger_guest a;

	victim(a.guest);
	return ledger("RELEASE", &a);
}

/* Control: one that was claimed and never started. */
static int release_own(void)
{
	struct ledger_claim_args a = { 0 };
	struct ledger_guest g;
	int r;

	memcpy(a.guest, own, sizeof(own));
	memcpy(g.guest, own, sizeof(own));
	r = ledger("CLAIM", &a);
	return r ? r : ledger("RELEASE", &g);
}

static int start_victim(void)
{
	uint8_t u[16] = { 0 };

	victim(u);
	return start(u, "victim", 1, 0);
}

static int start_unclaimed(void) { return start(own, "own", 1, 0); }

/* No message says which uid: whoever could write into the ledger's folder has put a claim there (authority.py). */
static int start_forged(uint8_t which)
{
	uint8_t u[16];

	memcpy(u, own, sizeof(u));
	u[15] = which;
	return start(u, "own", 1, 0);
}

static int start_root(void) { return start_forged(0xf0); }
static int start_user(void) { return start_forged(0xf1); }
static int start_above(void) { return start_forged(0xf2); }
static int start_taken(void) { return start_forged(0xf3); }

/* Its uids are claimed, and no descriptor is one too many. */
static int claim_own(void)
{
	struct ledger_claim_args a = { 0 };

	memcpy(a.guest, own, sizeof(own));
	return ledger("CLAIM", &a);
}

static int start_descriptors(void) { return start(own, "own", 4, 1); }
static int start_claimed(void) { return start(own, "own", 1, 0); }

static int cleanup_own(void)
{
	struct launch_guest_args a = { 0 };

	memcpy(a.guest, own, sizeof(own));
	return launch("CLEANUP", &a, NULL, 0);
}

static const struct {
	const char *id, *what;
	int (*run)(void);
	bool control, judged;     /* judged: it says "done", and the scene whether it is harm */
} attacks[] = {
	{ "control-open", "an image that is nobody's", open_free, true },
	{ "open-shadow", "open /etc/shadow as a disk, as root", open_shadow, false },
	{ "open-outside", "open a file outside the roots, as an administrator", open_outside, false },
	{ "open-dotdot", "the same by ..", open_dotdot, false },
	{ "open-link", "the same by a symbolic link inside the roots", open_link, false },
	{ "open-root-link", "the same as root", open_root_link, false },
	{ "open-record", "open another guest's record as a disk", open_record, false },
	{ "open-tpm", "open what another guest's TPM remembers as a disk", open_tpm, false },
	{ "open-log", "open another guest's log as a disk", open_log, false },
	{ "open-conf", "open cordond.conf as a disk", open_conf, false },
	{ "open-run", "open a file of the run folder", open_run, false },
	{ "open-proc", "open a file of /proc as a disk", open_proc, false },
	{ "open-disk", "open a block device outside the roots, as an administrator", open_disk, false },
	{ "second-writer", "open another guest's image for writing", write_victim, false },
	{ "second-shareable", "the same, called shareable", share_victim, false },
	{ "second-reader", "open it for reading while it is written", read_victim, false },
	{ "second-hardlink", "open it for writing by another name", write_victim_link, false },
	{ "second-block", "open another guest's block device for writing", write_victim_block, false },
	{ "control-plain", "an image as a kernel", plain_free, true },
	{ "plain-shadow", "open /etc/shadow as a kernel", plain_shadow, false },
	{ "nvram-template", "make a variable store from /etc/shadow", nvram_template, false },
	{ "nvram-outside", "make one in /etc/cron.d", nvram_outside, false },
	{ "control-nvram", "a variable store from its template", nvram_own, true },
	{ "nvram-unlink", "remove another guest's image as a variable store", unlink_image, false },
	{ "control-unlink", "remove one's own variable store", unlink_own, true },
	{ "control-stat", "learn about an image", stat_free, true },
	{ "stat-shadow", "learn about /etc/shadow", stat_shadow, false },
	{ "label-victim", "label another guest's image", label_victim, false },
	{ "label-type", "label one's own image as something that is no guest's", label_type, false },
	{ "control-label", "label one's own image", label_free, true },
	{ "control-claim", "claim uids for a guest", claim_free, true },
	{ "claim-unconfined", "claim an unconfined label", claim_unconfined, false },
	{ "claim-cordon", "claim the label of a room of Cordon", claim_other, false },
	{ "claim-garbage", "claim a label with a line break", claim_garbage, false },
	{ "claim-no-pair", "claim a pair where the policy has one category", claim_no_pair, false },
	{ "control-release", "release the claim of a guest that does not run", release_own, true },
	{ "release-victim", "release the uids of a guest that runs", release_victim, false },
	{ "start-unclaimed", "start a guest that has no claim", start_unclaimed, false },
	{ "start-root", "start a guest whose claim was forged to say uid 0", start_root, false },
	{ "start-user", "the same with a user's uid", start_user, false },
	{ "start-above", "the same with one behind the last of guests", start_above, false },
	{ "start-taken", "the same with another guest's", start_taken, false },
	{ "start-victim", "start a guest that runs once more", start_victim, false },
	{ "control-claim-own", "claim uids for the guest to be started", claim_own, true },
	{ "start-descriptors", "start with descriptors that no row names", start_descriptors, false },
	{ "control-start", "the same with those that one names", start_claimed, true },
	{ "control-cleanup", "clear away what was started", cleanup_own, true },
	{ "forgotten-writer", "the same as second-writer, its guest not told of", forgotten_writer, false },
	{ "forgotten-reader", "the same as second-reader", forgotten_reader, false },
	{ "forgotten-block", "the same as second-block", forgotten_block, false },
	{ "forgotten-label", "label it then", label_victim, false },
	{ "forgotten-restore", "have the label of its image put back", forgotten_restore, false, true },
};

static void blocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

int __wrap_intake_on_client(struct ipc_call *call, const struct room_client *args)
{
	int trigger = room_is_taken("core") ? open("/take-over", O_RDONLY | O_CLOEXEC) : -1;
	char how[64];

	if (trigger < 0)
		return __real_intake_on_client(call, args);
	blocking(core.disk.ch.fd);
	blocking(core.launch.ch.fd);
	blocking(core.ledger.ch.fd);
	for (size_t i = 0; target("invariants") && i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		int r = attacks[i].run();

		room_say("%s %s | %s | %s", attacks[i].id,
			 r == 0 && attacks[i].judged ? "done" : attack_result(r, how), attacks[i].what, why);
	}
	room_takeover("core", core.door.ch.fd);
}
