/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of the start plan, one pair a subject. Each prepare returns 0 (done),
 * 1 (plan_continue() comes later) or -errno with p->err; each release 0 or 1. */
#ifndef CORDON_CORE_PLAN_STEPS_H
#define CORDON_CORE_PLAN_STEPS_H

#include "core/plan.h"

/* The host's facts are known, and it knows the labels of the definition. */
int host_prepare(struct plan *p);
int host_release(struct plan *p);

/* Uids and label; kept until all else is released. */
int claim_prepare(struct plan *p);
int claim_release(struct plan *p);

int files_prepare(struct plan *p);
int files_release(struct plan *p);
void files_close(struct plan *p);

/* Labels of what "files" opened; asked of the policy first. "files" puts them back. */
int label_prepare(struct plan *p);
int label_release(struct plan *p);

int viewer_prepare(struct plan *p);
int viewer_release(struct plan *p);
/* door forgot the listener of a guest that runs: the same one again, nobody waits. */
void viewer_adopt(struct guest *g);

int launch_prepare(struct plan *p);
int launch_release(struct plan *p);

/* The TPM of a guest that was undefined while "launch" or what is above it was released. */
int tpm_prepare(struct plan *p);
int tpm_release(struct plan *p);

int boot_prepare(struct plan *p);
int boot_release(struct plan *p);

#endif
