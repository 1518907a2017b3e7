/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The template: what a caged program finds below /. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/mount.h>

#include "base/fd.h"
#include "launch/root.h"

#define TEMPLATE_TMPFS "mode=0755,size=1m,nr_inodes=2048"

#if defined(__x86_64__)
#define LIBDIR "/usr/lib/x86_64-linux-gnu"
#elif defined(__aarch64__)
#define LIBDIR "/usr/lib/aarch64-linux-gnu"
#endif

struct program {
	const char *path;
	const char *module_dir;            /* its loadable modules, or NULL */
	const char *const *modules;        /* prefixes of those worth having */
	const char *const *data;           /* read-only directories and files, if they exist */
	const char *const *libraries;      /* opened at run time by name */
	const char *fresh;                 /* see struct root_template */
	const char *fast;                  /* the build for newer processors, or NULL */
};

/* Sound, curses and desktop modules talk to a host user's session: left out. */
static const char *const qemu_modules[] = {
	"accel-", "block-", "chardev-spice", "hw-display-", "hw-usb-redirect", "hw-usb-smartcard",
	"ui-opengl", "ui-spice-core", "audio-spice", NULL,
};

static const char *const qemu_data[] = {
	"/usr/share/qemu",          /* option ROMs, keymaps */
	"/usr/share/seabios",
	"/usr/share/OVMF", "/usr/share/ovmf", "/usr/share/edk2",
	"/usr/lib/ipxe",
	"/etc/localtime",           /* clock offset='localtime' */
	NULL,
};

static const char *const qemu_libraries[] = {
	LIBDIR "/libgcc_s.so.1",    /* glibc loads it when a thread is cancelled or ends */
	NULL,
};

static const char *const nothing[] = { NULL };

static const struct program programs[ROOT_PROGRAM_COUNT] = {
	[ROOT_QEMU_X86_64] = { "/usr/bin/qemu-system-x86_64", LIBDIR "/qemu", qemu_modules,
			       qemu_data, qemu_libraries, NULL, NULL },
	[ROOT_PASST] = { "/usr/bin/passt", NULL, NULL, nothing, nothing, "/etc/resolv.conf",
			 "/usr/bin/passt.avx2" },
};

static const char *const empty_dirs[] = { "dev", "boot", "tmp", "proc", "run", "etc", "usr" };

/* On a host with merged /usr, /lib and friends are links; the cage looks alike. */
static const char *const merged_links[] = { "bin", "sbin", "lib", "lib64", "lib32", "libx32" };

int root_detach(struct err *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return err_sys(err, -errno, "private root: a mount namespace of our own");
	/* slave, not private: a disk that the host unmounts must not stay busy because of us */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_sys(err, -errno, "private root: detaching from the host's mounts");
	return 0;
}

/* mkdir -p of all but the last component of `path` (relative to `base`). */
static int make_parents(int base, const char *path)
{
	char part[PATH_MAX];

	for (const char *p = path; (p = strchr(p, '/')); p++) {
		size_t n = (size_t)(p - path);

		if (n >= sizeof(part))
			return -ENAMETOOLONG;
		memcpy(part, path, n);
		part[n] = '\0';
		if (n && mkdirat(base, part, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* Bind `source` at `path` below the template, whose directory is `base`. */
static int bind(int base, const char *dir, const char *path, const char *source, struct err *err)
{
	char target[2 * PATH_MAX];
	const char *rel = path + 1;
	struct stat st;
	int r;

	if (stat(source, &st) < 0)
		return err_sys(err, -errno, "private root: %s", source);
	r = make_parents(base, rel);
	if (r < 0)
		return err_sys(err, r, "private root: directories of %s", path);
	if (S_ISDIR(st.st_mode)) {
		r = mkdirat(base, rel, 0755) < 0 && errno != EEXIST ? -errno : 0;
	} else {
		CLEAN_FD int fd = openat(base, rel, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		r = fd < 0 ? -errno : 0;
	}
	snprintf(target, sizeof(target), "%s%s", dir, path);
	if (r == 0 && mount(source, target, NULL, MS_BIND, NULL) < 0)
		r = -errno;
	return r < 0 ? err_sys(err, r, "private root: binding %s", path) : 0;
}

static int list_modules(const struct program *p, struct root_list *l, struct err *err)
{
	DIR *d = p->module_dir ? opendir(p->module_dir) : NULL;
	struct dirent *e;
	int r = 0;

	while (d && r == 0 && (e = readdir(d))) {
		const char *const *m = p->modules;
		size_t n = strlen(e->d_name);
		char path[PATH_MAX];

		while (*m && strncmp(e->d_name, *m, strlen(*m)))
			m++;
		if (!*m || n < 4 || strcmp(e->d_name + n - 3, ".so"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", p->module_dir, e->d_name);
		r = root_list_add(l, path, err);
	}
	if (d)
		closedir(d);
	return r;
}

/*
 * passt would exec its AVX2 build, found beside /proc/self/exe, which the cage
 * has not and whose exec the filter forbids. We choose here; the link, a plain
 * one, tells it that this has been done.
 */
static bool use_fast(const struct program *p)
{
#if defined(__x86_64__)
	return p->fast && __builtin_cpu_supports("avx2") && access(p->fast, X_OK) == 0;
#else
	return false;
#endif
}

static int make_self_link(const struct program *p, int base, struct err *err)
{
	if (mkdirat(base, "proc/self", 0755) < 0 || symlinkat(p->fast, base, "proc/self/exe") < 0)
		return err_sys(err, -errno, "private root: /proc/self/exe");
	return 0;
}

static int list_files(const struct program *p, const char *path, struct root_list *l,
		      struct err *err)
{
	int r = root_list_add(l, path, err);

	if (r == 0)
		r = list_modules(p, l, err);
	for (const char *const *s = p->libraries; r == 0 && *s; s++)
		if (access(*s, R_OK) == 0)
			r = root_list_add(l, *s, err);
	return r;
}

static int make_skeleton(int base, struct err *err)
{
	for (size_t i = 0; i < sizeof(empty_dirs) / sizeof(empty_dirs[0]); i++)
		if (mkdirat(base, empty_dirs[i], 0755) < 0)
			return err_sys(err, -errno, "private root: /%s", empty_dirs[i]);
	for (size_t i = 0; i < sizeof(merged_links) / sizeof(merged_links[0]); i++) {
		char host[16], to[64];
		ssize_t n;

		snprintf(host, sizeof(host), "/%s", merged_links[i]);
		n = readlink(host, to, sizeof(to) - 1);
		if (n <= 0)
			continue;
		to[n] = '\0';
		if (symlinkat(to, base, merged_links[i]) < 0 || mkdirat(base, to, 0755) < 0)
			return err_sys(err, -errno, "private root: /%s", merged_links[i]);
	}
	return 0;
}

static int fill(const struct program *p, int base, struct root_template *t, struct err *err)
{
	struct root_list l = { 0 };
	int r = make_skeleton(base, err);

	if (r == 0 && p->fast)
		r = make_self_link(p, base, err);
	if (r == 0)
		r = list_files(p, t->path, &l, err);
	for (unsigned i = 0; r == 0 && i < l.n; i++)
		r = bind(base, t->dir, l.path[i], l.source[i], err);
	for (const char *const *s = p->data; r == 0 && *s; s++)
		if (access(*s, R_OK) == 0)
			r = bind(base, t->dir, *s, *s, err);
	if (r == 0 && p->fresh)
		r = bind(base, t->dir, p->fresh, "/dev/null", err);
	t->files = l.n;
	root_list_free(&l);
	return r;
}

/* Read-only, no devices, no setuid, and deaf to mounts of the host: all in one call. */
static int seal(int base, struct err *err)
{
	struct mount_attr a = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		.propagation = MS_PRIVATE,
	};

	if (syscall(SYS_mount_setattr, base, "", AT_EMPTY_PATH | AT_RECURSIVE, &a, sizeof(a)) < 0)
		return err_sys(err, -errno, "private root: making it read-only");
	return 0;
}

static void remember(struct root_template *t, const struct stat *st)
{
	t->dev = st->st_dev;
	t->ino = st->st_ino;
	t->mtime_ns = st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec;
}

static int build_at(const struct program *p, struct root_template *t, struct err *err)
{
	CLEAN_FD int base = -1;
	int r;

	if (mount("cordon-root", t->dir, "tmpfs", MS_NOSUID | MS_NODEV, TEMPLATE_TMPFS) < 0)
		return err_sys(err, -errno, "private root: mounting %s", t->dir);
	base = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = base < 0 ? err_sys(err, -errno, "private root: %s", t->dir)
		     : fill(p, base, t, err);
	if (r == 0)
		r = seal(base, err);
	if (r < 0)
		umount2(t->dir, MNT_DETACH);
	return r;
}

int root_build(enum root_program program, const char *dir, struct root_template *ret,
	       struct err *err)
{
	struct root_template t = { .program = program };
	const struct program *p;
	struct stat st;
	int r;

	if (program < 1 || program >= ROOT_PROGRAM_COUNT)
		return err_set(err, -EINVAL, ERR_INVALID_ARG, "private root: no such program");
	p = &programs[program];
	t.path = use_fast(p) ? p->fast : p->path;
	t.fresh = p->fresh;
	if (stat(t.path, &st) < 0)
		return err_sys(err, -errno, "private root: %s is not installed", t.path);
	remember(&t, &st);
	if ((size_t)snprintf(t.dir, sizeof(t.dir), "%s", dir) >= sizeof(t.dir))
		return err_set(err, -ENAMETOOLONG, ERR_INVALID_ARG, "private root: path too long");
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_sys(err, -errno, "private root: %s", dir);
	root_drop(&t);
	r = build_at(p, &t, err);
	if (r == 0)
		*ret = t;
	return r;
}

void root_drop(struct root_template *t)
{
	while (umount2(t->dir, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
}

bool root_is_current(const struct root_template *t)
{
	struct root_template now = { 0 };
	struct stat st;

	if (stat(t->path, &st) < 0)
		return true;   /* removed: guests go on with the copy we hold */
	remember(&now, &st);
	return now.dev == t->dev && now.ino == t->ino && now.mtime_ns == t->mtime_ns;
}
