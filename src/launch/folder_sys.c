/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest's own folder: what QEMU and its cordon-vm meet in. See src/vm/vm_fds.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "launch/launch.h"
#include "vm/vm_fds.h"

#define BACKLOG 4
#define JOURNAL_NAME "journal"

static uid_t vm_uid(const struct cell *c)
{
	return c->uid + GUEST_UID_VM;
}

/* The socket has the label of who listens, its name in the folder that of the guest's files. */
int folder_listen(const struct cell *c, const char *name, int type, uid_t owner, const char *label,
		  struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	CLEAN_FD int fd = -1;
	int r = label_next(-1, "sockcreate", label, false);

	if (r == 0)
		fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	(void)label_next(-1, "sockcreate", label[0] ? "\n" : "", false);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", name);
	/* relative to the folder: its full path may be longer than a socket's name can be */
	if (fd < 0 || fchdir(c->dir) < 0 || (unlink(name) < 0 && errno != ENOENT) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || chmod(name, 0600) < 0 ||
	    lchown(name, owner, owner) < 0 || listen(fd, BACKLOG) < 0 ||
	    label_file(-1, name, c->image) < 0)
		return err_sys(err, r ? r : -errno, "guest %s: socket %s", c->dir_name, name);
	return take_fd(&fd);
}

const struct folder_file folder_files[FOLDER_FDS] = {
	[FOLDER_LISTEN] = { VM_SOCK_NAME, 0, false, VM_FD_LISTEN },
	[FOLDER_FIFO_WRITE] = { VM_FIFO_NAME, O_RDWR | O_NONBLOCK, false, -1 },
	[FOLDER_FIFO_READ] = { VM_FIFO_NAME, O_RDONLY | O_NONBLOCK, false, VM_FD_FIFO },
	[FOLDER_JOURNAL] = { JOURNAL_NAME, O_RDWR | O_CREAT, false, VM_FD_JOURNAL },
	[FOLDER_LOG] = { ".log", O_RDWR | O_CREAT | O_APPEND, true, VM_FD_LOG },
	[FOLDER_LOG_OLD] = { ".log.0", O_RDWR | O_CREAT, true, VM_FD_LOG_OLD },
	[FOLDER_PICTURE] = { VM_PICTURE_NAME, O_RDONLY | O_CREAT, false, VM_FD_PICTURE },
	[FOLDER_PICTURE_OUT] = { VM_PICTURE_NAME, O_WRONLY, false, VM_FD_PICTURE_OUT },
};

static int open_file(const struct cell *c, const struct folder_file *f)
{
	char name[300];
	CLEAN_FD int fd = -1;
	int r;

	snprintf(name, sizeof(name), "%s%s", f->log ? c->log_name : "", f->name);
	fd = openat(f->log ? launch.log_dir : c->dir, name, f->flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = fd < 0 ? -errno : label_file(fd, NULL, c->image);
	return r < 0 ? r : take_fd(&fd);
}

static int make_folder(struct cell *c)
{
	if (fchmod(c->dir, 0710) < 0 || fchown(c->dir, 0, vm_uid(c)) < 0)
		return -errno;
	unlinkat(c->dir, VM_FIFO_NAME, 0);
	unlinkat(c->dir, JOURNAL_NAME, 0);
	return mkfifoat(c->dir, VM_FIFO_NAME, 0600) < 0 ||
	       fchownat(c->dir, VM_FIFO_NAME, vm_uid(c), vm_uid(c), AT_SYMLINK_NOFOLLOW) < 0 ?
	       -errno : 0;
}

int folder_make(struct cell *c, int ret_fds[FOLDER_FDS], bool fresh, struct err *err)
{
	char label[LABEL_SIZE] = "";
	int rc = fresh ? make_folder(c) : 0;

	for (int i = FOLDER_LISTEN + 1; i < FOLDER_FDS && rc >= 0; i++)
		rc = ret_fds[i] = open_file(c, &folder_files[i]);
	if (rc >= 0 && fchown(ret_fds[FOLDER_JOURNAL], vm_uid(c), vm_uid(c)) < 0)
		rc = -errno;
	if (rc < 0)
		return err_sys(err, rc, "guest %s: its folder", c->dir_name);
	label_compose(launch.label, VM_TYPE, c->label, label);
	ret_fds[FOLDER_LISTEN] = folder_listen(c, VM_SOCK_NAME, SOCK_SEQPACKET, 0, label, err);
	return ret_fds[FOLDER_LISTEN] < 0 ? ret_fds[FOLDER_LISTEN] : 0;
}

static int open_pty(struct cell *c)
{
	struct termios t;
	int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	const char *name;
	int slave;

	if (fd < 0)
		return -errno;
	if (grantpt(fd) < 0 || unlockpt(fd) < 0 || !(name = ptsname(fd)) || tcgetattr(fd, &t) < 0)
		goto fail;
	cfmakeraw(&t);
	/* who administers the host may attach to it, as with libvirt */
	if (tcsetattr(fd, TCSANOW, &t) < 0 || chown(name, 0, 5) < 0 || chmod(name, 0620) < 0 ||
	    label_file(-1, name, c->image) < 0)
		goto fail;
	/* so that the master knows from the beginning that nobody is there */
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	fd_close(&slave);
	c->pty[c->n_ptys++] = fd;
	return 0;
fail:
	close(fd);
	return -EIO;
}

int folder_ptys(struct cell *c, struct err *err)
{
	while (c->n_ptys < c->want_ptys) {
		int rc = open_pty(c);

		if (rc)
			return err_sys(err, rc, "guest %s: pseudo terminal", c->dir_name);
	}
	return 0;
}

void folder_remove(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return;
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(fd, e->d_name, 0);
	closedir(d);
	/* where folder_listen() went */
	if (fchdir(launch.run_dir) < 0)
		log_error("folder of the guests: %s", strerrordesc_np(errno));
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		log_error("guest %s: its folder cannot be removed: %s", name, strerrordesc_np(errno));
}
