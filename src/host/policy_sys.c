/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <selinux/avc.h>
#include <selinux/selinux.h>

#include "base/fd.h"
#include "base/log.h"
#include "host/policy.h"

#define FILE_MAX 4096
#define BOOLEANS_MAX 64
#define CATEGORIES_MAX 65536u
#define UNCONFINED_TYPE "cordon_unconfined_t"   /* of selinux/cordon.cil */

static bool there;
static int loads = -1;      /* how often a policy or booleans were loaded, as last seen */

/* libselinux talks to standard error by itself otherwise */
static int quiet(int type, const char *fmt, ...)
{
	(void)type;
	(void)fmt;
	return 0;
}

void policy_open(void)
{
	union selinux_callback cb = { .func_log = quiet };

	selinux_set_callback(SELINUX_CB_LOG, cb);
	there = is_selinux_enabled() == 1;
	/* the status page, mapped: no fallback to netlink, which needs a socket */
	if (there && selinux_status_open(0) < 0) {
		log_warn("SELinux: its status cannot be read: %s", strerrordesc_np(errno));
		there = false;
	}
	/* a kernel that was booted for it but was given no policy takes every text for a label */
	if (there && security_check_context("no:such:label") == 0)
		there = false;
}

void policy_mark(char out[POLICY_MARK_MAX])
{
	int now;

	out[0] = '\0';
	if (!there)
		return;
	now = selinux_status_policyload();
	/* numbers of classes and permissions are the policy's */
	if (now != loads)
		selinux_flush_class_cache();
	loads = now;
	snprintf(out, POLICY_MARK_MAX, "%d %d", now, selinux_status_getenforce());
}

/* ---- facts ---- */

static void read_file(const char *path, char out[FILE_MAX])
{
	CLEAN_FD int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? 0 : fd_read_all(fd, out, FILE_MAX - 1);

	out[n > 0 ? n : 0] = '\0';
}

static int copy_line(struct arena *a, const char *text, unsigned n, char **out)
{
	char line[HOST_TEXT_MAX + 1];

	policy_line(text, n, line);
	*out = arena_strdup(a, line);
	return *out ? 0 : -ENOMEM;
}

static bool category_exists(const char *label, unsigned n)
{
	char one[HOST_TEXT_MAX + 1];

	return policy_with_category(label, n, one) && security_check_context(one) == 0;
}

/* Categories are numbered without gaps; the highest is found by halving. */
static unsigned count_categories(const char *label)
{
	unsigned low = 0, high = CATEGORIES_MAX;   /* all below `low` exist, `high` does not */

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (category_exists(label, mid))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int fill_booleans(struct arena *a, struct host_selinux *s)
{
	char **names = NULL;
	int n = 0, rc = 0;

	s->booleans = arena_calloc(a, BOOLEANS_MAX, sizeof(*s->booleans));
	if (!s->booleans)
		return -ENOMEM;
	if (security_get_boolean_names(&names, &n) < 0)
		return 0;
	for (int i = 0; i < n; i++) {
		struct host_boolean *b = &s->booleans[s->n_booleans];

		if (rc == 0 && policy_boolean_matters(names[i]) && s->n_booleans < BOOLEANS_MAX &&
		    strlen(names[i]) <= 64) {
			b->name = arena_strdup(a, names[i]);
			b->on = security_get_boolean_active(names[i]) == 1;
			rc = b->name ? 0 : -ENOMEM;
			s->n_booleans++;
		}
		free(names[i]);
	}
	free(names);
	return rc;
}

static int fill_name(struct arena *a, struct host_selinux *s)
{
	char *type = NULL;

	s->policy = selinux_getpolicytype(&type) == 0 ? arena_strndup(a, type, 64) :
		    arena_strdup(a, "");
	free(type);
	return s->policy ? 0 : -ENOMEM;
}

/* Without Cordon's module there is no such type. */
static int fill_unconfined(struct arena *a, struct host_selinux *s)
{
	char label[HOST_TEXT_MAX + 1];

	if (!policy_with_type(s->process, UNCONFINED_TYPE, label) || security_check_context(label) < 0)
		return 0;
	s->unconfined = arena_strdup(a, label);
	return s->unconfined ? 0 : -ENOMEM;
}

static int fill(struct arena *a, struct host_selinux *s)
{
	char text[FILE_MAX];
	int rc;

	s->enforcing = selinux_status_getenforce() == 1;
	s->mls = is_selinux_mls_enabled() == 1;
	rc = fill_name(a, s);
	read_file(selinux_virtual_domain_context_path(), text);
	if (rc == 0)
		rc = copy_line(a, text, 0, &s->process);
	if (rc == 0)
		rc = copy_line(a, text, 1, &s->process_tcg);
	if (rc == 0 && !s->process_tcg[0])
		s->process_tcg = NULL;
	read_file(selinux_virtual_image_context_path(), text);
	if (rc == 0)
		rc = copy_line(a, text, 0, &s->image);
	if (rc == 0)
		rc = copy_line(a, text, 1, &s->content);
	if (rc == 0)
		rc = fill_booleans(a, s);
	if (rc == 0)
		rc = fill_unconfined(a, s);
	if (rc == 0 && s->mls)
		s->categories = count_categories(s->process);
	return rc;
}

int policy_gather(struct arena *a, struct host_selinux **ret, struct err *err)
{
	struct host_selinux *s;

	*ret = NULL;
	if (!there)
		return 0;
	s = arena_alloc(a, sizeof(*s));
	if (!s || fill(a, s) < 0)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	*ret = s;
	return 0;
}

/* ---- questions ---- */

/* The bits of the names; what the policy does not define it refuses or lets pass as a whole. */
static access_vector_t bits_of(const struct host_ask *q, security_class_t class, bool *ret_unknown)
{
	access_vector_t all = 0;

	for (uint32_t i = 0; i < q->n_perms; i++) {
		access_vector_t one = class ? string_to_av_perm(class, q->perms[i]) : 0;

		*ret_unknown = *ret_unknown || !one;
		all |= one;
	}
	return all;
}

static int name_denied(const struct host_ask *q, security_class_t class, access_vector_t allowed,
		       struct arena *a, struct host_answer *ret)
{
	char *text = arena_strdup(a, "");

	for (uint32_t i = 0; text && i < q->n_perms; i++) {
		access_vector_t one = class ? string_to_av_perm(class, q->perms[i]) : 0;

		if (!one || (allowed & one) != one)
			text = arena_printf(a, "%s%s%s", text, *text ? " " : "", q->perms[i]);
	}
	ret->denied = text;
	return text ? 0 : -ENOMEM;
}

static int copy_canonical(const char *label, struct arena *a, char **out)
{
	char *text = NULL;

	if (security_canonicalize_context(label, &text) == 0 && strlen(text) <= HOST_TEXT_MAX)
		*out = arena_strdup(a, text);
	freecon(text);
	return *out ? 0 : -ENOMEM;
}

int policy_ask(const struct host_ask *q, struct arena *a, struct host_answer *ret, struct err *err)
{
	char mark[POLICY_MARK_MAX];
	struct av_decision av = { 0 };
	security_class_t class;
	access_vector_t want;
	bool unknown = false, valid;

	if (!there)
		return err_set(err, -ENOTSUP, ERR_NO_SUPPORT, "no SELinux policy is loaded");
	policy_mark(mark);   /* flushes what a new policy made stale */
	class = string_to_security_class(q->tclass);
	want = bits_of(q, class, &unknown);
	valid = security_check_context(q->scontext) == 0 && security_check_context(q->tcontext) == 0;
	*ret = (struct host_answer){ .valid = valid };
	if (valid && class && security_compute_av_flags(q->scontext, q->tcontext, class, want, &av) < 0)
		return err_sys(err, -errno, "question to the SELinux policy");
	ret->allowed = valid && (av.allowed & want) == want && (!unknown || !security_deny_unknown());
	if (!ret->allowed && name_denied(q, class, valid ? av.allowed : 0, a, ret) < 0)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	if (!ret->denied && !(ret->denied = arena_strdup(a, "")))
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	if (valid && copy_canonical(q->scontext, a, &ret->scontext) < 0)
		return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	if (valid && (!selinux_status_getenforce() || av.flags & SELINUX_AVD_FLAGS_PERMISSIVE))
		ret->allowed = true;
	return 0;
}
