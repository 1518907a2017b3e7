/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "core/store.h"

#define PATH_LEN 128

static void path_of(const struct guest *g, const char *folder, char out[PATH_LEN])
{
	char uuid[GUEST_UUID_TEXT];

	guest_uuid_text(g->uuid, uuid);
	snprintf(out, PATH_LEN, "%s/%s.rec", folder, uuid);
}

/* Replace `path` by `data` so that after a crash either the old or the new file is there. */
static int replace(const char *path, const void *data, size_t len)
{
	char tmp[PATH_LEN + 8];
	CLEAN_FD int fd = -1;
	CLEAN_FD int dir = -1;
	char *slash;
	int rc;

	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	rc = fd_write_all(fd, data, len);
	if (!rc && fsync(fd) < 0)
		rc = -errno;
	if (!rc && rename(tmp, path) < 0)
		rc = -errno;
	if (rc) {
		unlink(tmp);
		return rc;
	}
	slash = strchr(tmp, '/');
	if (slash)
		*slash = '\0';
	dir = open(slash ? tmp : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 || fsync(dir) < 0 ? -errno : 0;
}

/*
 * The same without waiting for a disk. What was there before stays as the spare that the next one is
 * written to, and they change places: to rename over a file, or to truncate it, is for ext4 a reason
 * to write the new one out at once (auto_da_alloc), and core would wait for that, as long as it takes.
 */
static int exchange(const char *path, const void *data, size_t len)
{
	char spare[PATH_LEN + 8];
	CLEAN_FD int fd = -1;
	int rc;

	snprintf(spare, sizeof(spare), "%s.tmp", path);
	fd = open(spare, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	rc = fd_write_all(fd, data, len);
	if (!rc && ftruncate(fd, (off_t)len) < 0)
		rc = -errno;
	if (!rc && renameat2(AT_FDCWD, spare, AT_FDCWD, path, RENAME_EXCHANGE) < 0 &&
	    rename(spare, path) < 0)   /* the first one, or a file system that cannot */
		rc = -errno;
	if (rc)
		unlink(spare);
	return rc;
}

static int save(const char *path, enum store_kind kind, const struct xdr_type *t, const void *v,
		bool sync)
{
	CLEAN_BUF struct buf body = { 0 };
	CLEAN_BUF struct buf file = { 0 };
	int rc;

	buf_init(&body, STORE_RECORD_MAX);
	buf_init(&file, STORE_RECORD_MAX + 64);
	rc = xdr_encode(t, v, &body);
	if (rc)
		return rc;
	store_frame(kind, body.data, body.len, &file);
	if (file.error)
		return file.error;
	return sync ? replace(path, file.data, file.len) : exchange(path, file.data, file.len);
}

int store_save_domain(const struct guest *g, const struct domain *d, struct err *err)
{
	struct store_domain rec = { .generation = g->generation, .autostart = g->autostart,
				    .role = g->role, .model = *d };
	char path[PATH_LEN];
	int rc;

	path_of(g, "domains", path);
	rc = save(path, STORE_KIND_DOMAIN, &store_domain_xdr, &rec, true);
	if (rc)
		return err_sys(err, rc, "cannot save the definition of domain '%s' in the state folder; "
			       "the old definition stays", d->name);
	return 0;
}

int store_remove_domain(const struct guest *g, struct err *err)
{
	char path[PATH_LEN];

	path_of(g, "domains", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, -errno, "cannot remove the definition of domain '%s'", g->name);
	return 0;
}

void store_save_run(const struct guest *g)
{
	char path[PATH_LEN];
	int rc;

	path_of(g, "running", path);
	rc = save(path, STORE_KIND_RUNTIME, &store_runtime_xdr, &g->run->rec, false);
	if (rc)
		log_error("%s: %s", path, strerrordesc_np(-rc));
}

void store_remove_run(const struct guest *g)
{
	char path[PATH_LEN], spare[PATH_LEN + 8];

	path_of(g, "running", path);
	snprintf(spare, sizeof(spare), "%s.tmp", path);
	if (unlink(path) < 0 && errno != ENOENT)
		log_error("%s: %s", path, strerrordesc_np(errno));
	unlink(spare);
}

int store_save_host(const struct store_host *h, struct err *err)
{
	int rc = save("host.rec", STORE_KIND_HOST, &store_host_xdr, h, true);

	return rc ? err_sys(err, rc, "host.rec in the state folder") : 0;
}

/* ---- loading ---- */

static void set_aside(const char *path, const char *why)
{
	char broken[PATH_LEN + 8];

	snprintf(broken, sizeof(broken), "%s.broken", path);
	log_error("record %s is %s: set aside as %s", path, why, broken);
	if (rename(path, broken) < 0)
		log_error("%s: %s", broken, strerrordesc_np(errno));
}

/* The decoded record in `a`, or -errno with the file set aside. -ENOENT: there is none. */
static int load(const char *path, enum store_kind kind, const struct xdr_type *t, struct arena *a,
		void *ret)
{
	/* not blocking: somebody may have put a FIFO there */
	CLEAN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	const char *why = "unreadable";
	const uint8_t *body = NULL;
	struct err err = { 0 };
	struct stat st;
	uint8_t *data;
	size_t len = 0;
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > STORE_RECORD_MAX) {
		set_aside(path, "no regular file of a sane size");
		return -EBADMSG;
	}
	data = malloc((size_t)st.st_size + 1);
	n = data ? fd_read_all(fd, data, (size_t)st.st_size) : -ENOMEM;
	if (n >= 0)
		body = store_unframe(kind, data, (size_t)n, &len, &why);
	if (body && xdr_decode(t, body, len, a, ret, NULL, &err)) {
		why = err.text;
		body = NULL;
	}
	if (!body)
		set_aside(path, why);
	free(data);
	return body ? 0 : -EBADMSG;
}

/* A record is named after its guest; under another name it is somebody's copy. */
static bool is_named(const char *path, const uint8_t uuid[16])
{
	const char *name = strrchr(path, '/') + 1;
	char text[GUEST_UUID_TEXT];

	guest_uuid_text(uuid, text);
	return !strncmp(name, text, sizeof(text) - 1) && !strcmp(name + sizeof(text) - 1, ".rec");
}

static int load_domain(const char *path)
{
	CLEAN_ARENA struct arena *a = arena_new(GUEST_MODEL_MAX);
	struct store_domain rec;
	uint8_t *model;
	uint32_t len;
	struct guest *g;

	if (!a || load(path, STORE_KIND_DOMAIN, &store_domain_xdr, a, &rec))
		return 0;
	if (!rec.model.name[0] || guest_by_uuid(rec.model.uuid) || guest_by_name(rec.model.name)) {
		set_aside(path, "of a guest that is there already");
		return 0;
	}
	if (!is_named(path, rec.model.uuid)) {
		set_aside(path, "of another guest than its name says");
		return 0;
	}
	g = guest_add(rec.model.uuid, rec.model.name);
	model = g ? guest_encode(&rec.model, &len) : NULL;
	if (!model)
		return -ENOMEM;
	guest_take_model(g, model, len);
	g->generation = rec.generation;
	g->autostart = rec.autostart;
	g->role = rec.role;
	g->persistent = true;
	return 0;
}

static int load_run(const char *path)
{
	struct arena *a = arena_new(GUEST_MODEL_MAX);
	struct store_runtime rec;
	struct guest_run *r;
	struct guest *g;

	if (!a || load(path, STORE_KIND_RUNTIME, &store_runtime_xdr, a, &rec)) {
		arena_free(a);
		return 0;
	}
	g = guest_by_uuid(rec.live.uuid);
	if (!is_named(path, rec.live.uuid) || (g && g->run) || (!g && guest_by_name(rec.live.name))) {
		set_aside(path, "of another guest than its name says");
		arena_free(a);
		return 0;
	}
	if (!g)
		g = guest_add(rec.live.uuid, rec.live.name);
	r = g ? guest_run_new(g) : NULL;
	if (!r) {
		arena_free(a);
		return -ENOMEM;
	}
	arena_free(r->arena);
	r->arena = a;
	r->rec = rec;
	r->shutdown_seen = rec.state == GUEST_SHUTDOWN;
	r->crashed = rec.state == GUEST_CRASHED;
	return 0;
}

static int load_folder(const char *folder, int (*one)(const char *path), struct err *err)
{
	DIR *d;
	int rc = 0;

	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return err_sys(err, -errno, "%s in the state folder", folder);
	d = opendir(folder);
	if (!d)
		return err_sys(err, -errno, "%s in the state folder", folder);
	for (struct dirent *e = readdir(d); e && !rc; e = readdir(d)) {
		size_t n = strlen(e->d_name);
		char path[PATH_LEN];

		snprintf(path, sizeof(path), "%s/%.64s", folder, e->d_name);
		if (n > 4 && n <= 64 && !strcmp(e->d_name + n - 4, ".rec"))
			rc = one(path);
		else if (n > 4 && n <= 64 && !strcmp(e->d_name + n - 4, ".tmp"))
			unlink(path);
	}
	closedir(d);
	return rc ? err_set(err, rc, ERR_NO_MEMORY, "out of memory while loading %s", folder) : 0;
}

int store_load(struct store_host *ret_host, struct err *err)
{
	CLEAN_ARENA struct arena *a = arena_new(GUEST_MODEL_MAX);
	int rc;

	rc = load_folder("domains", load_domain, err);
	if (!rc)
		rc = load_folder("running", load_run, err);
	if (!rc && (!a || load("host.rec", STORE_KIND_HOST, &store_host_xdr, a, ret_host)))
		memset(ret_host, 0, sizeof(*ret_host));
	return rc;
}
