/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another guest's image and everything that Cordon keeps about it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "escape.h"

#define FDS_MAX 2048

static const char *image(void)
{
	return target("victim_image");
}

/* "/path/of/image.stolen", beside it, where a link is possible at all */
static const char *beside(void)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s.stolen", image());
	return path;
}

static int image_read(void)
{
	return read_secret(image());
}

static int image_write(void)
{
	return try_open(image(), O_RDWR);
}

static int image_map(void)
{
	int fd = open(image(), O_RDWR | O_CLOEXEC), r;
	void *p;

	if (fd < 0)
		return -errno;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	r = p == MAP_FAILED ? -errno : 0;
	if (r == 0)
		munmap(p, 4096);
	close(fd);
	return r;
}

/* To the size it has: enough to be refused, and harmless where it is not. */
static int image_truncate(void)
{
	return outcome(truncate(image(), target_number("victim_size")));
}

static int image_link(void)
{
	int r = outcome(link(image(), beside()));

	if (r == 0)
		unlink(beside());
	return r;
}

static int image_rename(void)
{
	int r = outcome(rename(image(), beside()));

	return r == 0 ? outcome(rename(beside(), image())) : r;
}

static int image_chmod(void)
{
	return outcome(chmod(image(), 0600));
}

static int image_label(void)
{
	int r = outcome(setxattr(image(), "user.cordon-escape", "x", 1, 0));

	if (r == 0)
		removexattr(image(), "user.cordon-escape");
	return r;
}

/* The same file by ways that a check of paths may not think of. */
static int image_dotdot(void)
{
	static const char up[] = "../../../../../../../../../../../../../../..";
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s%s", up, image());
	r = read_secret(path);
	snprintf(path, sizeof(path), "/proc/self/cwd/%s%s", up, image());
	r = better(r, read_secret(path));
	snprintf(path, sizeof(path), "/proc/self/root%s", image());
	r = better(r, read_secret(path));
	snprintf(path, sizeof(path), "/dev/fd/0/%s%s", up, image());
	return better(r, read_secret(path));
}

static int image_other_root(void)
{
	static const char *const keys[] = { "victim_qemu", "victim_vm", "core", "launch", "cordond" };
	char path[PATH_MAX];
	int r = read_secret("/proc/1/root/nothing");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%ld/root%s", target_number(keys[i]), image());
		r = better(r, read_secret(path));
	}
	return r;
}

static int image_other_fd(void)
{
	char path[64];
	int r = -ENOENT;

	for (int fd = 3; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/%ld/fd/%d", target_number("victim_qemu"), fd);
		r = better(read_secret(path), r);
	}
	return r;
}

static int backing_own(void);

/* A folder of the host. Those in /proc tell of processes, and lead nowhere (fd-parent tries). */
static bool is_folder(int fd, const struct stat *st)
{
	struct statfs fs;

	return S_ISDIR(st->st_mode) && !(fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC);
}

/* All that is open here: a folder, or a file or block device with the other guest's secret in it? */
static int fd_inventory(void)
{
	const char *block = target("victim_block");
	int r = -ENODATA, opened = uncaged ? open(block ? block : image(), O_RDONLY | O_CLOEXEC) : -1;

	for (int fd = 0; fd < FDS_MAX; fd++) {
		struct stat st;

		if (fd == own_disk || fstat(fd, &st) < 0)
			continue;
		if (is_folder(fd, &st) || ((S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) &&
					   holds_secret(fd, "victim_secret") == 0))
			r = 0;
	}
	if (opened >= 0)
		close(opened);
	return r;
}

/* One's own disk as a foothold: its folder, another inode through it. */
static int fd_parent(void)
{
	int r = -ENOENT, opened = uncaged ? open(target("victim_dir"), O_RDONLY | O_CLOEXEC) : -1;

	for (int fd = 3; fd < FDS_MAX; fd++) {
		int up = openat(fd, "../", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (up >= 0) {
			close(up);
			r = 0;
		} else if (errno != EBADF) {
			r = better(-errno, r);
		}
	}
	if (opened >= 0)
		close(opened);
	return r;
}

/* A backing file that other guests read too: make it writable after all. */
static int backing_write(void)
{
	int fd = backing_own(), r;
	char path[64];
	void *p;

	if (fd < 0)
		return ESCAPE_VOID;
	r = outcome(pwrite(fd, "x", 1, 512));
	r = better(r, outcome(ftruncate(fd, 1 << 20)));
	r = better(r, outcome(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4096)));
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	r = better(r, p == MAP_FAILED ? -errno : 0);
	r = better(r, outcome(fsetxattr(fd, "user.cordon-escape", "x", 1, 0)));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return better(r, try_open(path, O_RDWR));
}

/* The descriptor of the read-only image, by what it begins with. */
static int backing_own(void)
{
	if (uncaged)
		return open(target("backing"), O_RDONLY | O_CLOEXEC);
	for (int fd = 3; fd < FDS_MAX; fd++)
		if (fd != own_disk && holds_secret(fd, "backing_secret") == 0)
			return fd;
	return target("backing") ? open(target("backing"), O_RDONLY | O_CLOEXEC) : -1;
}

static int record_read(void)
{
	return try_open(target("victim_record"), O_RDONLY);
}

static int record_write(void)
{
	return try_open(target("victim_record"), O_RDWR);
}

static int log_read(void)
{
	return try_open(target("victim_log"), O_RDONLY);
}

static int folder_list(void)
{
	DIR *d = opendir(target("victim_folder"));

	if (!d)
		return -errno;
	closedir(d);
	return 0;
}

/* A claim is a symbolic link in the ledger's folder. */
static int ledger_write(void)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/cordon-escape", target("ledger"));
	r = outcome(symlink("1 0", path));
	if (r == 0)
		unlink(path);
	return r;
}

static int ledger_read(void)
{
	return try_open(target("ledger"), O_RDONLY | O_DIRECTORY);
}

static int tpm_read(void)
{
	return try_open(target("victim_tpm_state"), O_RDONLY);
}

static int tpm_write(void)
{
	return try_open(target("victim_tpm_state"), O_RDWR);
}

static int labels_read(void)
{
	return try_open(target("labels"), O_RDONLY | O_DIRECTORY);
}

static int audit_write(void)
{
	return try_open(target("audit_log"), O_RDWR);
}

static int conf_write(void)
{
	return try_open(target("conf"), O_RDWR);
}

const struct attack files_attacks[] = {
	{ "image-read", "open another guest's image and read it", image_read, A_GUEST, "victim_image" },
	{ "image-write", "open it for writing", image_write, A_GUEST, "victim_image" },
	{ "image-map", "map it into memory", image_map, A_GUEST, "victim_image" },
	{ "image-truncate", "truncate it by its path", image_truncate, A_GUEST, "victim_image" },
	{ "image-link", "make a hard link to it", image_link, A_GUEST, "victim_image" },
	{ "image-rename", "rename it", image_rename, A_GUEST, "victim_image" },
	{ "image-chmod", "change its mode", image_chmod, A_GUEST, "victim_image" },
	{ "image-label", "change an extended attribute of it", image_label, A_GUEST, "victim_image" },
	{ "image-dotdot", "read it by ../.., /proc/self/cwd, /proc/self/root, /dev/fd", image_dotdot,
	  A_GUEST, "victim_image" },
	{ "image-proc-root", "read it through the root of other processes in /proc", image_other_root,
	  A_GUEST, "victim_image" },
	{ "image-proc-fd", "reopen it through the descriptors of the guest's QEMU in /proc",
	  image_other_fd, A_GUEST, "victim_qemu" },
	{ "fd-inventory", "find a folder or another guest's file among one's own descriptors",
	  fd_inventory, A_GUEST, "victim_image" },
	{ "fd-parent", "climb from one's own descriptors to their folders", fd_parent, 0, "victim_dir" },
	{ "backing-write", "write to a backing file that was given read-only", backing_write, A_GUEST,
	  "backing" },
	{ "record-read", "read another guest's record (its VNC password is in it)", record_read, A_GUEST,
	  "victim_record" },
	{ "record-write", "change it", record_write, A_GUEST, "victim_record" },
	{ "log-read", "read another guest's log", log_read, A_GUEST, "victim_log" },
	{ "folder-list", "list another guest's runtime folder", folder_list, A_GUEST, "victim_folder" },
	{ "tpm-read", "read what another guest's TPM remembers", tpm_read, A_GUEST, "victim_tpm_state" },
	{ "tpm-write", "change it", tpm_write, A_GUEST, "victim_tpm_state" },
	{ "ledger-write", "write a claim of one's own into the ledger of uids and labels", ledger_write,
	  A_GUEST, "ledger" },
	{ "ledger-read", "read the ledger", ledger_read, 0, "ledger" },
	{ "journal-read", "read the journal of labels", labels_read, 0, "labels" },
	{ "audit-write", "change the audit trail", audit_write, 0, "audit_log" },
	{ "conf-write", "change the daemon's configuration", conf_write, 0, "conf" },
	{ 0 },
};
