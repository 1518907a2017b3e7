/* SPDX-License-Identifier: GPL-2.0-or-later */
/* <domain>: XML to the model of proto/domain.x and back. */
#ifndef CORDON_XML_DOMAIN_H
#define CORDON_XML_DOMAIN_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "proto/domain.x.h"

enum {
	/* virDomainXMLFlags, as clients send them */
	DOMAIN_XML_SECURE = 1,       /* with passwords */
	DOMAIN_XML_INACTIVE = 2,     /* what the next start will use */
	DOMAIN_XML_MIGRATABLE = 8,   /* as INACTIVE: what another host may take */
};

/* Memory that one parsed definition may take, for arena_new(). */
enum { DOMAIN_XML_ARENA_MAX = 16 * 1024 * 1024 };

/* What a running guest's document has beside its model. */
struct domain_live {
	int32_t id;
};

/*
 * Parse a definition into `ret` (untouched on failure), all memory from `a`.
 *
 * What only a running guest has (id, alias, tty, assigned port, state) is
 * accepted and dropped. Nothing is defaulted but what the XML implies: a
 * missing uuid stays zero, devices nobody wrote are not there; the planner
 * completes. `flags` must be 0.
 *
 * 0; -EINVAL or -E2BIG with ERR_XML_ERROR for a document that is wrong,
 * -ENOTSUP with ERR_CONFIG_UNSUPPORTED for one that asks for what is not
 * supported, by name and line; -ENOMEM.
 */
int domain_xml_parse(const char *xml, size_t len, unsigned flags, struct arena *a,
		     struct domain *ret, struct err *err) __attribute__((warn_unused_result));

/*
 * Append the document of `d` to `out`, as libvirt lays it out. `live` is NULL
 * for a guest that does not run; else `d` is the running guest's own copy.
 * 0; -EINVAL for unknown flags; -ENOMEM or -E2BIG from `out`.
 */
int domain_xml_format(const struct domain *d, const struct domain_live *live, unsigned flags,
		      struct buf *out, struct err *err) __attribute__((warn_unused_result));

/*
 * "a guest may have this name": not empty, at most DOM_NAME_MAX bytes, no '/',
 * no control character, not "." or "..".
 */
bool domain_name_ok(const char *name);

#endif
