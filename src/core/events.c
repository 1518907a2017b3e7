/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "core/client.h"
#include "core/held.h"
#include "core/may.h"
#include "proto/remote.x.h"

#define EVENT_LAST 26              /* VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE */
enum { ID_LIFECYCLE = 0, ID_REBOOT = 1, ID_RTC_CHANGE = 2, ID_WATCHDOG = 3, ID_IO_ERROR = 4,
       ID_GRAPHICS = 5, ID_IO_ERROR_REASON = 6, ID_TRAY_CHANGE = 10, ID_PMWAKEUP = 11,
       ID_PMSUSPEND = 12, ID_BALLOON_CHANGE = 13, ID_PMSUSPEND_DISK = 14, ID_DEVICE_REMOVED = 15,
       ID_AGENT_LIFECYCLE = 18, ID_METADATA_CHANGE = 23 };

enum { ADDRESS_IPV4, ADDRESS_IPV6, ADDRESS_UNIX };   /* virDomainEventGraphicsAddressType */

static const char empty[] = "";
#define TEXT(s) ((char *)(uintptr_t)((s) ? (s) : empty))

/*
 * To every client that registered for `id` and may see the guest. `msg` is the
 * procedure's message, which begins with the callback's number: set here.
 */
static void tell(const struct guest *g, int id, uint32_t proc, void *msg)
{
	const struct ipc_row *row = ipc_row_find(&remote_program, proc);
	unsigned index = (unsigned)(row - remote_program.rows);

	for (struct client *c = client_first(), *next; c; c = next) {
		next = c->next;
		held_catch_up(c);
		if (!may_see(c, PERM_DOMAIN_GETATTR, g))
			continue;
		for (unsigned i = 0; i < c->n_subs; i++) {
			const struct client_sub *s = &c->subs[i];

			if (s->event != id || (s->one && memcmp(s->uuid, g->uuid, 16)))
				continue;
			*(int32_t *)msg = s->id;
			if (ipc_send_event(&c->ch, &remote_program, index, msg, NULL, 0)) {
				log_warn("%s: does not read its events: closed", c->name);
				ipc_chan_close(&c->ch, "does not read its events");
				break;
			}
		}
	}
	held_keep(g, id, index, msg);
}

void events_lifecycle(const struct guest *g, int event, int detail)
{
	struct remote_domain_event_callback_lifecycle_msg m = {
		.msg = { .dom = guest_wire(g), .event = event, .detail = detail },
	};

	log_info("domain '%s': event %d.%d", g->name, event, detail);
	tell(g, ID_LIFECYCLE, REMOTE_DOMAIN_EVENT_CALLBACK_LIFECYCLE, &m);
}

void events_metadata(const struct guest *g, int type, const char *uri)
{
	struct remote_domain_event_callback_metadata_change_msg m = {
		.dom = guest_wire(g), .type = type, .nsuri = (char *)(uintptr_t)uri,
	};

	tell(g, ID_METADATA_CHANGE, REMOTE_DOMAIN_EVENT_CALLBACK_METADATA_CHANGE, &m);
}

/* ---- one function for each kind of event from cordon-vm ---- */

static void on_lifecycle(struct guest_run *run, const struct vm_event *e)
{
	run->shutdown_seen = run->shutdown_seen || e->a == EVENT_SHUTDOWN;
	run->crashed = run->crashed || e->a == EVENT_CRASHED;
	/* it goes on: how it ends is told anew */
	if (e->a == EVENT_RESUMED)
		run->shutdown_seen = run->crashed = false;
	/* the beginning and the end are core's own to tell: only it knows when all is done */
	if ((e->a != EVENT_STARTED || e->b == STARTED_WAKEUP) && e->a != EVENT_STOPPED)
		events_lifecycle(run->guest, (int)e->a, (int)e->b);
}

static void on_reboot(struct guest_run *run, const struct vm_event *e)
{
	struct remote_domain_event_callback_reboot_msg m = { .msg.dom = guest_wire(run->guest) };

	(void)e;
	tell(run->guest, ID_REBOOT, REMOTE_DOMAIN_EVENT_CALLBACK_REBOOT, &m);
}

static void on_rtc_change(struct guest_run *run, const struct vm_event *e)
{
	struct remote_domain_event_callback_rtc_change_msg m = {
		.msg = { .dom = guest_wire(run->guest), .offset = e->a } };

	tell(run->guest, ID_RTC_CHANGE, REMOTE_DOMAIN_EVENT_CALLBACK_RTC_CHANGE, &m);
}

static void on_watchdog(struct guest_run *run, const struct vm_event *e)
{
	struct remote_domain_event_callback_watchdog_msg m = {
		.msg = { .dom = guest_wire(run->guest), .action = (int)e->a } };

	tell(run->guest, ID_WATCHDOG, REMOTE_DOMAIN_EVENT_CALLBACK_WATCHDOG, &m);
}

static void on_io_error(struct guest_run *run, const struct vm_event *e)
{
	struct remote_domain_event_callback_io_error_msg m = { .msg = {
		.dom = guest_wire(run->guest), .srcPath = TEXT(e->text), .devAlias = TEXT(e->text2),
		.action = (int)e->a } };
	struct remote_domain_event_callback_io_error_reason_msg r = { .msg = {
		.dom = m.msg.dom, .srcPath = m.msg.srcPath, .devAlias = m.msg.devAlias,
		.action = m.msg.action, .reason = TEXT(e->text3) } };

	tell(run->guest, ID_IO_ERROR, REMOTE_DOMAIN_EVENT_CALLBACK_IO_ERROR, &m);
	tell(run->guest, ID_IO_ERROR_REASON, REMOTE_DOMAIN_EVENT_CALLBACK_IO_ERROR_REASON, &r);
}

static struct remote_domain_event_graphics_address address(char *node, char *service)
{
	return (struct remote_domain_event_graphics_address){
		.family = strchr(node, ':') ? ADDRESS_IPV6 : ADDRESS_IPV4, .node = node,
		.service = service };
}

/* "ADDRESS;PORT" as cordond names viewers; anything else came by a unix socket, which has no name. */
static void on_graphics(struct guest_run *run, const struct vm_event *e)
{
	const struct domain *d = &run->rec.live;
	const struct dom_graphics *g = d->n_graphics ? &d->graphics[0] : NULL;
	struct remote_domain_event_callback_graphics_msg m = { .msg = {
		.dom = guest_wire(run->guest), .phase = (int)e->a,
		.local = { .family = ADDRESS_UNIX, .node = TEXT(NULL),
			   .service = TEXT(g ? g->socket : NULL) },
		.remote = { .family = ADDRESS_UNIX, .node = TEXT(NULL), .service = TEXT(NULL) },
		.authScheme = TEXT(e->text3) } };
	char port[16], node[256], *sep;

	if (g && g->address && g->listen != DOM_LISTEN_TYPE_SOCKET) {
		snprintf(port, sizeof(port), "%d", g->port);
		m.msg.local = address(g->address, port);
	}
	snprintf(node, sizeof(node), "%s", e->text ? e->text : "");
	sep = strrchr(node, ';');
	if (sep) {
		*sep = '\0';
		m.msg.remote = address(node, sep + 1);
	}
	tell(run->guest, ID_GRAPHICS, REMOTE_DOMAIN_EVENT_CALLBACK_GRAPHICS, &m);
}

static void on_balloon_change(struct guest_run *run, const struct vm_event *e)
{
	struct remote_domain_event_callback_balloon_change_msg m = {
		.msg = { .dom = guest_wire(run->guest), .actual = (uint64_t)e->a } };

	run->rec.live.current_memory_kib = (uint64_t)e->a;
	tell(run->guest, ID_BALLOON_CHANGE, REMOTE_DOMAIN_EVENT_CALLBACK_BALLOON_CHANGE, &m);
}

static void on_tray_change(struct guest_run *run, const struct vm_event *e)
{
	struct remote_domain_event_callback_tray_change_msg m = { .msg = {
		.dom = guest_wire(run->guest), .devAlias = TEXT(e->text), .reason = (int)e->a } };

	tell(run->guest, ID_TRAY_CHANGE, REMOTE_DOMAIN_EVENT_CALLBACK_TRAY_CHANGE, &m);
}

static void on_pmwakeup(struct guest_run *run, const struct vm_event *e)
{
	struct remote_domain_event_callback_pmwakeup_msg m = { .msg.dom = guest_wire(run->guest) };

	(void)e;
	tell(run->guest, ID_PMWAKEUP, REMOTE_DOMAIN_EVENT_CALLBACK_PMWAKEUP, &m);
}

static void on_pmsuspend(struct guest_run *run, const struct vm_event *e)
{
	struct remote_domain_event_callback_pmsuspend_msg m = { .msg.dom = guest_wire(run->guest) };

	(void)e;
	tell(run->guest, ID_PMSUSPEND, REMOTE_DOMAIN_EVENT_CALLBACK_PMSUSPEND, &m);
}

static void on_pmsuspend_disk(struct guest_run *run, const struct vm_event *e)
{
	struct remote_domain_event_callback_pmsuspend_disk_msg m = {
		.msg.dom = guest_wire(run->guest) };

	(void)e;
	tell(run->guest, ID_PMSUSPEND_DISK, REMOTE_DOMAIN_EVENT_CALLBACK_PMSUSPEND_DISK, &m);
}

static void on_device_removed(struct guest_run *run, const struct vm_event *e)
{
	struct remote_domain_event_callback_device_removed_msg m = { .msg = {
		.dom = guest_wire(run->guest), .devAlias = TEXT(e->text) } };

	tell(run->guest, ID_DEVICE_REMOVED, REMOTE_DOMAIN_EVENT_CALLBACK_DEVICE_REMOVED, &m);
}

/* The channel's state is shown in the live XML; the agent's channel has an event of its own. */
static void on_channel_state(struct guest_run *run, const struct vm_event *e)
{
	struct domain *d = &run->rec.live;

	for (uint32_t i = 0; i < d->n_channels; i++) {
		struct dom_chr *c = &d->channels[i];
		struct remote_domain_event_callback_agent_lifecycle_msg m = {
			.dom = guest_wire(run->guest), .state = (int)e->a, .reason = (int)e->b };

		if (!c->info.alias || !e->text || strcmp(c->info.alias, e->text))
			continue;
		c->target_state = e->a == 1 ? DOM_CHR_STATE_CONNECTED : DOM_CHR_STATE_DISCONNECTED;
		if (c->target_name && !strcmp(c->target_name, "org.qemu.guest_agent.0"))
			tell(run->guest, ID_AGENT_LIFECYCLE,
			     REMOTE_DOMAIN_EVENT_CALLBACK_AGENT_LIFECYCLE, &m);
	}
}

static void on_guest_panicked(struct guest_run *run, const struct vm_event *e)
{
	(void)e;
	run->crashed = true;
}

static void (*const handlers[])(struct guest_run *run, const struct vm_event *e) = {
	[VM_EVENT_KIND_LIFECYCLE] = on_lifecycle,
	[VM_EVENT_KIND_REBOOT] = on_reboot,
	[VM_EVENT_KIND_RTC_CHANGE] = on_rtc_change,
	[VM_EVENT_KIND_WATCHDOG] = on_watchdog,
	[VM_EVENT_KIND_IO_ERROR] = on_io_error,
	[VM_EVENT_KIND_GRAPHICS] = on_graphics,
	[VM_EVENT_KIND_BALLOON_CHANGE] = on_balloon_change,
	[VM_EVENT_KIND_TRAY_CHANGE] = on_tray_change,
	[VM_EVENT_KIND_PMWAKEUP] = on_pmwakeup,
	[VM_EVENT_KIND_PMSUSPEND] = on_pmsuspend,
	[VM_EVENT_KIND_PMSUSPEND_DISK] = on_pmsuspend_disk,
	[VM_EVENT_KIND_DEVICE_REMOVED] = on_device_removed,
	[VM_EVENT_KIND_CHANNEL_STATE] = on_channel_state,
	[VM_EVENT_KIND_GUEST_PANICKED] = on_guest_panicked,
};

void events_from_vm(struct guest_run *run, const struct vm_event *e)
{
	if (e->state)
		guest_take_state(run, e->state, e->reason);
	if (e->kind < sizeof(handlers) / sizeof(handlers[0]) && handlers[e->kind])
		handlers[e->kind](run, e);
}

/* ---- registrations ---- */

static int subscribe(struct ipc_call *call, int event, const struct remote_nonnull_domain *dom,
		     int *ret_id)
{
	struct client *c = client_of(call);
	struct client_sub *subs;

	if (event < 0 || event > EVENT_LAST)
		return err_set(&call->err, -EINVAL, ERR_INTERNAL_ERROR,
			       "internal error: unexpected event ID %d", event);
	if (c->n_subs == CLIENT_SUBS_MAX)
		return err_set(&call->err, -ENOBUFS, ERR_OPERATION_FAILED,
			       "more than %u event registrations on one connection", CLIENT_SUBS_MAX);
	if (dom && !client_guest(call, dom))
		return -ENOENT;
	subs = realloc(c->subs, (c->n_subs + 1) * sizeof(*subs));
	if (!subs)
		return err_set(&call->err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	c->subs = subs;
	subs[c->n_subs] = (struct client_sub){ .id = c->next_sub, .event = event, .one = dom != NULL };
	if (dom)
		memcpy(subs[c->n_subs].uuid, dom->uuid, 16);
	c->n_subs++;
	held_registered(c);
	*ret_id = c->next_sub++;
	return 0;
}

int remote_on_connect_domain_event_callback_register_any(
	struct ipc_call *call, const struct remote_connect_domain_event_callback_register_any_args *args)
{
	struct remote_connect_domain_event_callback_register_any_ret ret;
	int rc = subscribe(call, args->eventID, args->dom, &ret.callbackID);

	return rc ? rc : remote_reply_connect_domain_event_callback_register_any(call, &ret);
}

int remote_on_connect_domain_event_callback_deregister_any(
	struct ipc_call *call,
	const struct remote_connect_domain_event_callback_deregister_any_args *args)
{
	struct client *c = client_of(call);

	for (unsigned i = 0; i < c->n_subs; i++)
		if (c->subs[i].id == args->callbackID) {
			c->subs[i] = c->subs[--c->n_subs];
			return ipc_reply(call, NULL, NULL, 0);
		}
	return err_set(&call->err, -ENOENT, ERR_INVALID_ARG,
		       "domain event callback %d is not registered", args->callbackID);
}
