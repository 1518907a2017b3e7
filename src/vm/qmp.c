/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "ipc/ev.h"
#include "vm/qmp_cmd.h"

#define READ_BYTES 16384

struct qmp_cmd {
	struct qmp_cmd *next;
	uint64_t id;
	uint64_t deadline;       /* ms; set when the last byte went out */
	qmp_done_fn *done;       /* NULL: whoever asked was told of the timeout */
	void *ctx;
	int fd;
	bool has_fd;             /* also after fd was sent */
	bool sent;
	char name[QMP_NAME_MAX];
	size_t len, off;
	char text[];
};

static int lost_error(struct qmp *q, struct err *err)
{
	return err_set(err, -ENOTCONN, ERR_OPERATION_FAILED,
		       "guest '%s': QEMU's monitor is not connected", q->guest);
}

static void cmd_free(struct qmp_cmd *c)
{
	fd_close(&c->fd);
	explicit_bzero(c->text, c->len);   /* it may hold a password */
	free(c);
}

static void cmd_unlink(struct qmp *q, struct qmp_cmd *c)
{
	struct qmp_cmd **pp = &q->head;

	while (*pp != c)
		pp = &(*pp)->next;
	*pp = c->next;
	if (q->tail == &c->next)
		q->tail = pp;
	q->n_pending--;
}

/* Fail everything that waits, in order. What `done` sends anew comes after. */
static void fail_all(struct qmp *q, const struct err *why)
{
	struct qmp_cmd *c = q->head;

	q->head = NULL;
	q->tail = &q->head;
	q->n_pending = 0;
	while (c) {
		struct qmp_cmd *next = c->next;

		if (c->done)
			c->done(c->ctx, NULL, why);
		cmd_free(c);
		c = next;
	}
}

void qmp_close(struct qmp *q, const struct err *why)
{
	struct err err = { 0 };

	if (!why) {
		lost_error(q, &err);
		why = &err;
	}
	event_del(q->timer);
	event_del(q->resume);
	if (q->in)
		event_free(q->in);
	if (q->out)
		event_free(q->out);
	q->in = q->out = NULL;
	fd_close(&q->fd);
	qmp_parser_reset(&q->parser);
	q->greeted = false;
	fail_all(q, why);
}

static void lost(struct qmp *q, const struct err *why)
{
	struct err copy = *why;

	qmp_close(q, &copy);
	q->on_lost(q->ctx, &copy);
}

/* ---- deadlines ---- */

static void timer_arm(struct qmp *q)
{
	const struct qmp_cmd *c = q->head;
	uint64_t now = ipc_ev_ms(), wait;
	struct timeval tv;

	while (c && c->sent && !c->done)
		c = c->next;
	if (!c || !c->sent) {
		event_del(q->timer);
		return;
	}
	wait = c->deadline > now ? c->deadline - now : 1;
	tv = (struct timeval){ (time_t)(wait / 1000), (suseconds_t)(wait % 1000) * 1000 };
	event_add(q->timer, &tv);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct qmp *q = arg;
	uint64_t now = ipc_ev_ms();
	struct err err = { 0 };
	struct qmp_cmd *c;

	(void)fd;
	(void)what;
	err_set(&err, -ETIMEDOUT, ERR_OPERATION_TIMEOUT,
		"guest '%s': QEMU has not answered its monitor for %u seconds", q->guest,
		q->timeout_s);
	for (c = q->head; c;) {
		qmp_done_fn *done = c->done;
		void *ctx = c->ctx;

		if (!done || (c->sent && c->deadline > now)) {
			c = c->next;
			continue;
		}
		if (!q->stuck)
			log_warn("%s (command %s)", err.text, c->name);
		q->stuck = true;
		/* What was sent stays listed, so that a late answer finds its question. */
		c->done = NULL;
		if (!c->off) {
			cmd_unlink(q, c);
			cmd_free(c);
		}
		done(ctx, NULL, &err);
		c = q->head;   /* the list may be another one now */
	}
	timer_arm(q);
}

/* ---- writing ---- */

static ssize_t send_some(struct qmp *q, struct qmp_cmd *c)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { c->text + c->off, c->len - c->off };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (c->fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.head), &c->fd, sizeof(int));
	}
	return sendmsg(q->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void flush(struct qmp *q)
{
	bool fd_waits = false;

	for (struct qmp_cmd *c = q->head; c; c = c->next) {
		ssize_t n = 0;

		if (!c->sent && c->has_fd && fd_waits)
			return;
		while (!c->sent && c->off < c->len) {
			n = send_some(q, c);
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0) {
				/* a broken connection is found by reading */
				if (errno == EAGAIN)
					event_add(q->out, NULL);
				return;
			}
			c->off += (size_t)n;
			fd_close(&c->fd);
		}
		if (!c->sent) {
			c->sent = true;
			c->deadline = ipc_ev_ms() + (uint64_t)q->timeout_s * 1000;
			if (!event_pending(q->timer, EV_TIMEOUT, NULL))
				timer_arm(q);
		}
		fd_waits |= c->has_fd;
	}
}

static void writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush(arg);
}

static struct qmp_cmd *cmd_new(struct qmp *q, struct json_object *cmd, int fd)
{
	uint64_t id = ++q->next_id;
	struct json_object *name;
	struct qmp_cmd *c;
	const char *text;
	size_t len;

	json_object_object_add(cmd, "id", json_object_new_int64((int64_t)id));
	text = json_object_to_json_string_length(cmd, JSON_C_TO_STRING_PLAIN, &len);
	c = text ? calloc(1, sizeof(*c) + len + 2) : NULL;
	if (!c)
		return NULL;
	memcpy(c->text, text, len);
	explicit_bzero((char *)(uintptr_t)text, len);
	c->text[len] = '\n';
	c->len = len + 1;
	c->id = id;
	c->has_fd = fd >= 0;
	c->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (json_object_object_get_ex(cmd, "execute", &name))
		snprintf(c->name, sizeof(c->name), "%s", json_object_get_string(name));
	if (!c->has_fd || c->fd >= 0)
		return c;
	free(c);
	return NULL;
}

int qmp_send_object(struct qmp *q, struct json_object *cmd, int fd, qmp_done_fn *done, void *ctx,
		    struct err *err)
{
	struct qmp_cmd *c = NULL;
	int rc = 0;

	if (q->fd < 0)
		rc = lost_error(q, err);
	else if (q->stuck)
		rc = err_set(err, -ETIMEDOUT, ERR_OPERATION_TIMEOUT,
			     "guest '%s': QEMU does not answer its monitor", q->guest);
	else if (q->n_pending >= QMP_PENDING_MAX)
		rc = err_set(err, -EBUSY, ERR_RESOURCE_BUSY,
			     "guest '%s': %u commands wait for QEMU's monitor already", q->guest,
			     q->n_pending);
	if (rc == 0) {
		c = cmd ? cmd_new(q, cmd, fd) : NULL;
		if (!c)
			rc = err_set(err, -ENOMEM, ERR_NO_MEMORY, "out of memory");
	}
	json_object_put(cmd);
	if (rc < 0)
		return rc;
	c->done = done;
	c->ctx = ctx;
	*q->tail = c;
	q->tail = &c->next;
	q->n_pending++;
	flush(q);
	return 0;
}

int qmp_send(struct qmp *q, const char *name, struct json_object *args, int fd, qmp_done_fn *done,
	     void *ctx, struct err *err)
{
	struct json_object *cmd = json_object_new_object();

	if (cmd) {
		json_object_object_add(cmd, "execute", json_object_new_string(name));
		if (args)
			json_object_object_add(cmd, "arguments", args);
	} else {
		json_object_put(args);
	}
	return qmp_send_object(q, cmd, fd, done, ctx, err);
}

/* ---- reading ---- */

static void answer(struct qmp *q, struct qmp_cmd *c, struct json_object *ret,
		   struct json_object *error)
{
	struct err err = { 0 };
	const char *desc = qmp_str(error, "desc");

	cmd_unlink(q, c);
	if (error)
		err_set(&err, -EIO, ERR_INTERNAL_ERROR,
			"internal error: unable to execute QEMU command '%s': %s", c->name,
			desc ? desc : "no reason given");
	if (c->done)
		c->done(c->ctx, error ? NULL : ret, error ? &err : NULL);
	cmd_free(c);
}

static int on_reply(struct qmp *q, struct json_object *msg)
{
	struct json_object *id, *ret = NULL, *error = NULL;
	struct qmp_cmd *c;
	uint64_t n;

	if (!json_object_object_get_ex(msg, "id", &id))
		return -EBADMSG;
	n = json_object_is_type(id, json_type_int) ? (uint64_t)json_object_get_int64(id) : 0;
	for (c = q->head; c && c->id != n;)
		c = c->next;
	if (!c || !c->sent)
		return -EBADMSG;
	if (json_object_object_get_ex(msg, "error", &error) ==
	    json_object_object_get_ex(msg, "return", &ret))
		return -EBADMSG;
	if (error && !json_object_is_type(error, json_type_object))
		return -EBADMSG;
	if (q->stuck)
		log_info("guest '%s': QEMU answers its monitor again", q->guest);
	q->stuck = false;
	answer(q, c, ret, error);
	return 0;
}

static int on_message(void *ctx, struct json_object *msg, const char *text, size_t len)
{
	struct json_object *greeting, *data = NULL;
	struct qmp *q = ctx;
	const char *name;
	int rc;

	if (q->fd < 0)
		return 1;   /* closed by what came before in the same read */
	if (json_object_object_get_ex(msg, "QMP", &greeting)) {
		q->greeted = true;
		return 0;
	}
	name = qmp_str(msg, "event");
	if (name) {
		(void)json_object_object_get_ex(msg, "data", &data);
		q->on_event(q->ctx, name, data);
		return 0;
	}
	q->raw = text;
	q->raw_len = len;
	rc = on_reply(q, msg);
	q->raw = NULL;
	return rc;
}

static void pause_reading(struct qmp *q, unsigned ms)
{
	struct timeval tv = { 0, (suseconds_t)ms * 1000 };

	event_del(q->in);
	event_add(q->resume, &tv);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct qmp *q = arg;

	(void)fd;
	(void)what;
	if (q->in)
		event_add(q->in, NULL);
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	static char data[READ_BYTES];
	struct qmp *q = arg;
	struct err err = { 0 };
	unsigned wait;
	ssize_t n;
	int rc;

	(void)what;
	n = recv(fd, data, sizeof(data), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		err_set(&err, -EPIPE, ERR_OPERATION_FAILED, "guest '%s': QEMU closed its monitor",
			q->guest);
		lost(q, &err);
		return;
	}
	rc = qmp_parser_feed(&q->parser, data, (size_t)n, on_message, q, &err);
	if (rc < 0) {
		if (!err.code)
			err_set(&err, rc, ERR_INTERNAL_ERROR, "QEMU's monitor breaks its protocol");
		err_prefix(&err, rc, "guest '%s'", q->guest);
		log_warn("%s", err.text);
		lost(q, &err);
		return;
	}
	if (q->fd < 0)
		return;
	flush(q);
	timer_arm(q);
	wait = rate_add(&q->rate, ipc_ev_ms(), (size_t)n, QMP_RATE_BYTES);
	if (wait)
		pause_reading(q, wait);
}

int qmp_init(struct qmp *q, struct event_base *base, const char *guest)
{
	memset(q, 0, sizeof(*q));
	q->fd = -1;
	q->base = base;
	q->guest = guest;
	q->timeout_s = 60;
	q->tail = &q->head;
	q->timer = evtimer_new(base, on_timer, q);
	q->resume = evtimer_new(base, on_resume, q);
	return q->timer && q->resume ? qmp_parser_init(&q->parser) : -ENOMEM;
}

int qmp_connect(struct qmp *q, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	CLEAN_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct err err = { 0 };

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	q->in = event_new(q->base, fd, EV_READ | EV_PERSIST, readable, q);
	q->out = event_new(q->base, fd, EV_WRITE, writable, q);
	if (!q->in || !q->out || event_add(q->in, NULL)) {
		if (q->in)
			event_free(q->in);
		if (q->out)
			event_free(q->out);
		q->in = q->out = NULL;
		return -ENOMEM;
	}
	q->fd = take_fd(&fd);
	q->stuck = false;
	return qmp_send(q, "qmp_capabilities", NULL, -1, NULL, NULL, &err);
}
