/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checksum of stored records. */
#ifndef CORDON_BASE_CRC_H
#define CORDON_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (RFC 3720, appendix B.4) of n bytes. */
uint32_t crc32c(const void *data, size_t n);

#endif
