/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probe's guest: code for address KVM_GUEST_BASE, entered in real mode. */
#ifndef CORDON_HOST_KVM_GUEST_H
#define CORDON_HOST_KVM_GUEST_H

#include <stdint.h>

#define KVM_GUEST_BASE 0x1000
#define KVM_GUEST_IDT 0x3000
#define KVM_GUEST_STACK 0x8000
#define KVM_GUEST_PML4 0x10000
#define KVM_GUEST_HIGH 0xffffffff80000000   /* where kernels live; maps physical 0 */
#define KVM_GUEST_PORT 0x80                 /* steps are told here */
#define KVM_GUEST_VALUE_PORT 0x81           /* what a step saw */

extern const uint8_t kvm_guest_start[], kvm_guest_end[], kvm_guest_trap[];

#endif
