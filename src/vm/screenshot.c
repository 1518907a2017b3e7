/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Row SCREENSHOT: QEMU draws into memory that it was given, we pump that into a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "ipc/call.h"
#include "vm/qmp_cmd.h"
#include "vm/vm.h"

#define PICTURE_MAX (256u << 20)     /* bytes; QEMU's own share of memory pays for it */
#define PUMP_BYTES 65536

struct shot {
	struct ipc_call *call;
	int mem;                 /* what QEMU writes to */
	int out;                 /* the pipe's write end */
	off_t at;
	unsigned set;            /* QEMU's number for mem */
	unsigned screen;
	const char *format;
	bool failed;
	struct event *writable;
};

static void shot_free(struct shot *s)
{
	if (s->writable)
		event_free(s->writable);
	fd_close(&s->mem);
	fd_close(&s->out);
	free(s);
}

static void pump(evutil_socket_t fd, short what, void *arg)
{
	static char data[PUMP_BYTES];
	struct shot *s = arg;
	ssize_t n, done;

	(void)what;
	n = s->at < (off_t)PICTURE_MAX ? pread(s->mem, data, sizeof(data), s->at) : 0;
	if (n <= 0) {
		shot_free(s);
		return;
	}
	done = write(fd, data, (size_t)n);
	if (done < 0 && errno != EAGAIN) {
		shot_free(s);   /* nobody wants to see it any more */
		return;
	}
	s->at += done > 0 ? done : 0;
	event_add(s->writable, NULL);
}

static void refuse(struct shot *s, const struct err *err)
{
	vm_refuse(s->call, err);
	shot_free(s);
}

static void deliver(struct shot *s)
{
	struct vm_screenshot_ret ret = { 0 };
	struct err err = { 0 };
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0) {
		err_sys(&err, -errno, "guest '%s': screenshot", vm.name);
		refuse(s, &err);
		return;
	}
	s->out = fds[1];
	fd_set_nonblock(s->out, 1);
	s->writable = event_new(vm.base, s->out, EV_WRITE, pump, s);
	if (!s->writable || event_add(s->writable, NULL)) {
		fd_close(&fds[0]);
		err_sys(&err, -ENOMEM, "guest '%s': screenshot", vm.name);
		refuse(s, &err);
		return;
	}
	ret.mime = (char *)(uintptr_t)(s->format ? "image/png" : "image/x-portable-pixmap");
	ipc_reply(s->call, &ret, &fds[0], 1);
	fd_close(&fds[0]);
}

static int draw(struct shot *s, struct err *err);

static void drawn(void *ctx, struct json_object *ret, const struct err *err)
{
	struct shot *s = ctx;
	struct err again = { 0 };

	(void)ret;
	if (!err) {
		(void)qmp_send(&vm.qmp, "remove-fd", qmp_args("fdset-id:i", (int64_t)s->set), -1,
			       NULL, NULL, &again);
		deliver(s);
		return;
	}
	if (s->format && err->code == ERR_INTERNAL_ERROR && vm.qmp.fd >= 0) {
		s->format = NULL;   /* a QEMU that was built without PNG */
		if (!draw(s, &again))
			return;
		err = &again;
	}
	(void)qmp_send(&vm.qmp, "remove-fd", qmp_args("fdset-id:i", (int64_t)s->set), -1, NULL, NULL,
		       &again);
	refuse(s, err);
}

static int draw(struct shot *s, struct err *err)
{
	struct json_object *args;
	const struct domain *d = &vm.cfg->model;
	uint32_t head = 0;
	char path[32];

	snprintf(path, sizeof(path), "/dev/fdset/%u", s->set);
	args = qmp_args("filename:s", path);
	if (s->format)
		json_object_object_add(args, "format", json_object_new_string(s->format));
	/* screens are counted over all video devices; the first one needs no name */
	for (uint32_t i = 0, first = 0; i < d->n_videos && s->screen; i++) {
		uint32_t heads = d->videos[i].heads ? d->videos[i].heads : 1;

		if (s->screen < first + heads && d->videos[i].info.alias) {
			head = s->screen - first;
			json_object_object_add(args, "device",
					       json_object_new_string(d->videos[i].info.alias));
			json_object_object_add(args, "head", json_object_new_int((int)head));
			break;
		}
		first += heads;
	}
	return qmp_send(&vm.qmp, "screendump", args, -1, drawn, s, err);
}

static void added(void *ctx, struct json_object *ret, const struct err *err)
{
	struct shot *s = ctx;
	struct err mine = { 0 };

	(void)ret;
	if (err)
		refuse(s, err);
	else if (draw(s, &mine))
		refuse(s, &mine);
}

static unsigned count_screens(const struct domain *d)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < d->n_videos; i++)
		if (!d->videos[i].model || strcmp(d->videos[i].model, "none"))
			n += d->videos[i].heads ? d->videos[i].heads : 1;
	return n;
}

int vm_on_screenshot(struct ipc_call *call, const struct vm_device_args *args)
{
	struct shot *s;
	int rc;

	if (!vm.cfg || !count_screens(&vm.cfg->model))
		return err_set(&call->err, -ENOENT, ERR_INTERNAL_ERROR, "no screen to take a shot from");
	if (args->screen >= count_screens(&vm.cfg->model))
		return err_set(&call->err, -EINVAL, ERR_INVALID_ARG,
			       "invalid argument: no such screen ID: %u", args->screen);
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_sys(&call->err, -ENOMEM, "guest '%s': screenshot", vm.name);
	*s = (struct shot){ .call = call, .out = -1, .screen = args->screen, .format = "png" };
	s->mem = memfd_create("screenshot", MFD_CLOEXEC);
	/* low numbers are the planner's; a replacement of this process must not meet its own */
	s->set = 1000 + (unsigned)(qmp_now_ms() % 1000000) * 16 + vm.fdset++ % 16;
	rc = s->mem < 0 ? err_sys(&call->err, -errno, "guest '%s': screenshot", vm.name) :
	     qmp_send(&vm.qmp, "add-fd", qmp_args("fdset-id:i", (int64_t)s->set), s->mem, added, s,
		      &call->err);
	if (rc)
		shot_free(s);
	return rc;
}
