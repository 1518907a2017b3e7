/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The template: what a caged program finds below /. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/mount.h>

#include "base/fd.h"
#include "launch/root.h"
#include "sandbox/sandbox.h"

#define NOBODY 65534
#define TEMPLATE_TMPFS "mode=0755,size=1m,nr_inodes=2048"

#if defined(__x86_64__)
#define LIBDIR "/usr/lib/x86_64-linux-gnu"
#define LOADER "/lib64/ld-linux-x86-64.so.2"
#elif defined(__aarch64__)
#define LIBDIR "/usr/lib/aarch64-linux-gnu"
#define LOADER "/lib/ld-linux-aarch64.so.1"
#endif

struct program {
	const char *path;
	const char *const *loads;          /* patterns of what it opens at run time to load */
	const char *const *data;           /* read-only directories and files, if they exist */
	const char *fast;                  /* the build for newer processors, or NULL */
	bool names;                        /* reads /etc/resolv.conf: its cage has a copy in /boot */
};

/* Sound, curses and desktop modules talk to a host user's session: left out. */
static const char *const qemu_loads[] = {
	LIBDIR "/qemu/accel-*.so", LIBDIR "/qemu/block-*.so", LIBDIR "/qemu/chardev-spice.so",
	LIBDIR "/qemu/hw-display-*.so", LIBDIR "/qemu/hw-usb-redirect.so",
	LIBDIR "/qemu/hw-usb-smartcard.so", LIBDIR "/qemu/ui-opengl.so",
	LIBDIR "/qemu/ui-spice-core.so", LIBDIR "/qemu/audio-spice.so",
	LIBDIR "/libgcc_s.so.1",    /* glibc loads it when a thread is cancelled or ends */
	NULL,
};

static const char *const qemu_data[] = {
	"/usr/share/qemu",          /* option ROMs, keymaps */
	"/usr/share/seabios",
	"/usr/share/OVMF", "/usr/share/ovmf", "/usr/share/edk2",
	"/usr/lib/ipxe",
	"/etc/localtime",           /* clock offset='localtime' */
	NULL,
};

static const char *const nothing[] = { NULL };

static const struct program programs[ROOT_PROGRAM_COUNT] = {
	[ROOT_QEMU_X86_64] = { "/usr/bin/qemu-system-x86_64", qemu_loads, qemu_data, NULL, false },
	[ROOT_PASST] = { "/usr/bin/passt", nothing, nothing, "/usr/bin/passt.avx2", true },
	[ROOT_SWTPM] = { "/usr/bin/swtpm", nothing, nothing, NULL, false },
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

/* Bind a file or directory of the host at the same path below the current directory. */
static int bind(const char *path)
{
	char rel[PATH_MAX], *slash = rel;
	struct stat st;

	if (stat(path, &st) < 0 || (size_t)snprintf(rel, sizeof(rel), "%s", path + 1) >= sizeof(rel))
		return -ENOENT;
	for (; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		if (mkdir(rel, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	if (S_ISDIR(st.st_mode) ? mkdir(rel, 0755) < 0 && errno != EEXIST :
	    mknod(rel, S_IFREG | 0644, 0) < 0 && errno != EEXIST)
		return -errno;
	return mount(path, rel, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

/* The program itself, and what is loaded into it. */
static int bind_code(const char *path, struct err *err)
{
	struct stat st;
	int r;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0 ||
	    st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, -EPERM, ERR_OPERATION_DENIED,
			       "private root: %s is not root's own file, or others may write it", path);
	r = bind(path);
	return r < 0 ? err_sys(err, r, "private root: binding %s", path) : 0;
}

/*
 * The dynamic linker itself says which files a program and what it loads later need. It runs as
 * nobody, with nothing but its answer open; it maps the files, but starts nothing in them.
 */
static _Noreturn void ask_loader(const struct program *p, const char *path, int out)
{
	const struct sandbox_path all = { "/", SANDBOX_READ | SANDBOX_EXECUTE };
	const int keep[] = { 0, 1, 2 };
	const struct sandbox_profile profile = {
		.name = "loader", .uid = NOBODY, .gid = NOBODY, .root_fd = SANDBOX_ROOT_KEEP,
		.keep_fds = keep, .n_keep_fds = 3, .paths = &all, .n_paths = 1,
	};
	char loads[16384] = "", *argv[] = { LOADER, "--preload", loads, "--list", (char *)path, NULL };
	char *envp[] = { NULL };
	size_t at = 0;
	glob_t g = { 0 };

	for (const char *const *l = p->loads; *l; l++)
		(void)glob(*l, l == p->loads ? 0 : GLOB_APPEND, NULL, &g);
	for (size_t i = 0; i < g.gl_pathc && at < sizeof(loads); i++)
		at += (size_t)snprintf(loads + at, sizeof(loads) - at, "%s ", g.gl_pathv[i]);
	if (at < sizeof(loads) && dup2(out, 1) == 1 && sandbox_enter(&profile, NULL) == 0)
		execve(LOADER, argv, envp);
	_exit(1);
}

/* Lines "NAME => PATH (ADDRESS)" or "PATH (ADDRESS)"; the kernel's own library has no path. */
static int bind_libraries(const struct program *p, const char *path, struct err *err)
{
	char *line = NULL, *from, *end;
	int out[2], status = -1, r = 0;
	size_t size = 0, n = 0;
	pid_t pid;
	FILE *f;

	if (pipe2(out, O_CLOEXEC) < 0)
		return err_sys(err, -errno, "private root");
	pid = fork();
	if (pid == 0)
		ask_loader(p, path, out[1]);
	fd_close(&out[1]);
	f = fdopen(out[0], "re");
	while (f && r == 0 && getline(&line, &size, f) > 0) {
		from = strchr(line, '/');
		end = from ? strstr(from, " (0x") : NULL;
		if (!end)
			continue;
		*end = '\0';
		r = bind_code(from, err);
		n++;
	}
	free(line);
	if (f)
		fclose(f);
	if (r == 0 && (pid < 0 || waitpid(pid, &status, 0) != pid || status || !n))
		return err_set(err, -ENOEXEC, ERR_OPERATION_FAILED,
			       "private root: %s does not say what %s needs", LOADER, path);
	return r;
}

static int make_skeleton(const struct program *p)
{
	for (size_t i = 0; i < sizeof(empty_dirs) / sizeof(empty_dirs[0]); i++)
		if (mkdir(empty_dirs[i], 0755) < 0)
			return -errno;
	for (size_t i = 0; i < sizeof(merged_links) / sizeof(merged_links[0]); i++) {
		char host[16], to[64];
		ssize_t n;

		snprintf(host, sizeof(host), "/%s", merged_links[i]);
		n = readlink(host, to, sizeof(to) - 1);
		to[n > 0 ? n : 0] = '\0';
		if (n > 0 && (symlink(to, merged_links[i]) < 0 || mkdir(to, 0755) < 0))
			return -errno;
	}
	if (p->names && symlink("/boot/resolv.conf", "etc/resolv.conf") < 0)
		return -errno;
	/*
	 * passt would exec its AVX2 build, found beside /proc/self/exe, which the cage has not and
	 * whose exec the filter forbids. We choose; the link, a plain one, tells that this is done.
	 */
	if (p->fast && (mkdir("proc/self", 0755) < 0 || symlink(p->fast, "proc/self/exe") < 0))
		return -errno;
	return 0;
}

static int fill(const struct program *p, struct root_template *t, struct err *err)
{
	int r = make_skeleton(p);

	for (const char *const *s = p->data; r == 0 && *s; s++)
		if (access(*s, R_OK) == 0)
			r = bind(*s);
	if (r < 0)
		return err_sys(err, r, "private root");
	r = bind_code(t->path, err);
	return r < 0 ? r : bind_libraries(p, t->path, err);
}

/* Read-only, no devices, no setuid, and deaf to mounts of the host: all in one call. */
static int seal(void)
{
	struct mount_attr a = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		.propagation = MS_PRIVATE,
	};

	return syscall(SYS_mount_setattr, AT_FDCWD, ".", AT_RECURSIVE, &a, sizeof(a)) < 0 ? -errno : 0;
}

static bool use_fast(const struct program *p)
{
#if defined(__x86_64__)
	return p->fast && __builtin_cpu_supports("avx2") && access(p->fast, X_OK) == 0;
#else
	return false;
#endif
}

static void look(const char *path, struct stat ret[ROOT_SOURCES])
{
	const char *const paths[ROOT_SOURCES] = { path, "/etc/ld.so.cache", "/etc/localtime" };

	for (int i = 0; i < ROOT_SOURCES; i++)
		if (stat(paths[i], &ret[i]) < 0)
			memset(&ret[i], 0, sizeof(ret[i]));
}

int root_build(enum root_program program, const char *dir, struct root_template *ret,
	       struct err *err)
{
	const struct program *p = &programs[program];
	struct root_template t = { .program = program, .path = use_fast(p) ? p->fast : p->path };
	int r;

	look(t.path, t.built_from);
	if (!t.built_from[0].st_ino)
		return err_sys(err, -ENOENT, "private root: %s is not installed", t.path);
	snprintf(t.dir, sizeof(t.dir), "%s", dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_sys(err, -errno, "private root: %s", dir);
	root_drop(&t);
	if (mount("cordon-root", dir, "tmpfs", MS_NOSUID | MS_NODEV, TEMPLATE_TMPFS) < 0 || chdir(dir) < 0)
		return err_sys(err, -errno, "private root: mounting %s", dir);
	r = root_label("/usr", ".");   /* what is made in it inherits that */
	r = r < 0 ? err_sys(err, r, "private root: %s", dir) : fill(p, &t, err);
	if (r == 0 && (r = seal()) < 0)
		err_sys(err, r, "private root: making %s read-only", dir);
	if (chdir("/") < 0 || r < 0)
		root_drop(&t);
	else
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
	struct stat now[ROOT_SOURCES];
	const struct stat *was = t->built_from;

	look(t->path, now);
	for (int i = 0; i < ROOT_SOURCES && now[0].st_ino; i++)   /* gone: guests go on with the copy we hold */
		if (now[i].st_dev != was[i].st_dev || now[i].st_ino != was[i].st_ino ||
		    memcmp(&now[i].st_mtim, &was[i].st_mtim, sizeof(was[i].st_mtim)))
			return false;
	return true;
}
