/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The small devices, and <seclabel>. */
#include <string.h>

#include "xml/domain_tables.h"

static const struct xml_row input_rows[] = {
	{ "@type", XML_F(dom_input, type), .flags = XML_REQUIRED },
	{ "@bus", XML_F(dom_input, bus) },
	XML_ROW_ALIAS(dom_input),
	XML_ROW_ADDRESS(dom_input),
};
const struct xml_table xml_input_table = XML_TABLE(dom_input, input_rows);

static const struct xml_row rng_rows[] = {
	{ "@model", XML_F(dom_rng, model), .flags = XML_REQUIRED },
	{ "rate/@bytes", XML_F(dom_rng, rate_bytes), .min = 1, .max = UINT32_MAX },
	{ "rate/@period", XML_F(dom_rng, rate_period), .min = 1, .max = UINT32_MAX },
	{ "backend/@model", XML_F(dom_rng, backend), .flags = XML_REQUIRED },
	{ "backend", XML_F(dom_rng, source) },
	XML_ROW_ALIAS(dom_rng),
	XML_ROW_ADDRESS(dom_rng),
};
const struct xml_table xml_rng_table = XML_TABLE(dom_rng, rng_rows);

static const struct xml_row balloon_rows[] = {
	{ "@model", XML_F(dom_balloon, model), .flags = XML_REQUIRED },
	{ "@autodeflate", XML_F(dom_balloon, autodeflate) },
	{ "@freePageReporting", XML_F(dom_balloon, free_page_reporting) },
	{ "stats/@period", XML_F(dom_balloon, stats_period), .max = INT32_MAX },
	XML_ROW_ALIAS(dom_balloon),
	XML_ROW_ADDRESS(dom_balloon),
};
const struct xml_table xml_balloon_table = XML_TABLE(dom_balloon, balloon_rows);

static const struct xml_row watchdog_rows[] = {
	{ "@model", XML_F(dom_watchdog, model), .flags = XML_REQUIRED },
	{ "@action", XML_F(dom_watchdog, action) },
	XML_ROW_ALIAS(dom_watchdog),
	XML_ROW_ADDRESS(dom_watchdog),
};
const struct xml_table xml_watchdog_table = XML_TABLE(dom_watchdog, watchdog_rows);

static const struct xml_row panic_rows[] = {
	{ "@model", XML_F(dom_panic, model) },
	XML_ROW_ALIAS(dom_panic),
	XML_ROW_ADDRESS(dom_panic),
};
const struct xml_table xml_panic_table = XML_TABLE(dom_panic, panic_rows);

static const struct xml_row audio_rows[] = {
	{ "@id", XML_F(dom_audio, id), .min = 1, .max = UINT32_MAX, .flags = XML_REQUIRED },
	{ "@type", XML_F(dom_audio, type), .flags = XML_REQUIRED },
};
const struct xml_table xml_audio_table = XML_TABLE(dom_audio, audio_rows);

/* A dynamic label is the running guest's, only a static one is the definition's. */
static bool label_is_static(const void *obj)
{
	const struct dom_seclabel *s = obj;

	return s->type && strcmp(s->type, "static") == 0;
}

static bool label_is_not_static(const void *obj)
{
	return !label_is_static(obj);
}

static const struct xml_row seclabel_rows[] = {
	{ "@type", XML_F(dom_seclabel, type) },
	{ "@model", XML_F(dom_seclabel, model) },
	{ "@relabel", XML_F(dom_seclabel, relabel) },
	{ "label", XML_F(dom_seclabel, label), .flags = XML_REQUIRED,
	  .only_if = label_is_static },
	{ "label", XML_F(dom_seclabel, label), .mode = XML_OUT, .flags = XML_LIVE,
	  .only_if = label_is_not_static },
	{ "imagelabel", XML_F(dom_seclabel, imagelabel), .mode = XML_OUT, .flags = XML_LIVE },
	{ "baselabel", XML_F(dom_seclabel, baselabel) },
};

static int seclabel_check(struct xml_binder *b, struct xml_node *node, void *obj)
{
	const struct dom_seclabel *s = obj;

	if (s->type && strcmp(s->type, "static") != 0 && strcmp(s->type, "dynamic") != 0 &&
	    strcmp(s->type, "none") != 0)
		return xml_refuse(b, node, "type '%.40s' is not dynamic, static or none", s->type);
	return 0;
}

const struct xml_table xml_seclabel_table = XML_TABLE(dom_seclabel, seclabel_rows,
						      .check = seclabel_check);
