/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Row SCREENSHOT. QEMU draws into the guest's picture file, one picture at a time; it is copied
 * to private memory, and whoever asked reads it from a pipe as slowly as they like.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "ipc/call.h"
#include "ipc/ev.h"
#include "vm/qmp_cmd.h"
#include "vm/vm.h"
#include "vm/vm_fds.h"

#define PICTURE_MAX (64u << 20)      /* bytes: 4096 x 4096 pixels, not compressed */
#define PUMP_BYTES 65536
#define WAITING_MAX 16u              /* requests behind the one being drawn */

struct shot {
	struct shot *next;       /* in the waiting line */
	struct ipc_call *call;
	int mem;                 /* the picture */
	int out;                 /* write end of the pipe to whoever asked */
	off_t size, at;
	unsigned set;            /* QEMU's number for the picture file */
	unsigned screen;
	const char *format;      /* NULL: QEMU's default */
	struct event *writable;
};

static struct shot *line;        /* the first one is being drawn */
static char data[PUMP_BYTES];

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
	struct shot *s = arg;
	ssize_t n, done;

	(void)what;
	n = pread(s->mem, data, sizeof(data), s->at);
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

/* Before the next one is drawn over it. */
static int copy(struct shot *s)
{
	ssize_t n;

	s->mem = memfd_create("screenshot", MFD_CLOEXEC);
	if (s->mem < 0)
		return -errno;
	while ((n = pread(VM_FD_PICTURE, data, sizeof(data), s->size)) > 0) {
		if (s->size + n > (off_t)PICTURE_MAX)
			return -EFBIG;
		if (pwrite(s->mem, data, (size_t)n, s->size) != n)
			return -ENOSPC;
		s->size += n;
	}
	return n < 0 ? -errno : 0;
}

static void deliver(struct shot *s)
{
	struct vm_screenshot_ret ret = { 0 };
	struct err err = { 0 };
	int fds[2], rc = copy(s);

	if (!rc && pipe2(fds, O_CLOEXEC) < 0)
		rc = -errno;
	if (rc) {
		err_sys(&err, rc, "guest '%s': screenshot", vm.name);
		vm_refuse(s->call, &err);
		shot_free(s);
		return;
	}
	s->out = fds[1];
	fd_set_nonblock(s->out, 1);
	s->writable = event_new(vm.base, s->out, EV_WRITE, pump, s);
	ret.mime = (char *)(uintptr_t)(s->format ? "image/png" : "image/x-portable-pixmap");
	ipc_reply(s->call, &ret, &fds[0], 1);
	fd_close(&fds[0]);
	if (!s->writable || event_add(s->writable, NULL))
		shot_free(s);   /* an end of file without a picture */
}

static void begin(struct shot *s);

/* The first in the line is through: with a picture, or not. */
static void through(struct shot *s, const struct err *err)
{
	struct err ignored = { 0 };

	(void)qmp_send(&vm.qmp, "remove-fd", qmp_args("fdset-id:i", (int64_t)s->set), -1, NULL, NULL,
		       &ignored);
	line = s->next;
	if (err) {
		vm_refuse(s->call, err);
		shot_free(s);
	} else {
		deliver(s);
	}
	/* QEMU writes through the same open file: its place in it goes back as well */
	(void)!ftruncate(VM_FD_PICTURE_OUT, 0);
	(void)lseek(VM_FD_PICTURE_OUT, 0, SEEK_SET);
	if (line)
		begin(line);
}

static void draw(struct shot *s);

static void drawn(void *ctx, struct json_object *ret, const struct err *err)
{
	struct shot *s = ctx;

	(void)ret;
	if (err && s->format && err->code == ERR_INTERNAL_ERROR) {
		s->format = NULL;   /* a QEMU that was built without PNG */
		draw(s);
		return;
	}
	through(s, err);
}

/* Screens are counted over all video devices; the first one needs no name. */
static void name_screen(const struct shot *s, struct json_object *args)
{
	const struct domain *d = &vm.cfg->model;

	for (uint32_t i = 0, first = 0; i < d->n_videos && s->screen; i++) {
		uint32_t heads = d->videos[i].heads ? d->videos[i].heads : 1;

		if (s->screen < first + heads && d->videos[i].info.alias) {
			json_object_object_add(args, "device",
					       json_object_new_string(d->videos[i].info.alias));
			json_object_object_add(args, "head",
					       json_object_new_int((int)(s->screen - first)));
			return;
		}
		first += heads;
	}
}

static void draw(struct shot *s)
{
	struct json_object *args;
	struct err err = { 0 };
	char path[32];

	snprintf(path, sizeof(path), "/dev/fdset/%u", s->set);
	args = qmp_args("filename:s", path);
	if (args && s->format)
		json_object_object_add(args, "format", json_object_new_string(s->format));
	if (args)
		name_screen(s, args);
	if (qmp_send(&vm.qmp, "screendump", args, -1, drawn, s, &err))
		through(s, &err);
}

static void added(void *ctx, struct json_object *ret, const struct err *err)
{
	(void)ret;
	if (err)
		through(ctx, err);
	else
		draw(ctx);
}

static void begin(struct shot *s)
{
	struct err err = { 0 };

	/* low numbers are the planner's; a replacement of this process must not meet its own */
	s->set = 1000 + (unsigned)(ipc_ev_ms() % 1000000) * 16 + vm.fdset++ % 16;
	if (qmp_send(&vm.qmp, "add-fd", qmp_args("fdset-id:i", (int64_t)s->set), VM_FD_PICTURE_OUT,
		     added, s, &err))
		through(s, &err);
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
	struct shot **pp = &line, *s;
	unsigned waiting = 0;

	if (!vm.cfg || !count_screens(&vm.cfg->model))
		return err_set(&call->err, -ENOENT, ERR_INTERNAL_ERROR,
			       "internal error: no screen to take a shot from");
	if (args->screen >= count_screens(&vm.cfg->model))
		return err_set(&call->err, -EINVAL, ERR_INVALID_ARG,
			       "invalid argument: no such screen ID: %u", args->screen);
	for (; *pp; pp = &(*pp)->next)
		waiting++;
	if (waiting > WAITING_MAX)
		return err_set(&call->err, -EBUSY, ERR_RESOURCE_BUSY,
			       "guest '%s': %u screenshots are waiting already", vm.name, waiting);
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_sys(&call->err, -ENOMEM, "guest '%s': screenshot", vm.name);
	*s = (struct shot){ .call = call, .mem = -1, .out = -1, .screen = args->screen,
			    .format = "png" };
	*pp = s;
	if (line == s)
		begin(s);
	return 0;
}
