/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * <domain> from a stranger: whatever is accepted has to fit the record, print,
 * and be taken back unchanged. Seeds: tests/golden/xml.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/xdr.h"
#include "xml/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct domain_live live = { .id = 1 };

static void must(int ret)
{
	if (ret)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEAN_ARENA struct arena *a = arena_new(DOMAIN_XML_ARENA_MAX);
	CLEAN_BUF struct buf record, once, twice, running;
	struct err err = { 0 };
	struct domain d, again;

	buf_init(&record, 64 * 1024 * 1024);
	buf_init(&once, 64 * 1024 * 1024);
	buf_init(&twice, 64 * 1024 * 1024);
	buf_init(&running, 64 * 1024 * 1024);
	if (domain_xml_parse((const char *)data, size, 0, a, &d, &err) < 0) {
		must(err.code == 0 || err.text[0] == '\0');
		return 0;
	}
	must(xdr_encode(&domain_xdr, &d, &record));
	must(domain_xml_format(&d, NULL, DOMAIN_XML_SECURE, &once, &err));
	must(domain_xml_format(&d, &live, 0, &running, &err));
	if (once.len > 1024 * 1024)
		return 0;
	must(domain_xml_parse(buf_str(&once), once.len, 0, a, &again, &err));
	must(domain_xml_format(&again, NULL, DOMAIN_XML_SECURE, &twice, &err));
	must(once.len != twice.len || memcmp(once.data, twice.data, once.len) != 0);
	must(domain_xml_parse(buf_str(&running), running.len, 0, a, &again, &err));
	return 0;
}
