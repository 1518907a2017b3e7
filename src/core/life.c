/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start, stop, pause, reset: what virsh's verbs do to a guest. */
#include "core/life.h"

#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "core/args.h"
#include "core/events.h"
#include "core/vmlink.h"

#define DESTROY_GRACEFUL 1u
#define DESTROY_REMOVE_LOGS 2u
/* virDomainShutdownFlagValues, virDomainRebootFlagValues */
#define BY_ACPI 1u
#define BY_AGENT 2u

int life_start(struct guest *g, struct ipc_call *call,
	       void (*answer)(struct ipc_call *call, struct guest *g), uint32_t flags, struct err *err)
{
	CLEAN_ARENA struct arena *a = arena_new(GUEST_MODEL_MAX);
	struct plan_request req = {
		.call = call, .answer = answer, .role = g->role, .paused = flags & START_PAUSED,
		.autodestroy = call && flags & START_AUTODESTROY ? client_of(call) : NULL,
	};
	struct domain d;
	int rc;

	if (guest_active(g))
		return err_set(err, -EINVAL, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: domain is already running");
	rc = a ? guest_model(g, a, &d, err) : -ENOMEM;
	return rc ? rc : plan_start(g, &d, &req, err);
}

static void answer_void(struct ipc_call *call, struct guest *g)
{
	(void)g;
	ipc_reply(call, NULL, NULL, 0);
}

static void answer_dom(struct ipc_call *call, struct guest *g)
{
	struct remote_domain_create_with_flags_ret ret = { .dom = guest_wire(g) };

	remote_reply_domain_create_with_flags(call, &ret);
}

int remote_on_domain_create(struct ipc_call *call, const struct remote_domain_create_args *args)
{
	struct guest *g = client_guest(call, &args->dom);

	return g ? life_start(g, call, answer_void, 0, &call->err) : -ENOENT;
}

int remote_on_domain_create_with_flags(struct ipc_call *call,
				       const struct remote_domain_create_with_flags_args *args)
{
	struct guest *g = client_guest(call, &args->dom);
	int rc;

	if (!g)
		return -ENOENT;
	rc = args_flags(call, args->flags, START_PAUSED | START_AUTODESTROY | START_BYPASS_CACHE |
			START_FORCE_BOOT | START_VALIDATE);
	return rc ? rc : life_start(g, call, answer_dom, args->flags, &call->err);
}

/* ---- destroy ---- */

static void grace_over(evutil_socket_t fd, short what, void *arg)
{
	struct guest_run *run = arg;
	struct ipc_call *call = take_ptr(run->graceful);

	(void)fd;
	(void)what;
	ipc_refuse_text(call, -EBUSY, ERR_OPERATION_FAILED,
			"operation failed: domain '%s': QEMU did not end within %u s "
			"(shutdown_timeout); destroy without --graceful ends it", run->guest->name,
			core.conf.shutdown_timeout);
}

/* QEMU is asked to quit by itself; SIGKILL is not used. The end of the run answers. */
static int destroy_gracefully(struct ipc_call *call, struct guest *g)
{
	struct vm_action_args quit = { .action = VM_ACTION_QUIT };
	struct ipc_chan *vm = vmlink_chan(g, &call->err);
	struct timeval tv = { .tv_sec = core.conf.shutdown_timeout };
	struct guest_run *run = g->run;
	int rc;

	if (!vm)
		return -EAGAIN;
	if (run->graceful)
		return err_set(&call->err, -EBUSY, ERR_OPERATION_FAILED,
			       "operation failed: domain '%s' is just being ended", g->name);
	if (!run->grace_timer)
		run->grace_timer = evtimer_new(core.base, grace_over, run);
	rc = run->grace_timer ? vm_call_action(vm, &quit, NULL, 0, NULL, NULL) : -ENOMEM;
	if (rc)
		return err_sys(&call->err, rc, "domain '%s'", g->name);
	evtimer_add(run->grace_timer, &tv);
	run->graceful = call;
	run->destroyed = true;
	return 0;
}

static int destroy(struct ipc_call *call, const struct remote_nonnull_domain *dom, uint32_t flags)
{
	struct guest *g = client_guest(call, dom);
	int rc;

	if (!g)
		return -ENOENT;
	rc = args_flags(call, flags, DESTROY_GRACEFUL | DESTROY_REMOVE_LOGS);
	if (rc)
		return rc;
	if (!g->run)
		return err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: domain is not running");
	if (flags & DESTROY_GRACEFUL && !g->run->plan)
		return destroy_gracefully(call, g);
	g->run->destroyed = true;
	g->run->rec.start_again = false;
	plan_stop(g, call);
	return 0;
}

int remote_on_domain_destroy(struct ipc_call *call, const struct remote_domain_destroy_args *args)
{
	return destroy(call, &args->dom, 0);
}

int remote_on_domain_destroy_flags(struct ipc_call *call,
				   const struct remote_domain_destroy_flags_args *args)
{
	return destroy(call, &args->dom, args->flags);
}

/* ---- what cordon-vm does ---- */

static void acted(void *ctx, struct ipc_reply *r)
{
	struct ipc_call *call = ctx;

	if (r->rc)
		core_refuse_reply(call, r);
	else
		ipc_reply(call, NULL, NULL, 0);
}

/* `reason` of a shutdown: 1 when the guest is to come back after it, whatever on_poweroff says */
#define SHUTDOWN_THEN_RESTART 1

static int act_for(struct ipc_call *call, const struct remote_nonnull_domain *dom,
		   enum vm_action action, int reason)
{
	struct vm_action_args args = { .action = action, .reason = reason };
	struct guest *g = client_running(call, dom);
	struct ipc_chan *vm = g ? vmlink_chan(g, &call->err) : NULL;

	return vm ? vm_call_action(vm, &args, NULL, 0, acted, call) : -EINVAL;
}

static int act(struct ipc_call *call, const struct remote_nonnull_domain *dom, enum vm_action action)
{
	return act_for(call, dom, action, 0);
}

static int act_state(struct ipc_call *call, const struct remote_nonnull_domain *dom,
		     enum vm_action action, int from, int already)
{
	struct guest *g = client_running(call, dom);
	int reason, state;

	if (!g)
		return -EINVAL;
	state = guest_state(g, &reason);
	if (g->run->rec.starting)
		return err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: domain '%s' is just being started",
			       g->name);
	if (state == already)
		return ipc_reply(call, NULL, NULL, 0);
	if (state != from)
		return err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: domain '%s' is %s", g->name,
			       state == GUEST_PMSUSPENDED ? "pmsuspended" :
			       "in another state");
	return act(call, dom, action);
}

int remote_on_domain_suspend(struct ipc_call *call, const struct remote_domain_suspend_args *args)
{
	return act_state(call, &args->dom, VM_ACTION_SUSPEND, GUEST_RUNNING, GUEST_PAUSED);
}

int remote_on_domain_resume(struct ipc_call *call, const struct remote_domain_resume_args *args)
{
	struct guest *g = client_running(call, &args->dom);
	/* one that crashed and was kept waits for this, best after a reset */
	int reason, state = g ? guest_state(g, &reason) : GUEST_SHUTOFF;
	bool crashed = state == GUEST_CRASHED;

	if (state == GUEST_RUNNING)
		return err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID,
			       "Requested operation is not valid: domain is already running");
	return act_state(call, &args->dom, VM_ACTION_RESUME, crashed ? GUEST_CRASHED : GUEST_PAUSED,
			 GUEST_RUNNING);
}

/* Of several ways the one there is will do, as with libvirtd; nobody here talks to an agent. */
static int check_way(struct ipc_call *call, uint32_t flags)
{
	int rc = args_flags(call, flags, BY_ACPI | BY_AGENT);

	if (rc || flags != BY_AGENT)
		return rc;
	return err_set(&call->err, -ENOTSUP, ERR_ARGUMENT_UNSUPPORTED,
		       "argument unsupported: QEMU guest agents are not asked; use mode 'acpi'");
}

static int shut_down(struct ipc_call *call, const struct remote_nonnull_domain *dom, uint32_t flags)
{
	struct guest *g = client_running(call, dom);
	int reason, rc = g ? check_way(call, flags) : -EINVAL;

	/* as libvirtd has it: nobody in there hears the button */
	if (!rc && guest_state(g, &reason) != GUEST_RUNNING)
		rc = err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID,
			     "Requested operation is not valid: domain is not running");
	return rc ? rc : act(call, dom, VM_ACTION_SHUTDOWN_ACPI);
}

int remote_on_domain_shutdown(struct ipc_call *call, const struct remote_domain_shutdown_args *args)
{
	return shut_down(call, &args->dom, 0);
}

int remote_on_domain_shutdown_flags(struct ipc_call *call,
				    const struct remote_domain_shutdown_flags_args *args)
{
	return shut_down(call, &args->dom, args->flags);
}

int remote_on_domain_reboot(struct ipc_call *call, const struct remote_domain_reboot_args *args)
{
	struct guest *g = client_running(call, &args->dom);
	int rc = g ? check_way(call, args->flags) : -EINVAL;

	return rc ? rc : act_for(call, &args->dom, VM_ACTION_SHUTDOWN_ACPI, SHUTDOWN_THEN_RESTART);
}

int remote_on_domain_reset(struct ipc_call *call, const struct remote_domain_reset_args *args)
{
	struct guest *g = client_running(call, &args->dom);
	int rc = g ? args_flags(call, args->flags, 0) : -EINVAL;

	return rc ? rc : act(call, &args->dom, VM_ACTION_RESET);
}

int remote_on_domain_inject_nmi(struct ipc_call *call,
				const struct remote_domain_inject_nmi_args *args)
{
	int rc = args_flags(call, args->flags, 0);

	return rc ? rc : act(call, &args->dom, VM_ACTION_INJECT_NMI);
}

int remote_on_domain_pm_wakeup(struct ipc_call *call,
			       const struct remote_domain_pm_wakeup_args *args)
{
	int rc = args_flags(call, args->flags, 0);

	return rc ? rc : act(call, &args->dom, VM_ACTION_WAKEUP);
}

int remote_on_domain_send_key(struct ipc_call *call, const struct remote_domain_send_key_args *args)
{
	struct guest *g = client_running(call, &args->dom);
	struct ipc_chan *vm = g ? vmlink_chan(g, &call->err) : NULL;
	struct vm_key_args keys = { .codeset = args->codeset, .holdtime = args->holdtime,
				    .n_keys = args->n_keycodes, .keys = args->keycodes };
	int rc = args_flags(call, args->flags, 0);

	if (rc)
		return rc;
	return vm ? vm_call_send_key(vm, &keys, NULL, 0, acted, call) : -EINVAL;
}
