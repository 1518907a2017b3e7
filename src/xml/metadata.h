/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One element inside <metadata>, found by its namespace: what
 * virDomainGetMetadata and virDomainSetMetadata speak of. The model keeps the
 * whole content as text; nobody but its owner acts on it.
 */
#ifndef CORDON_XML_METADATA_H
#define CORDON_XML_METADATA_H

#include "base/arena.h"
#include "base/err.h"

/*
 * The element of namespace `uri` in `metadata` (the model's text, may be
 * NULL), without that namespace, as libvirt hands it out. -ENOENT with
 * ERR_NO_DOMAIN_METADATA when there is none; -EINVAL when the text is not
 * well-formed; -ENOMEM.
 */
int xml_metadata_get(const char *metadata, const char *uri, struct arena *a, char **ret,
		     struct err *err) __attribute__((warn_unused_result));

/*
 * `metadata` with its element of namespace `uri` replaced by `element`, whose
 * names get the prefix `key`; NULL removes it. `*ret` is NULL when nothing is
 * left. -EINVAL with ERR_INVALID_ARG for a bad key, uri or element; -E2BIG
 * past DOM_METADATA_MAX; -ENOMEM.
 */
int xml_metadata_set(const char *metadata, const char *element, const char *key,
		     const char *uri, struct arena *a, char **ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
