/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the first cluster of a qcow2 image says, read without trust. */
#ifndef CORDON_IMAGE_QCOW2_H
#define CORDON_IMAGE_QCOW2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define QCOW2_HEAD_MIN 72            /* bytes of a version 2 header */
#define QCOW2_CLUSTER_MAX (2u << 20)
#define QCOW2_BACKING_MAX 1023
#define QCOW2_FORMAT_MAX 255

struct qcow2 {
	uint32_t version;             /* 2 or 3 */
	uint32_t cluster_size;        /* bytes */
	uint64_t virtual_size;        /* bytes */
	bool encrypted;
	bool data_file;
	bool has_backing;
	char backing[QCOW2_BACKING_MAX + 1];
	bool has_format;
	char format[QCOW2_FORMAT_MAX + 1];
};

/* True when the bytes begin as a qcow2 image does. */
bool qcow2_is(const uint8_t *data, size_t len);

/*
 * Bytes that qcow2_parse() wants to see: the first cluster. `data` holds at
 * least QCOW2_HEAD_MIN. -EINVAL: the size of a cluster is out of range.
 */
int qcow2_wanted(const uint8_t *data, size_t *ret_len, struct err *err);

/*
 * Read header, extensions and the backing file's name. `len` may be shorter
 * than the cluster when the file is. -EINVAL: the text says what is wrong.
 */
int qcow2_parse(const uint8_t *data, size_t len, struct qcow2 *ret, struct err *err);

#endif
