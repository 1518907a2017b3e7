/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real cordon-disk, cordon-file and cordon-image in their sandboxes, with
 * real files: this test plays cordond and core. CORDON_BUILD_ROOT is the folder
 * of the programs.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/be.h"
#include "base/fd.h"
#include "ipc/serve.h"
#include "proto/disk.x.h"
#include "proto/room.x.h"
#include "need_root.h"
#include "room_help.h"

#define UID_FILE 1879148001u
#define UID_IMAGE 1879148002u
#define UID_DISK 1879148004u
#define FD_OLD 200

static char dir[] = "/tmp/cordon-disk-XXXXXX";
static char path[8][512];
static struct ipc_chan core;

/* the rooms, in the order in which they are set up */
static struct child {
	const char *name;
	enum ipc_room kind;
	struct ipc_chan control;
	pid_t pid;
} rooms[] = { { "file", IPC_ROOM_FILE }, { "image", IPC_ROOM_IMAGE }, { "disk", IPC_ROOM_DISK } };
#define DISK (&rooms[2])

/* the last answer */
static struct {
	bool done;
	int rc, code;
	char text[ERR_TEXT_MAX];
	uint32_t n_images;
	struct disk_image image[DOM_CHAIN_MAX];
	struct disk_stat_ret stat;
	int fds[DOM_CHAIN_MAX];
	unsigned n_fds;
} got;

static void take(struct ipc_reply *r)
{
	got.done = true;
	got.rc = r->rc;
	if (r->rc) {
		got.code = r->err->code;
		snprintf(got.text, sizeof(got.text), "%s", r->err->text);
	}
	got.n_fds = r->n_fds;
	for (unsigned i = 0; i < r->n_fds; i++)
		got.fds[i] = take_fd(&r->fds[i]);
}

static void on_plain(void *ctx, struct ipc_reply *r)
{
	(void)ctx;
	take(r);
}

static void on_nothing(void *ctx, struct ipc_reply *r)
{
	(void)ctx;
	assert_int_equal(r->rc, 0);
}

static void on_open(void *ctx, struct ipc_reply *r)
{
	const struct disk_open_ret *ret = r->ret;

	(void)ctx;
	take(r);
	for (uint32_t i = 0; !r->rc && i < ret->n_images; i++)
		got.image[i] = ret->images[i];
	got.n_images = r->rc ? 0 : ret->n_images;
}

static void on_stat(void *ctx, struct ipc_reply *r)
{
	(void)ctx;
	take(r);
	if (!r->rc)
		got.stat = *(const struct disk_stat_ret *)r->ret;
}

static int answer(void)
{
	assert_int_equal(ipc_wait(&core, &got.done, 20000), 0);
	if (got.rc && getenv("CORDON_VERBOSE"))
		print_message("    %s\n", got.text);
	return got.rc;
}

static void again(void)
{
	fd_close_all(got.fds, got.n_fds);
	memset(&got, 0, sizeof(got));
}

static char *name(unsigned i, const char *leaf)
{
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, leaf);
	return path[i];
}

static void write_file(const char *p, const void *data, size_t n, mode_t mode)
{
	int fd = open(p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, data, n), 0);
	fd_close(&fd);
}

/* A version 3 header with a backing file and its format. */
static void write_qcow2(const char *p, const char *backing, const char *format,
			uint64_t incompatible)
{
	uint8_t b[4096] = { 'Q', 'F', 'I', 0xfb };
	size_t at = 104;

	be_put32(b + 4, 3);
	be_put32(b + 20, 16);
	be_put64(b + 24, 1 << 30);
	be_put64(b + 72, incompatible);
	be_put32(b + 96, 4);
	be_put32(b + 100, 104);
	if (format) {
		be_put32(b + at, 0xe2792aca);
		be_put32(b + at + 4, (uint32_t)strlen(format));
		memcpy(b + at + 8, format, strlen(format));
		at += 8 + ((strlen(format) + 7) & ~7u);
	}
	at += 8;
	if (backing) {
		be_put64(b + 8, at);
		be_put32(b + 16, (uint32_t)strlen(backing));
		memcpy(b + at, backing, strlen(backing));
	}
	write_file(p, b, sizeof(b), 0600);
}

static struct disk_open_args open_args(const char *p, uint32_t format, uint8_t guest)
{
	struct disk_open_args a = { .role = FILE_ROLE_ROOT, .path = (char *)(uintptr_t)p,
				    .format = format, .write = true };

	a.guest[15] = guest;
	return a;
}

static int do_open(const struct disk_open_args *a)
{
	again();
	assert_int_equal(disk_call_open(&core, a, NULL, 0, on_open, NULL), 0);
	return answer();
}

static void release(uint8_t guest)
{
	struct disk_guest_args a = { 0 };

	a.guest[15] = guest;
	again();
	assert_int_equal(disk_call_release(&core, &a, NULL, 0, on_plain, NULL), 0);
	assert_int_equal(answer(), 0);
}

/* ---- starting the room ---- */

static void spawn(struct child *r)
{
	char name[32], bin[512];
	int ctl[2];

	snprintf(name, sizeof(name), "cordon-%s", r->name);
	snprintf(bin, sizeof(bin), "%s/%s", getenv("CORDON_BUILD_ROOT"), name);
	assert_int_equal(ipc_pair(ctl), 0);
	r->pid = fork();
	if (r->pid == 0) {
		int old = open("/etc/passwd", O_RDONLY);

		dup2(old, FD_OLD);   /* is to be gone */
		dup2(ctl[1], 3);
		execl(bin, name, NULL);
		_exit(127);
	}
	close(ctl[1]);
	ipc_chan_init(&r->control, ctl[0], r->name, r->kind);
	ipc_chan_queue(&r->control);
}

static struct room_setup setup;

/* Set a room up with these neighbours; their descriptors are closed here. */
static int set_up(struct child *r, uint32_t *peers, int *fds, unsigned n)
{
	setup.n_peers = n;
	setup.peers = peers;
	memset(&got, 0, sizeof(got));
	assert_int_equal(room_call_setup(&r->control, &setup, fds, n, on_plain, NULL), 0);
	assert_int_equal(ipc_wait(&r->control, &got.done, 10000), 0);
	if (got.rc)
		print_message("%s\n", got.text);
	fd_close_all(fds, n);
	return got.rc;
}

static int start(void **state)
{
	static char *deny[] = { "/etc", "/proc", "/sys", "/dev", "/run", "/boot" };
	static char *roots[1], *backing[1];
	uint32_t below[] = { ROOM_DISK }, peers[] = { ROOM_CORE, ROOM_FILE, ROOM_IMAGE };
	int cor[2], fil[2], ima[2];

	(void)state;
	if (geteuid() != 0)
		return 0;
	if (!getenv("CORDON_BUILD_ROOT") || !mkdtemp(dir))
		return -1;
	chmod(dir, 0700);
	roots[0] = strdup(name(0, "admin"));
	backing[0] = strdup(name(1, "base"));
	mkdir(roots[0], 0755);
	mkdir(backing[0], 0755);
	mkdir(name(2, "run"), 0755);
	mkdir(name(3, "nvram"), 0700);
	if (mkdir(name(4, "labels"), 0700) < 0 || chown(path[4], UID_DISK, UID_DISK) < 0)
		return -1;
	mkdir(name(5, "run/empty"), 0555);
	setup.conf = (struct config){
		.file_timeout = 2, .log_level = 4, .uid_file = UID_FILE, .uid_image = UID_IMAGE,
		.uid_disk = UID_DISK, .n_image_roots = 1, .image_roots = roots, .n_image_deny = 6,
		.image_deny = deny, .n_backing_roots = 1, .backing_roots = backing,
		.unix_sock_dir = "", .vnc_listen = "", .instance = "", .state_dir = "", .log_dir = "",
		.emulator = "", .run_dir = strdup(path[2]), .nvram_dir = strdup(path[3]),
		.labels_dir = strdup(path[4]),
	};
	for (size_t i = 0; i < 3; i++)
		spawn(&rooms[i]);
	assert_int_equal(ipc_pair(cor), 0);
	assert_int_equal(ipc_pair(fil), 0);
	assert_int_equal(ipc_pair(ima), 0);
	ipc_chan_init(&core, cor[0], "disk", IPC_ROOM_DISK);
	ipc_chan_queue(&core);
	if (set_up(&rooms[0], below, &fil[1], 1) || set_up(&rooms[1], below, &ima[1], 1))
		return -1;
	return set_up(DISK, peers, (int[]){ cor[1], fil[0], ima[0] }, 3);
}

static int stop(void **state)
{
	int status[3];

	(void)state;
	if (!DISK->pid)
		return 0;
	again();
	for (size_t i = 0; i < 3; i++) {
		ipc_chan_close(&rooms[i].control, "end");
		fd_close(&rooms[i].control.fd);
		assert_int_equal(waitpid(rooms[i].pid, &status[i], 0), rooms[i].pid);
	}
	umount2(name(0, "stuck"), MNT_DETACH);
	remove_tree(dir);
	for (size_t i = 0; i < 3; i++)
		assert_true(WIFEXITED(status[i]) && WEXITSTATUS(status[i]) == 0);
	return 0;
}

/* ---- the tests ---- */

static void process(const struct child *r, uint32_t uid, const char *caps)
{
	char p[64];

	has_only(r->pid, uid, caps);
	snprintf(p, sizeof(p), "/proc/%d/fd/%d", r->pid, FD_OLD);
	assert_int_equal(access(p, F_OK), -1);
}

static void test_process(void **state)
{
	ROOT();
	process(&rooms[0], UID_FILE, "00000000000000ca");
	process(&rooms[1], UID_IMAGE, "0000000000000000");
	process(DISK, UID_DISK, "0000000000000000");
}

static void test_raw(void **state)
{
	struct disk_open_args a = open_args(name(0, "a.raw"), DOM_DISK_FORMAT_RAW, 1);

	ROOT();
	write_file(path[0], "12345", 5, 0600);
	assert_int_equal(do_open(&a), 0);
	assert_int_equal(got.n_images, 1);
	assert_int_equal(got.n_fds, 1);
	assert_int_equal(got.image[0].virtual_size, 5);
	assert_int_equal(fcntl(got.fds[0], F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR);
	/* a second writer, a reader, both with an answer that names the guest */
	a.guest[15] = 2;
	assert_int_equal(do_open(&a), -EBUSY);
	assert_non_null(strstr(got.text, "00000000-0000-0000-0000-000000000001"));
	a.write = false;
	assert_int_equal(do_open(&a), -EBUSY);
	release(1);
	assert_int_equal(do_open(&a), 0);
	assert_int_equal(fcntl(got.fds[0], F_GETFL) & O_ACCMODE, O_RDONLY);
	a.guest[15] = 1;
	assert_int_equal(do_open(&a), 0);
	release(1);
	release(2);
}

static void test_shareable(void **state)
{
	struct disk_open_args a = open_args(name(0, "a.raw"), DOM_DISK_FORMAT_RAW, 1);

	ROOT();
	a.shareable = true;
	assert_int_equal(do_open(&a), 0);
	a.guest[15] = 2;
	assert_int_equal(do_open(&a), 0);
	a.shareable = false;
	a.guest[15] = 3;
	assert_int_equal(do_open(&a), -EBUSY);
	release(1);
	release(2);
}

static void refused(const char *p, int rc, const char *word)
{
	struct disk_open_args a = open_args(p, DOM_DISK_FORMAT_RAW, 9);

	assert_int_equal(do_open(&a), rc);
	if (!strstr(got.text, word))
		fail_msg("'%s' is not in '%s'", word, got.text);
}

static void test_refused(void **state)
{
	ROOT();
	refused("/etc/passwd", -EACCES, "image_deny");
	refused("/etc/../etc/passwd", -EINVAL, "..");
	refused("etc/passwd", -EINVAL, "absolute");
	refused("/proc/self/mem", -EACCES, "image_deny");
	refused("/dev/null", -EACCES, "image_deny");
	refused(name(0, "none"), -ENOENT, "No such file");
	refused(dir, -EINVAL, "neither");
	assert_int_equal(symlink("/etc", name(0, "link")), 0);
	refused(name(1, "link/passwd"), -ELOOP, "symbolic link");
	assert_int_equal(symlink("a.raw", name(0, "leaf")), 0);
	refused(path[0], -ELOOP, "symbolic link");
	assert_int_equal(mkfifo(name(0, "fifo"), 0600), 0);
	refused(path[0], -EINVAL, "neither");
	assert_int_equal(mkdir(name(0, "etc2"), 0755), 0);
}

static void test_admin(void **state)
{
	struct disk_open_args a = open_args(name(0, "admin/x.raw"), DOM_DISK_FORMAT_RAW, 1);

	ROOT();
	write_file(path[0], "1", 1, 0600);
	a.role = FILE_ROLE_ADMIN;
	assert_int_equal(do_open(&a), 0);
	release(1);
	a.path = path[1];
	name(1, "a.raw");
	assert_int_equal(do_open(&a), -EACCES);
	assert_non_null(strstr(got.text, "image_roots"));
	name(1, "admin2");   /* a prefix of the name is not the folder */
	assert_int_equal(do_open(&a), -EACCES);
}

static void test_block(void **state)
{
	struct disk_open_args a = open_args("/dev/null", DOM_DISK_FORMAT_RAW, 1);

	ROOT();
	a.block = true;
	assert_int_equal(do_open(&a), -EINVAL);
	a.path = name(0, "a.raw");
	assert_int_equal(do_open(&a), -ENOTBLK);
	assert_non_null(strstr(got.text, "type='file'"));
}

static void test_chain(void **state)
{
	struct disk_open_args a = open_args(name(0, "top.qcow2"), DOM_DISK_FORMAT_QCOW2, 1);
	struct dom_image low = { .type = DOM_DISK_SOURCE_TYPE_FILE, .format = DOM_DISK_FORMAT_QCOW2,
				 .path = path[1] };

	ROOT();
	name(1, "low.qcow2");
	write_qcow2(path[1], NULL, NULL, 0);
	write_qcow2(path[0], "low.qcow2", "qcow2", 0);
	assert_int_equal(do_open(&a), -EACCES);
	assert_non_null(strstr(got.text, "backing_roots"));
	a.backing_given = true;
	assert_int_equal(do_open(&a), -EACCES);
	assert_non_null(strstr(got.text, "does not list"));
	a.n_backing = 1;
	a.backing = &low;
	assert_int_equal(do_open(&a), 0);
	assert_int_equal(got.n_images, 2);
	assert_int_equal(got.image[0].virtual_size, 1 << 30);
	assert_true(got.image[0].write && !got.image[1].write);
	assert_int_equal(fcntl(got.fds[1], F_GETFL) & O_ACCMODE, O_RDONLY);
	/* the base is being read: nobody may write it */
	struct disk_open_args w = open_args(path[1], DOM_DISK_FORMAT_QCOW2, 2);
	assert_int_equal(do_open(&w), -EBUSY);
	w.write = false;
	assert_int_equal(do_open(&w), 0);
	release(1);
	release(2);
	low.format = DOM_DISK_FORMAT_RAW;
	assert_int_equal(do_open(&a), -EINVAL);
	write_qcow2(path[1], "top.qcow2", "qcow2", 0);
}

static void test_chain_unlisted(void **state)
{
	struct disk_open_args a = open_args(name(0, "t.qcow2"), DOM_DISK_FORMAT_QCOW2, 1);

	ROOT();
	write_file(name(1, "base/b.raw"), "0123", 4, 0600);
	write_qcow2(path[0], "base/b.raw", "raw", 0);
	assert_int_equal(do_open(&a), 0);
	assert_int_equal(got.n_images, 2);
	release(1);
	write_qcow2(path[0], "base/b.raw", NULL, 0);
	assert_int_equal(do_open(&a), -EINVAL);
	assert_non_null(strstr(got.text, "qemu-img rebase"));
	write_qcow2(path[0], "base/../a.raw", "raw", 0);
	assert_int_equal(do_open(&a), -EACCES);
	write_qcow2(path[0], "json:{\"driver\":\"nbd\"}", "raw", 0);
	assert_int_equal(do_open(&a), -EINVAL);
	write_qcow2(path[0], "nbd://host/x", "raw", 0);
	assert_int_equal(do_open(&a), -EINVAL);
	write_qcow2(path[0], NULL, NULL, 4);
	assert_int_equal(do_open(&a), -EOPNOTSUPP);
	assert_non_null(strstr(got.text, "data file"));
	write_file(path[0], "nothing", 7, 0600);
	assert_int_equal(do_open(&a), -EINVAL);
	assert_non_null(strstr(got.text, "is none"));
	/* a loop, through two images */
	write_qcow2(name(2, "base/l1"), "l2", "qcow2", 0);
	write_qcow2(name(3, "base/l2"), "l1", "qcow2", 0);
	a.path = path[2];
	assert_int_equal(do_open(&a), -ELOOP);
}

static void test_plain(void **state)
{
	struct disk_plain_args a = { .role = FILE_ROLE_ROOT, .path = path[0] };

	ROOT();
	name(0, "a.raw");
	again();
	assert_int_equal(disk_call_open_plain(&core, &a, NULL, 0, on_plain, NULL), 0);
	assert_int_equal(answer(), 0);
	assert_int_equal(fcntl(got.fds[0], F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(truncate(path[0], (off_t)2 << 30), 0);
	again();
	assert_int_equal(disk_call_open_plain(&core, &a, NULL, 0, on_plain, NULL), 0);
	assert_int_equal(answer(), -EFBIG);
	assert_int_equal(truncate(path[0], 5), 0);
}

static void test_nvram(void **state)
{
	static char template[] = "/usr/share/OVMF/OVMF_VARS.fd";
	struct disk_nvram_args a = { .role = FILE_ROLE_ROOT, .path = path[0], .template_path = template };
	struct disk_unlink_args u = { .path = path[0] };
	struct stat st, t;

	ROOT();
	if (stat(template, &t) < 0)
		skip();
	name(0, "nvram/g_VARS.fd");
	again();
	assert_int_equal(disk_call_open_nvram(&core, &a, NULL, 0, on_plain, NULL), 0);
	assert_int_equal(answer(), 0);
	assert_int_equal(fstat(got.fds[0], &st), 0);
	assert_int_equal(st.st_size, t.st_size);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	again();
	assert_int_equal(disk_call_unlink_nvram(&core, &u, NULL, 0, on_plain, NULL), 0);
	assert_int_equal(answer(), -EBUSY);
	release(0);
	/* it is there now; the template is not asked for */
	a.template_path = (char *)(uintptr_t)"/etc/passwd";
	again();
	assert_int_equal(disk_call_open_nvram(&core, &a, NULL, 0, on_plain, NULL), 0);
	assert_int_equal(answer(), 0);
	release(0);
	again();
	assert_int_equal(disk_call_unlink_nvram(&core, &u, NULL, 0, on_plain, NULL), 0);
	assert_int_equal(answer(), 0);
	assert_int_equal(access(path[0], F_OK), -1);
	again();
	assert_int_equal(disk_call_open_nvram(&core, &a, NULL, 0, on_plain, NULL), 0);
	assert_int_equal(answer(), -EACCES);
	assert_non_null(strstr(got.text, "firmware"));
}

static void test_stat(void **state)
{
	struct disk_stat_args a = { .role = FILE_ROLE_ROOT, .path = path[0],
				    .format = DOM_DISK_FORMAT_QCOW2 };

	ROOT();
	write_qcow2(name(0, "s.qcow2"), NULL, NULL, 0);
	again();
	assert_int_equal(disk_call_stat(&core, &a, NULL, 0, on_stat, NULL), 0);
	assert_int_equal(answer(), 0);
	assert_int_equal(got.stat.capacity, 1 << 30);
	assert_int_equal(got.stat.physical, 4096);
	a.format = DOM_DISK_FORMAT_RAW;
	again();
	assert_int_equal(disk_call_stat(&core, &a, NULL, 0, on_stat, NULL), 0);
	assert_int_equal(answer(), 0);
	assert_int_equal(got.stat.capacity, 4096);
}

static void test_adopt(void **state)
{
	struct disk_open_args a = open_args(name(0, "a.raw"), DOM_DISK_FORMAT_RAW, 2);
	struct disk_image im = { .path = path[0], .format = DOM_DISK_FORMAT_RAW, .write = true,
				 .label = (char *)(uintptr_t)"", .fs = (char *)(uintptr_t)"" };
	bool no = false;
	struct disk_adopt_args ad = { .n_images = 1, .images = &im, .n_shareable = 1, .shareable = &no };
	struct stat st;

	ROOT();
	ad.guest[15] = 7;
	stat(path[0], &st);
	im.dev = st.st_dev;
	im.ino = st.st_ino;
	for (int i = 0; i < 2; i++) {
		again();
		assert_int_equal(disk_call_adopt(&core, &ad, NULL, 0, on_plain, NULL), 0);
		assert_int_equal(answer(), 0);
	}
	assert_int_equal(do_open(&a), -EBUSY);
	release(7);
	assert_int_equal(do_open(&a), 0);
	release(2);
}

/*
 * A file system that never answers: its request ends at file_timeout, or when
 * its guest is released, and nobody else notices.
 */
static void test_stuck(void **state)
{
	struct disk_open_args stuck = open_args(path[1], DOM_DISK_FORMAT_RAW, 1);
	struct disk_open_args other = open_args(path[0], DOM_DISK_FORMAT_RAW, 2);
	struct disk_guest_args rel = { 0 };
	char options[128];
	int fuse;
	double t;

	ROOT();
	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse < 0)
		skip();
	mkdir(name(0, "stuck"), 0755);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	if (mount("stuck", path[0], "fuse", 0, options) < 0) {
		close(fuse);
		skip();
	}
	name(0, "a.raw");
	name(1, "stuck/image");
	again();
	t = ms();
	assert_int_equal(disk_call_open(&core, &stuck, NULL, 0, on_open, NULL), 0);
	assert_int_equal(disk_call_open(&core, &other, NULL, 0, on_open, NULL), 0);
	assert_int_equal(answer(), 0);              /* the other one's */
	assert_true(ms() - t < 500);
	release(2);
	again();
	assert_int_equal(answer(), -ETIMEDOUT);
	assert_int_equal(got.code, ERR_OPERATION_TIMEOUT);
	assert_non_null(strstr(got.text, "file_timeout"));
	assert_true(ms() - t < 4500);
	/* given up before */
	again();
	t = ms();
	assert_int_equal(disk_call_open(&core, &stuck, NULL, 0, on_open, NULL), 0);
	rel.guest[15] = 1;
	assert_int_equal(disk_call_release(&core, &rel, NULL, 0, on_nothing, NULL), 0);
	assert_int_equal(answer(), -ECANCELED);
	assert_true(ms() - t < 500);
	release(2);
	umount2(name(0, "stuck"), MNT_DETACH);
	close(fuse);
}

/* Figures, not limits: what a start pays here. */
static void test_cost(void **state)
{
	struct disk_open_args raw = open_args(name(0, "a.raw"), DOM_DISK_FORMAT_RAW, 1);
	struct disk_open_args q = open_args(name(1, "s.qcow2"), DOM_DISK_FORMAT_QCOW2, 1);
	double t[3];

	ROOT();
	t[0] = ms();
	for (int i = 0; i < 200; i++) {
		assert_int_equal(do_open(&raw), 0);
		release(1);
	}
	t[1] = ms();
	for (int i = 0; i < 50; i++) {
		assert_int_equal(do_open(&q), 0);
		release(1);
	}
	t[2] = ms();
	print_message("    open and release: raw %.3f ms, qcow2 %.3f ms\n", (t[1] - t[0]) / 200,
		      (t[2] - t[1]) / 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process), cmocka_unit_test(test_raw),
		cmocka_unit_test(test_shareable), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_admin), cmocka_unit_test(test_block), cmocka_unit_test(test_chain),
		cmocka_unit_test(test_chain_unlisted), cmocka_unit_test(test_plain),
		cmocka_unit_test(test_nvram), cmocka_unit_test(test_stat), cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
