/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit outbox: records in the form auditd knows, in a file until cordon-audit takes them. What
 * clients ask for is recorded by the dispatch rows that have an `audit` key, one record as the call
 * is answered, refused or not; what becomes of guests, asked for or not, by the plan.
 */
#ifndef CORDON_CORE_AUDIT_H
#define CORDON_CORE_AUDIT_H

#include "core/guest.h"

#define AUDIT_FILE_MAX (16u << 20)    /* then the file is kept once as audit.log.0 */

struct ipc_call;

/* Open the outbox in the state folder. Failure is logged; records then go to the log only. */
void audit_open(void);

/* A guest began or ended: VIRT_CONTROL with op "start" or "stop" and libvirt's reasons. */
void audit_guest(const struct guest *g, const char *op, const char *reason, bool success);

/*
 * A client's call is about to be served: if its row says so, its answer will be recorded, with who
 * asked. audit_subject() adds which guest it is about, as the client named it; for other calls it
 * does nothing.
 */
void audit_call(struct ipc_call *call);
void audit_subject(struct ipc_call *call, const uint8_t uuid[16], const char *name);

#endif
