/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Row BOOT: plan the argument list, hand it to the cage, set QEMU up, let the guest run; or adopt. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "hv/qemu/plan.h"
#include "ipc/call.h"
#include "sandbox/execargs.h"
#include "vm/chardev.h"
#include "vm/events.h"
#include "vm/qmp_cmd.h"
#include "vm/vm_fds.h"

#define ARGS_TIMEOUT_S 5          /* for the cage's child to take its argument list */
#define START_TIMEOUT_S 60        /* when core does not say */
#define QMP_TIMEOUT_S 30

struct boot {
	struct ipc_call *call;             /* to be answered */
	unsigned left;                     /* setup commands not answered */
	bool setting_up;                   /* not all of them sent */
	char **setup;                      /* the planner's, in vm.arena */
	size_t n_setup;
	struct err err;                    /* the first that failed */
	struct event *args, *deadline;
	struct execargs_report report;
	size_t n_report;                   /* bytes of it that came */
};

/* ---- settings ---- */

static int config_take(const struct vm_boot_args *args, struct err *err)
{
	struct vm_boot_args *copy;
	int rc;

	vm.arena = arena_new(VM_CONFIG_MAX);
	copy = vm.arena ? arena_alloc(vm.arena, sizeof(*copy)) : NULL;
	rc = copy ? xdr_copy(&vm_boot_args_xdr, args, vm.arena, copy) : -ENOMEM;
	if (rc) {
		arena_freep(&vm.arena);
		return err_sys(err, rc, "guest '%s': its model", args->model.name);
	}
	vm.cfg = copy;
	vm.name = copy->model.name;
	vm.qmp.guest = vm.name;
	vm.qmp.timeout_s = copy->qmp_timeout ? copy->qmp_timeout : QMP_TIMEOUT_S;
	if (!vm.facts.balloon_kib)
		vm.facts.balloon_kib = copy->model.current_memory_kib ?
				       copy->model.current_memory_kib : copy->model.memory_kib;
	return 0;
}

/* What may change while the guest runs. */
static void config_update(const struct vm_boot_args *args)
{
	struct vm_boot_args *mine = (struct vm_boot_args *)(uintptr_t)vm.cfg;

	mine->model.on_poweroff = args->model.on_poweroff;
	mine->model.on_reboot = args->model.on_reboot;
	mine->model.on_crash = args->model.on_crash;
	if (args->qmp_timeout)
		vm.qmp.timeout_s = args->qmp_timeout;
	if (args->event_queue_max)
		vm.queue.max = args->event_queue_max;
	glog_set_max(&vm.log, args->guest_log_max);
}

/* ---- the end of it ---- */

static void args_readable(evutil_socket_t fd, short what, void *arg);

const char *boot_reason(void)
{
	if (vm.boot && vm.boot->args)
		args_readable(VM_FD_ARGS, EV_READ, vm.boot);
	return vm.boot ? vm.boot->err.text : "";
}

static void boot_free(struct boot *b)
{
	if (b->args) {
		event_free(b->args);
		close(VM_FD_ARGS);
	}
	if (b->deadline)
		event_free(b->deadline);
	free(b);
}

bool boot_finish(const struct err *err)
{
	struct boot *b = take_ptr(vm.boot);
	struct vm_status st;

	if (!b)
		return false;
	if (!err) {
		vm.facts.phase = VM_PHASE_RUNNING;
		outbox_facts_changed();
		outbox_flush();   /* events of the start reach core before the answer */
		status_fill(&st, b->call->arena);
		vm_reply_boot(b->call, &st);
		boot_free(b);
		return true;
	}
	log_warn("guest '%s': not started: %s", vm.name, err->text);
	if (vm.facts.phase == VM_PHASE_BOOTING && vm.qmp.fd >= 0)
		events_end_it();
	outbox_flush();
	vm_refuse(b->call, err);
	boot_free(b);
	return true;
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct err err = { 0 };

	(void)fd;
	(void)what;
	(void)arg;
	err_set(&err, -ETIMEDOUT, ERR_OPERATION_TIMEOUT,
		"guest '%s': QEMU did not get ready within start_timeout", vm.name);
	boot_finish(&err);
}

/* ---- QEMU is there: set it up, let it go ---- */

static void running(void *ctx, struct json_object *ret, const struct err *err)
{
	(void)ctx;
	(void)ret;
	if (!err || vm.qmp.fd >= 0)
		boot_finish(err);
}

static void let_go(void)
{
	struct boot *b = vm.boot;
	struct err err = { 0 };

	if (b->err.code) {
		err = b->err;
		boot_finish(&err);
		return;
	}
	if (vm.facts.start_paused) {
		status_set(STATE_PAUSED, PAUSED_USER);
		boot_finish(NULL);
		return;
	}
	vm.resume_reason = RUNNING_BOOTED;
	if (qmp_send(&vm.qmp, "cont", NULL, -1, running, NULL, &err))
		boot_finish(&err);
}

static void was_set(void *ctx, struct json_object *ret, const struct err *err)
{
	struct boot *b = vm.boot;

	(void)ctx;
	(void)ret;
	if (!b || (err && vm.qmp.fd < 0))
		return;   /* given up, or adopt_on_lost() and the end of QEMU tell more */
	if (err && !b->err.code)
		b->err = *err;
	if (--b->left == 0 && !b->setting_up)
		let_go();
}

static void set(const char *name, struct json_object *args, struct json_object *whole)
{
	struct boot *b = vm.boot;
	struct err err = { 0 };
	int rc = name ? qmp_send(&vm.qmp, name, args, -1, was_set, NULL, &err) :
		 qmp_send_object(&vm.qmp, whole, -1, was_set, NULL, &err);

	if (rc == 0)
		b->left++;
	else if (!b->err.code)
		b->err = err;
}

static void set_password(const struct dom_graphics *g)
{
	struct tm tm = { 0 };
	char when[32] = "now";   /* what is no time has passed */

	if (!g->passwd)
		return;
	vm.viewer_password = true;
	/* an empty one lets nobody in: QEMU refuses all viewers while it has none to compare with */
	if (!*g->passwd)
		return;
	set("set_password", qmp_args("protocol:s password:s", "vnc", g->passwd), NULL);
	if (!g->passwd_valid_to)
		return;
	if (strptime(g->passwd_valid_to, "%Y-%m-%dT%H:%M:%S", &tm))
		snprintf(when, sizeof(when), "%lld", (long long)timegm(&tm));
	set("expire_password", qmp_args("protocol:s time:s", "vnc", when), NULL);
}

/* A reset that on_reboot forbids ends like a poweroff; the rest stops QEMU, and then we see. */
static void set_actions(void)
{
	enum dom_action reboot = (enum dom_action)vm.cfg->model.on_reboot;
	bool down = reboot == DOM_ACTION_DESTROY || reboot == DOM_ACTION_PRESERVE;

	set("set-action", qmp_args("reboot:s shutdown:s panic:s", down ? "shutdown" : "reset",
				   "pause", "pause"), NULL);
}

void boot_setup(void)
{
	struct boot *b = vm.boot;

	b->setting_up = true;
	set_actions();
	for (size_t i = 0; i < b->n_setup; i++)
		set(NULL, NULL, json_tokener_parse(b->setup[i]));
	for (uint32_t i = 0; i < vm.cfg->model.n_graphics; i++)
		set_password(&vm.cfg->model.graphics[i]);
	/* they are with QEMU now */
	xdr_wipe_secrets(&vm_boot_args_xdr, (void *)(uintptr_t)vm.cfg);
	b->setting_up = false;
	if (b->left == 0)
		let_go();
}

/* ---- the argument list ---- */

static void args_readable(evutil_socket_t fd, short what, void *arg)
{
	struct boot *b = arg;
	ssize_t n = recv(fd, (char *)&b->report + b->n_report, sizeof(b->report) - b->n_report,
			 MSG_DONTWAIT);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		/* QEMU runs from here on, or the child is dead; then its end tells */
		event_free(b->args);
		b->args = NULL;
		close(fd);
		return;
	}
	b->n_report += (size_t)n;
	if (b->n_report < sizeof(b->report))
		return;
	b->n_report = 0;
	b->report.text[sizeof(b->report.text) - 1] = '\0';
	/* its exit follows, and takes this along */
	if (b->report.code)
		err_set(&b->err, -EIO, ERR_INTERNAL_ERROR, "guest '%s': %s", vm.name, b->report.text);
}

static struct plan_resources resources(void)
{
	return (struct plan_resources){ .list = vm.cfg->fds, .n = vm.cfg->n_fds,
					.now = time(NULL), .host = vm.cfg->host,
					.utc_offset = vm.cfg->utc_offset };
}

static int send_arguments(struct boot *b, struct err *err)
{
	static const struct timeval patience = { ARGS_TIMEOUT_S, 0 };
	struct plan_resources res = resources();
	struct plan_argv argv;
	CLEAN_BUF struct buf msg = { 0 };
	int rc;

	buf_init(&msg, EXECARGS_BYTES_MAX + EXECARGS_HEAD);
	rc = plan_argv(&vm.cfg->model, &res, vm.arena, &argv, err);
	if (rc == 0)
		rc = execargs_encode((const char *const *)argv.argv + 1, argv.argc - 1, &msg, err);
	if (rc < 0)
		return rc;
	b->setup = argv.setup;
	b->n_setup = argv.n_setup;
	(void)setsockopt(VM_FD_ARGS, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	rc = fd_write_all(VM_FD_ARGS, msg.data, msg.len);
	if (rc < 0 && rc != -EPIPE)   /* a dead child's reason waits to be read */
		return err_sys(err, rc, "guest '%s': the cage does not take its argument list", vm.name);
	b->args = event_new(vm.base, VM_FD_ARGS, EV_READ | EV_PERSIST, args_readable, b);
	return b->args && !event_add(b->args, NULL) ? 0 : err_sys(err, -ENOMEM, "guest '%s'", vm.name);
}

/* ---- row BOOT ---- */

static int start(struct boot *b, struct err *err)
{
	char path[32];
	int rc = send_arguments(b, err);

	if (rc < 0)
		return rc;
	chardev_connect_all();
	snprintf(path, sizeof(path), VM_MONITOR_NAME, 0u);
	rc = qmp_connect(&vm.qmp, path);
	if (rc < 0)
		return err_sys(err, rc, "guest '%s': monitor socket", vm.name);
	boot_setup();
	return 0;
}

static int adopt(struct boot *b, struct err *err)
{
	struct plan_resources res = resources();
	struct plan_argv argv = { 0 };
	char path[32];
	int rc;

	if (vm.facts.phase == VM_PHASE_GONE)
		return 0;
	/* only for its setup commands, should the start not have come so far */
	if (!plan_argv(&vm.cfg->model, &res, vm.arena, &argv, err)) {
		b->setup = argv.setup;
		b->n_setup = argv.n_setup;
	}
	chardev_connect_all();
	snprintf(path, sizeof(path), VM_MONITOR_NAME, 0u);
	rc = qmp_connect(&vm.qmp, path);
	if (rc < 0)
		return err_sys(err, rc, "guest '%s': monitor socket", vm.name);
	adopt_sync();
	return 0;
}

/* Once in this process, before QEMU is talked to. */
static int prepare(const struct vm_boot_args *args, struct err *err)
{
	int rc = config_take(args, err);

	if (rc < 0)
		return rc;
	queue_init(&vm.queue, args->event_queue_max ? args->event_queue_max : VM_EVENTS_MAX);
	rc = outbox_open();
	if (rc == -ENODATA)
		rc = 0;
	vm.facts.phase = vm.facts.phase ? vm.facts.phase : VM_PHASE_BOOTING;
	if (!args->adopt)
		vm.facts.start_paused = args->paused;
	outbox_rewind(args->adopt ? args->event_seq : 0);
	outbox_facts_changed();
	outbox_flush();
	if (rc == 0)
		rc = glog_start(&vm.log, vm.base, args->guest_log_max);
	if (rc == 0)
		rc = exit_watch_start();
	if (rc == 0)
		rc = chardev_setup();
	return rc ? err_sys(err, rc, "guest '%s': cordon-vm", vm.name) : 0;
}

static int again(struct ipc_call *call, const struct vm_boot_args *args)
{
	struct vm_status st;

	if (!args->adopt)
		return err_set(&call->err, -EBUSY, ERR_OPERATION_INVALID,
			       "guest '%s' was booted already", vm.name);
	config_update(args);
	outbox_rewind(args->event_seq);
	if (vm.boot) {
		/* whoever asked for the start is gone; its end is told to the new one */
		ipc_refuse_text(vm.boot->call, -ECANCELED, ERR_OPERATION_ABORTED, "asked again");
		vm.boot->call = call;
		return 0;
	}
	outbox_flush();
	status_fill(&st, call->arena);
	return vm_reply_boot(call, &st);
}

int vm_on_boot(struct ipc_call *call, const struct vm_boot_args *args)
{
	struct timeval tv = { args->start_timeout ? args->start_timeout : START_TIMEOUT_S, 0 };
	struct err err = { 0 };
	int rc;

	if (vm.cfg)
		return again(call, args);
	rc = prepare(args, &call->err);
	if (rc < 0)
		return rc;
	vm.boot = calloc(1, sizeof(*vm.boot));
	if (!vm.boot)
		return err_sys(&call->err, -ENOMEM, "guest '%s'", vm.name);
	vm.boot->call = call;
	vm.boot->deadline = evtimer_new(vm.base, on_deadline, NULL);
	if (vm.boot->deadline)
		event_add(vm.boot->deadline, &tv);
	rc = args->adopt ? adopt(vm.boot, &err) : start(vm.boot, &err);
	if (rc < 0) {
		boot_finish(&err);
		return 0;
	}
	if (vm.boot && vm.facts.phase == VM_PHASE_GONE) {
		struct vm_status st;
		struct boot *b = take_ptr(vm.boot);

		status_fill(&st, b->call->arena);
		vm_reply_boot(b->call, &st);
		boot_free(b);
	}
	return 0;
}

int vm_on_update(struct ipc_call *call, const struct vm_boot_args *args)
{
	if (!vm.cfg)
		return err_set(&call->err, -EINVAL, ERR_OPERATION_INVALID, "the guest was not booted");
	config_update(args);
	return ipc_reply(call, NULL, NULL, 0);
}
