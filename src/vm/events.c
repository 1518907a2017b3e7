/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/events.h"

#include <json-c/json.h>
#include <string.h>

#include "base/log.h"
#include "hv/qemu/plan.h"
#include "vm/qmp_cmd.h"

#define ARRAY_LEN(x) (sizeof(x) / sizeof((x)[0]))

static void put(enum vm_event_kind kind, int64_t a, int64_t b)
{
	struct vm_event e = { .kind = kind, .a = a, .b = b };

	outbox_put(&e);
}

/* ---- running and stopped ---- */

static void command(const char *name)
{
	struct err err = { 0 };

	if (qmp_send(&vm.qmp, name, NULL, -1, NULL, NULL, &err))
		log_warn("%s", err.text);
}

void events_end_it(void)
{
	vm.facts.quitting = true;
	outbox_facts_changed();
	command("quit");
}

/* QEMU refuses to go on before the reset is through: on_reset() says "cont". */
void events_reset_and_go(int reason)
{
	vm.facts.restart = false;
	vm.facts.restarting = true;
	vm.resume_reason = reason;
	outbox_facts_changed();
	command("system_reset");
}

/* What the definition says, folded to the three things that can be done here. */
static enum dom_action action_of(enum dom_action wanted, enum dom_action otherwise)
{
	if (wanted == DOM_ACTION_UNSET)
		wanted = otherwise;
	if (wanted == DOM_ACTION_RENAME_RESTART || wanted == DOM_ACTION_COREDUMP_RESTART)
		wanted = DOM_ACTION_RESTART;
	if (wanted == DOM_ACTION_COREDUMP_DESTROY)
		wanted = DOM_ACTION_DESTROY;
	/* every restart is a reset, and such a guest's QEMU makes none (-no-reboot) */
	if (wanted == DOM_ACTION_RESTART && vm.cfg->model.on_reboot == DOM_ACTION_DESTROY)
		wanted = DOM_ACTION_DESTROY;
	return wanted;
}

static enum dom_action after_poweroff(void)
{
	enum dom_action wanted = vm.facts.restart ? DOM_ACTION_RESTART :
				 (enum dom_action)vm.cfg->model.on_poweroff;

	return action_of(wanted, DOM_ACTION_DESTROY);
}

static bool is_one_of(const char *s, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(s, words[i]) == 0)
			return true;
	return false;
}

void events_power_off(const char *reason, int detail)
{
	static const char *const resets[] = { "guest-reset", "host-qmp-system-reset",
					      "subsystem-reset" };
	static const char *const ending[] = { "host-qmp-quit", "host-signal", "host-ui",
					      "host-error" };
	enum dom_action action;

	if (is_one_of(reason, resets, ARRAY_LEN(resets)))
		action = action_of((enum dom_action)vm.cfg->model.on_reboot, DOM_ACTION_RESTART);
	else
		action = after_poweroff();
	if (is_one_of(reason, ending, ARRAY_LEN(ending)))
		action = DOM_ACTION_UNSET;   /* QEMU ends whatever we say */
	if (action == DOM_ACTION_RESTART) {
		events_reset_and_go(vm.facts.reason);
		return;
	}
	vm.facts.shut_down = true;
	status_set(STATE_SHUTDOWN, 1);
	outbox_lifecycle(LIFECYCLE_SHUTDOWN, detail);
	if (action == DOM_ACTION_DESTROY)
		events_end_it();
}

static void on_shutdown(struct json_object *data)
{
	const char *reason = qmp_str(data, "reason");

	if (vm.facts.shut_down || vm.facts.quitting || vm.facts.restarting)
		return;
	events_power_off(reason ? reason : "",
			 qmp_bool(data, "guest") ? SHUTDOWN_GUEST : SHUTDOWN_HOST);
}

void events_panicked(void)
{
	enum dom_action action = action_of((enum dom_action)vm.cfg->model.on_crash,
					   DOM_ACTION_DESTROY);

	if (vm.facts.panicked)
		return;
	vm.facts.panicked = true;
	status_set(STATE_CRASHED, 1);
	put(VM_EVENT_KIND_GUEST_PANICKED, 0, 0);
	outbox_lifecycle(LIFECYCLE_CRASHED, CRASHED_PANICKED);
	if (action == DOM_ACTION_RESTART)
		events_reset_and_go(RUNNING_CRASHED);
	else if (action == DOM_ACTION_DESTROY)
		events_end_it();
}

static void on_panicked(struct json_object *data)
{
	(void)data;
	events_panicked();
}

void events_stopped(int reason)
{
	status_set(STATE_PAUSED, reason);
	outbox_lifecycle(LIFECYCLE_SUSPENDED, reason == PAUSED_IOERROR ? SUSPENDED_IOERROR :
			 reason == PAUSED_WATCHDOG ? SUSPENDED_WATCHDOG : SUSPENDED_PAUSED);
}

static void on_stop(struct json_object *data)
{
	int reason = vm.pause_reason;

	(void)data;
	vm.pause_reason = PAUSED_UNKNOWN;
	if (vm.facts.state == STATE_RUNNING && !vm.facts.restarting)
		events_stopped(reason);
}

void events_resumed(void)
{
	int reason = vm.resume_reason ? vm.resume_reason : RUNNING_UNPAUSED;

	vm.resume_reason = 0;
	vm.facts.shut_down = false;
	vm.facts.panicked = false;
	vm.facts.restarting = false;
	outbox_facts_changed();
	if (vm.facts.state == STATE_RUNNING || vm.facts.quitting)
		return;
	status_set(STATE_RUNNING, reason);
	outbox_lifecycle(LIFECYCLE_RESUMED, RESUMED_UNPAUSED);
}

static void on_resume(struct json_object *data)
{
	(void)data;
	events_resumed();
}

static void on_reset(struct json_object *data)
{
	(void)data;
	put(VM_EVENT_KIND_REBOOT, 0, 0);
	if (vm.facts.restart) {
		/* it was asked to reboot and did so itself: its next poweroff is none */
		vm.facts.restart = false;
		outbox_facts_changed();
	}
	if (vm.facts.restarting)
		command("cont");
}

/* ---- power management ---- */

void events_suspended(void)
{
	status_set(STATE_PMSUSPENDED, 0);
	put(VM_EVENT_KIND_PMSUSPEND, 0, 0);
	outbox_lifecycle(LIFECYCLE_PMSUSPENDED, PMSUSPENDED_MEMORY);
}

static void on_suspend(struct json_object *data)
{
	(void)data;
	events_suspended();
}

static void on_suspend_disk(struct json_object *data)
{
	(void)data;
	status_set(STATE_PMSUSPENDED, 0);
	put(VM_EVENT_KIND_PMSUSPEND_DISK, 0, 0);
	outbox_lifecycle(LIFECYCLE_PMSUSPENDED, PMSUSPENDED_DISK);
}

static void on_wakeup(struct json_object *data)
{
	(void)data;
	if (vm.facts.state == STATE_PMSUSPENDED)
		status_set(STATE_RUNNING, RUNNING_WAKEUP);
	put(VM_EVENT_KIND_PMWAKEUP, 0, 0);
	outbox_lifecycle(LIFECYCLE_STARTED, STARTED_WAKEUP);
}

/* ---- devices ---- */

/* A word of QEMU's as its place in a table; `otherwise` when it is not there. */
static int word(struct json_object *data, const char *key, const char *const *words, int n,
		int otherwise)
{
	const char *s = qmp_str(data, key);

	for (int i = 0; s && i < n; i++)
		if (words[i] && strcmp(words[i], s) == 0)
			return i;
	return otherwise;
}

static void on_watchdog(struct json_object *data)
{
	static const char *const actions[] = { "none", "pause", "reset", "poweroff", "shutdown",
					       "debug", "inject-nmi" };
	int action = word(data, "action", actions, ARRAY_LEN(actions), 0);

	if (action == 1)
		vm.pause_reason = PAUSED_WATCHDOG;
	put(VM_EVENT_KIND_WATCHDOG, action, 0);
}

static const struct dom_disk *disk_of_node(const char *node)
{
	const struct domain *d = &vm.cfg->model;

	for (uint32_t i = 0; node && i < d->n_disks; i++) {
		char name[64];

		snprintf(name, sizeof(name), "libvirt-%u-format", plan_node_index(d, i, 0));
		if (strcmp(name, node) == 0)
			return &d->disks[i];
	}
	return NULL;
}

static void on_io_error(struct json_object *data)
{
	static const char *const actions[] = { "ignore", "stop", "report" };
	const struct dom_disk *disk = disk_of_node(qmp_str(data, "node-name"));
	struct vm_event e = { .kind = VM_EVENT_KIND_IO_ERROR };

	e.a = word(data, "action", actions, ARRAY_LEN(actions), 0);
	e.text = disk ? disk->path : NULL;
	e.text2 = disk ? disk->info.alias : NULL;
	e.text3 = (char *)(uintptr_t)(qmp_bool(data, "nospace") ? "enospc" : "");
	if (e.a == 1)
		vm.pause_reason = PAUSED_IOERROR;
	outbox_put(&e);
}

static void on_rtc_change(struct json_object *data)
{
	const struct dom_clock *c = &vm.cfg->model.clock;
	int64_t base = c->offset == DOM_CLOCK_OFFSET_VARIABLE ? c->adjustment : 0;

	put(VM_EVENT_KIND_RTC_CHANGE, qmp_int(data, "offset", 0) + base, 0);
}

static void on_balloon(struct json_object *data)
{
	uint64_t kib = qmp_uint(data, "actual", 0) / 1024;

	if (!kib)
		return;
	vm.facts.balloon_kib = kib;
	put(VM_EVENT_KIND_BALLOON_CHANGE, (int64_t)kib, 0);
}

static void put_device(enum vm_event_kind kind, const char *alias, int64_t a, int64_t b)
{
	struct vm_event e = { .kind = kind, .a = a, .b = b, .text = (char *)(uintptr_t)alias };

	if (alias)
		outbox_put(&e);
}

static void on_tray(struct json_object *data)
{
	put_device(VM_EVENT_KIND_TRAY_CHANGE, qmp_str(data, "id"), !qmp_bool(data, "tray-open"), 0);
}

static void on_deleted(struct json_object *data)
{
	put_device(VM_EVENT_KIND_DEVICE_REMOVED, qmp_str(data, "device"), 0, 0);
}

static void on_port(struct json_object *data)
{
	put_device(VM_EVENT_KIND_CHANNEL_STATE, qmp_str(data, "id"),
		   qmp_bool(data, "open") ? 1 : 2, 2);
}

static const struct {
	const char *name;
	void (*fn)(struct json_object *data);
} handlers[] = {
	{ "BALLOON_CHANGE", on_balloon },
	{ "BLOCK_IO_ERROR", on_io_error },
	{ "DEVICE_DELETED", on_deleted },
	{ "DEVICE_TRAY_MOVED", on_tray },
	{ "GUEST_PANICKED", on_panicked },
	{ "RESET", on_reset },
	{ "RESUME", on_resume },
	{ "RTC_CHANGE", on_rtc_change },
	{ "SHUTDOWN", on_shutdown },
	{ "STOP", on_stop },
	{ "SUSPEND", on_suspend },
	{ "SUSPEND_DISK", on_suspend_disk },
	{ "VSERPORT_CHANGE", on_port },
	{ "WAKEUP", on_wakeup },
	{ "WATCHDOG", on_watchdog },
};

void events_on_qmp(void *ctx, const char *name, struct json_object *data)
{
	(void)ctx;
	for (size_t i = 0; i < ARRAY_LEN(handlers); i++)
		if (strcmp(handlers[i].name, name) == 0) {
			handlers[i].fn(data);
			return;
		}
}
