/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stored records. The checksum would keep the fuzzer out, so the first byte
 * also lets it skip the frame: what a disk or an attacker with the state
 * folder writes is then decoded as it is.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/xdr.h"
#include "core/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		enum store_kind kind;
		const struct xdr_type *type;
	} kinds[] = {
		{ STORE_KIND_DOMAIN, &store_domain_xdr },
		{ STORE_KIND_RUNTIME, &store_runtime_xdr },
		{ STORE_KIND_HOST, &store_host_xdr },
	};
	CLEAN_ARENA struct arena *a = arena_new(GUEST_MODEL_MAX);
	const uint8_t *body;
	const char *why;
	size_t len;
	unsigned k;
	void *v;

	if (size < 1)
		return 0;
	k = (data[0] & 0x7f) % 3;
	body = data + 1;
	len = size - 1;
	if (data[0] & 0x80)
		body = store_unframe(kinds[k].kind, data + 1, size - 1, &len, &why);
	v = arena_alloc(a, kinds[k].type->size);
	if (body && v)
		(void)xdr_decode(kinds[k].type, body, len, a, v, NULL, NULL);
	return 0;
}
