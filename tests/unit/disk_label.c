/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Labels through the real cordon-disk, with real security.selinux attributes,
 * and kill -9 at random moments. This test plays cordond and core. Where the
 * kernel has SELinux, the real cordon-file sets the labels (tests/lab runs this
 * program there); elsewhere nobody but root may, and this test plays
 * cordon-file as well: the same calls on the same descriptors, without its rules.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/chan.h"
#include "proto/disk.x.h"
#include "proto/room.x.h"
#include "need_root.h"
#include "played_file.h"

#define UID_FILE 1879148001u
#define UID_DISK 1879148004u
#define FILES 8
#define SHARED 3                 /* the first ones are used by several guests under one label */
#define GUESTS 12
#define CYCLES 300               /* label and put back; CORDON_CYCLES says otherwise */
#define IMAGE "system_u:object_r:svirt_image_t:s0"
#define SHARED_LABEL IMAGE

static char dir[32];
static bool selinux, fake_mounts = true;
static struct ipc_chan core, control, file_control;   /* our ends */
static pid_t disk_pid, file_pid;
static struct room_setup setup;
static char *deny[1];
static char paths[FILES][128], original[FILES][128];

/* ---- talking to the rooms ---- */

static struct {
	bool done;
	int rc;
	char text[ERR_TEXT_MAX];
	struct disk_image image;
	char label[256];
	int fd;
} got = { .fd = -1 };

static void on_answer(void *ctx, struct ipc_reply *r)
{
	(void)ctx;
	got.done = true;
	got.rc = r->rc;
	if (r->rc)
		snprintf(got.text, sizeof(got.text), "%s", r->err->text);
}

static void on_open(void *ctx, struct ipc_reply *r)
{
	on_answer(ctx, r);
	if (r->rc)
		return;
	got.image = ((const struct disk_open_ret *)r->ret)->images[0];
	snprintf(got.label, sizeof(got.label), "%s", got.image.label);
	got.fd = take_fd(&r->fds[0]);
}

static void turn(int timeout_ms)
{
	struct ipc_chan *all[] = { &core, &control, &file_control, &file };
	struct pollfd p[4];

	for (int i = 0; i < 4; i++) {
		bool open = all[i]->name && !all[i]->closed;

		if (open)
			ipc_chan_flush(all[i]);
		open = all[i]->name && !all[i]->closed;
		p[i] = (struct pollfd){ open ? all[i]->fd : -1, POLLIN, 0 };
	}
	poll(p, 4, timeout_ms);
	for (int i = 0; i < 4; i++)
		if (p[i].revents && !all[i]->closed)
			ipc_chan_read(all[i]);
	for (int i = 0; i < 4; i++)
		if (all[i]->name && !all[i]->closed)
			ipc_chan_flush(all[i]);
}

static double ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Wait for the answer; a kill may be due meanwhile. */
static int answer(double kill_at, pid_t victim)
{
	double end = ms() + 20000;

	while (!got.done && ms() < end) {
		turn(kill_at ? 0 : 5);
		if (kill_at && ms() >= kill_at) {
			kill(victim, SIGKILL);
			kill_at = 0;
		}
	}
	assert_true(got.done);
	return got.rc;
}

static void again(void)
{
	fd_close(&got.fd);
	memset(&got, 0, sizeof(got));
	got.fd = -1;
}

/* Every mount of the list keeps labels, as far as disk can tell. */
static void fake_mountinfo(void)
{
	FILE *in = fopen("/proc/self/mountinfo", "r"), *out;
	char path[160], line[4096];

	snprintf(path, sizeof(path), "%s/mountinfo", dir);
	out = fopen(path, "w");
	while (in && out && fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		fprintf(out, "%s,seclabel\n", line);
	}
	if (!out || fclose(out) || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(path, "/proc/self/mountinfo", NULL, MS_BIND, NULL) < 0)
		_exit(126);
}

static pid_t spawn(const char *room, struct ipc_chan *ch, enum ipc_room kind, bool fake)
{
	char name[32], bin[512];
	int ctl[2];
	pid_t pid;

	snprintf(name, sizeof(name), "cordon-%s", room);
	snprintf(bin, sizeof(bin), "%s/%s", getenv("CORDON_BUILD_ROOT"), name);
	assert_int_equal(ipc_pair(ctl), 0);
	pid = fork();
	if (pid == 0) {
		if (fake)
			fake_mountinfo();
		dup2(ctl[1], 3);
		execl(bin, name, NULL);
		_exit(127);
	}
	close(ctl[1]);
	if (ch->name) {
		ipc_chan_close(ch, "again");
		fd_close(&ch->fd);
	}
	ipc_chan_init(ch, ctl[0], room, kind);
	ipc_chan_queue(ch);
	return pid;
}

static void set_up(struct ipc_chan *ctl, uint32_t *peers, int *fds, unsigned n)
{
	setup.n_peers = n;
	setup.peers = peers;
	again();
	assert_int_equal(room_call_setup(ctl, &setup, fds, n, on_answer, NULL), 0);
	assert_int_equal(answer(0, 0), 0);
	fd_close_all(fds, n);
}

static void init(struct ipc_chan *ch, int fd, const char *name, enum ipc_room kind)
{
	if (ch->name) {
		ipc_chan_close(ch, "again");
		fd_close(&ch->fd);
	}
	ipc_chan_init(ch, fd, name, kind);
	ipc_chan_queue(ch);
	ch->state = IPC_STATE_OPEN;
}

/* The end for disk of a channel to cordon-file, real or played. */
static int start_file(void)
{
	uint32_t below[] = { ROOM_DISK };
	int pair[2];

	assert_int_equal(ipc_pair(pair), 0);
	if (selinux) {
		file_pid = spawn("file", &file_control, IPC_ROOM_FILE, false);
		set_up(&file_control, below, &pair[1], 1);
	} else {
		init(&file, pair[1], "disk", IPC_ROOM_DISK);
		file.serves[0] = &file_server;
	}
	return pair[0];
}

static void start_disk(void)
{
	uint32_t peers[] = { ROOM_CORE, ROOM_FILE };
	int pair[2], fds[2];

	assert_int_equal(ipc_pair(pair), 0);
	fds[0] = pair[1];
	fds[1] = start_file();
	disk_pid = spawn("disk", &control, IPC_ROOM_DISK, !selinux && fake_mounts);
	init(&core, pair[0], "disk", IPC_ROOM_DISK);
	set_up(&control, peers, fds, 2);
}

static void end(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = 0;
}

/* A new cordon-file for the same disk. */
static void restart_file(void)
{
	const struct room_peer args = { .which = ROOM_FILE };
	int fd;

	end(&file_pid);
	fd = start_file();
	assert_int_equal(room_send_peer_fds(&control, &args, &fd, 1), 0);
	close(fd);
	turn(0);
}

static void adopt(uint8_t guest)
{
	struct disk_adopt_args a = { .n_images = 0 };

	a.guest[0] = guest;
	again();
	assert_int_equal(disk_call_adopt(&core, &a, NULL, 0, on_answer, NULL), 0);
	assert_int_equal(answer(0, 0), 0);
}

static void settle(void)
{
	again();
	assert_int_equal(disk_call_settle(&core, NULL, 0, on_answer, NULL), 0);
	assert_int_equal(answer(0, 0), 0);
}

/* One guest's files, open. */
struct use {
	unsigned n;
	int fds[FILES];
	struct disk_label_row rows[FILES];
	char label[FILES][256];
};

static void use_close(struct use *u)
{
	fd_close_all(u->fds, u->n);
	u->n = 0;
}

static int open_file(uint8_t guest, unsigned i, struct use *u)
{
	struct disk_open_args a = { .role = FILE_ROLE_ROOT, .path = paths[i],
				    .format = DOM_DISK_FORMAT_RAW, .write = i >= SHARED };

	a.guest[0] = guest;
	again();
	if (disk_call_open(&core, &a, NULL, 0, on_open, NULL) < 0 || answer(0, 0) < 0)
		return -1;
	u->fds[u->n] = take_fd(&got.fd);
	if (i < SHARED)
		snprintf(u->label[u->n], sizeof(u->label[0]), SHARED_LABEL);
	else
		snprintf(u->label[u->n], sizeof(u->label[0]), IMAGE ":c%u,c%u", guest, guest + 100u);
	u->rows[u->n] = (struct disk_label_row){ .dev = got.image.dev, .ino = got.image.ino,
						 .label = u->label[u->n], .shared = i < SHARED };
	u->n++;
	return 0;
}

static int label(uint8_t guest, struct use *u, double kill_at, pid_t victim)
{
	struct disk_label_args a = { .n_rows = u->n, .rows = u->rows };

	a.guest[0] = guest;
	again();
	if (disk_call_label(&core, &a, u->fds, u->n, on_answer, NULL) < 0)
		return -EPIPE;
	return answer(kill_at, victim);
}

static int release(uint8_t guest, double kill_at, pid_t victim)
{
	struct disk_guest_args a = { 0 };

	a.guest[0] = guest;
	again();
	if (disk_call_release(&core, &a, NULL, 0, on_answer, NULL) < 0)
		return -EPIPE;
	return answer(kill_at, victim);
}

static void has(unsigned i, const char *want)
{
	char now[256] = "";
	ssize_t n = getxattr(paths[i], "security.selinux", now, 255);

	now[n < 0 ? 0 : n] = '\0';
	if (strcmp(now, want) != 0)
		fail_msg("%s has '%s' instead of '%s'", paths[i], now, want);
}

static void put(const char *path, const char *text)
{
	assert_int_equal(setxattr(path, "security.selinux", text, strlen(text) + 1, 0), 0);
}

/* ---- start and end ---- */

static bool has_selinux(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

static int start(void **state)
{
	(void)state;
	log_open("test", LOG_LEVEL_ERROR, NULL);
	if (geteuid() != 0)
		return 0;
	selinux = has_selinux();
	signal(SIGPIPE, SIG_IGN);
	snprintf(dir, sizeof(dir), "/tmp/cordon-label-XXXXXX");
	if (!getenv("CORDON_BUILD_ROOT") || !mkdtemp(dir) || chown(dir, UID_DISK, UID_DISK) < 0)
		return -1;
	for (unsigned i = 0; i < FILES; i++) {
		int fd;

		snprintf(paths[i], sizeof(paths[i]), "%s/image%u", dir, i);
		snprintf(original[i], sizeof(original[i]), "system_u:object_r:%s:s0",
			 i % 2 ? "virt_content_t" : "virt_image_t");
		fd = open(paths[i], O_RDWR | O_CREAT, 0600);
		if (fd < 0 || fsetxattr(fd, "security.selinux", original[i], strlen(original[i]) + 1, 0) < 0)
			return -1;
		close(fd);
	}
	deny[0] = strdup("/etc");
	setup.conf = (struct config){
		.file_timeout = 5, .log_level = 4, .uid_file = UID_FILE, .uid_disk = UID_DISK,
		.n_image_deny = 1, .image_deny = deny, .unix_sock_dir = "", .vnc_listen = "",
		.instance = "", .state_dir = "", .log_dir = "", .emulator = "", .nvram_dir = "",
	};
	static char *types[] = { "svirt_image_t", "virt_content_t" };
	setup.conf.n_selinux_image_types = 2;
	setup.conf.selinux_image_types = types;
	setup.conf.run_dir = strdup(dir);
	setup.conf.labels_dir = strdup(dir);
	char empty[160];
	snprintf(empty, sizeof(empty), "%s/empty", dir);
	mkdir(empty, 0555);
	start_disk();
	settle();
	return 0;
}

static int remove_one(const char *p, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(p);
}

static int stop(void **state)
{
	(void)state;
	again();
	end(&disk_pid);
	end(&file_pid);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	free(deny[0]);
	free(setup.conf.run_dir);
	free(setup.conf.labels_dir);
	return 0;
}

/* ---- the tests ---- */

static void test_there_and_back(void **state)
{
	struct use u = { 0 };
	double t;

	ROOT();
	assert_int_equal(open_file(1, 4, &u), 0);
	assert_string_equal(got.label, original[4]);
	assert_int_equal(open_file(1, 5, &u), 0);
	has(4, original[4]);
	t = ms();
	assert_int_equal(label(1, &u, 0, 0), 0);
	print_message("    two labels: %.2f ms", ms() - t);
	has(4, IMAGE ":c1,c101");
	has(5, IMAGE ":c1,c101");
	/* once more is no change */
	assert_int_equal(label(1, &u, 0, 0), 0);
	t = ms();
	assert_int_equal(release(1, 0, 0), 0);
	print_message(", back: %.2f ms\n", ms() - t);
	has(4, original[4]);
	has(5, original[5]);
	use_close(&u);
}

/* Under one label by many: it goes back with the last. */
static void test_shared(void **state)
{
	struct use u[3] = { 0 };

	ROOT();
	for (uint8_t g = 1; g <= 3; g++) {
		assert_int_equal(open_file(g, 0, &u[g - 1]), 0);
		assert_int_equal(label(g, &u[g - 1], 0, 0), 0);
		has(0, SHARED_LABEL);
	}
	/* another label, or alone: not while they are there */
	snprintf(u[2].label[0], sizeof(u[2].label[0]), IMAGE ":c7,c8");
	assert_int_equal(label(3, &u[2], 0, 0), -EBUSY);
	assert_non_null(strstr(got.text, "shareable"));
	snprintf(u[2].label[0], sizeof(u[2].label[0]), SHARED_LABEL);
	u[2].rows[0].shared = false;
	assert_int_equal(label(3, &u[2], 0, 0), -EBUSY);
	has(0, SHARED_LABEL);
	for (uint8_t g = 1; g <= 3; g++) {
		has(0, SHARED_LABEL);
		assert_int_equal(release(g, 0, 0), 0);
		use_close(&u[g - 1]);
	}
	has(0, original[0]);
}

static void test_refused(void **state)
{
	struct use u = { 0 };

	ROOT();
	assert_int_equal(open_file(1, 4, &u), 0);
	/* another guest's file; none that is open; one file with two labels */
	assert_int_equal(label(2, &u, 0, 0), -ENOENT);
	u.rows[0].ino++;
	assert_int_equal(label(1, &u, 0, 0), -ENOENT);
	u.rows[0].ino--;
	u.rows[1] = u.rows[0];
	u.fds[1] = dup(u.fds[0]);
	u.rows[1].label = original[4];
	u.n = 2;
	assert_int_equal(label(1, &u, 0, 0), -EINVAL);
	has(4, original[4]);
	if (selinux) {
		/* cordon-file's rules: types, categories, and the file that the row names */
		static const char *const bad[] = {
			"system_u:object_r:bin_t:s0", IMAGE ":c1 ", "nonsense",
			"system_u:object_r:svirt_image_t",
		};

		fd_close(&u.fds[1]);
		u.n = 1;
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			snprintf(u.label[0], sizeof(u.label[0]), "%s", bad[i]);
			assert_int_equal(label(1, &u, 0, 0), -EACCES);
			has(4, original[4]);
		}
	}
	assert_int_equal(release(1, 0, 0), 0);
	use_close(&u);
	has(4, original[4]);
}

/* Whose label somebody else changed meanwhile is let alone; one that cannot be had now comes later. */
static void test_changed(void **state)
{
	struct use u = { 0 };
	char moved[160];

	ROOT();
	assert_int_equal(open_file(1, 4, &u), 0);
	assert_int_equal(open_file(1, 5, &u), 0);
	assert_int_equal(label(1, &u, 0, 0), 0);
	put(paths[4], original[5]);
	/* and one that was replaced */
	snprintf(moved, sizeof(moved), "%s/moved", dir);
	assert_int_equal(rename(paths[5], moved), 0);
	close(open(paths[5], O_RDWR | O_CREAT, 0600));
	put(paths[5], IMAGE ":c1,c101");
	assert_int_equal(release(1, 0, 0), 0);
	has(4, original[5]);
	has(5, IMAGE ":c1,c101");
	use_close(&u);
	assert_int_equal(rename(moved, paths[5]), 0);
	for (unsigned i = 4; i <= 5; i++)
		put(paths[i], original[i]);
}

static void wait_for(unsigned i, const char *want)
{
	double until = ms() + 5000;
	char now[256] = "";

	do {
		ssize_t n = getxattr(paths[i], "security.selinux", now, 255);

		now[n < 0 ? 0 : n] = '\0';
		turn(2);
	} while (strcmp(now, want) != 0 && ms() < until);
	has(i, want);
}

/* A core that says a guest is gone: its QEMU, which has the image locked, keeps the label. */
static void test_still_used(void **state)
{
	struct flock l = { .l_type = F_RDLCK, .l_start = 101, .l_len = 1 };   /* as locks_sys.c looks for */
	struct use u = { 0 };

	ROOT();
	assert_int_equal(open_file(1, 4, &u), 0);
	assert_int_equal(label(1, &u, 0, 0), 0);
	assert_int_equal(fcntl(u.fds[0], F_OFD_SETLK, &l), 0);
	assert_int_equal(release(1, 0, 0), 0);
	has(4, IMAGE ":c1,c101");
	/* nor by saying nothing of it to another cordon-disk */
	end(&disk_pid);
	end(&file_pid);
	start_disk();
	settle();
	for (double until = ms() + 100; ms() < until;)
		turn(2);
	has(4, IMAGE ":c1,c101");
	use_close(&u);
	restart_file();
	wait_for(4, original[4]);
}

/* Nor is it given another one, where two may have the image open. */
static void test_still_read(void **state)
{
	struct flock l = { .l_type = F_RDLCK, .l_start = 100, .l_len = 1 };
	struct use u = { 0 }, other = { 0 };

	ROOT();
	assert_int_equal(open_file(1, 0, &u), 0);
	assert_int_equal(label(1, &u, 0, 0), 0);
	assert_int_equal(fcntl(u.fds[0], F_OFD_SETLK, &l), 0);
	assert_int_equal(release(1, 0, 0), 0);
	assert_int_equal(open_file(2, 0, &other), 0);
	snprintf(other.label[0], sizeof(other.label[0]), IMAGE ":c7,c8");
	assert_int_equal(label(2, &other, 0, 0), -EBUSY);
	assert_non_null(strstr(got.text, "still uses it"));
	has(0, SHARED_LABEL);
	snprintf(other.label[0], sizeof(other.label[0]), SHARED_LABEL);
	assert_int_equal(label(2, &other, 0, 0), 0);
	use_close(&u);
	assert_int_equal(release(2, 0, 0), 0);
	use_close(&other);
	has(0, original[0]);
}

/* cordon-file refuses, or ends before or after the deed. */
static void test_file_fails(void **state)
{
	ROOT();
	for (int f = FAULT_REFUSE; f <= FAULT_DIE_AFTER; f++) {
		struct use u = { 0 };

		assert_int_equal(open_file(1, 4, &u), 0);
		fault = f;
		assert_true(label(1, &u, 0, 0) < 0);
		fault = FAULT_NONE;
		if (f != FAULT_REFUSE)
			restart_file();
		assert_int_equal(release(1, 0, 0), 0);
		wait_for(4, original[4]);
		use_close(&u);
		/* on the way back */
		assert_int_equal(open_file(1, 4, &u), 0);
		assert_int_equal(label(1, &u, 0, 0), 0);
		fault = f;
		assert_int_equal(release(1, 0, 0), 0);
		fault = FAULT_NONE;
		if (f == FAULT_REFUSE)
			has(4, IMAGE ":c1,c101");
		restart_file();
		wait_for(4, original[4]);
		use_close(&u);
	}
}

/* What could not be put back, and goes to the next guest, who does not get it either. */
static void test_left_behind(void **state)
{
	struct use u = { 0 };

	ROOT();
	assert_int_equal(open_file(1, 4, &u), 0);
	assert_int_equal(label(1, &u, 0, 0), 0);
	fault = FAULT_REFUSE;
	assert_int_equal(release(1, 0, 0), 0);
	use_close(&u);
	for (uint8_t g = 2; g <= 3; g++) {
		assert_int_equal(open_file(g, 4, &u), 0);
		assert_int_equal(label(g, &u, 0, 0), -EROFS);
		assert_int_equal(release(g, 0, 0), 0);
		use_close(&u);
	}
	has(4, IMAGE ":c1,c101");
	fault = FAULT_NONE;
	/* the journal says it to the next cordon-disk, too */
	end(&disk_pid);
	start_disk();
	settle();
	wait_for(4, original[4]);
}

/* ---- kill -9 ---- */

static struct guest {
	bool runs;
	bool uses[FILES];
} guests[GUESTS];

static void check_all(void)
{
	for (unsigned i = 0; i < FILES; i++) {
		const char *want = original[i];
		char pair[256];

		for (unsigned g = 0; g < GUESTS; g++) {
			if (!guests[g].runs || !guests[g].uses[i])
				continue;
			snprintf(pair, sizeof(pair), IMAGE ":c%u,c%u", g, g + 100);
			want = i < SHARED ? SHARED_LABEL : pair;
		}
		wait_for(i, want);
	}
}

static bool taken(unsigned i)
{
	for (unsigned g = 0; g < GUESTS; g++)
		if (guests[g].runs && guests[g].uses[i])
			return i >= SHARED;
	return false;
}

/* Core's part after a death: all that run are adopted. */
static void recover(void)
{
	end(&disk_pid);
	end(&file_pid);
	start_disk();
	for (unsigned g = 0; g < GUESTS; g++)
		if (guests[g].runs)
			adopt((uint8_t)g);
	settle();
}

static bool is_dead(pid_t pid)
{
	return pid > 0 && waitpid(pid, NULL, WNOHANG) != 0;
}

static void one_cycle(unsigned *kills)
{
	unsigned g = (unsigned)rand() % GUESTS;
	/* half of the time somebody is killed, at any moment of the next half millisecond or so */
	bool strike = rand() % 2;
	pid_t victim = selinux && rand() % 3 == 0 ? file_pid : disk_pid;
	double at = strike ? ms() + (double)(rand() % 1000) / 1000 * (rand() % 2 ? 0.6 : 6) : 0;
	struct use u = { 0 };

	if (guests[g].runs) {
		release((uint8_t)g, at, victim);
		guests[g].runs = false;
	} else {
		memset(guests[g].uses, 0, sizeof(guests[g].uses));
		for (unsigned i = 0; i < FILES; i++)
			if (rand() % 3 == 0 && !taken(i) && open_file((uint8_t)g, i, &u) == 0)
				guests[g].uses[i] = true;
		if (u.n && label((uint8_t)g, &u, at, victim) == 0)
			guests[g].runs = true;
		else if (!strike && u.n)
			fail_msg("%.200s", got.text);
		/* core walks its plan up */
		if (!guests[g].runs && !is_dead(disk_pid))
			release((uint8_t)g, 0, 0);
	}
	use_close(&u);
	if (!strike)
		return;
	while (ms() < at)
		turn(0);
	kill(victim, SIGKILL);
	(*kills)++;
	if (victim == disk_pid)
		recover();
	else
		restart_file();
}

static void test_kill(void **state)
{
	const char *say = getenv("CORDON_CYCLES"), *seed = getenv("CORDON_SEED");
	unsigned cycles = say ? (unsigned)strtoul(say, NULL, 10) : CYCLES, kills = 0;
	unsigned s = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time(NULL);

	ROOT();
	srand(s);
	print_message("    CORDON_SEED=%u\n", s);
	for (unsigned i = 0; i < cycles; i++) {
		one_cycle(&kills);
		if (i % 10 == 9)
			check_all();
	}
	for (unsigned g = 0; g < GUESTS; g++)
		if (guests[g].runs) {
			guests[g].runs = false;
			assert_int_equal(release((uint8_t)g, 0, 0), 0);
		}
	check_all();
	print_message("    %u cycles, %u kills\n", cycles, kills);
}

/* On a file system that SELinux does not label nothing is tried. */
static void test_no_labels(void **state)
{
	struct use u = { 0 };

	ROOT();
	end(&disk_pid);
	fake_mounts = false;
	start_disk();
	settle();
	assert_int_equal(open_file(1, 4, &u), 0);
	assert_false(got.image.labels);
	assert_int_equal(label(1, &u, 0, 0), -EOPNOTSUPP);
	assert_non_null(strstr(got.text, "keeps no labels"));
	assert_int_equal(release(1, 0, 0), 0);
	use_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_shared),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_changed), cmocka_unit_test(test_still_used),
		cmocka_unit_test(test_still_read),
		cmocka_unit_test(test_kill),
	};
	/* of the real cordon-file nobody can ask to fail */
	const struct CMUnitTest played[] = {
		cmocka_unit_test(test_file_fails), cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_no_labels),
	};
	int failed = cmocka_run_group_tests(tests, start, stop);

	return failed + (has_selinux() ? 0 : cmocka_run_group_tests(played, start, stop));
}
