/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records in the state folder, which is core's root: framed, checksummed, replaced atomically. */
#ifndef CORDON_CORE_STORE_H
#define CORDON_CORE_STORE_H

#include "core/guest.h"

#define STORE_RECORD_MAX (16u << 20)  /* bytes of one record */
#define STORE_VERSION 1

/*
 * Frame and check (pure): magic, version, kind, length, CRC-32C, body.
 * store_unframe() returns the body inside `data` or NULL with `why` set.
 */
void store_frame(enum store_kind kind, const void *body, size_t len, struct buf *out);
const uint8_t *store_unframe(enum store_kind kind, const void *data, size_t len,
			     size_t *ret_len, const char **why);

/* Write the guest's definition: on disk when this returns 0; after -errno the old one is. */
int store_save_domain(const struct guest *g, const struct domain *d, struct err *err);

/* Remove it. Gone already is fine. */
int store_remove_domain(const struct guest *g, struct err *err);

/*
 * What runs. Not synced: a host that loses power loses its guests too. A
 * failure is logged; a guest that runs is not stopped for it.
 */
void store_save_run(const struct guest *g);
void store_remove_run(const struct guest *g);

int store_save_host(const struct store_host *h, struct err *err);

/*
 * Load all there is into the registry (runs get a guest_run with rec filled).
 * A record that is not whole is renamed to "<name>.broken" and logged.
 * -errno only when the folder itself cannot be used.
 */
int store_load(struct store_host *ret_host, struct err *err);

#endif
