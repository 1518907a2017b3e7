/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The argument lists of tests/golden/argv, given to the real QEMU: it starts with the
 * descriptors it is handed, answers QMP, knows every set-up command, and opened no
 * image by its path (the paths in the documents do not exist here).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hv/qemu/table.h"
#include "plan_fds.h"
#include "xml/domain.h"

#define ARENA_MAX (64 * 1024 * 1024)
#define DOC_MAX (256 * 1024)
#define FIRST_FD 200
#define FDS_MAX 128
#define ANSWER_MS 20000
#define DEADLINE_S 100

static bool must_run(void)
{
	return getenv("CORDON_MUST_RUN") != NULL;
}

static int same_bytes(void *ctx, void *out, size_t n)
{
	(void)ctx;
	memset(out, 0x11, n);
	return 0;
}

/* An empty image of 1 MiB in memory; a qcow2 one has the smallest valid header. */
static int make_image(bool qcow2)
{
	static const uint8_t header[112] = {
		'Q', 'F', 'I', 0xfb, [7] = 3,		/* magic, version 3 */
		[23] = 16,				/* clusters of 64 KiB */
		[29] = 0x10, [31] = 0,			/* 1 MiB */
		[39] = 1,				/* one L1 entry, */
		[45] = 3,				/* at 0x30000 */
		[53] = 1, [59] = 1,			/* refcounts at 0x10000, one cluster */
		[99] = 4, [103] = 104,			/* 16 bit refcounts; header length */
	};
	int fd = memfd_create("image", MFD_CLOEXEC);
	uint8_t block[8] = { [5] = 2 };			/* refcount block at 0x20000 */
	uint8_t counts[8] = { 0, 1, 0, 1, 0, 1, 0, 1 };

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	if (qcow2) {
		assert_int_equal(pwrite(fd, header, sizeof(header), 0), sizeof(header));
		assert_int_equal(pwrite(fd, block, sizeof(block), 0x10000), sizeof(block));
		assert_int_equal(pwrite(fd, counts, sizeof(counts), 0x20000), sizeof(counts));
	}
	return fd;
}

static int make_copy(const char *path)
{
	int from = open(path, O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("copy", MFD_CLOEXEC);
	char block[65536];
	ssize_t n;

	assert_true(fd >= 0);
	if (from < 0) {
		close(fd);
		return -1;
	}
	while ((n = read(from, block, sizeof(block))) > 0)
		assert_int_equal(write(fd, block, (size_t)n), n);
	close(from);
	return fd;
}

/* A listening socket in the abstract name space; `ret_name` receives its address. */
static int make_listener(struct sockaddr_un *ret_name, socklen_t *ret_len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_name = (struct sockaddr_un){ .sun_family = AF_UNIX };
	assert_int_equal(bind(fd, (struct sockaddr *)ret_name, sizeof(sa_family_t)), 0);
	*ret_len = sizeof(*ret_name);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret_name, ret_len), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

struct run {
	int fds[FDS_MAX];
	struct guest_fd list[FDS_MAX];
	size_t n;
	struct sockaddr_un monitor;
	socklen_t monitor_len;
};

/* QEMU takes from a set only a descriptor of the very access it wants. */
static int reopen_readonly(int fd)
{
	char path[64];
	int again;

	if (fd < 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(again >= 0);
	close(fd);
	return again;
}

/* The descriptor of one row; -1: cannot be made here. */
static int make_fd(struct run *run, const struct domain *d, const struct guest_fd *row)
{
	const struct dom_disk *disk;
	struct sockaddr_un name;
	socklen_t len;
	int pair[2];

	switch (row->kind) {
	case GUEST_FD_KIND_MONITOR:
		return make_listener(&run->monitor, &run->monitor_len);
	case GUEST_FD_KIND_CHARDEV:
		return make_listener(&name, &len);
	case GUEST_FD_KIND_NIC:
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		close(pair[1]);
		return pair[0];
	case GUEST_FD_KIND_LOADER:
		return make_copy(d->os.loader->path);
	case GUEST_FD_KIND_NVRAM:
		return make_copy(d->os.nvram->template_path ? d->os.nvram->template_path : "");
	case GUEST_FD_KIND_IMAGE:
		disk = &d->disks[row->index];
		return make_image((row->depth ? disk->backing[row->depth - 1].format
					      : disk->format) == DOM_DISK_FORMAT_QCOW2);
	default:
		return -1;
	}
}

static bool make_fds(struct run *run, const struct domain *d, struct arena *a)
{
	struct plan_resources r = { 0 };

	number_fds(d, FIRST_FD, a, &r);
	assert_true(r.n <= FDS_MAX);
	for (; run->n < r.n; run->n++) {
		int fd = make_fd(run, d, &r.list[run->n]);

		if (!r.list[run->n].write)
			fd = reopen_readonly(fd);
		if (fd < 0)
			return false;
		run->fds[run->n] = fd;
		run->list[run->n] = r.list[run->n];
	}
	return true;
}

static pid_t start(const struct run *run, const struct plan_argv *argv, int log)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	for (size_t i = 0; i < run->n; i++)
		if (dup2(run->fds[i], run->list[i].number) < 0)
			_exit(127);
	dup2(log, 1);
	dup2(log, 2);
	execv(argv->argv[0], argv->argv);
	_exit(127);
}

/* Lines until `n` answers ("return" or "error") came; false on error, end or silence. */
static bool answers(int fd, unsigned n, char *text, size_t size)
{
	size_t len = 0, line = 0;

	while (n) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t r;

		if (len + 1 >= size || poll(&p, 1, ANSWER_MS) != 1)
			return false;
		r = read(fd, text + len, size - len - 1);
		if (r <= 0)
			return false;
		len += (size_t)r;
		text[len] = 0;
		for (char *end; (end = strchr(text + line, '\n'));
		     line = (size_t)(end - text) + 1) {
			*end = ' ';
			if (strstr(text + line, "{\"error\"") == text + line)
				return false;
			if (strstr(text + line, "{\"return\"") == text + line)
				n--;
		}
	}
	return true;
}

static bool talk(const struct run *run, const struct plan_argv *argv, char *text, size_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = false;

	if (connect(fd, (const struct sockaddr *)&run->monitor, run->monitor_len) == 0) {
		dprintf(fd, "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"query-status\"}\n");
		for (size_t i = 0; i < argv->n_setup; i++)
			dprintf(fd, "%s\n", argv->setup[i]);
		ok = answers(fd, 2 + (unsigned)argv->n_setup, text, size);
		/* The answer first: a monitor that is hung up on forgets what it was told. */
		if (ok)
			ok = dprintf(fd, "{\"execute\":\"quit\"}\n") > 0 &&
			     answers(fd, 1, text + strlen(text), size - strlen(text));
	}
	close(fd);
	return ok && strstr(text, "prelaunch");
}

static char *read_document(struct arena *a, const char *name)
{
	const char *root = getenv("CORDON_SOURCE_ROOT");
	char *text = arena_alloc(a, DOC_MAX);
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/golden/argv/%s.xml", root ? root : ".", name);
	f = fopen(path, "re");
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	text[fread(text, 1, DOC_MAX - 1, f)] = 0;
	fclose(f);
	return text;
}

static void check_runs(const struct run *run, const struct plan_argv *argv, const char *name)
{
	static char text[1 << 20];
	int log = memfd_create("log", MFD_CLOEXEC);
	pid_t pid = start(run, argv, log);
	char said[2048] = "";
	bool ok;
	int status;

	for (size_t i = 0; i < run->n; i++)
		if (run->list[i].kind != GUEST_FD_KIND_MONITOR)
			close(run->fds[i]);
	ok = talk(run, argv, text, sizeof(text));
	if (!ok)
		kill(pid, SIGKILL);
	close(run->fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (pread(log, said, sizeof(said) - 1, 0) < 0)
		said[0] = 0;
	close(log);
	if (!ok || !WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("%s: QEMU said: %s\nand answered: %s", name, said, text);
}

static void check_guest(const char *name)
{
	struct arena *a = arena_new(ARENA_MAX);
	const struct plan_env env = { .random = same_bytes, .nvram_dir = "/srv/nvram" };
	struct run *run = calloc(1, sizeof(*run));
	struct plan_resources r = { .now = 1700000000 };
	struct plan_argv argv;
	struct domain d;
	struct err err = { 0 };
	char *text = read_document(a, name);

	if (domain_xml_parse(text, strlen(text), 0, a, &d, &err) < 0 ||
	    plan_complete(&d, &env, a, &err) < 0)
		fail_msg("%s: %s", name, err.text);
	d.type = DOM_TYPE_QEMU;
	assert_int_equal(plan_aliases(&d, a), 0);
	if (make_fds(run, &d, a)) {
		r.list = run->list;
		r.n = run->n;
		if (plan_argv(&d, &r, a, &argv, &err) < 0)
			fail_msg("%s: %s", name, err.text);
		check_runs(run, &argv, name);
	} else if (must_run()) {
		fail_msg("%s: a firmware image is not installed", name);
	}
	free(run);
	arena_free(a);
}

static void test_qemu_starts(void **state)
{
	static const char *const names[] = {
		"min",	      "minpc",	   "hv1",	 "con4",	"con5",	 "ch2",	  "ch3",
		"gfx1",	      "gfx2",	   "gfx3",	 "gfx5",	"dsk1",	 "dsk2",  "dsk4",
		"dsk5",	      "dsk7",	   "dsk8",	 "flop",	"flop2", "scsi2", "sata2",
		"net_virtio", "net_e1000", "net_e1000e", "net_rtl8139", "net8",	 "net9",  "in1",
		"usb3",	      "usb4",	   "usb5",	 "misc2",	"misc4", "feat2", "feat5",
		"feat7",      "cpu1",	   "cpu4",	 "cpu6",	"boot1", "efi1",  "efi2",
		"efi3",	      "pci4",	   "pci5",	 "pci7",	"pci9b", "ctl1",  "ctl2",
		"mem2",	      "vi3",	   "vi4",	 "vi5",		"vi6",	 "vi7",	  "vi8",
	};

	(void)state;
	if (access(PLAN_EMULATOR, X_OK) != 0) {
		if (must_run())
			fail_msg("no %s", PLAN_EMULATOR);
		skip();
	}
	alarm(DEADLINE_S);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		check_guest(names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_qemu_starts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
