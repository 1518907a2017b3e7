/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which label: the guest's <seclabel>, and each of its files. */
#include "core/label.h"

#include <errno.h>
#include <string.h>

#define MODEL "selinux"
#define LABEL_TEXT_MAX HOST_TEXT_MAX

/* A context in its parts: user:role:type[:level]; the level may hold colons itself. */
struct parts {
	const char *type;      /* begins here ... */
	size_t n_type;
	size_t n_head;         /* bytes of "user:role:type" */
	const char *level;     /* "" when there is none */
};

static bool split(const char *label, struct parts *ret)
{
	const char *role = strchr(label, ':');
	const char *type = role ? strchr(role + 1, ':') : NULL;

	if (!type || role == label || type == role + 1 || strlen(label) > LABEL_TEXT_MAX)
		return false;
	ret->type = type + 1;
	ret->n_type = strcspn(ret->type, ":");
	ret->n_head = (size_t)(ret->type - label) + ret->n_type;
	ret->level = ret->type[ret->n_type] ? ret->type + ret->n_type + 1 : "";
	return ret->n_type > 0;
}

static bool same_type(const struct parts *p, const char *label)
{
	struct parts other;

	return label && split(label, &other) && other.n_type == p->n_type &&
	       memcmp(other.type, p->type, p->n_type) == 0;
}

static int no_memory(struct err *err)
{
	return err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
}

/* ---- the guest ---- */

/* The <seclabel> that speaks of SELinux: the one of that model, or one without any. */
static const struct dom_seclabel *of_selinux(const struct domain *d)
{
	for (uint32_t i = 0; i < d->n_seclabels; i++)
		if (!d->seclabels[i].model || strcmp(d->seclabels[i].model, MODEL) == 0)
			return &d->seclabels[i];
	return NULL;
}

static bool is_word(const char *s, const char *word)
{
	return s && strcmp(s, word) == 0;
}

/* A guest's type is one that the policy made for guests, or one that the configuration adds. */
static int check_type(const struct domain *d, const struct host_selinux *host,
		      const struct config *conf, const char *label, const char *what, struct err *err)
{
	struct parts p;

	if (!split(label, &p))
		return err_set(err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED,
			       "domain '%s': SELinux: %s '%s' is no label: user:role:type:level is "
			       "wanted, for instance %s", d->name, what, label, host->process);
	if (same_type(&p, host->process) || same_type(&p, host->process_tcg))
		return 0;
	for (uint32_t i = 0; i < conf->n_static_label_types; i++)
		if (strlen(conf->static_label_types[i]) == p.n_type &&
		    memcmp(conf->static_label_types[i], p.type, p.n_type) == 0)
			return 0;
	return err_set(err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED,
		       "domain '%s': SELinux: type '%.*s' of %s '%s' is none of the policy's for "
		       "guests (virtual_domain_context names %s); to allow it all the same, add it to "
		       "static_label_types in cordond.conf, and to the policy's attribute cordon_guest as "
		       "cordond.conf(5) says", d->name, (int)p.n_type, p.type, what, label,
		       host->process);
}

/* What the user says of an image's label; NULL: nothing. */
static const struct dom_image_label *selinux_row(const struct dom_image_label *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if ((!list[i].model || strcmp(list[i].model, MODEL) == 0) &&
		    (list[i].relabel == DOM_YESNO_NO || list[i].label))
			return &list[i];
	return NULL;
}

static int refuse_image(const struct domain *d, const struct dom_image_label *list, uint32_t n,
			const char *path, const char *why, struct err *err)
{
	const struct dom_image_label *o = selinux_row(list, n);

	return !o || !o->label ? 0 :
	       err_set(err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED,
		       "domain '%s': SELinux: '%.200s' cannot be given the label '%s' of its <seclabel>: %s",
		       d->name, path, o->label, why);
}

/* No file of this guest gets a label: refuse one that was asked for. */
static int refuse_images(const struct domain *d, const char *why, struct err *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < d->n_disks && !rc; i++) {
		const struct dom_disk *disk = &d->disks[i];

		rc = refuse_image(d, disk->seclabels, disk->n_seclabels, disk->path, why, err);
		for (uint32_t k = 0; k < disk->n_backing && !rc; k++)
			rc = refuse_image(d, disk->backing[k].seclabels, disk->backing[k].n_seclabels,
					  disk->backing[k].path, why, err);
	}
	return rc;
}

/*
 * Its QEMU may then do to files what their owner may. The policy's own type for that keeps it from
 * Cordon, and a pair keeps its sockets and its cordon-vm from other guests.
 */
static int choose_none(const struct domain *d, const struct host_selinux *host,
		       const struct config *conf, bool said, struct arena *a,
		       struct label_choice *ret, struct err *err)
{
	if (conf->security_require_confined)
		return err_set(err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED,
			       "domain '%s': unconfined guests are not allowed on this host: %s; "
			       "%s, or set security_require_confined = 0 in cordond.conf", d->name,
			       said ? "its <seclabel> has type='none'" :
			       "security_default_confined is 0 in cordond.conf",
			       said ? "remove that element" : "give it a <seclabel type='dynamic'/>");
	*ret = (struct label_choice){ .mode = LABEL_NONE, .fixed = !host->mls, .share = !host->mls };
	if (host->unconfined)
		ret->base = arena_strdup(a, host->unconfined);
	if (host->unconfined && !ret->base)
		return no_memory(err);
	return refuse_images(d, "no file of an unconfined guest gets one; remove the element, or give the "
			     "guest a <seclabel type='dynamic'/>", err);
}

/* "user:role:type" of what the user or the policy says, with the level that pairs are added to. */
static int choose_dynamic(const struct domain *d, const struct host_selinux *host,
			  const struct config *conf, const char *given, struct arena *a,
			  struct label_choice *ret, struct err *err)
{
	const char *base = host->process;
	struct parts p, own;
	int rc;

	if (d->type == DOM_TYPE_QEMU && host->process_tcg)
		base = host->process_tcg;
	if (!split(base, &own))
		return err_set(err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED,
			       "domain '%s': SELinux: policy '%s' does not say which label guests get "
			       "(its contexts/virtual_domain_context); install a policy with support for "
			       "virtual machines", d->name, host->policy);
	p = own;
	if (given) {
		rc = check_type(d, host, conf, given, "<baselabel>", err);
		if (rc)
			return rc;
		(void)split(given, &p);
		if (strchr(p.level, ':'))
			return err_set(err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED,
				       "domain '%s': SELinux: <baselabel> '%s' has categories; those of a "
				       "dynamic label are added by Cordon: leave them out, or use "
				       "type='static'", d->name, given);
		base = given;
	}
	*ret = (struct label_choice){ .mode = LABEL_DYNAMIC, .relabel = true, .own = given,
				      .fixed = !host->mls, .share = !host->mls };
	ret->base = !host->mls ? arena_strdup(a, base) :
		    arena_printf(a, "%.*s:%s", (int)p.n_head, base, *p.level ? p.level :
				 *own.level ? own.level : "s0");
	return ret->base ? 0 : no_memory(err);
}

static int choose_static(const struct domain *d, const struct host_selinux *host,
			 const struct config *conf, const struct dom_seclabel *s,
			 struct label_choice *ret, struct err *err)
{
	struct parts p;
	int rc;

	if (!s->label)
		return err_set(err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED,
			       "domain '%s': <seclabel type='static'> has no <label>", d->name);
	rc = check_type(d, host, conf, s->label, "<label>", err);
	if (rc)
		return rc;
	if (s->imagelabel && !split(s->imagelabel, &p))
		return err_set(err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED,
			       "domain '%s': SELinux: <imagelabel> '%s' is no label", d->name,
			       s->imagelabel);
	*ret = (struct label_choice){
		.mode = LABEL_STATIC, .base = s->label, .imagelabel = s->imagelabel,
		.relabel = s->relabel == DOM_YESNO_YES, .fixed = true,
		.share = conf->static_label_sharing,
	};
	return 0;
}

/* Nothing that a definition asks for of SELinux can be had. */
static int choose_without(const struct domain *d, const struct dom_seclabel *s,
			  struct label_choice *ret, struct err *err)
{
	*ret = (struct label_choice){ .mode = LABEL_ABSENT };
	/* without a model it is the first one of this host that is meant: the guest's own uid */
	if (!s || is_word(s->type, "none") || (!s->model && !is_word(s->type, "static") &&
					       !s->baselabel))
		return refuse_images(d, "this host has no SELinux policy loaded; boot it with one, or remove "
				     "the element", err);
	return err_set(err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED,
		       "domain '%s': its <seclabel model='selinux'> cannot be had: this host has no "
		       "SELinux policy loaded; boot it with one, or remove the element", d->name);
}

int label_choose(const struct domain *d, const struct host_selinux *host, const struct config *conf,
		 struct arena *a, struct label_choice *ret, struct err *err)
{
	const struct dom_seclabel *s = of_selinux(d);

	for (uint32_t i = 0; i < d->n_seclabels; i++)
		if (is_word(d->seclabels[i].model, "dac") &&
		    (is_word(d->seclabels[i].type, "static") || d->seclabels[i].baselabel))
			return err_set(err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED,
				       "domain '%s': a label of model 'dac' cannot be given: every guest "
				       "runs under a uid of its own; remove that <seclabel>", d->name);
	if (!host)
		return choose_without(d, s, ret, err);
	if (s ? is_word(s->type, "none") : !conf->security_default_confined)
		return choose_none(d, host, conf, s, a, ret, err);
	if (s && is_word(s->type, "static"))
		return choose_static(d, host, conf, s, ret, err);
	return choose_dynamic(d, host, conf, s ? s->baselabel : NULL, a, ret, err);
}

/* ---- its files ---- */

char *label_image(const struct host_selinux *host, const char *process, struct arena *a)
{
	struct parts image, guest;

	if (!split(process, &guest) || !split(host->image, &image) || !*guest.level)
		return arena_strdup(a, host->image);
	return arena_printf(a, "%.*s:%s", (int)image.n_head, host->image, guest.level);
}

/* The user's word about one image: its own, else that of the disk it backs. */
static const struct dom_image_label *override_of(const struct label_file *f)
{
	const struct dom_disk *d = f->disk;
	const struct dom_image_label *o = NULL;

	if (!d)
		return NULL;
	if (f->depth && d->backing_given && f->depth <= d->n_backing)
		o = selinux_row(d->backing[f->depth - 1].seclabels,
				d->backing[f->depth - 1].n_seclabels);
	return o ? o : selinux_row(d->seclabels, d->n_seclabels);
}

/*
 * The label that an object of its kind has, when nobody said otherwise; NULL: no memory. A copy:
 * other facts may have come before the row has served.
 */
static const char *usual(const struct label_choice *c, const struct host_selinux *host,
			 const char *process, const struct label_file *f, struct arena *a,
			 bool *ret_shared)
{
	bool written = f->kind == LABEL_NVRAM || (f->kind == LABEL_DISK && f->image->write);

	*ret_shared = true;
	if (f->disk && f->disk->shareable && !f->depth)
		return arena_strdup(a, host->image);
	if (!written || f->depth)
		return arena_strdup(a, host->content);
	*ret_shared = c->share;
	return c->imagelabel ? c->imagelabel : label_image(host, process, a);
}

int label_decide(const struct label_choice *c, const struct host_selinux *host, const char *process,
		 const struct label_file *f, struct arena *a, struct label_row *ret, struct err *err)
{
	const struct dom_image_label *o = override_of(f);
	struct label_row row = { .end = f->image->label };
	bool stays;

	*ret = row;
	if (c->mode == LABEL_ABSENT || !process)
		return 0;
	/* its domain may use images of any type, but is held to its level as others are */
	if (c->mode == LABEL_NONE) {
		ret->ask = f->kind == LABEL_DISK || f->kind == LABEL_NVRAM;
		ret->better = arena_strdup(a, host->image);
		return ret->better ? 0 : no_memory(err);
	}
	row.better = usual(c, host, process, f, a, &row.shared);
	if (!row.better)
		return no_memory(err);
	row.own = o || c->mode == LABEL_STATIC;
	/* firmware is every guest's, and of a type that all may read */
	stays = f->kind == LABEL_LOADER || (o ? o->relabel == DOM_YESNO_NO : !c->relabel);
	if (o && o->label && !stays && !f->image->labels)
		return err_set(err, -ENOTSUP, ERR_CONFIG_UNSUPPORTED,
			       "SELinux: '%s' cannot be given the label '%s' of its <seclabel>: its file "
			       "system (%s) keeps no labels", f->image->path, o->label, f->image->fs);
	if (!stays && f->image->labels) {
		row.want = o && o->label ? o->label : row.better;
		row.end = row.want;
	}
	/* a pair is this run's only: what suits the next one too has none */
	if (stays && c->mode == LABEL_DYNAMIC && !row.shared)
		row.better = arena_strdup(a, host->image);
	if (!row.better)
		return no_memory(err);
	/* what Cordon chose suits by the policy's own word; all else is asked */
	row.ask = !row.want || row.own;
	if (f->kind == LABEL_KERNEL || f->kind == LABEL_INITRD)
		row.ask = row.ask && row.want;   /* QEMU reads the cage's copy */
	*ret = row;
	return 0;
}

struct host_ask label_ask(const struct label_file *f, const char *process, const char *to)
{
	/* the descriptor is open: these are checked when QEMU receives it and at each use */
	static char *const perms[] = { (char *)"getattr", (char *)"open", (char *)"read",
				       (char *)"ioctl", (char *)"lock", (char *)"write" };

	return (struct host_ask){
		.scontext = (char *)(uintptr_t)process, .tcontext = (char *)(uintptr_t)to,
		.tclass = (char *)(uintptr_t)(f->image->block ? "blk_file" : "file"),
		.n_perms = f->image->write || f->kind == LABEL_NVRAM ? 6 : 5, .perms = (char **)(uintptr_t)perms,
	};
}

bool label_ask_process(const struct label_choice *c, const struct domain *d, const char *process,
		       struct host_ask *ret)
{
	static char *const execmem = (char *)"execmem";
	bool tcg = d->type == DOM_TYPE_QEMU;

	*ret = (struct host_ask){
		.scontext = (char *)(uintptr_t)process, .tcontext = (char *)(uintptr_t)process,
		.tclass = (char *)(uintptr_t)"process", .n_perms = tcg,
		.perms = (char **)(uintptr_t)&execmem,
	};
	return tcg || c->own;
}

/* ---- what a running guest shows ---- */

int label_show(const struct label_choice *c, const struct host_selinux *host, const char *process,
	       unsigned uid, struct arena *a, struct domain *d)
{
	struct dom_seclabel *list = arena_calloc(a, 2, sizeof(*list)), *s = list;
	char *owner = arena_printf(a, "+%u:+%u", uid, uid);
	bool no_chown = false;

	for (uint32_t i = 0; i < d->n_seclabels; i++)
		no_chown = no_chown || (is_word(d->seclabels[i].model, "dac") &&
					is_word(d->seclabels[i].type, "none"));
	if (!list || !owner)
		return -ENOMEM;
	if (c->mode == LABEL_NONE) {
		*s++ = (struct dom_seclabel){ .type = (char *)"none", .model = (char *)MODEL };
	} else if (c->mode != LABEL_ABSENT) {
		s->type = (char *)(uintptr_t)(c->mode == LABEL_STATIC ? "static" : "dynamic");
		s->model = (char *)(uintptr_t)MODEL;
		s->relabel = c->relabel ? DOM_YESNO_YES : DOM_YESNO_NO;
		s->label = arena_strdup(a, process);
		s->imagelabel = c->imagelabel ? arena_strdup(a, c->imagelabel) :
				label_image(host, process, a);
		if (!s->label || !s->imagelabel)
			return -ENOMEM;
		if (c->mode == LABEL_DYNAMIC && of_selinux(d))
			s->baselabel = of_selinux(d)->baselabel;
		s++;
	}
	*s = (struct dom_seclabel){ .type = (char *)(uintptr_t)(no_chown ? "none" : "dynamic"),
				    .model = (char *)"dac" };
	if (!no_chown) {
		s->relabel = DOM_YESNO_YES;
		s->label = s->imagelabel = owner;
	}
	d->seclabels = list;
	d->n_seclabels = (uint32_t)(s - list) + 1;
	return 0;
}
