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
#include <unistd.h>

#include "base/fd.h"
#include "launch/root.h"

static const struct {
	const char *path;
	unsigned major, minor;
	mode_t mode;
	bool kvm;
} nodes[] = {
	{ "dev/null", 1, 3, 0666, false },
	{ "dev/zero", 1, 5, 0666, false },
	{ "dev/random", 1, 8, 0444, false },
	{ "dev/urandom", 1, 9, 0444, false },   /* rng-random's default source */
	{ "dev/kvm", 10, 232, 0600, true },     /* QEMU 7.2 cannot take it as a descriptor */
};

static int make_nodes(const struct root_extra *x, struct err *err)
{
	if (mount("cordon-dev", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC,
		  "mode=0755,size=4k,nr_inodes=16") < 0)
		return err_sys(err, -errno, "cage: mounting /dev");
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		if (nodes[i].kvm && !x->kvm)
			continue;
		if (mknod(nodes[i].path, S_IFCHR | nodes[i].mode,
			  makedev(nodes[i].major, nodes[i].minor)) < 0 ||
		    chmod(nodes[i].path, nodes[i].mode) < 0)
			return err_sys(err, -errno, "cage: making /%s", nodes[i].path);
		if (nodes[i].kvm && chown(nodes[i].path, x->uid, x->gid) < 0)
			return err_sys(err, -errno, "cage: owner of /%s", nodes[i].path);
	}
	if (mount(NULL, "dev", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC,
		  NULL) < 0)
		return err_sys(err, -errno, "cage: making /dev read-only");
	return 0;
}

static int copy_file(const struct root_copy *c, const struct root_extra *x, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
	CLEAN_FD int out = -1;
	char path[ROOT_COPY_NAME_MAX + 8];
	uint64_t done = 0;
	off_t from = 0;

	if (!c->name[0] || c->name[0] == '.' || strspn(c->name, allowed) != strlen(c->name))
		return err_set(err, -EINVAL, ERR_INVALID_ARG, "cage: bad name of a file to copy");
	snprintf(path, sizeof(path), "boot/%s", c->name);
	out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	if (out < 0 || fchown(out, x->uid, x->gid) < 0)
		return err_sys(err, -errno, "cage: creating /%s", path);
	for (;;) {
		ssize_t n = sendfile(out, c->fd, &from, 1 << 22);

		if (n < 0)
			return err_sys(err, -errno, "cage: copying to /%s", path);
		if (n == 0)
			return 0;
		done += (uint64_t)n;
		if (done > ROOT_COPY_MAX)
			return err_set(err, -EFBIG, ERR_CONFIG_UNSUPPORTED,
				       "cage: the file for /%s is larger than %llu MiB", path,
				       (unsigned long long)(ROOT_COPY_MAX >> 20));
	}
}

static int make_copies(const struct root_extra *x, struct err *err)
{
	if (!x->n_copies)
		return 0;
	if (mount("cordon-boot", "boot", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0755,nr_inodes=16") < 0)
		return err_sys(err, -errno, "cage: mounting /boot");
	for (size_t i = 0; i < x->n_copies; i++) {
		int r = copy_file(&x->copies[i], x, err);

		if (r < 0)
			return r;
	}
	if (mount(NULL, "boot", NULL,
		  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return err_sys(err, -errno, "cage: making /boot read-only");
	return 0;
}

/* Read anew for each cage: the host replaces such files by rename. */
static int bind_fresh(const struct root_template *t, struct err *err)
{
	const unsigned long ro =
		MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (!t->fresh || access(t->fresh, R_OK) < 0)
		return 0;
	if (mount(t->fresh, t->fresh + 1, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, t->fresh + 1, NULL, ro, NULL) < 0)
		return err_sys(err, -errno, "cage: binding %s", t->fresh);
	return 0;
}

int root_enter(const struct root_template *t, const struct root_extra *x, struct err *err)
{
	int r;

	/* Nothing done here may travel to launch's namespace. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, -errno, "cage: private mounts");
	if (chdir(t->dir) < 0)
		return err_sys(err, -errno, "cage: template %s", t->dir);
	r = make_nodes(x, err);
	if (r == 0)
		r = make_copies(x, err);
	if (r == 0)
		r = bind_fresh(t, err);
	if (r < 0)
		return r;
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(err, -errno, "cage: pivot_root");
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(err, -errno, "cage: leaving the old root");
	return 0;
}
