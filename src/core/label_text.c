/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a refusal by the policy says: who, what, and how to mend it. */
#include <errno.h>
#include <string.h>

#include "core/label.h"

/* For a shell: in single quotes. Cut off where the room ends. */
static const char *quoted(const char *s, char *out, size_t size)
{
	size_t n = 0;

	out[n++] = '\'';
	for (; *s && n + 6 < size; s++) {
		if (*s == '\'') {
			memcpy(out + n, "'\\''", 4);
			n += 4;
		} else {
			out[n++] = *s;
		}
	}
	out[n++] = '\'';
	out[n] = '\0';
	return out;
}

/* Which boolean lets guests at files of a type that no label of ours can stand in for. */
static const char *boolean_of(const char *label)
{
	static const char *const rows[][2] = {
		{ ":nfs_t", "virt_use_nfs" }, { ":cifs_t", "virt_use_samba" },
		{ ":fusefs_t", "virt_use_fusefs" }, { ":sysfs_t", "virt_use_sysfs" },
		{ ":usb_device_t", "virt_use_usb" }, { ":vfio_device_t", "virt_use_vfio" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *at = strstr(label, rows[i][0]);
		char end = at ? at[strlen(rows[i][0])] : 'x';

		if (end == '\0' || end == ':')
			return rows[i][1];
	}
	return NULL;
}

/* "off", "on", or that the policy has no such boolean (NULL). */
static const char *state_of(const struct host_selinux *host, const char *boolean)
{
	for (uint32_t i = 0; i < host->n_booleans; i++)
		if (strcmp(host->booleans[i].name, boolean) == 0)
			return host->booleans[i].on ? "on" : "off";
	return NULL;
}

static int refuse_unlabelled(const struct host_selinux *host, const char *begin,
			     const struct label_file *f, const char *end, struct err *err)
{
	const char *boolean = boolean_of(end);
	const char *state = boolean ? state_of(host, boolean) : NULL;

	if (state)
		return err_set(err, -EACCES, ERR_OPERATION_FAILED,
			       "%s; its file system (%s) keeps no labels, and the policy's boolean %s is "
			       "%s; `setsebool -P %s on` allows it for all guests", begin, f->image->fs,
			       boolean, state, boolean);
	return err_set(err, -EACCES, ERR_OPERATION_FAILED,
		       "%s; its file system (%s) keeps no labels, and the policy has no boolean that "
		       "allows it: move the image to one that does, or mount it with -o context=%s",
		       begin, f->image->fs, host->image);
}

int label_refuse(const struct host_selinux *host, const char *guest, const char *process,
		 const struct label_file *f, const struct label_row *row,
		 const struct host_answer *answer, struct err *err)
{
	char begin[ERR_TEXT_MAX], path[512];

	if (!answer->valid)
		return err_set(err, -EACCES, ERR_CONFIG_UNSUPPORTED,
			       "domain '%s': SELinux: the policy does not know the label '%s' of the guest "
			       "or '%s' of '%.200s'; correct its <seclabel>", guest, process,
			       *row->end ? row->end : "(none)", f->image->path);
	/* the object last but one: a long path must not cut off the way out */
	snprintf(begin, sizeof(begin), "operation failed: domain '%s': SELinux refuses %s, label %s, "
		 "access (%s) to '%.200s', label %s", guest, "the guest", process, answer->denied,
		 f->image->path, *row->end ? row->end : "(none)");
	if (!f->image->labels)
		return refuse_unlabelled(host, begin, f, row->end, err);
	if (strcmp(row->better, row->end) == 0)
		return err_set(err, -EACCES, ERR_OPERATION_FAILED, "%s, which is made for it: the types do not "
			       "belong together; a guest's type that is a site's own has to be in the "
			       "policy's attribute cordon_guest (cordond.conf(5): static_label_types)", begin);
	return err_set(err, -EACCES, ERR_OPERATION_FAILED, "%s; `chcon %s %s` mends it%s", begin,
		       row->better, quoted(f->image->path, path, sizeof(path)),
		       row->want ? ", without a <label> that says otherwise" :
		       row->own && f->kind != LABEL_LOADER ? ", and so does relabel='yes'" : "");
}

int label_refuse_process(const struct host_selinux *host, const char *guest, const char *process,
			 const struct host_answer *answer, struct err *err)
{
	static const char boolean[] = "virt_use_execmem";
	const char *state = state_of(host, boolean);

	if (!answer->valid)
		return err_set(err, -EACCES, ERR_CONFIG_UNSUPPORTED,
			       "domain '%s': SELinux: the policy does not know the label '%s'; correct its "
			       "<seclabel>", guest, process);
	if (!state)
		return err_set(err, -EACCES, ERR_OPERATION_FAILED,
			       "operation failed: domain '%s': SELinux refuses label %s execmem, which "
			       "type='qemu' (emulation) needs, and the policy has no boolean that allows "
			       "it; use type='kvm'", guest, process);
	return err_set(err, -EACCES, ERR_OPERATION_FAILED,
		       "operation failed: domain '%s': SELinux refuses label %s execmem, which "
		       "type='qemu' (emulation) needs: the policy's boolean %s is %s; `setsebool -P %s "
		       "on` allows it for all guests; type='kvm' does not need it", guest, process,
		       boolean, state, boolean);
}
