/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cordon cage says of a process's descriptors: here of our own, in the place of QEMU's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cage.h"
#include "need_root.h"

#define NAME_LONG 200     /* bytes of each folder's name in a path that is too long */
#define DEPTH (PATH_MAX / NAME_LONG + 1)

/* Is there a row that differs for descriptor `fd`, with `text` in it, when we are the QEMU of `g`? */
static bool differs_of(const struct cage_guest *g, int fd, const char *text)
{
	struct cage_report r = { 0 };
	char begin[64];
	bool found = false;

	buf_init(&r.out, 1 << 20);
	cage_files(g, getpid(), &r);
	snprintf(begin, sizeof(begin), "  DIFFERS  descriptor       %d is ", fd);
	for (const char *l = buf_str(&r.out); (l = strstr(l, begin)); l++) {
		const char *at = strstr(l, text);

		found = found || (at && at < strchr(l, '\n'));
	}
	/* "nothing else" is only said where nothing was left out */
	assert_true(!found || !strstr(buf_str(&r.out), "nothing else"));
	buf_free(&r.out);
	return found;
}

static const struct cage_host no_host;

static bool differs(int fd, const char *text)
{
	const struct found own = { .pid = getpid(), .role = "qemu" };
	const struct cage_guest g = { .host = &no_host, .list = &own, .n = 1, .n_all = 1 };

	return differs_of(&g, fd, text);
}

static ino_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

/* A unix socket with an abstract name. */
static int listen_as(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path + 1, name, strlen(name));
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))), 0);
	return fd;
}

static void test_sockets(void **state)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int pair[2];

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		assert_int_equal(socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0, pair), 0);
		assert_false(differs(pair[0], ""));
		fd_close(&pair[0]);
		fd_close(&pair[1]);
	}
	for (size_t i = 0; i < 2; i++) {
		CLEAN_FD int fd = socket(AF_INET, types[i] | SOCK_CLOEXEC, 0);

		assert_true(differs(fd, "no unix socket"));
	}
}

/* Anybody may bind a name that looks like another socket's line of /proc/net/unix, or a part of it. */
static void test_sockets_with_names(void **state)
{
	static const char *const names[] = {
		"x", "x\n0000000000000000: 00000002 00000000 00010000 0001 01",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CLEAN_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), other = -1;
		char name[100];

		snprintf(name, sizeof(name), "%s %ju y", names[i], (uintmax_t)inode_of(fd));
		other = listen_as(name);
		assert_false(differs(other, ""));
		assert_true(differs(fd, "no unix socket"));
	}
}

/* A path that readlink(2) does not tell, ENAMETOOLONG, belongs to a descriptor that is open all the same. */
static void test_a_path_too_long(void **state)
{
	char top[] = "/tmp/cordon-cage-XXXXXX", name[NAME_LONG + 1] = "";
	int dirs[DEPTH + 1], fd;

	(void)state;
	assert_non_null(mkdtemp(top));
	memset(name, 'x', NAME_LONG);
	dirs[0] = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < DEPTH; i++) {
		assert_int_equal(mkdirat(dirs[i], name, 0700), 0);
		dirs[i + 1] = openat(dirs[i], name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(dirs[i + 1] >= 0);
	}
	fd = openat(dirs[DEPTH], "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	unlinkat(dirs[DEPTH], "file", 0);
	for (int i = DEPTH; i > 0; i--) {
		fd_close(&dirs[i]);
		unlinkat(dirs[i - 1], name, AT_REMOVEDIR);
	}
	fd_close(&dirs[0]);
	rmdir(top);
	assert_true(differs(fd, strerrordesc_np(ENAMETOOLONG)));
	fd_close(&fd);
}

/* A process that has the other end open, not this one, until it is ended. */
static pid_t holder(const int pair[2])
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		while (true)
			pause();
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* The other end of a socket, or of a pipe, belongs to the guest's own, or to a viewer's cordon-edge. */
static void test_other_ends(void **state)
{
	static const struct {
		const char *role, *guest;
		bool good;
	} cases[] = {
		{ NULL, NULL, false },              /* of no instance */
		{ "vm", "own", true }, { "passt", "own", true }, { "swtpm", "own", true },
		{ "launch", "", true }, { "edge", "", true },
		{ "qemu", "another", false }, { "vm", "another", false },
		{ "conn", "", false }, { "core", "", false },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		const char *role = cases[i / 2].role, *guest = cases[i / 2].guest;
		bool own = guest && strcmp(guest, "own") == 0;
		struct found list[] = { { .pid = getpid(), .role = "qemu" }, { 0 } };
		struct cage_guest g = { .host = &no_host, .list = list, .n = 1 + own, .n_all = 1 + !!role };
		char text[64];
		int pair[2];

		if (i % 2)
			assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
		else
			assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		list[1].pid = holder(pair);
		fd_close(&pair[1]);
		if (role) {
			snprintf(list[1].role, sizeof(list[1].role), "%s", role);
			snprintf(list[1].guest, sizeof(list[1].guest), "%s", guest);
		}
		snprintf(text, sizeof(text), "process %d (", (int)list[1].pid);
		assert_int_equal(differs_of(&g, pair[0], ""), !cases[i / 2].good);
		assert_int_equal(differs_of(&g, pair[0], text), !cases[i / 2].good);
		end(list[1].pid);
		assert_false(differs_of(&g, pair[0], ""));   /* nobody is there any more */
		fd_close(&pair[0]);
	}
}

/* What has a name has it in the guest's folder. */
static void test_names(void **state)
{
	const struct found own = { .pid = getpid(), .role = "qemu" };
	struct cage_guest g = { .host = &no_host, .list = &own, .n = 1, .n_all = 1, .uuid = "here" };
	char top[] = "/tmp/cordon-cage-XXXXXX", path[100];
	static const char *const folders[] = { "guests", "guests/here", "guests/there" };

	(void)state;
	assert_non_null(mkdtemp(top));
	g.run_dir = top;
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", top, folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	for (size_t i = 1; i < 3; i++) {
		struct sockaddr_un a = { .sun_family = AF_UNIX };
		CLEAN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fifo = -1;

		snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s/socket", top, folders[i]);
		assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
		snprintf(path, sizeof(path), "%s/%s/fifo", top, folders[i]);
		assert_int_equal(mkfifo(path, 0600), 0);
		fifo = open(path, O_RDWR | O_CLOEXEC);
		assert_true(fifo >= 0);
		assert_int_equal(differs_of(&g, fd, "not in the guest's folder"), i == 2);
		assert_int_equal(differs_of(&g, fifo, "not in the guest's folder"), i == 2);
		unlink(path);
		unlink(a.sun_path);
	}
	for (size_t i = 3; i-- > 0;) {
		snprintf(path, sizeof(path), "%s/%s", top, folders[i]);
		rmdir(path);
	}
	rmdir(top);
}

/* A socket is of the network namespace in which it was made: cordond's, cordon-vm's or QEMU's. */
static void test_made_elsewhere(void **state)
{
	struct found list[] = { { .pid = getpid(), .role = "qemu" }, { .role = "vm" } };
	struct cage_guest g = { .host = &no_host, .list = list, .n = 2, .n_all = 2 };
	CLEAN_FD int host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int pair[2];

	ROOT();
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	list[1].pid = holder(pair);
	assert_int_equal(setns(host, CLONE_NEWNET), 0);
	fd_close(&pair[1]);
	assert_false(differs_of(&g, pair[0], ""));
	snprintf(list[1].role, sizeof(list[1].role), "passt");
	assert_true(differs_of(&g, pair[0], "network namespace that is not the guest's"));
	g.n = 1;
	snprintf(list[1].role, sizeof(list[1].role), "cordond");
	assert_true(differs_of(&g, pair[0], "held by process"));
	end(list[1].pid);
	fd_close(&pair[0]);
}

/* ---- labels of images ---- */

#define LEVEL "s0:c1,c2"
#define IMAGE "system_u:object_r:svirt_image_t:"
#define CONTENT "system_u:object_r:virt_content_t:"

static char image_mark(const struct cage_guest *g, const char *path)
{
	struct cage_report r = { 0 };
	char mark = 0;

	buf_init(&r.out, 1 << 20);
	cage_files(g, getpid(), &r);
	for (char *rest = NULL, *l = strtok_r((char *)r.out.data, "\n", &rest); l; l = strtok_r(NULL, "\n", &rest))
		if (strstr(l, " image ") && strstr(l, path))
			mark = l[2];
	buf_free(&r.out);
	return mark;
}

static void test_labels_of_images(void **state)
{
	static const struct {
		bool write, shareable, backing;
		const char *label;
		char mark;
	} cases[] = {
		{ true, false, false, IMAGE LEVEL, 'o' },
		{ true, false, false, IMAGE "s0", 'D' },
		{ true, false, false, IMAGE "s0:c1,c3", 'D' },
		{ true, false, false, "system_u:object_r:user_home_t:" LEVEL, 'D' },
		{ true, false, false, "system_u:object_r:svirt_image_t2:" LEVEL, 'D' },
		{ true, false, false, CONTENT LEVEL, 'D' },
		{ true, true, false, IMAGE "s0", 'o' },
		{ true, true, false, IMAGE LEVEL, 'D' },
		{ true, true, false, "system_u:object_r:shadow_t:s0", 'D' },
		{ false, false, false, CONTENT "s0", 'o' },
		{ false, false, false, IMAGE "s0", 'D' },
		{ false, false, false, CONTENT LEVEL, 'D' },
		{ true, false, true, CONTENT "s0", 'o' },
		{ true, false, true, "system_u:object_r:shadow_t:s0", 'D' },
		{ true, false, true, CONTENT "s0:c1,c2", 'D' },
	};
	char top[] = "/tmp/cordon-cage-XXXXXX", path[64];
	struct cage_other self = { .pid = getpid(), .label = "system_u:system_r:svirt_t:" LEVEL };
	struct cage_host host = { .list = &self, .n = 1, .selinux = true, .image_type = "svirt_image_t",
				  .content_type = "virt_content_t" };
	struct dom_seclabel told = { .model = (char *)"selinux", .relabel = DOM_YESNO_YES, .label = self.label,
				     .imagelabel = (char *)IMAGE LEVEL };
	struct dom_image backing = { .path = path };
	struct dom_disk disk = { 0 };
	struct cage_guest g = { .host = &host, .model = { .seclabels = &told, .n_seclabels = 1, .disks = &disk,
							  .n_disks = 1 } };

	ROOT();
	assert_non_null(mkdtemp(top));
	snprintf(path, sizeof(path), "%s/image", top);
	assert_int_equal(mknod(path, S_IFREG | 0600, 0), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		disk = (struct dom_disk){ .path = cases[i].backing ? (char *)"/nowhere" : path,
					  .readonly = !cases[i].write, .shareable = cases[i].shareable,
					  .backing = &backing, .n_backing = cases[i].backing };
		assert_int_equal(setxattr(path, "security.selinux", cases[i].label, strlen(cases[i].label) + 1, 0), 0);
		if (image_mark(&g, path) != cases[i].mark)
			fail_msg("case %zu, %s", i, cases[i].label);
	}
	told.relabel = DOM_YESNO_NO;              /* the user's word */
	assert_int_equal(image_mark(&g, path), '-');
	unlink(path);
	rmdir(top);
}

/* Where labels cannot be set, as on NFS, the policy was asked about the one that is shown there. */
static void test_file_systems_without_labels(void **state)
{
	static const struct {
		const char *options;
		char mark;
	} cases[] = { { "rw,seclabel", 'o' }, { "rw", '-' }, { "rw,noseclabels", '-' } };
	char top[] = "/tmp/cordon-cage-XXXXXX", path[64], mounts[200];
	struct cage_other self = { .pid = getpid(), .label = "system_u:system_r:svirt_t:" LEVEL };
	struct cage_host host = { .list = &self, .n = 1, .selinux = true, .image_type = "svirt_image_t",
				  .mounts = mounts };
	struct dom_disk disk = { .path = path };
	struct cage_guest g = { .host = &host, .model = { .disks = &disk, .n_disks = 1 } };
	struct statx st;

	ROOT();
	assert_non_null(mkdtemp(top));
	snprintf(path, sizeof(path), "%s/image", top);
	assert_int_equal(mknod(path, S_IFREG | 0600, 0), 0);
	assert_int_equal(setxattr(path, "security.selinux", IMAGE LEVEL, strlen(IMAGE LEVEL) + 1, 0), 0);
	assert_int_equal(statx(AT_FDCWD, path, 0, STATX_MNT_ID, &st), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(mounts, sizeof(mounts), "1 1 0:1 / / rw - tmpfs none rw\n%ju 1 0:2 / %s rw shared:1 - nfs "
			 "seclabel %s\n", (uintmax_t)st.stx_mnt_id, top, cases[i].options);
		assert_int_equal(image_mark(&g, path), cases[i].mark);
	}
	unlink(path);
	rmdir(top);
}

/* ---- devices on cgroup v2 ---- */

/* A program that a group has from above is not its own: launch gives each guest's group one. */
static void test_device_programs(void **state)
{
	struct bpf_insn allow[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 }, { .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insns = (uintptr_t)allow, .insn_cnt = 2,
				.license = (uintptr_t)"GPL" };
	union bpf_attr attach = { .attach_type = BPF_CGROUP_DEVICE };
	const char *root = access("/sys/fs/cgroup/cgroup.procs", F_OK) ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
	char above[80], below[100];
	CLEAN_FD int program = -1, above_fd = -1, below_fd = -1;

	ROOT();
	snprintf(above, sizeof(above), "%s/cordon-test-programs-%d", root, (int)getpid());
	snprintf(below, sizeof(below), "%s/guest", above);
	program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	if (program < 0 || mkdir(above, 0755) < 0 || mkdir(below, 0755) < 0) {
		rmdir(above);
		skip();
	}
	above_fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	below_fd = open(below, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	attach.target_fd = (uint32_t)above_fd;
	attach.attach_bpf_fd = (uint32_t)program;
	assert_int_equal(cage_device_programs(below_fd), 0);
	assert_int_equal(syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)), 0);
	assert_int_equal(cage_device_programs(above_fd), 1);
	assert_int_equal(cage_device_programs(below_fd), 0);
	rmdir(below);
	rmdir(above);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_sockets_with_names),
		cmocka_unit_test(test_other_ends),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_made_elsewhere),
		cmocka_unit_test(test_labels_of_images),
		cmocka_unit_test(test_file_systems_without_labels),
		cmocka_unit_test(test_device_programs),
		cmocka_unit_test(test_a_path_too_long),
	};

	return cmocka_run_group_tests_name("cli_cage", tests, NULL, NULL);
}
