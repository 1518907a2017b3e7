/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rooms that set labels, with files for them: core, cordond and where need be cordon-file are played. */
#ifndef CORDON_TESTS_LABEL_ROOMS_H
#define CORDON_TESTS_LABEL_ROOMS_H

#include <fcntl.h>
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
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/chan.h"
#include "proto/disk.x.h"
#include "proto/room.x.h"
#include "played_file.h"
#include "room_help.h"

#define UID_FILE 1879148001u
#define UID_DISK 1879148004u
#define FILES 8
#define SHARED 3                 /* the first ones are used by several guests under one label */
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

static int stop(void **state)
{
	(void)state;
	again();
	end(&disk_pid);
	end(&file_pid);
	remove_tree(dir);
	free(deny[0]);
	free(setup.conf.run_dir);
	free(setup.conf.labels_dir);
	return 0;
}

#endif
