/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The audit outbox: records in the form auditd knows, in a file until cordon-audit takes them. */
#ifndef CORDON_CORE_AUDIT_H
#define CORDON_CORE_AUDIT_H

#include "core/guest.h"

#define AUDIT_FILE_MAX (16u << 20)    /* then the file is kept once as audit.log.0 */

/* Open the outbox in the state folder. Failure is logged; records then go to the log only. */
void audit_open(void);

/* VIRT_CONTROL: op start, stop, define, undefine; reason as libvirt's. */
void audit_guest(const struct guest *g, const char *op, const char *reason, bool success);

#endif
