/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pieces that capabilities and domain capabilities share. */
#ifndef CORDON_HV_QEMU_CAPSXML_H
#define CORDON_HV_QEMU_CAPSXML_H

#include "base/buf.h"
#include "hv/qemu/hostcpu.h"
#include "hv/qemu/priv.h"
#include "proto/host.x.h"

/* Memory for the words of one document. */
#define CAPS_ARENA_MAX (1u << 20)

/* Text that came from outside the tables, safe as content and inside quotes. */
void caps_text(struct buf *out, const char *text);

/* libvirt's spelling of a feature that QEMU spells `name`. */
const char *caps_feature(const char *name);

/* <enum name='...'> with its values, NULL-terminated. */
void caps_enum(struct buf *out, int indent, const char *name, const char *const *values);

#endif
