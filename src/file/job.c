/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One forked worker per request that may wait: for cordon-image, for a slow
 * disk, for a server that never answers. The worker serves the very same row
 * on a channel of its own, and has a deadline that does not depend on us.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "file/file.h"
#include "ipc/serve.h"
#include "sandbox/sandbox.h"

struct job {
	bool used;
	bool answered;            /* by the worker */
	pid_t pid;
	struct ipc_chan ch;
	struct ipc_call *call;    /* NULL once answered or cancelled */
	const char *path;         /* what it is about; lives with the call */
	uint8_t guest[16];
	job_finish_fn *finish;
	time_t deadline;
};

static struct job jobs[FILE_JOBS_MAX];
static struct pollfd pfds[1 + FILE_JOBS_MAX];   /* the first is the timer */
static unsigned n_running;                      /* workers not reaped */

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

int job_init(void)
{
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	pfds[0] = (struct pollfd){ timer, POLLIN, 0 };
	for (unsigned i = 1; i <= FILE_JOBS_MAX; i++)
		pfds[i] = (struct pollfd){ -1, POLLIN, 0 };
	return timer < 0 ? -errno : 0;
}

struct pollfd *job_poll(unsigned *ret_n)
{
	*ret_n = 1 + FILE_JOBS_MAX;
	return pfds;
}

static void tick(bool on)
{
	struct itimerspec t = { .it_value.tv_sec = on, .it_interval.tv_sec = on };

	timerfd_settime(pfds[0].fd, 0, &t, NULL);
}

static void reap(void)
{
	while (n_running && waitpid(-1, NULL, WNOHANG) > 0)
		n_running--;
	if (!n_running)
		tick(false);
}

static void job_end(struct job *j)
{
	j->call = NULL;
	ipc_chan_close(&j->ch, "done");
	fd_close(&j->ch.fd);
	pfds[1 + (j - jobs)].fd = -1;
	/* may be refused when it works as uid 0; then its own deadline ends it */
	if (!j->answered)
		kill(j->pid, SIGKILL);
	j->used = false;
}

static int refuse_timeout(const struct job *j, struct ipc_call *call)
{
	return ipc_refuse_text(call, -ETIMEDOUT, ERR_OPERATION_TIMEOUT,
			       "Cannot access storage file '%s': its file system did not answer within %u seconds (file_timeout in cordond.conf)",
			       j->path, file_room.conf->file_timeout);
}

static void on_done(void *ctx, struct ipc_reply *r)
{
	struct job *j = ctx;
	struct ipc_call *call = take_ptr(j->call);

	if (!call)
		return;
	if (r->rc == -EPIPE && now() >= j->deadline) {
		refuse_timeout(j, call);
	} else if (r->rc < 0) {
		j->answered = r->rc != -EPIPE;
		ipc_refuse(call, r->rc, r->err);
	} else {
		j->answered = true;
		j->finish(call, r);
	}
}

static void __attribute__((noreturn)) worker(int sock, bool remote)
{
	const int keep[] = { STDERR_FILENO, sock, file_room.image_bin, file_room.empty_root };
	struct itimerval limit = { .it_value.tv_sec = file_room.conf->file_timeout };
	struct ipc_chan ch;
	bool never = false;

	if (setitimer(ITIMER_REAL, &limit, NULL) < 0 ||
	    sandbox_close_others(keep, sizeof(keep) / sizeof(keep[0])) < 0)
		_exit(EXIT_FAILURE);
	if (remote && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		_exit(EXIT_FAILURE);
	/* after the change of uid, which would clear it */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		_exit(EXIT_FAILURE);
	file_room.worker = true;
	ipc_chan_init(&ch, sock, "file", IPC_ROOM_CORE);
	ch.serves[0] = &file_server;
	/* until the room has read the answer and closes its end */
	ipc_wait(&ch, &never, -1);
	_exit(EXIT_SUCCESS);
}

static struct job *free_slot(void)
{
	for (unsigned i = 0; i < FILE_JOBS_MAX; i++)
		if (!jobs[i].used)
			return &jobs[i];
	return NULL;
}

int job_start(struct ipc_call *call, const uint8_t guest[16], const char *path, bool remote,
	      job_finish_fn *finish)
{
	/* workers whose request was given up count until they are gone */
	struct job *j = n_running < 2 * FILE_JOBS_MAX ? free_slot() : NULL;
	int fds[2], r;
	pid_t pid;

	reap();
	if (!j)
		return err_set(&call->err, -EBUSY, ERR_OPERATION_FAILED,
			       "%s: storage is slow and %d requests wait for it already: try again later",
			       call->row->name, FILE_JOBS_MAX);
	r = ipc_pair(fds);
	if (r < 0)
		return err_sys(&call->err, r, "starting a worker");
	pid = fork();
	if (pid == 0)
		worker(fds[1], remote);
	r = -errno;
	fd_close(&fds[1]);
	if (pid < 0) {
		fd_close(&fds[0]);
		return err_sys(&call->err, r, "starting a worker");
	}
	n_running++;
	*j = (struct job){ .used = true, .pid = pid, .path = path, .finish = finish,
			   .deadline = now() + file_room.conf->file_timeout };
	memcpy(j->guest, guest, sizeof(j->guest));
	ipc_chan_init(&j->ch, fds[0], "worker", IPC_ROOM_FILE);
	r = ipc_call_start(&j->ch, call->program, (unsigned)(call->row - call->program->rows),
			   call->args, NULL, 0, on_done, j);
	if (r < 0) {
		job_end(j);
		return err_sys(&call->err, r, "asking a worker");
	}
	j->call = call;
	pfds[1 + (j - jobs)] = (struct pollfd){ fds[0], POLLIN, 0 };
	tick(true);
	ipc_chan_flush(&j->ch);
	return 0;
}

void job_cancel(const uint8_t guest[16])
{
	for (unsigned i = 0; i < FILE_JOBS_MAX; i++) {
		struct job *j = &jobs[i];
		struct ipc_call *call;

		if (!j->used || memcmp(j->guest, guest, sizeof(j->guest)) != 0)
			continue;
		call = take_ptr(j->call);
		if (call)
			ipc_refuse_text(call, -ECANCELED, ERR_OPERATION_ABORTED, "%s: cancelled",
					call->row->name);
		job_end(j);
	}
}

/* A worker in a state that no signal ends must not keep its request. */
static void on_tick(void)
{
	uint64_t n;

	if (read(pfds[0].fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
		log_warn("timer: %s", strerrordesc_np(errno));
	for (unsigned i = 0; i < FILE_JOBS_MAX; i++) {
		struct job *j = &jobs[i];
		struct ipc_call *call;

		if (!j->used || now() <= j->deadline)
			continue;
		call = take_ptr(j->call);
		if (call)
			refuse_timeout(j, call);
		job_end(j);
	}
	reap();
}

void job_ready(void *ctx, unsigned i)
{
	struct job *j;

	(void)ctx;
	if (i == 0) {
		on_tick();
		return;
	}
	j = &jobs[i - 1];
	if (!j->used)
		return;
	if (pfds[i].fd >= 0)
		ipc_chan_read(&j->ch);
	if (!j->call || j->ch.closed)
		job_end(j);
	reap();
}
