/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The small devices. */
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

static const struct xml_row tpm_rows[] = {
	{ "@model", XML_F(dom_tpm, model) },
	{ "backend/@type", XML_F(dom_tpm, backend), .flags = XML_REQUIRED },
	{ "backend/@version", XML_F(dom_tpm, version) },
	{ "backend/@persistent_state", XML_F(dom_tpm, persistent_state) },
	XML_ROW_ALIAS(dom_tpm),
};
const struct xml_table xml_tpm_table = XML_TABLE(dom_tpm, tpm_rows);

static const struct xml_row audio_rows[] = {
	{ "@id", XML_F(dom_audio, id), .min = 1, .max = UINT32_MAX, .flags = XML_REQUIRED },
	{ "@type", XML_F(dom_audio, type), .flags = XML_REQUIRED },
};
const struct xml_table xml_audio_table = XML_TABLE(dom_audio, audio_rows);
