/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One cage's share of its root, and the step into it. Runs in the cage's child as real root. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/cage.h"
#include "launch/label.h"

#define XATTR_SELINUX "security.selinux"

int root_label(const char *like, const char *path)
{
	char label[256];
	ssize_t n = lgetxattr(like, XATTR_SELINUX, label, sizeof(label));

	if (n <= 0 || lsetxattr(path, XATTR_SELINUX, label, (size_t)n, 0) == 0 || errno == EOPNOTSUPP)
		return 0;
	return -errno;
}

static int make_node(const struct cgroup_device *d, const struct cage_spec *s)
{
	char host[32], path[32];

	snprintf(host, sizeof(host), "/dev/%s", d->name);
	snprintf(path, sizeof(path), "dev/%s", d->name);
	if (mknod(path, S_IFCHR | d->mode, makedev(d->major, d->minor)) < 0 || chmod(path, d->mode) < 0 ||
	    (d->kvm && chown(path, s->uid, s->uid) < 0))
		return -errno;
	return root_label(host, path);
}

static int make_nodes(const struct cage_spec *s, struct err *err)
{
	int r = 0;

	if (mount("cordon-dev", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC,
		  "mode=0755,size=4k,nr_inodes=16") < 0)
		return err_sys(err, -errno, "cage: mounting /dev");
	r = root_label("/dev", "dev");
	for (size_t i = 0; i < cgroup_n_devices && r == 0; i++)
		if (s->kvm || !cgroup_devices[i].kvm)
			r = make_node(&cgroup_devices[i], s);
	if (r < 0)
		return err_sys(err, r, "cage: making the devices");
	if (mount(NULL, "dev", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC,
		  NULL) < 0)
		return err_sys(err, -errno, "cage: making /dev read-only");
	return 0;
}

static int copy_file(const struct root_copy *c, const struct cage_spec *s, struct err *err)
{
	CLEAN_FD int out = -1;
	char path[40];
	off_t from = 0;

	snprintf(path, sizeof(path), "boot/%s", c->name);
	out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	if (out < 0 || fchown(out, s->uid, s->uid) < 0 ||
	    (c->head && fd_write_all(out, c->head, strlen(c->head)) < 0) ||
	    (s->file_label && label_file(out, NULL, s->file_label) < 0))
		return err_sys(err, -errno, "cage: creating /%s", path);
	for (;;) {
		ssize_t n = sendfile(out, c->fd, &from, 1 << 22);

		if (n < 0)
			return err_sys(err, -errno, "cage: copying to /%s", path);
		if (n == 0)
			return 0;
	}
}

static int make_copies(const struct cage_spec *s, struct err *err)
{
	if (!s->n_copies)
		return 0;
	if (mount("cordon-boot", "boot", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0755,size=1g,nr_inodes=16") < 0)
		return err_sys(err, -errno, "cage: mounting /boot");
	/* what is made in it inherits the type */
	if (s->file_label && label_file(-1, "boot", s->file_label) < 0)
		return err_sys(err, -errno, "cage: label of /boot");
	for (size_t i = 0; i < s->n_copies; i++) {
		int r = copy_file(&s->copies[i], s, err);

		if (r < 0)
			return r;
	}
	if (mount(NULL, "boot", NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return err_sys(err, -errno, "cage: making /boot read-only");
	return 0;
}

/* Of the host, at `to` below the root. */
static int bind(const char *from, const char *to, struct err *err)
{
	const unsigned long flags = MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mount(from, to, NULL, MS_BIND, NULL) < 0 || mount(NULL, to, NULL, flags, NULL) < 0)
		return err_sys(err, -errno, "cage: binding %s", from);
	return 0;
}

int root_enter(const struct cage_spec *s, struct err *err)
{
	const struct root_template *t = s->root;
	int r;

	/* Nothing done here may travel to launch's namespace. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, -errno, "cage: private mounts");
	if (chdir(t->dir) < 0)
		return err_sys(err, -errno, "cage: template %s", t->dir);
	r = make_nodes(s, err);
	if (r == 0)
		r = make_copies(s, err);
	if (r == 0 && s->state)
		r = bind(s->state, &CAGE_STATE[1], err);
	if (r < 0)
		return r;
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(err, -errno, "cage: pivot_root");
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(err, -errno, "cage: leaving the old root");
	return 0;
}
