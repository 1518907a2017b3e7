/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/chardev.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "hv/qemu/plan.h"
#include "ipc/ev.h"
#include "vm/vm.h"
#include "vm/vm_fds.h"

#define READ_BYTES 16384
#define CHARDEV_INPUT_ROUNDS 16   /* of CHARDEV_INPUT_MAX bytes before others have their turn */
#define CHARDEV_LAST_ROUNDS 16    /* of READ_BYTES that a dead QEMU left in its socket */

static void stream_close(struct chardev *c);
static void pump_in(struct chardev *c);

/* ---- towards people ---- */

static void stream_flush(struct chardev *c)
{
	const char *p;
	size_t n;

	while (c->stream >= 0 && (n = ring_peek(&c->ring, &p)) > 0) {
		ssize_t done = send(c->stream, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (done < 0 && errno == EAGAIN) {
			event_add(c->stream_out, NULL);
			return;
		}
		if (done < 0) {
			stream_close(c);
			return;
		}
		ring_take(&c->ring, (size_t)done);
	}
}

/*
 * A terminal that nobody has open hangs up. The kernel tells nobody that a slave was
 * opened, so this is asked when there is something to write.
 */
static bool pty_is_open(const struct chardev *c)
{
	struct pollfd p = { .fd = c->pty, .events = POLLOUT };

	return c->pty >= 0 && poll(&p, 1, 0) >= 0 && !(p.revents & POLLHUP);
}

/* A slow terminal loses its oldest bytes. */
static void pty_flush(struct chardev *c)
{
	const char *data;
	size_t n;

	while ((n = ring_peek(&c->pty_out, &data)) > 0) {
		ssize_t done = write(c->pty, data, n);

		if (done <= 0)
			return;
		ring_take(&c->pty_out, (size_t)done);
	}
}

/* ---- from QEMU ---- */

static void pause_reading(struct chardev *c, unsigned ms)
{
	struct timeval tv = { 0, (suseconds_t)ms * 1000 };

	event_del(c->in);
	if (ms)
		event_add(c->again, &tv);
}

static void qemu_close(struct chardev *c)
{
	if (c->in)
		event_free(c->in);
	if (c->out)
		event_free(c->out);
	c->in = c->out = NULL;
	fd_close(&c->fd);
	c->n_in = c->at_in = 0;
}

static void qemu_readable(evutil_socket_t fd, short what, void *arg)
{
	static char data[READ_BYTES];
	struct chardev *c = arg;
	size_t want = sizeof(data);
	struct timeval tv = { 0, CHARDEV_RETRY_MS * 1000 };
	ssize_t n;

	(void)what;
	if (c->stream >= 0 && ring_room(&c->ring) < want)
		want = ring_room(&c->ring);
	if (!want) {
		pause_reading(c, 0);   /* until the stream took something */
		return;
	}
	n = recv(fd, data, want, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		qemu_close(c);
		event_add(c->again, &tv);
		return;
	}
	ring_put(&c->ring, data, (size_t)n);
	stream_flush(c);
	if (pty_is_open(c)) {
		ring_put(&c->pty_out, data, (size_t)n);
		pty_flush(c);
	}
	want = rate_add(&c->rate, ipc_ev_ms(), (size_t)n, CHARDEV_RATE_BYTES);
	if (want)
		pause_reading(c, (unsigned)want);
}

static void qemu_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pump_in(arg);
}

static int qemu_connect(struct chardev *c)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	CLEAN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), VM_CHARDEV_NAME, c->kind, c->index);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	c->in = event_new(vm.base, fd, EV_READ | EV_PERSIST, qemu_readable, c);
	c->out = event_new(vm.base, fd, EV_WRITE, qemu_writable, c);
	c->fd = take_fd(&fd);
	if (!c->in || !c->out || event_add(c->in, NULL)) {
		qemu_close(c);
		return -ENOMEM;
	}
	pump_in(c);
	return 0;
}

/* Read again, or connect again. */
static void again(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = { 0, CHARDEV_RETRY_MS * 1000 };
	struct chardev *c = arg;

	(void)fd;
	(void)what;
	if (c->fd >= 0)
		event_add(c->in, NULL);
	else if (vm.facts.phase != VM_PHASE_GONE && qemu_connect(c))
		event_add(c->again, &tv);
}

/* ---- from people ---- */

/* Give QEMU what waits. False: some is left, or nothing can be given. */
static bool push_in(struct chardev *c)
{
	while (c->at_in < c->n_in) {
		ssize_t n = send(c->fd, c->input + c->at_in, c->n_in - c->at_in,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0) {
			if (errno == EAGAIN)
				event_add(c->out, NULL);
			return false;
		}
		c->at_in += (size_t)n;
	}
	c->at_in = c->n_in = 0;
	return true;
}

/* Take from whoever has some. False: nobody. */
static bool pull_in(struct chardev *c)
{
	ssize_t n = c->pty >= 0 ? read(c->pty, c->input, CHARDEV_INPUT_MAX) : 0;

	if (n <= 0 && c->stream >= 0) {
		n = recv(c->stream, c->input, CHARDEV_INPUT_MAX, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			stream_close(c);
			return false;
		}
		event_add(c->stream_in, NULL);
	}
	if (n <= 0)
		return false;
	c->n_in = (size_t)n;
	return true;
}

static void pump_in(struct chardev *c)
{
	if (c->fd < 0)
		return;
	if (!c->input)
		c->input = malloc(CHARDEV_INPUT_MAX);
	if (!c->input)
		return;
	for (int i = 0; i < CHARDEV_INPUT_ROUNDS; i++)
		if (!push_in(c) || !pull_in(c))
			return;
	event_add(c->out, NULL);   /* others have their turn first */
}

static void stream_readable(evutil_socket_t fd, short what, void *arg)
{
	struct chardev *c = arg;
	char none;

	(void)what;
	/* QEMU's end may be full or missing; then only the stream's end is of interest */
	if (c->n_in || c->fd < 0) {
		if (recv(fd, &none, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
			stream_close(c);
		return;
	}
	pump_in(c);
}

static void stream_writable(evutil_socket_t fd, short what, void *arg)
{
	struct chardev *c = arg;

	(void)fd;
	(void)what;
	stream_flush(c);
	if (c->in && ring_room(&c->ring) && !event_pending(c->again, EV_TIMEOUT, NULL))
		event_add(c->in, NULL);
}

static void pty_event(evutil_socket_t fd, short what, void *arg)
{
	struct chardev *c = arg;

	(void)fd;
	if (what & EV_READ)
		pump_in(c);
	if (what & EV_WRITE)
		pty_flush(c);
}

static void stream_close(struct chardev *c)
{
	if (c->stream_in)
		event_free(c->stream_in);
	if (c->stream_out)
		event_free(c->stream_out);
	c->stream_in = c->stream_out = NULL;
	fd_close(&c->stream);
	if (c->in && !event_pending(c->again, EV_TIMEOUT, NULL))
		event_add(c->in, NULL);
}

int chardev_attach(struct chardev *c, int fd)
{
	stream_close(c);
	c->stream = fd;
	fd_set_nonblock(fd, 1);
	c->stream_in = event_new(vm.base, fd, EV_READ, stream_readable, c);
	c->stream_out = event_new(vm.base, fd, EV_WRITE, stream_writable, c);
	if (!c->stream_in || !c->stream_out || event_add(c->stream_in, NULL)) {
		stream_close(c);
		return -ENOMEM;
	}
	stream_flush(c);
	return 0;
}

/* ---- the list ---- */

/* Those that launch made a socket for in the guest's folder. */
static bool is_ours(const struct guest_fd *f)
{
	const struct domain *d = &vm.cfg->model;

	if (f->kind != GUEST_FD_KIND_CHARDEV)
		return false;
	if (f->depth == DOM_CHR_KIND_SERIAL)
		return f->index < d->n_serials;
	if (f->depth == DOM_CHR_KIND_CONSOLE)
		return f->index < d->n_consoles;
	return f->depth == DOM_CHR_KIND_CHANNEL && f->index < d->n_channels;
}

static const struct dom_chr *chr_of(const struct guest_fd *f)
{
	const struct domain *d = &vm.cfg->model;

	return f->depth == DOM_CHR_KIND_SERIAL ? &d->serials[f->index] :
	       f->depth == DOM_CHR_KIND_CONSOLE ? &d->consoles[f->index] : &d->channels[f->index];
}

static int add(const struct guest_fd *f, int *next_pty)
{
	struct chardev *c = &vm.chardevs[vm.n_chardevs];
	size_t max = vm.cfg->console_buffer_max;

	*c = (struct chardev){ .chr = chr_of(f), .kind = f->depth, .index = f->index,
			       .fd = -1, .pty = -1, .stream = -1 };
	ring_init(&c->ring, max < CHARDEV_BUFFER_MIN ? CHARDEV_BUFFER_MIN : max);
	ring_init(&c->pty_out, CHARDEV_PTY_MAX);
	c->again = evtimer_new(vm.base, again, c);
	if (!c->again)
		return -ENOMEM;
	vm.n_chardevs++;
	if (c->chr->source != DOM_CHR_SOURCE_TYPE_PTY)
		return 0;
	c->pty = (*next_pty)++;
	if (fd_set_nonblock(c->pty, 1)) {
		log_warn("guest '%s': device '%s' has no pseudo terminal", vm.name,
			 c->chr->info.alias ? c->chr->info.alias : "");
		c->pty = -1;
		return 0;
	}
	c->pty_ev = event_new(vm.base, c->pty, EV_READ | EV_WRITE | EV_PERSIST | EV_ET, pty_event, c);
	return c->pty_ev && !event_add(c->pty_ev, NULL) ? 0 : -ENOMEM;
}

int chardev_setup(void)
{
	int pty = VM_FD_PTY, rc = 0;

	vm.chardevs = calloc(vm.cfg->n_fds + 1, sizeof(*vm.chardevs));
	if (!vm.chardevs)
		return -ENOMEM;
	for (uint32_t i = 0; i < vm.cfg->n_fds && !rc; i++)
		if (is_ours(&vm.cfg->fds[i]))
			rc = add(&vm.cfg->fds[i], &pty);
	return rc;
}

void chardev_connect_all(void)
{
	for (unsigned i = 0; i < vm.n_chardevs; i++) {
		struct chardev *c = &vm.chardevs[i];
		int rc = c->fd < 0 && !c->chr->path_given ? qemu_connect(c) : 0;

		if (rc)
			log_warn("guest '%s': device '%s': %s", vm.name,
				 c->chr->info.alias ? c->chr->info.alias : "", strerrordesc_np(-rc));
	}
}

void chardev_close_all(void)
{
	for (unsigned i = 0; i < vm.n_chardevs; i++) {
		struct chardev *c = &vm.chardevs[i];

		for (int k = 0; k < CHARDEV_LAST_ROUNDS && c->fd >= 0; k++)
			qemu_readable(c->fd, EV_READ, c);
		qemu_close(c);
		event_del(c->again);
		stream_flush(c);
		stream_close(c);
	}
}

static struct chardev *by_kind(uint32_t kind, uint32_t index)
{
	for (unsigned i = 0; i < vm.n_chardevs; i++)
		if (vm.chardevs[i].kind == kind && vm.chardevs[i].index == index)
			return &vm.chardevs[i];
	return NULL;
}

static struct chardev *by_alias(const char *alias)
{
	const struct domain *d = &vm.cfg->model;

	for (unsigned i = 0; i < vm.n_chardevs; i++)
		if (vm.chardevs[i].chr->info.alias && !strcmp(vm.chardevs[i].chr->info.alias, alias))
			return &vm.chardevs[i];
	/* a console that stands for the first serial port has an alias, but no device */
	for (uint32_t i = 0; i < d->n_consoles; i++)
		if (d->consoles[i].info.alias && !strcmp(d->consoles[i].info.alias, alias) &&
		    plan_console_is_serial(d, i))
			return by_kind(DOM_CHR_KIND_SERIAL, 0);
	return NULL;
}

struct chardev *chardev_find(const char *alias, struct err *err)
{
	struct chardev *c;

	if (*alias) {
		c = by_alias(alias);
	} else {
		c = vm.cfg->model.n_consoles && !plan_console_is_serial(&vm.cfg->model, 0) ?
		    by_kind(DOM_CHR_KIND_CONSOLE, 0) : NULL;
		c = c ? c : by_kind(DOM_CHR_KIND_SERIAL, 0);
	}
	if (!c) {
		err_set(err, -ENOENT, ERR_INTERNAL_ERROR,
			"internal error: cannot find character device %s", *alias ? alias : "(null)");
		return NULL;
	}
	if (c->chr->source != DOM_CHR_SOURCE_TYPE_PTY &&
	    (c->kind != DOM_CHR_KIND_CHANNEL || c->chr->path_given)) {
		err_set(err, -EINVAL, ERR_INTERNAL_ERROR,
			"internal error: character device %s is not using a PTY", alias);
		return NULL;
	}
	return c;
}
