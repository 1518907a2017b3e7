/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Row CONSOLE: a console stream for somebody. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "ipc/call.h"
#include "vm/chardev.h"
#include "vm/vm.h"

static int need_running(struct err *err)
{
	if (vm.cfg && vm.facts.phase == VM_PHASE_RUNNING)
		return 0;
	return err_set(err, -EINVAL, ERR_OPERATION_INVALID, "guest '%s': QEMU does not run", vm.name);
}

/*
 * Is the one who had it gone? While QEMU takes no input what was sent waits in the stream, and
 * nobody has read its end.
 */
static bool stream_left(const struct chardev *c)
{
	struct pollfd p = { .fd = c->stream };

	return poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
}

int vm_on_console(struct ipc_call *call, const struct vm_device_args *args)
{
	struct chardev *c;
	int fds[2], rc;

	rc = need_running(&call->err);
	if (rc)
		return rc;
	c = chardev_find(args->device, &call->err);
	if (!c)
		return -ENOENT;
	if (c->stream >= 0 && !args->force && !stream_left(c))
		return err_set(&call->err, -EBUSY, ERR_OPERATION_FAILED,
			       "Active console session exists for this domain");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(&call->err, -errno, "guest '%s': console", vm.name);
	rc = chardev_attach(c, fds[0]);
	if (rc) {
		fd_close(&fds[1]);
		return err_sys(&call->err, rc, "guest '%s': console", vm.name);
	}
	rc = ipc_reply(call, NULL, &fds[1], 1);
	fd_close(&fds[1]);
	return rc;
}
