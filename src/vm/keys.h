/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key codes of libvirt's code sets as QEMU's numbers. Pure. */
#ifndef CORDON_VM_KEYS_H
#define CORDON_VM_KEYS_H

#include <stdint.h>

/* virKeycodeSet, as far as it is served */
enum { KEYS_LINUX = 0, KEYS_XT = 1, KEYS_ATSET1 = 2, KEYS_XT_KBD = 6, KEYS_QNUM = 9 };

/* QEMU's number (XT scan code, 0x80 for those that follow 0xe0), or -1. */
int keys_to_qnum(uint32_t codeset, uint32_t key);

#endif
