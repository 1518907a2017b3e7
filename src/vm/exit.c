/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's end. */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/log.h"
#include "vm/chardev.h"
#include "vm/events.h"
#include "vm/viewer.h"
#include "vm/vm_fds.h"

/* As wait(2) would have told it; -ECHILD when it was not our child. */
static int reap(int *ret_status)
{
	siginfo_t si = { 0 };

	if (waitid(P_PIDFD, VM_FD_QEMU, &si, WEXITED | WNOHANG) < 0)
		return -errno;
	if (si.si_pid == 0)
		return -EAGAIN;
	*ret_status = si.si_code == CLD_EXITED ? (si.si_status & 0xff) << 8 : si.si_status & 0x7f;
	return 0;
}

static int reason_now(void)
{
	return vm.facts.panicked ? SHUTOFF_CRASHED :
	       vm.facts.shut_down || vm.facts.quitting ? SHUTOFF_SHUTDOWN : SHUTOFF_FAILED;
}

static void gone(bool known, int status)
{
	char text[GLOG_TAIL + 1];
	struct vm_event e = { .kind = VM_EVENT_KIND_EXITED, .a = status, .b = known,
			      .text = text };
	struct err err = { 0 };

	glog_drain(&vm.log);
	glog_tail(&vm.log, text, sizeof(text));
	log_info("guest '%s': QEMU ended%s, status %#x", vm.name, known ? "" : ", unknown to us how",
		 (unsigned)status);
	if (*boot_reason())
		err_set(&err, -EIO, ERR_INTERNAL_ERROR, "%s", boot_reason());
	else
		err_set(&err, -EIO, ERR_INTERNAL_ERROR,
			"internal error: process exited while connecting to monitor: %s", text);
	vm.facts.phase = VM_PHASE_GONE;
	status_set(STATE_SHUTOFF, reason_now());
	viewer_forget_all();
	outbox_put(&e);
	chardev_close_all();
	qmp_close(&vm.qmp, NULL);
	if (vm.reconnect)
		event_del(vm.reconnect);
	boot_finish(&err);
}

static void on_exit_seen(evutil_socket_t fd, short what, void *arg)
{
	int status = 0, rc = reap(&status);

	(void)fd;
	(void)what;
	(void)arg;
	if (rc == -EAGAIN)
		return;
	event_free(vm.exit_watch);
	vm.exit_watch = NULL;
	gone(rc == 0, status);
}

int exit_watch_start(void)
{
	vm.exit_watch = event_new(vm.base, VM_FD_QEMU, EV_READ | EV_PERSIST, on_exit_seen, NULL);
	return vm.exit_watch && !event_add(vm.exit_watch, NULL) ? 0 : -EBADF;
}
