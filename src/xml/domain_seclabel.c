/* SPDX-License-Identifier: GPL-2.0-or-later */
/* <seclabel>: the guest's, and those inside a disk's <source>. */
#include <string.h>

#include "xml/domain_tables.h"

/* What the kernel takes as a label: parts between colons, without blanks. */
static bool label_ok(const char *s)
{
	return strlen(s) <= 255 && s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					       "0123456789_.,:+-")] == '\0';
}

#define LABEL_RULE "is no label: at most 255 letters, digits and _.,:+-"

static int check_model(struct xml_binder *b, struct xml_node *node, const char *model, bool none_ok)
{
	if (!model || strcmp(model, "selinux") == 0 || strcmp(model, "dac") == 0 ||
	    (none_ok && strcmp(model, "none") == 0))
		return 0;
	return xml_unsupported(b, node, "model '%.40s' is not supported; use selinux or dac", model);
}

static bool type_is(const char *type, const char *word)
{
	return type && strcmp(type, word) == 0;
}

/* A dynamic label is the running guest's, only a static one is the definition's. */
static bool label_is_static(const void *obj)
{
	return type_is(((const struct dom_seclabel *)obj)->type, "static");
}

static bool label_is_dynamic(const void *obj)
{
	const struct dom_seclabel *s = obj;

	return !s->type || type_is(s->type, "dynamic");
}

static const struct xml_row seclabel_rows[] = {
	{ "@type", XML_F(dom_seclabel, type) },
	{ "@model", XML_F(dom_seclabel, model) },
	{ "@relabel", XML_F(dom_seclabel, relabel) },
	{ "label", XML_F(dom_seclabel, label), .flags = XML_REQUIRED,
	  .only_if = label_is_static, .text_ok = label_ok, .text_rule = LABEL_RULE },
	{ "label", XML_F(dom_seclabel, label), .mode = XML_OUT, .flags = XML_LIVE,
	  .only_if = label_is_dynamic },
	{ "imagelabel", XML_F(dom_seclabel, imagelabel), .only_if = label_is_static,
	  .text_ok = label_ok, .text_rule = LABEL_RULE },
	{ "imagelabel", XML_F(dom_seclabel, imagelabel), .mode = XML_OUT, .flags = XML_LIVE,
	  .only_if = label_is_dynamic },
	{ "baselabel", XML_F(dom_seclabel, baselabel), .only_if = label_is_dynamic,
	  .text_ok = label_ok, .text_rule = LABEL_RULE },
};

static int seclabel_check(struct xml_binder *b, struct xml_node *node, void *obj)
{
	const struct dom_seclabel *s = obj;

	if (s->type && !label_is_static(s) && !type_is(s->type, "dynamic") &&
	    !type_is(s->type, "none"))
		return xml_refuse(b, node, "type '%.40s' is not dynamic, static or none", s->type);
	if (label_is_dynamic(s) && s->relabel == DOM_YESNO_NO)
		return xml_refuse(b, node, "a dynamic label goes with relabel='yes': nobody else could "
				  "make the images fit");
	if (type_is(s->type, "none") && s->relabel == DOM_YESNO_YES)
		return xml_refuse(b, node, "relabel='yes' does not go with type='none'");
	if (s->model && strcmp(s->model, "dac") == 0 && (label_is_static(s) || s->baselabel))
		return xml_unsupported(b, node, "a label of model 'dac' cannot be given: every guest runs "
				       "under a uid of its own; remove the element");
	/* libvirt writes type and model 'none' where it has no security driver at all */
	return check_model(b, node, s->model, type_is(s->type, "none"));
}

const struct xml_table xml_seclabel_table = XML_TABLE(dom_seclabel, seclabel_rows,
						      .check = seclabel_check);

int xml_seclabels_check(struct xml_binder *b, struct xml_node *node, const struct domain *d)
{
	for (uint32_t i = 0; i < d->n_seclabels; i++) {
		const char *model = d->seclabels[i].model;

		if (!model && d->n_seclabels > 1)
			return xml_refuse(b, node, "of several <seclabel>, each needs a model");
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(d->seclabels[k].model, model) == 0)
				return xml_refuse(b, node, "<seclabel model='%s'> is given twice", model);
	}
	return 0;
}

/* ---- in <source> ---- */
static const struct xml_row image_label_rows[] = {
	{ "@model", XML_F(dom_image_label, model) },
	{ "@relabel", XML_F(dom_image_label, relabel) },
	/* libvirt's note on a running guest that it could not label an image */
	{ "@labelskip", .kind = XML_NOTHING, .mode = XML_OUT },
	{ "label", XML_F(dom_image_label, label), .text_ok = label_ok, .text_rule = LABEL_RULE },
};

static int image_label_check(struct xml_binder *b, struct xml_node *node, void *obj)
{
	const struct dom_image_label *l = obj;

	if (l->label && l->relabel == DOM_YESNO_NO)
		return xml_refuse(b, node, "a <label> does not go with relabel='no'");
	if (l->model && strcmp(l->model, "dac") == 0 && l->label)
		return xml_unsupported(b, node, "owners of images are not changed; use relabel='no'");
	return check_model(b, node, l->model, false);
}

const struct xml_table xml_image_label_table = XML_TABLE(dom_image_label, image_label_rows,
							 .check = image_label_check);

int xml_image_labels_check(struct xml_binder *b, struct xml_node *node,
			   const struct dom_image_label *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(list[k].model ? list[k].model : "selinux",
				   list[i].model ? list[i].model : "selinux") == 0)
				return xml_refuse(b, node, "<seclabel model='%s'> is given twice",
						  list[i].model ? list[i].model : "selinux");
	return 0;
}
