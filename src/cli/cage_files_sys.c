/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What QEMU has open, one descriptor after the other, against what its guest is made of. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cage.h"

#define IMAGES_MAX 1024
#define LABEL "security.selinux"

struct image {
	const char *path;
	bool write;
	enum { OWN, SHARED, CONTENT, FIRMWARE } kind;   /* docs/svirt.md: which label it has */
	bool given;           /* its label is the user's word: which one the policy was asked about */
	bool there;
	struct stat st;
};

struct files {
	const struct cage_guest *g;
	struct cage_report *r;
	struct image images[IMAGES_MAX];
	size_t n_images;
	struct cage_ends *ends;
	unsigned by_kind[5];
	unsigned wrong;
};

enum { IMAGE, SOCKET, DEVICE, EVENT, PIPE };

/* ---- what is to be expected ---- */

static void expect(struct files *f, const char *path, bool write, int kind)
{
	struct image *i = &f->images[f->n_images];

	if (!path || f->n_images == IMAGES_MAX)
		return;
	*i = (struct image){ .path = path, .write = write, .kind = kind };
	i->there = stat(path, &i->st) == 0;
	f->n_images++;
}

/* What begins after the n-th colon of "user:role:type:level"; "" when there is none. */
static const char *part_of(const char *label, int n)
{
	for (int i = 0; i < n && label; i++)
		label = strchr(label, ':') ? strchr(label, ':') + 1 : NULL;
	return label ? label : "";
}

static const char *level_of(const char *label)
{
	return part_of(label, 3);
}

static const struct dom_seclabel *seclabel_of(const struct domain *d)
{
	for (uint32_t i = 0; i < d->n_seclabels; i++)
		if (d->seclabels[i].model && strcmp(d->seclabels[i].model, "selinux") == 0)
			return &d->seclabels[i];
	return NULL;
}

/* Are labels of images the user's word: left as they are, or given with another level? */
static bool labels_given(const struct domain *d)
{
	const struct dom_seclabel *s = seclabel_of(d);

	return s && (s->relabel != DOM_YESNO_YES || strcmp(level_of(s->imagelabel), level_of(s->label)) != 0);
}

static void expect_all(struct files *f)
{
	const struct domain *d = &f->g->model;
	bool given = labels_given(d);

	for (uint32_t i = 0; i < d->n_disks; i++) {
		const struct dom_disk *k = &d->disks[i];
		size_t first = f->n_images;

		bool write = !k->readonly && k->device != DOM_DISK_DEVICE_CDROM;

		expect(f, k->path, write, k->shareable ? SHARED : write ? OWN : CONTENT);
		for (uint32_t b = 0; b < k->n_backing; b++)
			expect(f, k->backing[b].path, false, CONTENT);
		for (size_t n = first; n < f->n_images; n++)
			f->images[n].given = given || k->n_seclabels;
	}
	if (d->os.loader)
		expect(f, d->os.loader->path, false, FIRMWARE);
	if (d->os.nvram)
		expect(f, d->os.nvram->path, true, OWN);
}

static const struct image *find_image(const struct files *f, const struct stat *st)
{
	for (size_t i = 0; i < f->n_images; i++) {
		const struct image *m = &f->images[i];

		if (!m->there || (m->st.st_mode & S_IFMT) != (st->st_mode & S_IFMT))
			continue;
		if (S_ISBLK(st->st_mode) ? m->st.st_rdev == st->st_rdev
					 : m->st.st_dev == st->st_dev && m->st.st_ino == st->st_ino)
			return m;
	}
	return NULL;
}

/* ---- descriptors ---- */

static void wrong(struct files *f, const char *fd, const char *what, const char *why)
{
	f->wrong++;
	cage_row(f->r, CAGE_DIFFERS, "descriptor", "%s is %s: %s", fd, what, why);
}

/* "flags: 0100002" of fdinfo: may it be written through? */
static bool is_writable(pid_t pid, const char *fd)
{
	char name[300], text[4096], word[32];

	snprintf(name, sizeof(name), "fdinfo/%s", fd);
	if (cage_proc_text(pid, name, text, sizeof(text)) <= 0 || !proc_field(text, "flags", word, sizeof(word)))
		return true;
	return (strtoul(word, NULL, 8) & O_ACCMODE) != O_RDONLY;
}

static void check_file(struct files *f, pid_t pid, const char *fd, const char *what, const struct stat *st)
{
	const struct image *m = find_image(f, st);

	if (strncmp(what, "/memfd:", 7) == 0) {
		f->by_kind[EVENT]++;
		return;
	}
	if (!m)
		wrong(f, fd, what, "no image of this guest");
	else if (!m->write && is_writable(pid, fd))
		wrong(f, fd, what, "open for writing, though the guest only reads it");
	f->by_kind[IMAGE]++;
}

/*
 * The kernel's own word for the protocol, as lsof(8) asks for it: "UNIX", "UNIX-STREAM", "TCP". Not
 * /proc/net/unix: there are names in it that anybody may choose, line ends included.
 */
static void check_socket(struct files *f, pid_t pid, const char *fd, const char *what, const struct stat *st)
{
	char path[300], protocol[32] = "";
	const char *why;

	snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid, fd);
	if (getxattr(path, "system.sockprotoname", protocol, sizeof(protocol) - 1) < 0) {
		if (errno != ENOENT)
			wrong(f, fd, what, "a socket that cannot be told");
	} else if (strcmp(protocol, "UNIX") != 0 && strcmp(protocol, "UNIX-STREAM") != 0) {
		wrong(f, fd, what, "no unix socket");
	} else {
		f->by_kind[SOCKET]++;
		why = f->ends ? cage_ends_socket(f->ends, st->st_ino) : NULL;
		if (why)
			wrong(f, fd, what, why);
	}
}

static void check_pipe(struct files *f, const char *fd, const char *what, const struct stat *st)
{
	const char *why = f->ends ? cage_ends_pipe(f->ends, st, what[0] == '/') : NULL;

	f->by_kind[PIPE]++;
	if (why)
		wrong(f, fd, what, why);
}

static void check_device(struct files *f, const char *fd, const char *what, const struct stat *st)
{
	static const struct { unsigned major_no, minor_no; } known[] = { { 1, 3 }, { 1, 5 }, { 1, 8 }, { 1, 9 } };
	bool kvm = f->g->model.type == DOM_TYPE_KVM && st->st_rdev == makedev(10, 232);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		kvm = kvm || st->st_rdev == makedev(known[i].major_no, known[i].minor_no);
	if (!kvm)
		wrong(f, fd, what, "no device of this guest");
	f->by_kind[DEVICE]++;
}

static void check_anonymous(struct files *f, const char *fd, const char *what)
{
	static const char *const known[] = { "[eventfd]", "[eventpoll]", "[signalfd]", "[timerfd]", "kvm-vm",
					     "kvm-vcpu", "kvm-device", "[aio]" };

	f->by_kind[EVENT]++;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strncmp(what + strlen("anon_inode:"), known[i], strlen(known[i])) == 0)
			return;
	wrong(f, fd, what, "nothing that QEMU needs");
}

static void check_one(struct files *f, pid_t pid, DIR *d, const char *fd)
{
	char what[PATH_MAX];
	struct stat st;
	ssize_t n = readlinkat(dirfd(d), fd, what, sizeof(what) - 1);

	if (n < 0 || fstatat(dirfd(d), fd, &st, 0) < 0) {
		if (errno != ENOENT)   /* else it was closed meanwhile */
			wrong(f, fd, "not to be seen", strerrordesc_np(errno));
		return;
	}
	what[n] = '\0';
	if (strncmp(what, "anon_inode:", 11) == 0)
		check_anonymous(f, fd, what);
	else if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
		check_file(f, pid, fd, what, &st);
	else if (S_ISSOCK(st.st_mode))
		check_socket(f, pid, fd, what, &st);
	else if (S_ISCHR(st.st_mode))
		check_device(f, fd, what, &st);
	else if (S_ISFIFO(st.st_mode))
		check_pipe(f, fd, what, &st);
	else
		wrong(f, fd, what, S_ISDIR(st.st_mode) ? "a folder" : "of an unknown kind");
}

static void check_descriptors(struct files *f, pid_t qemu)
{
	char path[64];
	DIR *d;
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)qemu);
	d = opendir(path);
	if (!d) {
		cage_row(f->r, CAGE_DIFFERS, "descriptors", "cannot be listed (run this as root)");
		return;
	}
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			check_one(f, qemu, d, e->d_name);
	closedir(d);
	if (!f->ends)
		cage_row(f->r, CAGE_NOTE, "other ends", "of sockets and pipes are told by a kernel with unix_diag, to root");
	if (!f->wrong)
		cage_row(f->r, CAGE_OK, "descriptors", "%u of images, %u unix sockets, %u pipes, %u devices, "
			 "%u for events and memory; nothing else", f->by_kind[IMAGE], f->by_kind[SOCKET],
			 f->by_kind[PIPE], f->by_kind[DEVICE], f->by_kind[EVENT]);
}

/* ---- labels of images ---- */

/* A mount whose files' labels can be set has SELinux's option seclabel. */
static bool keeps_labels(const char *mounts, const char *path)
{
	struct statx st;
	bool known = mounts && statx(AT_FDCWD, path, 0, STATX_MNT_ID, &st) == 0 && (st.stx_mask & STATX_MNT_ID);

	for (const char *l = known ? mounts : NULL; l; l = strchr(l, '\n')) {
		char line[PATH_MAX], options[1024];
		const char *dash;

		l += *l == '\n';
		if (strtoull(l, NULL, 10) != st.stx_mnt_id)
			continue;
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(l, "\n"), l);
		dash = strstr(line, " - ");
		return dash && sscanf(dash, " - %*s %*s %1023s", options) == 1 && cage_list_has(options, "seclabel");
	}
	return true;
}

/* The type that an image of its kind has; NULL: any that all may read. It may have a level behind it. */
static const char *wanted_type(const struct files *f, const struct image *m)
{
	const struct dom_seclabel *s = seclabel_of(&f->g->model);

	/* of the model's, <imagelabel> is an administrator's word: who is given one has the policy's type */
	return m->kind == FIRMWARE ? NULL : m->kind == CONTENT ? f->g->host->content_type :
	       m->kind == SHARED || !s || !s->imagelabel ? f->g->host->image_type : part_of(s->imagelabel, 2);
}

static void check_label(struct files *f, const struct image *m, const char *level)
{
	char label[CAGE_LABEL_MAX] = "";
	ssize_t n = getxattr(m->path, LABEL, label, sizeof(label) - 1);
	const char *type = part_of(label, 2), *want = wanted_type(f, m);
	bool good;

	label[n < 0 ? 0 : n] = '\0';
	if (n < 0 || !keeps_labels(f->g->host->mounts, m->path)) {
		cage_row(f->r, CAGE_NOTE, "image", "%s: its file system keeps no labels", m->path);
		return;
	}
	if (m->given) {
		cage_row(f->r, CAGE_NOTE, "image", "%s %s, as its definition says", label, m->path);
		return;
	}
	/* what others may read carries no categories: neither ours nor anybody's */
	good = m->kind == OWN ? strcmp(level_of(label), level) == 0 : !strchr(level_of(label), ':');
	if (want && strcspn(type, ":") == strcspn(want, ":") && memcmp(type, want, strcspn(want, ":")) == 0)
		want = NULL;
	cage_check(f->r, good && !want, "image", "%s %s%s%.*s", label, m->path, want ? ": its type should be " : "",
		   want ? (int)strcspn(want, ":") : 0, want ? want : "");
}

void cage_files(const struct cage_guest *g, pid_t qemu, struct cage_report *r)
{
	const struct cage_other *o = cage_host_find(g->host, qemu);
	struct files *f = calloc(1, sizeof(*f));

	if (!f)
		abort();   /* as in find_sys.c */
	f->g = g;
	f->r = r;
	f->ends = cage_ends_read(g);
	expect_all(f);
	check_descriptors(f, qemu);
	for (size_t i = 0; i < f->n_images && g->host->selinux && o; i++)
		check_label(f, &f->images[i], level_of(o->label));
	if (!g->host->selinux)
		cage_row(r, CAGE_NOTE, "image labels", "%zu images, without labels on this host", f->n_images);
	cage_ends_free(f->ends);
	free(f);
}
