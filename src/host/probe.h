/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What only trying can tell: does KVM run a guest, which QEMU is this. */
#ifndef CORDON_HOST_PROBE_H
#define CORDON_HOST_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define PROBE_REASON_MAX 200
#define PROBE_KVM_SECONDS 5      /* then the child is ended */
#define PROBE_EMULATOR_SECONDS 20   /* from a cold disk, on a slow machine */
#define PROBE_ITERATIONS 50000   /* of the loop that tells real from emulated execution */
#define PROBE_CPU_MS_MAX 10      /* hardware needs a twentieth of a millisecond for it */

struct probe_kvm {
	bool usable;
	bool tsc_scaling;
	uint32_t tsc_khz;                /* 0: unknown */
	char reason[PROBE_REASON_MAX];   /* why not, "" when usable */
};

/*
 * Start a child, as `uid` and without any privilege, that runs a tiny guest
 * through real, protected and long mode as a kernel's first steps do, with
 * interrupts and at a kernel's addresses. *ret_fd gives one struct probe_kvm;
 * nothing when it hung. Call before the sandbox closes.
 */
int probe_kvm_start(uid_t uid, int *ret_fd, struct err *err);

/* Start `emulator --version` likewise; *ret_fd gives its output. */
int probe_emulator_start(uid_t uid, const char *emulator, int *ret_fd, struct err *err);

/* Read all that a probe has to say, for at most `seconds`. Bytes; 0 when it said nothing. */
size_t probe_read(int fd, void *out, size_t max, unsigned seconds);

/* The guest itself, in the child. Fills `ret`. */
void probe_kvm_run(int kvm, struct probe_kvm *ret);

#endif
