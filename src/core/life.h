/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting and ending guests for whoever asks. */
#ifndef CORDON_CORE_LIFE_H
#define CORDON_CORE_LIFE_H

#include "core/plan.h"

/* virDomainCreateFlags */
#define START_PAUSED (1u << 0)
#define START_AUTODESTROY (1u << 1)
#define START_BYPASS_CACHE (1u << 2)
#define START_FORCE_BOOT (1u << 3)
#define START_VALIDATE (1u << 4)
#define START_RESET_NVRAM (1u << 5)

/* Start from the definition. `call` NULL: nobody waits. -errno with `err`: nothing begun. */
int life_start(struct guest *g, struct ipc_call *call,
	       void (*answer)(struct ipc_call *call, struct guest *g), uint32_t flags, struct err *err);

/* Does what its TPM remembers go with the guest that is undefined with these flags? (undefine.c) */
bool define_forgets_tpm(const struct domain *d, uint32_t flags);

#endif
