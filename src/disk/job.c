/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disk/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "disk/disk.h"
#include "disk/mounts.h"
#include "ipc/ev.h"

/* A channel of one job; lives until the loop is through with it. */
struct side {
	struct ipc_chan ch;
	struct job *job;         /* NULL: let go */
	struct side **place;     /* in the job */
	bool worker;
};

static struct job *jobs;
static unsigned n_workers;

static void side_closed(struct ipc_chan *ch)
{
	struct side *s = ch->ctx;

	if (s->job)
		*s->place = NULL;
	if (s->worker)
		n_workers--;
	free(s);
}

static void side_end(struct side *s)
{
	if (!s)
		return;
	ipc_calls_forget(&s->ch, s->job);
	*s->place = NULL;
	s->job = NULL;
	ipc_chan_close(&s->ch, "done");
}

/* A fresh pair: our end becomes a side, the other goes to `to` by `send`. */
static struct side *side_new(struct job *j, struct side **place, struct ipc_chan *to,
			     const char *name, enum ipc_room peer,
			     int (*send)(struct ipc_chan *ch, const int *fds, unsigned n))
{
	struct side *s = calloc(1, sizeof(*s));
	int fds[2], r;

	r = s ? ipc_pair(fds) : -ENOMEM;
	if (r < 0) {
		free(s);
		job_fail(j, r, ERR_SYSTEM_ERROR, "a channel to %s: %s", name, strerrordesc_np(-r));
		return NULL;
	}
	ipc_chan_init(&s->ch, fds[0], name, peer);
	s->ch.ctx = s;
	s->ch.on_closed = side_closed;
	s->job = j;
	s->place = place;
	r = ipc_ev_attach(disk_room.base, &s->ch);
	if (r == 0)
		r = send(to, &fds[1], 1);
	fd_close(&fds[1]);
	if (r == 0) {
		*place = s;
		return s;
	}
	s->job = NULL;
	if (s->ch.loop) {
		ipc_chan_close(&s->ch, "not asked");
	} else {
		fd_close(&s->ch.fd);
		free(s);
	}
	job_fail(j, r, ERR_SYSTEM_ERROR, "asking for %s: %s", name, strerrordesc_np(-r));
	return NULL;
}

static int send_worker(struct ipc_chan *ch, const int *fds, unsigned n)
{
	return file_send_worker_fds(ch, fds, n);
}

static int send_reader(struct ipc_chan *ch, const int *fds, unsigned n)
{
	return image_send_reader_fds(ch, fds, n);
}

static void refuse_deadline(struct job *j)
{
	job_fail(j, -ETIMEDOUT, ERR_OPERATION_TIMEOUT,
		 "Cannot access storage file '%s': its file system did not answer within %u seconds (file_timeout in cordond.conf)",
		 j->path, disk_room.conf->file_timeout);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	refuse_deadline(arg);
}

int job_begin(struct job *j)
{
	const struct timeval t = { .tv_sec = disk_room.conf->file_timeout };

	if (j->endless)
		return 0;
	j->deadline = evtimer_new(disk_room.base, on_deadline, j);
	if (!j->deadline || evtimer_add(j->deadline, &t) < 0) {
		if (j->deadline)
			event_free(j->deadline);
		return -ENOMEM;
	}
	j->link = &jobs;
	j->next = jobs;
	if (j->next)
		j->next->link = &j->next;
	jobs = j;
	return 0;
}

void job_end(struct job *j, int rc, const struct err *err)
{
	if (!j->endless) {
		*j->link = j->next;
		if (j->next)
			j->next->link = j->link;
		event_free(j->deadline);
	}
	side_end(j->worker);
	side_end(j->reader);
	ipc_calls_forget(&disk_room.file.ch, j);
	j->ended(j, rc, err);
}

void job_fail(struct job *j, int rc, int code, const char *fmt, ...)
{
	struct err err = { 0 };
	va_list ap;

	va_start(ap, fmt);
	err_vset(&err, rc, code, fmt, ap);
	va_end(ap);
	job_end(j, rc, &err);
}

void job_cancel(const uint8_t guest[16])
{
	struct job *j = jobs;

	while (j) {
		if (memcmp(j->guest, guest, sizeof(j->guest)) != 0) {
			j = j->next;
			continue;
		}
		job_fail(j, -ECANCELED, ERR_OPERATION_ABORTED,
			 "Cannot access storage file '%s': cancelled", j->path);
		j = jobs;   /* the end of one may end others */
	}
}

/* A neighbour that is there, or the job is failed. */
static struct ipc_chan *neighbour(struct job *j, struct disk_peer *p)
{
	if (p->up)
		return &p->ch;
	job_fail(j, -EAGAIN, ERR_OPERATION_FAILED, "%s is being restarted: try again", p->name);
	return NULL;
}

struct ipc_chan *job_file(struct job *j, const char *path, bool slow)
{
	struct ipc_chan *file = neighbour(j, &disk_room.file);
	struct side *s;

	if (!file || (!slow && mounts_local(path)))
		return file;
	/* one process, one uid towards servers: not the last one's */
	side_end(j->worker);
	if (n_workers >= JOB_WORKERS_MAX) {
		job_fail(j, -EBUSY, ERR_OPERATION_FAILED,
			 "storage is slow and %d requests wait for it already: try again later",
			 JOB_WORKERS_MAX);
		return NULL;
	}
	s = side_new(j, &j->worker, file, "a worker of cordon-file", IPC_ROOM_FILE, send_worker);
	if (!s)
		return NULL;
	s->worker = true;
	n_workers++;
	return &s->ch;
}

struct ipc_chan *job_same(struct job *j)
{
	return j->worker ? &j->worker->ch : neighbour(j, &disk_room.file);
}

struct ipc_chan *job_reader(struct job *j)
{
	struct ipc_chan *image = j->reader ? &j->reader->ch : neighbour(j, &disk_room.image);
	struct side *s;

	if (!image || j->reader)
		return image;
	s = side_new(j, &j->reader, image, "a reader of cordon-image", IPC_ROOM_IMAGE, send_reader);
	return s ? &s->ch : NULL;
}

void job_unsent(struct job *j, int rc)
{
	job_fail(j, rc, ERR_SYSTEM_ERROR, "Cannot access storage file '%s': %s", j->path,
		 strerrordesc_np(-rc));
}

void job_refused(struct job *j, const char *prefix, const struct ipc_reply *r)
{
	int code;
	const char *advice = advice_for(r, &code);

	if (r->rc == -EPIPE)
		job_fail(j, -EAGAIN, ERR_OPERATION_FAILED,
			 "Cannot access storage file '%s': %s: try again", j->path, r->err->text);
	else
		job_fail(j, r->rc, code, "%s%s%s", prefix, r->err->text, advice);
}
