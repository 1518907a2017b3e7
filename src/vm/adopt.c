/* SPDX-License-Identifier: GPL-2.0-or-later */
/* After the monitor was lost, or cordon-vm replaced: how do things stand? */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "vm/chardev.h"
#include "vm/events.h"
#include "vm/qmp_cmd.h"
#include "vm/vm_fds.h"

#define RECONNECT_S 1
#define ARRAY_LEN(x) (sizeof(x) / sizeof((x)[0]))

/* ---- one function for each of QEMU's run states that matters ---- */

static void found_running(void)
{
	if (vm.facts.state != STATE_RUNNING || vm.facts.restarting)
		events_resumed();
}

static void found_stopped(int reason)
{
	struct err err = { 0 };

	if (vm.facts.restarting) {
		(void)qmp_send(&vm.qmp, "cont", NULL, -1, NULL, NULL, &err);
		return;
	}
	if (vm.facts.state == STATE_RUNNING)
		events_stopped(reason);
}

static void found_paused(void)
{
	found_stopped(vm.pause_reason);
}

static void found_io_error(void)
{
	found_stopped(PAUSED_IOERROR);
}

static void found_watchdog(void)
{
	found_stopped(PAUSED_WATCHDOG);
}

static void found_prelaunch(void)
{
	if (vm.facts.phase == VM_PHASE_RUNNING)
		found_paused();
}

static void found_shutdown(void)
{
	if (vm.facts.restarting)
		events_reset_and_go(vm.facts.reason);
	else if (vm.facts.quitting)
		events_end_it();
	else if (!vm.facts.shut_down)
		events_power_off("", SHUTDOWN_FINISHED);
}

static void found_panicked(void)
{
	if (vm.facts.restarting)
		events_reset_and_go(vm.facts.reason);
	else if (vm.facts.quitting)
		events_end_it();
	else
		events_panicked();
}

static void found_suspended(void)
{
	if (vm.facts.state != STATE_PMSUSPENDED)
		events_suspended();
}

static const struct {
	const char *status;
	void (*fn)(void);
} found[] = {
	{ "guest-panicked", found_panicked },
	{ "internal-error", found_paused },
	{ "io-error", found_io_error },
	{ "paused", found_paused },
	{ "prelaunch", found_prelaunch },
	{ "running", found_running },
	{ "shutdown", found_shutdown },
	{ "suspended", found_suspended },
	{ "watchdog", found_watchdog },
};

static void got_status(void *ctx, struct json_object *ret, const struct err *err)
{
	const char *status = qmp_str(ret, "status");

	(void)ctx;
	if (err && vm.qmp.fd < 0)
		return;   /* lost again; adopt_on_lost() goes on */
	if (err || !status) {
		log_warn("guest '%s': QEMU does not tell how it stands%s%s", vm.name,
			 err ? ": " : "", err ? err->text : "");
		boot_finish(err);
		return;
	}
	log_info("guest '%s': QEMU found, it is '%s'", vm.name, status);
	/* whoever was here before us died between "-S" and "cont" */
	if (vm.boot && strcmp(status, "prelaunch") == 0 && vm.facts.phase != VM_PHASE_RUNNING) {
		boot_setup();
		return;
	}
	vm.facts.phase = VM_PHASE_RUNNING;
	if (!vm.facts.state)
		vm.facts.state = STATE_RUNNING;
	outbox_facts_changed();
	for (size_t i = 0; i < ARRAY_LEN(found); i++)
		if (strcmp(found[i].status, status) == 0)
			found[i].fn();
	boot_finish(NULL);
}

static void got_balloon(void *ctx, struct json_object *ret, const struct err *err)
{
	uint64_t kib = qmp_uint(ret, "actual", 0) / 1024;

	(void)ctx;
	if (!err && kib) {
		vm.facts.balloon_kib = kib;
		outbox_facts_changed();
	}
}

void adopt_sync(void)
{
	struct err err = { 0 };

	if (vm.cfg->model.balloon)
		(void)qmp_send(&vm.qmp, "query-balloon", NULL, -1, got_balloon, NULL, &err);
	if (qmp_send(&vm.qmp, "query-status", NULL, -1, got_status, NULL, &err))
		boot_finish(&err);
}

/* ---- the monitor was lost ---- */

static void on_reconnect(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = { RECONNECT_S, 0 };
	char path[32];

	(void)fd;
	(void)what;
	(void)arg;
	if (vm.facts.phase == VM_PHASE_GONE)
		return;
	/* a start that came to this is not worth a second try; an adoption is */
	if (vm.boot && vm.facts.phase != VM_PHASE_RUNNING) {
		boot_finish(&vm.lost);
		return;
	}
	snprintf(path, sizeof(path), VM_MONITOR_NAME, 0u);
	if (qmp_connect(&vm.qmp, path))
		event_add(vm.reconnect, &tv);
	else
		adopt_sync();
	chardev_connect_all();
}

void adopt_on_lost(void *ctx, const struct err *why)
{
	struct timeval tv = { RECONNECT_S, 0 };

	(void)ctx;
	vm.lost = *why;
	/* nonsense is an answer; a closed monitor is explained by QEMU's end, which is near */
	if (why->code != ERR_OPERATION_FAILED && vm.facts.phase == VM_PHASE_BOOTING &&
	    boot_finish(why))
		return;
	if (!vm.reconnect)
		vm.reconnect = evtimer_new(vm.base, on_reconnect, NULL);
	if (vm.reconnect)
		event_add(vm.reconnect, &tv);
}
