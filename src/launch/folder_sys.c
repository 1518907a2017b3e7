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

static uid_t vm_uid(const struct cell *c)
{
	return c->uid + LEDGER_UID_VM;
}

int folder_listen(const struct cell *c, const char *name, int type, uid_t owner, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", name);
	/* relative to the folder: its full path may be longer than a socket's name can be */
	if (fd < 0 || fchdir(c->dir) < 0)
		goto fail;
	unlink(name);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || chmod(name, 0600) < 0 ||
	    lchown(name, owner, owner) < 0 || listen(fd, BACKLOG) < 0)
		goto fail;
	return fd;
fail:
	type = -errno;
	fd_close(&fd);
	return err_sys(err, type, "guest %s: socket %s", c->dir_name, name);
}

static int open_log(const struct cell *c, const char *ext, int flags)
{
	char name[300];

	snprintf(name, sizeof(name), "%s.log%s", c->log_name, ext);
	return openat(launch.log_dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
}

void folder_close(struct folder_fds *f)
{
	fd_close(&f->listen_vm);
	fd_close(&f->fifo_read);
	fd_close(&f->fifo_write);
	fd_close(&f->journal);
	fd_close(&f->log);
	fd_close(&f->log_old);
	fd_close(&f->picture);
	fd_close(&f->picture_out);
}

static int open_files(struct cell *c, struct folder_fds *f, bool fresh)
{
	if (fresh) {
		unlinkat(c->dir, VM_FIFO_NAME, 0);
		unlinkat(c->dir, "journal", 0);
		if (mkfifoat(c->dir, VM_FIFO_NAME, 0600) < 0 ||
		    fchownat(c->dir, VM_FIFO_NAME, vm_uid(c), vm_uid(c), AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
	}
	f->fifo_write = openat(c->dir, VM_FIFO_NAME, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	f->fifo_read = openat(c->dir, VM_FIFO_NAME, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	f->journal = openat(c->dir, "journal", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	f->log = open_log(c, "", O_APPEND);
	f->log_old = open_log(c, ".0", 0);
	f->picture = openat(c->dir, VM_PICTURE_NAME, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	f->picture_out = openat(c->dir, VM_PICTURE_NAME, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (f->picture < 0 || f->picture_out < 0)
		return -errno;
	if (f->fifo_write < 0 || f->fifo_read < 0 || f->journal < 0 || f->log < 0 || f->log_old < 0 ||
	    fchown(f->journal, vm_uid(c), vm_uid(c)) < 0)
		return -errno;
	return 0;
}

int folder_make(struct cell *c, struct folder_fds *ret, bool fresh, struct err *err)
{
	struct folder_fds f = { -1, -1, -1, -1, -1, -1, -1, -1 };
	int rc = 0;

	if (fresh) {
		if (mkdirat(launch.run_dir, c->dir_name, 0710) < 0 && errno != EEXIST)
			rc = -errno;
		if (!rc && c->dir < 0)
			c->dir = openat(launch.run_dir, c->dir_name,
					O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (!rc && (c->dir < 0 || fchmod(c->dir, 0710) < 0 || fchown(c->dir, 0, vm_uid(c)) < 0))
			rc = -errno;
	}
	if (!rc)
		rc = open_files(c, &f, fresh);
	if (rc) {
		folder_close(&f);
		return err_sys(err, rc, "guest %s: its folder", c->dir_name);
	}
	f.listen_vm = folder_listen(c, VM_SOCK_NAME, SOCK_SEQPACKET, 0, err);
	if (f.listen_vm < 0) {
		rc = f.listen_vm;
		folder_close(&f);
		return rc;
	}
	*ret = f;
	return 0;
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
	if (tcsetattr(fd, TCSANOW, &t) < 0 || chown(name, 0, 5) < 0 || chmod(name, 0620) < 0)
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

int folder_ptys(struct cell *c, unsigned n, struct err *err)
{
	if (n > GUEST_PTYS_MAX)
		return err_set(err, -E2BIG, ERR_CONFIG_UNSUPPORTED,
			       "guest %s: more than %u consoles of type pty", c->dir_name, GUEST_PTYS_MAX);
	while (c->n_ptys < n) {
		int rc = open_pty(c);

		if (rc)
			return err_sys(err, rc, "guest %s: pseudo terminal", c->dir_name);
	}
	return 0;
}

/* One level, no folders in it. */
void folder_remove(const struct cell *c)
{
	DIR *d = c->dir < 0 ? NULL : fdopendir(fcntl(c->dir, F_DUPFD_CLOEXEC, 3));

	if (!d)
		return;
	rewinddir(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(c->dir, e->d_name, 0);
	closedir(d);
	/* where folder_listen() went */
	if (fchdir(launch.run_dir) < 0)
		log_error("folder of the guests: %s", strerrordesc_np(errno));
	if (unlinkat(launch.run_dir, c->dir_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		log_error("guest %s: its folder cannot be removed: %s", c->dir_name,
			  strerrordesc_np(errno));
}
