/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest's TPM: a caged swtpm, and <tpm_dir>/UUID with what it remembers, from one run to the next. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "launch/launch.h"

#define SWTPM_FD 3     /* the socket to QEMU, inside */
#define SWTPM_TYPE "cordon_swtpm_t"

static void state_path(const char *name, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%.*s/%s", PATH_MAX - 64, launch.conf.tpm_dir, name);
}

/*
 * Owner and label change with each run. None but swtpm makes files in there, in a cage in which no
 * link to a file elsewhere can be made; no link is followed.
 */
static int give(const char *path, uid_t uid, const char *label)
{
	DIR *d = chdir(path) == 0 ? opendir(".") : NULL;
	int r = d ? 0 : -errno;

	for (struct dirent *e = d ? readdir(d) : NULL; e && r == 0; e = readdir(d))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			r = lchown(e->d_name, uid, uid) < 0 ? -errno : label_file(-1, e->d_name, label);
	if (r == 0)
		r = lchown(path, uid, uid) < 0 ? -errno : label_file(-1, path, label);
	if (d)
		closedir(d);
	return fchdir(launch.run_dir) < 0 ? -errno : r;
}

int tpm_start(struct cell *c, int fd, int log, struct err *err)
{
	static const char *const args[] = {
		"socket", "--tpm2", "--terminate", "--ctrl", "type=unixio,clientfd=3",
		"--tpmstate", "dir=" CAGE_STATE ",mode=0600", NULL,
	};
	const struct cage_fd fds[] = { { fd, SWTPM_FD }, { log, 2 } };
	const uid_t uid = c->uid + GUEST_UID_SWTPM;
	char path[PATH_MAX];
	struct cage_spec spec = {
		.uid = uid, .fds = fds, .n_fds = 2, .limits = CAGE_LIMITS_SWTPM,
		.state = path, .args = args,
	};
	int rc = template_of(ROOT_SWTPM, "root-swtpm", &spec.root, err);

	if (rc)
		return err_prefix(err, rc, "<tpm> with backend 'emulator' needs swtpm (package swtpm)");
	state_path(c->dir_name, path);
	rc = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : give(path, uid, c->image);
	return rc ? err_sys(err, rc, "state of the TPM in '%s'", path) :
	       helper_start(c, &c->helpers[0], &spec, SWTPM_TYPE, err);
}

void tpm_end(const char *name, bool forget)
{
	char path[PATH_MAX];

	state_path(name, path);
	if (forget)
		folder_remove(launch.tpm_dir, name);
	/* closed to the next guest that has this uid, or this label */
	else if (lchown(path, 0, 0) < 0 ? errno != ENOENT : root_label(launch.conf.tpm_dir, path) < 0)
		log_error("guest %s: the state of its TPM cannot be closed", name);
}
