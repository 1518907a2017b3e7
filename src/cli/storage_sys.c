/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon storage add-root: a folder for images becomes one for this host's policy and for cordond. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <selinux/selinux.h>

#include "base/fd.h"
#include "cli/cli.h"
#include "cli/roots.h"

#define CONF_MAX (1u << 20)
#define CONTEXTS_MAX 4096
#define CONF_INSTALLED "/etc/cordon/cordond.conf"
#define SELINUX_HERE "/sys/fs/selinux/enforce"
#define IMAGE_TYPE "virt_image_t"      /* what stock policies have for folders of images */
/* as in packaging/cordond.conf */
#define ROOTS_INSTALLED "\"/var/lib/libvirt/images\", \"/var/lib/cordon/images\""

struct options {
	const char *instance;   /* NULL: the installed one */
	bool backing;
	const char *dir;
};

static int complain(const struct err *err)
{
	fprintf(stderr, "cordon: %s\n", err->text);
	return EXIT_FAILURE;
}

/* ---- programs ---- */

static const char *find_program(const char *name, char out[PATH_MAX])
{
	static const char *const dirs[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(out, PATH_MAX, "%s/%s", dirs[i], name);
		if (access(out, X_OK) == 0)
			return out;
	}
	return NULL;
}

/* Say the command and run it, without a shell; its exit status, -1 when it did not run. */
static int run(const char *path, const char *const argv[], bool silent)
{
	char *env[] = { (char *)(uintptr_t)"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
			(char *)(uintptr_t)"LC_ALL=C", NULL };
	int status;
	pid_t pid;

	for (int i = 0; argv[i]; i++)
		printf(strpbrk(argv[i], "()\\*") ? "%s'%s'" : "%s%s", i ? " " : "+ ", argv[i]);
	printf("\n");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int null = silent ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;

		if (null >= 0)
			dup2(null, STDERR_FILENO);
		execve(path, (char *const *)(uintptr_t)argv, env);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- SELinux ---- */

/* How many entries of `dir` have labels that guests' images have while they run; the first one is named. */
static unsigned count_labelled(FTS *fts, const char *contexts, char first[PATH_MAX], char **ret_label)
{
	unsigned n = 0;

	for (const FTSENT *e = fts_read(fts); e; e = fts_read(fts)) {
		char *label = NULL;

		if (e->fts_info == FTS_D || e->fts_info == FTS_DP || lgetfilecon(e->fts_path, &label) < 0)
			continue;
		if (roots_label_of_guest(contexts, label) && n++ == 0) {
			snprintf(first, PATH_MAX, "%s", e->fts_path);
			*ret_label = label;
			label = NULL;
		}
		freecon(label);
	}
	return n;
}

/*
 * restorecon knows nothing of guests: it would set the folder's type on the images of those that
 * run, who may not use it, and who have their descriptors checked at each use.
 */
static int refuse_labelled(const char *dir, struct err *err)
{
	const char *const paths[] = { dir, NULL };
	CLEAN_FD int fd = open(selinux_virtual_image_context_path(), O_RDONLY | O_CLOEXEC);
	char contexts[CONTEXTS_MAX], first[PATH_MAX], *label = NULL;
	ssize_t len = fd < 0 ? 0 : fd_read_all(fd, contexts, sizeof(contexts) - 1);
	FTS *fts = fts_open((char *const *)(uintptr_t)paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	unsigned n;
	int rc = 0;

	if (!fts || len < 0) {
		rc = err_sys(err, fts ? (int)len : -errno, "labels in '%s'", dir);
	} else {
		contexts[len] = '\0';
		n = count_labelled(fts, contexts, first, &label);
		if (n)
			rc = err_set(err, -EBUSY, ERR_OPERATION_INVALID, "'%s' has label %s, as the image of a "
				     "running guest has (files like that in '%s': %u), and restorecon would "
				     "take it from the guest: stop the guest first; or, where no guest uses "
				     "the file, `chcon -t " IMAGE_TYPE " FILE`", first, label, dir, n);
	}
	freecon(label);
	if (fts)
		fts_close(fts);
	return rc;
}

static int label(const char *dir, struct err *err)
{
	char semanage[PATH_MAX], restorecon[PATH_MAX];
	CLEAN_BUF struct buf expression = { 0 };
	int rc;

	if (access(SELINUX_HERE, F_OK) < 0) {
		printf("SELinux is not there: no labels to set\n");
		return 0;
	}
	if (!find_program("semanage", semanage) || !find_program("restorecon", restorecon)) {
		printf("semanage or restorecon is not installed (policycoreutils-python-utils, "
		       "policycoreutils): no labels are set; SELinux may refuse images in '%s'\n", dir);
		return 0;
	}
	rc = refuse_labelled(dir, err);
	if (rc)
		return rc;
	buf_init(&expression, PATH_MAX * 2);
	roots_expression(dir, &expression);
	if (expression.error)
		return err_sys(err, expression.error, "'%s'", dir);
	rc = run(semanage, (const char *[]){ "semanage", "fcontext", "-a", "-t", IMAGE_TYPE,
					     buf_str(&expression), NULL }, true);
	/* there is a rule already: it is changed */
	if (rc != 0)
		rc = run(semanage, (const char *[]){ "semanage", "fcontext", "-m", "-t", IMAGE_TYPE,
						     buf_str(&expression), NULL }, false);
	if (rc != 0)
		return err_set(err, -EIO, ERR_OPERATION_FAILED, "semanage ended with status %d", rc);
	/* semanage takes its time: a guest may have started */
	rc = refuse_labelled(dir, err);
	if (rc)
		return rc;
	rc = run(restorecon, (const char *[]){ "restorecon", "-R", dir, NULL }, false);
	if (rc != 0)
		return err_set(err, -EIO, ERR_OPERATION_FAILED, "restorecon ended with status %d", rc);
	return 0;
}

/* ---- cordond.conf ---- */

struct conf {
	char path[PATH_MAX];
	char defaults[PATH_MAX + 16];
	char text[CONF_MAX + 1];
	struct stat st;              /* st_nlink 0: it is not there yet */
};

static int conf_find(const struct options *o, struct conf *c, struct err *err)
{
	char real[PATH_MAX];

	if (!o->instance) {
		snprintf(c->path, sizeof(c->path), "%s", CONF_INSTALLED);
		snprintf(c->defaults, sizeof(c->defaults), "%s", ROOTS_INSTALLED);
		return 0;
	}
	if (!realpath(o->instance, real))
		return err_sys(err, -errno, "instance folder '%s'", o->instance);
	if (snprintf(c->path, sizeof(c->path), "%s/cordond.conf", real) >= (int)sizeof(c->path))
		return err_sys(err, -ENAMETOOLONG, "'%s'", real);
	snprintf(c->defaults, sizeof(c->defaults), "\"%s/images\"", real);
	return 0;
}

static int conf_load(struct conf *c, struct err *err)
{
	CLEAN_FD int fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	c->text[0] = '\0';
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &c->st) < 0)
		return err_sys(err, -errno, "%s", c->path);
	n = fd_read_all(fd, c->text, CONF_MAX);
	if (n < 0)
		return err_sys(err, (int)n, "%s", c->path);
	c->text[n] = '\0';
	if (strlen(c->text) != (size_t)n)
		return err_set(err, -EINVAL, ERR_CONF_SYNTAX, "%s: a NUL byte in it", c->path);
	return 0;
}

/* Whole or not at all: beside it, synced, then in its place. */
static int conf_replace(const struct conf *c, const struct buf *text, struct err *err)
{
	char temp[PATH_MAX + 8], *slash;
	CLEAN_FD int fd = -1, dir = -1;
	int rc = 0;

	snprintf(temp, sizeof(temp), "%s.new", c->path);
	(void)unlink(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(err, -errno, "%s", temp);
	if (c->st.st_nlink && fchown(fd, c->st.st_uid, c->st.st_gid) < 0)
		rc = -errno;
	if (!rc && fchmod(fd, c->st.st_nlink ? c->st.st_mode & 07777 : 0644) < 0)
		rc = -errno;
	if (!rc)
		rc = fd_write_all(fd, text->data, text->len);
	if (!rc && (fsync(fd) < 0 || rename(temp, c->path) < 0))
		rc = -errno;
	if (rc) {
		(void)unlink(temp);
		return err_sys(err, rc, "%s", temp);
	}
	slash = strrchr(temp, '/');
	*slash = '\0';
	dir = open(temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir >= 0 && fsync(dir) == 0 ? 0 : err_sys(err, -errno, "%s", temp);
}

static int configure_one(struct conf *c, const char *key, const char *dir, struct err *err)
{
	CLEAN_BUF struct buf text = { 0 };
	int rc;

	buf_init(&text, CONF_MAX);
	rc = roots_add(c->text, key, c->defaults, dir, &text, err);
	if (rc < 0)
		return err->code == ERR_CONF_SYNTAX ? err_prefix(err, rc, "%s", c->path) :
		       err_sys(err, rc, "%s", c->path);
	if (rc == 0) {
		printf("%s: %s holds %s already\n", c->path, key, dir);
		return 0;
	}
	rc = conf_replace(c, &text, err);
	if (!rc)
		printf("%s: %s added to %s\n", c->path, dir, key);
	return rc < 0 ? rc : 1;
}

/* Files below `dir` may be used: 1 when that is news, 0 when it was so before. */
static int configure(const struct options *o, const char *dir, struct err *err)
{
	static const char *const keys[] = { "image_roots", "backing_roots" };
	struct conf *c = calloc(1, sizeof(*c));
	int news = 0, rc = c ? conf_find(o, c, err) : err_sys(err, -ENOMEM, "cordond.conf");

	for (int i = 0; rc >= 0 && i < (o->backing ? 2 : 1); i++) {
		rc = conf_load(c, err);
		if (rc >= 0)
			rc = configure_one(c, keys[i], dir, err);
		news = news || rc > 0;
	}
	free(c);
	return rc < 0 ? rc : news;
}

/* ---- the command ---- */

static int add_root(const struct options *o)
{
	char dir[PATH_MAX];
	struct err err = { 0 };
	struct stat st;
	int rc;

	if (geteuid() != 0) {
		fprintf(stderr, "cordon: storage add-root changes the host's configuration: run it as "
			"root\n");
		return EXIT_FAILURE;
	}
	if (!realpath(o->dir, dir) || stat(dir, &st) < 0) {
		err_sys(&err, -errno, "'%s'", o->dir);
		return complain(&err);
	}
	if (!S_ISDIR(st.st_mode)) {
		err_sys(&err, -ENOTDIR, "'%s'", o->dir);
		return complain(&err);
	}
	if (roots_check(dir, &err) < 0 || label(dir, &err) < 0)
		return complain(&err);
	rc = configure(o, dir, &err);
	if (rc < 0)
		return complain(&err);
	if (rc)
		printf("cordond reads it when it is started again: systemctl restart cordond (guests go "
		       "on)\n");
	return EXIT_SUCCESS;
}

static int usage(FILE *to)
{
	fputs("Usage: cordon storage add-root [--backing] [--instance DIR] FOLDER\n"
	      "Let images live in FOLDER: label it for the SELinux policy, where there is one, and add\n"
	      "it to image_roots in cordond.conf.\n\n"
	      "      --backing        also for backing files that no definition names\n"
	      "  -i, --instance DIR   a private instance instead of the installed one\n"
	      "  -h, --help           this text\n", to);
	return to == stderr ? 2 : EXIT_SUCCESS;
}

int cmd_storage(int argc, char **argv)
{
	static const struct option options[] = {
		{ "instance", required_argument, NULL, 'i' }, { "backing", no_argument, NULL, 'b' },
		{ "help", no_argument, NULL, 'h' }, { 0 },
	};
	struct options o = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "i:h", options, NULL)) != -1) {
		if (c == 'i')
			o.instance = optarg;
		else if (c == 'b')
			o.backing = true;
		else
			return usage(c == 'h' ? stdout : stderr);
	}
	if (argc - optind != 2 || strcmp(argv[optind], "add-root") != 0)
		return usage(stderr);
	o.dir = argv[optind + 1];
	return add_root(&o);
}
