/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Namespaces, mounts, roots, handles, nodes. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <unistd.h>

#include "escape.h"

#define HANDLE_MAX 128

static int ns_user(void)
{
	return outcome(unshare(CLONE_NEWUSER));
}

static int ns_mount(void)
{
	return outcome(unshare(CLONE_NEWNS));
}

static int reap(long pid)
{
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return outcome(pid);
}

static int ns_clone(void)
{
	return reap(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}

static int ns_clone3(void)
{
	struct clone_args a = { .flags = CLONE_NEWUSER | CLONE_NEWNS, .exit_signal = SIGCHLD };

	return reap(syscall(SYS_clone3, &a, sizeof(a)));
}

/* Into another process's namespace: by /proc, by a pidfd, or at least the call itself. */
static int ns_enter(void)
{
	char path[64];
	int fd, r;

	snprintf(path, sizeof(path), "/proc/%ld/ns/mnt", target_number("cordond"));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fd = (int)syscall(SYS_pidfd_open, (pid_t)target_number("cordond"), 0);
	r = outcome(setns(fd, CLONE_NEWNS));
	if (fd >= 0)
		close(fd);
	return r;
}

static int mount_tmpfs(void)
{
	return outcome(mount("escape", "/tmp", "tmpfs", 0, NULL));
}

static int mount_proc(void)
{
	return outcome(mount("proc", "/proc", "proc", 0, NULL));
}

static int mount_writable(void)
{
	return outcome(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int mount_away(void)
{
	return outcome(umount2("/dev", MNT_DETACH));
}

/* Where mounting works, a place to pivot to is made first. */
static int pivot(void)
{
	if (uncaged && (mount("escape", "/tmp", "tmpfs", 0, NULL) < 0 || chdir("/tmp") < 0))
		return -errno;
	return outcome(syscall(SYS_pivot_root, ".", "."));
}

/* The classic: a root below, a working directory above it, and up. */
static int chroot_out(void)
{
	int r = outcome(chroot("/tmp"));

	for (int i = 0; r == 0 && i < 64; i++)
		r = outcome(chdir(".."));
	return r == 0 ? outcome(chroot(".")) : r;
}

static int tree_open(void)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE);

	return outcome(fd);
}

static int fs_open(void)
{
	return outcome(syscall(SYS_fsopen, "tmpfs", 0));
}

static int mount_move(void)
{
	int r = outcome(syscall(SYS_move_mount, AT_FDCWD, "/proc", AT_FDCWD, "/tmp", 0));

	/* it is mounted where moving is forbidden: that is no refusal of ours */
	return r == -EINVAL ? 0 : r;
}

static int mount_attributes(void)
{
	struct mount_attr a = { .attr_clr = MOUNT_ATTR_RDONLY };

	return outcome(syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &a, sizeof(a)));
}

static int unhex(const char *text, uint8_t *out, size_t max)
{
	size_t n = 0;
	unsigned byte;

	for (; text[0] && text[1] && n < max; text += 2) {
		if (sscanf(text, "%2x", &byte) != 1)
			return -EINVAL;
		out[n++] = (uint8_t)byte;
	}
	return (int)n;
}

/* With the right handle of another guest's image in hand, and one's own disk as the mount. */
static int handle_open(void)
{
	union {
		struct file_handle h;
		uint8_t space[sizeof(struct file_handle) + HANDLE_MAX];
	} u = { 0 };
	int n = unhex(target("victim_handle"), u.h.f_handle, HANDLE_MAX), r = -EBADF;
	int opened = uncaged ? open(target("victim_dir"), O_RDONLY | O_CLOEXEC) : -1;

	u.h.handle_bytes = n > 0 ? (unsigned)n : 0;
	u.h.handle_type = (int)target_number("victim_handle_type");
	for (int fd = 3; fd < 64; fd++) {
		int got = open_by_handle_at(fd, &u.h, O_RDONLY | O_CLOEXEC);

		if (got >= 0)
			r = better(holds_secret(got, "victim_secret"), r);
		else if (errno != EBADF)
			r = better(-errno, r);
		if (got >= 0)
			close(got);
	}
	if (opened >= 0)
		close(opened);
	return r;
}

static int handle_name(void)
{
	struct {
		struct file_handle h;
		uint8_t space[HANDLE_MAX];
	} u = { .h.handle_bytes = HANDLE_MAX };
	int id;

	return outcome(name_to_handle_at(AT_FDCWD, "/usr", &u.h, &id, 0));
}

/* mknod and open: one of the two has to fail. */
static int try_node(mode_t kind, unsigned major_no, unsigned minor_no, bool secret)
{
	static const char path[] = "/tmp/cordon-escape-node";
	int r = outcome(mknod(path, kind | 0600, makedev(major_no, minor_no)));

	if (r < 0)
		return r;
	r = secret ? read_secret(path) : try_open(path, O_RDONLY);
	unlink(path);
	return r;
}

static int node_disk(void)
{
	long no[2];

	if (target_list("victim_block_numbers", no, 2) != 2)
		return ESCAPE_VOID;
	return try_node(S_IFBLK, (unsigned)no[0], (unsigned)no[1], true);
}

static int node_kmsg(void)
{
	return try_node(S_IFCHR, 1, 11, false);
}

static int node_socket(void)
{
	int r = outcome(mknod("/tmp/cordon-escape-fifo", S_IFIFO | 0600, 0));

	if (r == 0)
		unlink("/tmp/cordon-escape-fifo");
	return r;
}

static int host_name(void)
{
	char name[256] = "";

	if (gethostname(name, sizeof(name)) < 0)
		return -errno;
	return outcome(sethostname(name, strlen(name)));
}

static int domain_name(void)
{
	return outcome(setdomainname("(none)", 6));
}

/* All of it together: root in namespaces of one's own, and from there to the image. */
static int ns_chain(void)
{
	int r = outcome(unshare(uncaged ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET));

	if (r < 0)
		return r;
	(void)!mount("proc", "/proc", "proc", 0, NULL);
	(void)!mount("escape", "/tmp", "tmpfs", 0, NULL);
	(void)!umount2("/", MNT_DETACH);
	r = better(handle_open(), node_disk());
	if (uncaged)
		return r;       /* by its path it would be image-read once more */
	r = better(read_secret(target("victim_image")), r);
	(void)!chroot("/tmp");
	for (int i = 0; i < 64; i++)
		(void)!chdir("..");
	(void)!chroot(".");
	return better(read_secret(target("victim_image")), r);
}

const struct attack namespaces_attacks[] = {
	{ "ns-user", "unshare(CLONE_NEWUSER): capabilities of one's own", ns_user, 0, NULL },
	{ "ns-mount", "unshare(CLONE_NEWNS)", ns_mount, 0, NULL },
	{ "ns-clone", "clone() into a new user namespace", ns_clone, 0, NULL },
	{ "ns-clone3", "clone3(), whose flags no filter can read", ns_clone3, 0, NULL },
	{ "ns-enter", "setns() into cordond's mount namespace", ns_enter, 0, "cordond" },
	{ "mount-tmpfs", "mount a tmpfs", mount_tmpfs, 0, NULL },
	{ "mount-proc", "mount /proc", mount_proc, 0, NULL },
	{ "mount-writable", "remount the root writable", mount_writable, 0, NULL },
	{ "mount-away", "unmount what covers something", mount_away, 0, NULL },
	{ "mount-pivot", "pivot_root()", pivot, 0, NULL },
	{ "mount-tree", "open_tree(): a copy of the mounts", tree_open, 0, NULL },
	{ "mount-fsopen", "fsopen(): a file system by descriptor", fs_open, 0, NULL },
	{ "mount-move", "move_mount()", mount_move, 0, NULL },
	{ "mount-setattr", "mount_setattr(): clear read-only", mount_attributes, 0, NULL },
	{ "chroot", "chroot() and climb out", chroot_out, 0, NULL },
	{ "handle-open", "open_by_handle_at() with the handle of another guest's image", handle_open,
	  A_GUEST, "victim_handle" },
	{ "handle-name", "name_to_handle_at()", handle_name, 0, NULL },
	{ "node-disk", "mknod() another guest's block device and read it", node_disk, A_GUEST,
	  "victim_block_numbers" },
	{ "node-kmsg", "mknod() /dev/kmsg and read it", node_kmsg, 0, NULL },
	{ "node-fifo", "mknod() a FIFO", node_socket, 0, NULL },
	{ "ns-chain", "a user namespace, mounts, handles, nodes and chroot together", ns_chain, A_GUEST,
	  "victim_image" },
	{ "host-name", "sethostname()", host_name, 0, NULL },
	{ "host-domain", "setdomainname()", domain_name, 0, NULL },
	{ 0 },
};
