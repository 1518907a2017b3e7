/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows that are one command to QEMU. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/call.h"
#include "vm/events.h"
#include "vm/keys.h"
#include "vm/qmp_cmd.h"

static int need_running(struct ipc_call *call)
{
	if (vm.cfg && vm.facts.phase == VM_PHASE_RUNNING)
		return 0;
	return err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID, "guest '%s': QEMU does not run",
		       vm.name);
}

static int plain(struct ipc_call *call, const char *name, struct json_object *args)
{
	return qmp_send(&vm.qmp, name, args, -1, vm_reply_plain, call, &call->err);
}

static const char *const commands[] = {
	[VM_ACTION_SHUTDOWN_ACPI] = "system_powerdown", [VM_ACTION_RESET] = "system_reset",
	[VM_ACTION_SUSPEND] = "stop", [VM_ACTION_RESUME] = "cont",
	[VM_ACTION_INJECT_NMI] = "inject-nmi", [VM_ACTION_WAKEUP] = "system_wakeup",
	[VM_ACTION_QUIT] = "quit",
};

int vm_on_action(struct ipc_call *call, const struct vm_action_args *args)
{
	const char *name = args->action < sizeof(commands) / sizeof(commands[0]) ?
			   commands[args->action] : NULL;
	int rc = need_running(call);

	if (rc)
		return rc;
	if (!name)
		return err_set(&call->err, -EINVAL, ERR_INVALID_ARG, "action %u is unknown",
			       args->action);
	if (args->action == VM_ACTION_SUSPEND && vm.facts.state == STATE_PAUSED)
		return ipc_reply(call, NULL, NULL, 0);
	rc = plain(call, name, NULL);
	if (rc)
		return rc;
	if (args->action == VM_ACTION_SUSPEND)
		vm.pause_reason = args->reason ? args->reason : PAUSED_USER;
	if (args->action == VM_ACTION_RESUME)
		vm.resume_reason = args->reason ? args->reason : RUNNING_UNPAUSED;
	if (args->action == VM_ACTION_SHUTDOWN_ACPI)
		vm.facts.restart = args->reason == 1;
	if (args->action == VM_ACTION_QUIT)
		vm.facts.quitting = true;
	outbox_facts_changed();
	return 0;
}

int vm_on_ack(struct ipc_call *call, const struct vm_ack *args)
{
	outbox_ack(args->seq);
	return ipc_reply(call, NULL, NULL, 0);
}

int vm_on_balloon(struct ipc_call *call, const struct vm_balloon_args *args)
{
	int rc = need_running(call);

	if (!rc && args->kib > (uint64_t)INT64_MAX / 1024)
		rc = err_set(&call->err, -EINVAL, ERR_INVALID_ARG, "%llu KiB are too much",
			     (unsigned long long)args->kib);
	return rc ? rc : qmp_send(&vm.qmp, "balloon",
				  qmp_args("value:i", (int64_t)args->kib * 1024), -1, vm_reply_plain, call,
				  &call->err);
}

int vm_on_stats_period(struct ipc_call *call, const struct vm_period_args *args)
{
	const struct dom_balloon *b = vm.cfg ? vm.cfg->model.balloon : NULL;
	char path[320];
	int rc = need_running(call);

	if (rc)
		return rc;
	if (!b || !b->info.alias)
		return err_set(&call->err, -ENODEV, ERR_OPERATION_INVALID,
			       "guest '%s' has no memory balloon", vm.name);
	snprintf(path, sizeof(path), "/machine/peripheral/%s", b->info.alias);
	return plain(call, "qom-set", qmp_args("path:s property:s value:i", path,
					       "guest-stats-polling-interval",
					       (int64_t)args->seconds));
}

int vm_on_password(struct ipc_call *call, const struct vm_password_args *args)
{
	int rc = need_running(call);

	/* without a password QEMU refuses every viewer */
	return rc ? rc : plain(call, "set_password",
			       qmp_args("protocol:s password:s", "vnc",
					args->password ? args->password : ""));
}

int vm_on_send_key(struct ipc_call *call, const struct vm_key_args *args)
{
	struct json_object *keys, *all;
	int rc = need_running(call);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < args->n_keys; i++)
		if (keys_to_qnum(args->codeset, args->keys[i]) < 0)
			return err_set(&call->err, -EINVAL, ERR_INVALID_ARG,
				       "cannot translate keycode %u of codeset %u", args->keys[i],
				       args->codeset);
	keys = json_object_new_array_ext((int)args->n_keys + 1);
	for (uint32_t i = 0; keys && i < args->n_keys; i++)
		json_object_array_add(keys, qmp_args("type:s data:i", "number",
				      (int64_t)keys_to_qnum(args->codeset, args->keys[i])));
	all = qmp_args("keys:o", keys);
	if (all && args->holdtime)
		json_object_object_add(all, "hold-time", json_object_new_int64(args->holdtime));
	return plain(call, "send-key", all);
}

/* ---- row MONITOR ---- */

static void monitored(void *ctx, struct json_object *ret, const struct err *err)
{
	struct ipc_call *call = ctx;
	struct vm_monitor_ret r = { 0 };

	outbox_flush();
	/* QEMU's refusal is an answer, too: whoever asked wants to read it */
	if (!vm.qmp.raw) {
		vm_refuse(call, err);
		return;
	}
	(void)ret;
	r.reply = strndup(vm.qmp.raw, vm.qmp.raw_len);
	if (r.reply)
		vm_reply_monitor(call, &r);
	else
		ipc_refuse_text(call, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	free(r.reply);
}

static void monitored_hmp(void *ctx, struct json_object *ret, const struct err *err)
{
	struct ipc_call *call = ctx;
	struct vm_monitor_ret r = { 0 };

	outbox_flush();
	if (err) {
		vm_refuse(call, err);
		return;
	}
	r.reply = (char *)(uintptr_t)(json_object_is_type(ret, json_type_string) ?
				      json_object_get_string(ret) : "");
	vm_reply_monitor(call, &r);
}

int vm_on_monitor(struct ipc_call *call, const struct vm_monitor_args *args)
{
	struct json_tokener *tok;
	struct json_object *cmd;
	size_t len = strlen(args->command);
	int rc = need_running(call);

	if (rc)
		return rc;
	if (args->hmp)
		return qmp_send(&vm.qmp, "human-monitor-command",
				qmp_args("command-line:s", args->command), -1, monitored_hmp, call,
				&call->err);
	tok = json_tokener_new_ex(QMP_DEPTH_MAX);
	if (!tok)
		return err_sys(&call->err, -ENOMEM, "monitor command");
	cmd = json_tokener_parse_ex(tok, args->command, (int)len + 1);
	json_tokener_free(tok);
	if (!qmp_str(cmd, "execute")) {
		json_object_put(cmd);
		return err_set(&call->err, -EINVAL, ERR_INVALID_ARG,
			       "the monitor command is no JSON object with a member 'execute'");
	}
	return qmp_send_object(&vm.qmp, cmd, -1, monitored, call, &call->err);
}
