/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cordon-ledger wrote for a guest (src/ledger/book.h). It is acted on, so it is checked once more. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch/launch.h"

#define CLAIMS_PATH "/run/cordon/claims"

int claim_open(struct err *err)
{
	struct stat st;

	launch.claims = open(CLAIMS_PATH, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (launch.claims < 0 || stat(launch.conf.run_dir, &st) < 0)
		return err_sys(err, -errno, "%s or %s", CLAIMS_PATH, launch.conf.run_dir);
	snprintf(launch.instance, sizeof(launch.instance), "%lx-%lx", st.st_dev, st.st_ino);
	return 0;
}

static int check_uid(const struct cell *c, struct err *err)
{
	const struct config *conf = &launch.conf;

	if (c->uid < conf->guest_uid_min || c->uid > conf->guest_uid_max - GUEST_UIDS + 1)
		return err_set(err, -ERANGE, ERR_INTERNAL_ERROR, "claim of guest %s: uid %u is none of "
			       "guest_uid_min .. guest_uid_max", c->dir_name, c->uid);
	for (const struct cell *o = launch.cells; o; o = o->next)
		if (o != c && o->uid < c->uid + GUEST_UIDS && c->uid < o->uid + GUEST_UIDS)
			return err_set(err, -EBUSY, ERR_INTERNAL_ERROR, "claim of guest %s: uid %u is "
				       "guest %s's", c->dir_name, c->uid, o->dir_name);
	return 0;
}

static int check_label(const struct cell *c, struct err *err)
{
	const struct config *conf = &launch.conf;

	if (!c->label[0] || (launch.label[0] &&
	    (label_type_in(c->label, conf->selinux_process_types, conf->n_selinux_process_types) ||
	     label_type_in(c->label, conf->static_label_types, conf->n_static_label_types))))
		return 0;
	return err_set(err, -EPERM, ERR_INTERNAL_ERROR, "claim of guest %s: label %s is of none of the types "
		       "that guests have", c->dir_name, c->label);
}

int claim_read(struct cell *c, struct err *err)
{
	char name[sizeof(launch.instance) + GUEST_DIR_NAME], text[LABEL_SIZE + 32], *label = text;
	ssize_t n;
	int rc;

	snprintf(name, sizeof(name), "%s.%s", launch.instance, c->dir_name);
	n = readlinkat(launch.claims, name, text, sizeof(text) - 1);
	if (n < 0)
		return err_sys(err, -errno, "guest %s: its uids are not claimed (ledger.CLAIM)", c->dir_name);
	text[n] = '\0';
	c->uid = (uid_t)strtoul(text, &label, 10);
	if (strlen(label) < 3 || strlen(label + 3) >= LABEL_SIZE)
		return err_set(err, -EINVAL, ERR_INTERNAL_ERROR, "claim of guest %s: '%s'", c->dir_name, text);
	memcpy(c->label, label + 3, strlen(label + 3) + 1);
	rc = check_uid(c, err);
	return rc ? rc : check_label(c, err);
}
