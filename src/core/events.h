/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events to clients: who registered, who may see them, in libvirt's messages. */
#ifndef CORDON_CORE_EVENTS_H
#define CORDON_CORE_EVENTS_H

#include "core/guest.h"
#include "proto/vm.x.h"

/* virDomainEventType and its details (libvirt-domain.h) */
enum { EVENT_DEFINED, EVENT_UNDEFINED, EVENT_STARTED, EVENT_SUSPENDED, EVENT_RESUMED,
       EVENT_STOPPED, EVENT_SHUTDOWN, EVENT_PMSUSPENDED, EVENT_CRASHED };
enum { DEFINED_ADDED, DEFINED_UPDATED };
enum { STARTED_BOOTED = 0, STARTED_WAKEUP = 4 };
enum { STOPPED_SHUTDOWN, STOPPED_DESTROYED, STOPPED_CRASHED, STOPPED_MIGRATED, STOPPED_SAVED,
       STOPPED_FAILED };

void events_lifecycle(const struct guest *g, int event, int detail);

/* <metadata>, title or description changed: virDomainMetadataType and the namespace, if any. */
void events_metadata(const struct guest *g, int type, const char *uri);

/* What cordon-vm reported; updates the run's state and tells clients. */
void events_from_vm(struct guest_run *run, const struct vm_event *e);

#endif
