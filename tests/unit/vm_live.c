/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm_live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "hv/qemu/plan.h"
#include "sandbox/execargs.h"
#include "vm/vm_fds.h"
#include "xml/domain.h"

#define QEMU_FD_FIRST 20
#define CHECK(x) do { if (!(x)) { fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #x, \
					  strerror(errno)); abort(); } } while (0)

extern const struct ipc_handlers vmup_server;

static struct live *current;

double live_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int random_bytes(void *ctx, void *out, size_t n)
{
	(void)ctx;
	memset(out, 0x42, n);
	return 0;
}

static void add_fd(struct live *l, enum guest_fd_kind kind, unsigned index, unsigned depth)
{
	l->fds[l->n_fds] = (struct guest_fd){ .kind = kind, .index = index, .depth = depth,
					      .write = true, .number = QEMU_FD_FIRST + (int)l->n_fds };
	l->n_fds++;
}

static void list_fds(struct live *l)
{
	const struct domain *d = &l->model;

	add_fd(l, GUEST_FD_KIND_MONITOR, 0, 0);
	for (uint32_t i = 0; i < d->n_disks; i++)
		if (d->disks[i].path)
			add_fd(l, GUEST_FD_KIND_IMAGE, i, 0);
	for (uint32_t i = 0; i < d->n_serials; i++)
		add_fd(l, GUEST_FD_KIND_CHARDEV, i, DOM_CHR_KIND_SERIAL);
	for (uint32_t i = 0; i < d->n_consoles; i++)
		if (!plan_console_is_serial(d, i))
			add_fd(l, GUEST_FD_KIND_CHARDEV, i, DOM_CHR_KIND_CONSOLE);
	for (uint32_t i = 0; i < d->n_channels; i++)
		add_fd(l, GUEST_FD_KIND_CHARDEV, i, DOM_CHR_KIND_CHANNEL);
}

static void make_pty(struct live *l)
{
	struct termios t;
	int slave;

	l->pty_master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	CHECK(l->pty_master >= 0 && !grantpt(l->pty_master) && !unlockpt(l->pty_master));
	snprintf(l->pty_name, sizeof(l->pty_name), "%s", ptsname(l->pty_master));
	CHECK(!tcgetattr(l->pty_master, &t));
	cfmakeraw(&t);
	CHECK(!tcsetattr(l->pty_master, TCSANOW, &t));
	slave = open(l->pty_name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	CHECK(slave >= 0);
	close(slave);
}

void live_init(struct live *l, const char *xml, const char *image)
{
	static const struct plan_env env = { .random = random_bytes };
	struct err err = { 0 };

	memset(l, 0, sizeof(*l));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	snprintf(l->dir, sizeof(l->dir), "/tmp/cordon-vm-test.XXXXXX");
	CHECK(mkdtemp(l->dir) && !chmod(l->dir, 0711));
	l->arena = arena_new(32u << 20);
	l->image = l->ret_fd = -1;
	if (domain_xml_parse(xml, strlen(xml), 0, l->arena, &l->model, &err) ||
	    plan_complete(&l->model, &env, l->arena, &err)) {
		fprintf(stderr, "model: %s\n", err.text);
		abort();
	}
	CHECK(!plan_aliases(&l->model, l->arena));
	if (image)
		l->image = open(image, O_RDWR | O_CLOEXEC);
	list_fds(l);
	make_pty(l);
}

static int listen_at(struct live *l, const char *name, int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	CHECK(snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", l->dir, name) <
	      (int)sizeof(addr.sun_path));
	unlink(addr.sun_path);
	CHECK(!bind(fd, (struct sockaddr *)&addr, sizeof(addr)) && !listen(fd, 4));
	CHECK(!chmod(addr.sun_path, 0600));
	if (type == SOCK_STREAM)
		CHECK(!chown(addr.sun_path, LIVE_VM_UID, LIVE_VM_UID));
	return fd;
}

static int open_at(struct live *l, const char *name, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", l->dir, name);
	fd = open(path, flags | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	return fd;
}

/* The cage's child: waits for the list, becomes QEMU. */
static _Noreturn void cage_child(struct live *l, int args, const int *fds, int fifo)
{
	struct execargs_report ready = { 0 };
	uint8_t head[EXECARGS_HEAD];
	uint32_t size, count;
	char **argv, *data;
	int high[64];

	CHECK(write(args, &ready, sizeof(ready)) == sizeof(ready));
	CHECK(recv(args, head, sizeof(head), MSG_WAITALL) == EXECARGS_HEAD);
	CHECK(!execargs_head(head, &size, &count));
	data = malloc(size + 1);
	argv = calloc(count + 3, sizeof(*argv));
	CHECK(recv(args, data, size, MSG_WAITALL) == (ssize_t)size);
	CHECK(!execargs_split(data, size, count, argv));
	for (unsigned i = 0; i < l->n_fds; i++)
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 200);
	for (unsigned i = 0; i < l->n_fds; i++)
		CHECK(dup2(high[i], l->fds[i].number) >= 0);
	CHECK(dup2(fifo, 1) == 1 && dup2(fifo, 2) == 2);
	argv[0] = (char *)(uintptr_t)(l->fake_qemu ? l->fake_qemu : "/usr/bin/qemu-system-x86_64");
	if (getenv("LIVE_SHOW"))
		for (uint32_t i = 0; i <= count; i++)
			fprintf(stderr, "%s ", argv[i]);
	execv(argv[0], argv);
	_exit(127);
}

static void make_fds(struct live *l, int fds[64])
{
	for (unsigned i = 0; i < l->n_fds; i++) {
		char name[64];

		if (l->fds[i].kind == GUEST_FD_KIND_IMAGE) {
			fds[i] = l->image;
			continue;
		}
		if (l->fds[i].kind == GUEST_FD_KIND_MONITOR)
			snprintf(name, sizeof(name), VM_MONITOR_NAME, l->fds[i].index);
		else
			snprintf(name, sizeof(name), VM_CHARDEV_NAME, l->fds[i].depth,
				 l->fds[i].index);
		fds[i] = listen_at(l, name, SOCK_STREAM);
	}
}

struct slot {
	int fd, at;
};

static _Noreturn void become_vm(struct live *l, const struct slot *slots, unsigned n)
{
	const char *build = getenv("CORDON_BUILD_ROOT"), *own_vm = getenv("CORDON_VM");
	char path[512], *argv[] = { (char *)(uintptr_t)"cordon-vm", NULL };
	int high[32];

	for (unsigned i = 0; i < n; i++)
		high[i] = fcntl(slots[i].fd, F_DUPFD_CLOEXEC, 300);
	for (unsigned i = 0; i < n; i++)
		CHECK(dup2(high[i], slots[i].at) >= 0);
	/* no gap may be filled by something of ours */
	for (int fd = VM_FD_CORE; fd < VM_FD_PTY + 2; fd++) {
		bool given = false;

		for (unsigned i = 0; i < n; i++)
			given |= slots[i].at == fd;
		if (!given)
			close(fd);
	}
	snprintf(path, sizeof(path), "%s/cordon-vm", build ? build : ".");
	CHECK(!chdir(l->dir));
	execv(own_vm ? own_vm : path, argv);
	perror("cordon-vm");
	_exit(127);
}

static _Noreturn void stage(struct live *l, int core, int report, const int *fds, const int *own)
{
	int args[2] = { -1, -1 }, proc, pidfd;
	struct slot slots[16];
	char path[64];
	unsigned n = 0;

	if (fds) {
		CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, args));
		l->qemu = fork();
		if (l->qemu == 0)
			cage_child(l, args[1], fds, own[5]);
		close(args[1]);
	}
	CHECK(write(report, &l->qemu, sizeof(l->qemu)) == sizeof(l->qemu));
	pidfd = (int)syscall(SYS_pidfd_open, l->qemu, 0);
	snprintf(path, sizeof(path), "/proc/%d", (int)l->qemu);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	slots[n++] = (struct slot){ core, VM_FD_CORE };
	if (fds)
		slots[n++] = (struct slot){ args[0], VM_FD_ARGS };
	slots[n++] = (struct slot){ pidfd, VM_FD_QEMU };
	slots[n++] = (struct slot){ proc, VM_FD_PROC };
	slots[n++] = (struct slot){ own[0], VM_FD_LOG };
	slots[n++] = (struct slot){ own[1], VM_FD_LOG_OLD };
	slots[n++] = (struct slot){ own[2], VM_FD_JOURNAL };
	slots[n++] = (struct slot){ own[3], VM_FD_LISTEN };
	slots[n++] = (struct slot){ own[4], VM_FD_FIFO };
	slots[n++] = (struct slot){ own[6], VM_FD_PICTURE };
	slots[n++] = (struct slot){ own[7], VM_FD_PICTURE_OUT };
	slots[n++] = (struct slot){ l->pty_master, VM_FD_PTY };
	become_vm(l, slots, n);
}

static void on_closed(struct ipc_chan *ch)
{
	((struct live *)ch->ctx)->closed = true;
}

static void serve(struct live *l, int fd)
{
	ipc_chan_init(&l->ch, fd, "vm", IPC_ROOM_VM);
	ipc_chan_queue(&l->ch);
	l->ch.serves[0] = &vmup_server;
	l->ch.ctx = l;
	l->ch.on_closed = on_closed;
	l->closed = false;
	current = l;
}

void live_spawn(struct live *l, bool adopt)
{
	int pair[2], report[2], fds[64], own[8];
	char fifo[128];

	CHECK(!ipc_pair(pair) && !pipe2(report, O_CLOEXEC));
	if (!adopt)
		make_fds(l, fds);
	snprintf(fifo, sizeof(fifo), "%s/%s", l->dir, VM_FIFO_NAME);
	(void)!mkfifo(fifo, 0600);
	own[0] = open_at(l, "guest.log", O_RDWR | O_CREAT | O_APPEND);
	own[1] = open_at(l, "guest.log.0", O_RDWR | O_CREAT);
	own[2] = open_at(l, "journal", O_RDWR | O_CREAT);
	CHECK(!fchown(own[2], LIVE_VM_UID, LIVE_VM_UID));
	own[3] = listen_at(l, VM_SOCK_NAME, SOCK_SEQPACKET);
	own[5] = open_at(l, VM_FIFO_NAME, O_RDWR | O_NONBLOCK);
	own[4] = open_at(l, VM_FIFO_NAME, O_RDONLY | O_NONBLOCK);
	own[6] = open_at(l, VM_PICTURE_NAME, O_RDONLY | O_CREAT);
	own[7] = open_at(l, VM_PICTURE_NAME, O_WRONLY);
	l->vm = fork();
	if (l->vm == 0)
		stage(l, pair[1], report[1], adopt ? NULL : fds, own);
	CHECK(read(report[0], &l->qemu, sizeof(l->qemu)) == sizeof(l->qemu));
	close(report[0]);
	close(report[1]);
	close(pair[1]);
	for (int i = 0; i < 8; i++)
		close(own[i]);
	for (unsigned i = 0; !adopt && i < l->n_fds; i++)
		if (fds[i] != l->image)
			close(fds[i]);
	serve(l, pair[0]);
}

void live_reconnect_core(struct live *l)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.60s/%s", l->dir, VM_SOCK_NAME);
	CHECK(!connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	serve(l, fd);
}

void live_drop_core(struct live *l)
{
	ipc_chan_close(&l->ch, "test");
	fd_close(&l->ch.fd);
}

/* ---- turning ---- */

static void turn(struct live *l, int ms)
{
	struct pollfd p = { .fd = l->ch.fd, .events = POLLIN };

	(void)ipc_chan_flush(&l->ch);
	if (l->ch.out_head)
		p.events |= POLLOUT;
	if (poll(&p, 1, ms) > 0 && !l->closed)
		(void)ipc_chan_read(&l->ch);
}

bool live_until(struct live *l, const bool *flag, int ms)
{
	double end = live_now_ms() + ms;

	while (!*flag && !l->closed && live_now_ms() < end)
		turn(l, 5);
	return *flag;
}

void live_wait(struct live *l, int ms)
{
	bool never = false;

	(void)live_until(l, &never, ms);
}

void live_done(void *ctx, struct ipc_reply *r)
{
	struct live *l = ctx;

	l->answered = true;
	l->events_before = l->n_events;
	l->rc = r->rc;
	l->err = r->err ? *r->err : (struct err){ 0 };
	arena_free(l->ret_arena);
	l->ret = (void *)(uintptr_t)r->ret;
	l->ret_arena = take_ptr(r->arena);
	fd_close(&l->ret_fd);
	l->ret_fd = r->n_fds ? take_fd(&r->fds[0]) : -1;
}

int live_answer(struct live *l)
{
	bool ok = live_until(l, &l->answered, 20000);

	l->answered = false;
	return ok ? l->rc : -ETIMEDOUT;
}

void live_boot(struct live *l, bool paused, bool adopt)
{
	struct vm_boot_args args = {
		.model = l->model, .fds = l->fds, .n_fds = l->n_fds, .paused = paused,
		.adopt = adopt, .qmp_timeout = 2, .start_timeout = 20, .event_queue_max = 1000,
		.console_buffer_max = 65536, .guest_log_max = 20000,
		.event_seq = l->n_events ? l->events[l->n_events - 1].seq : 0,
	};

	CHECK(!vm_call_boot(&l->ch, &args, NULL, 0, live_done, l));
	(void)live_answer(l);
}

int vmup_on_events(struct ipc_call *call, const struct vm_events *args)
{
	struct live *l = current;
	struct vm_ack ack = { 0 };

	l->lost = args->lost;
	for (uint32_t i = 0; i < args->n_events && l->n_events < LIVE_EVENTS_MAX; i++) {
		struct vm_event *e = &l->events[l->n_events];

		if (l->n_events && args->events[i].seq <= e[-1].seq)
			continue;
		*e = args->events[i];
		e->text = arena_strdup(l->arena, e->text);
		e->text2 = arena_strdup(l->arena, e->text2);
		e->text3 = arena_strdup(l->arena, e->text3);
		l->exited |= e->kind == VM_EVENT_KIND_EXITED;
		l->n_events++;
		ack.seq = e->seq;
		if (getenv("LIVE_SHOW"))
			fprintf(stderr, "event %llu kind %u a %lld b %lld state %d/%d\n",
				(unsigned long long)e->seq, e->kind, (long long)e->a,
				(long long)e->b, e->state, e->reason);
	}
	if (!l->no_ack && ack.seq)
		(void)vm_send_ack(&l->ch, &ack);
	return ipc_reply(call, NULL, NULL, 0);
}

bool live_event(struct live *l, enum vm_event_kind kind, int64_t a, int64_t b, int ms)
{
	double end = live_now_ms() + ms;

	do {
		for (unsigned i = 0; i < l->n_events; i++)
			if (l->events[i].kind == kind && (a < 0 || l->events[i].a == a) &&
			    (b < 0 || l->events[i].b == b))
				return true;
		turn(l, 5);
	} while (live_now_ms() < end && !l->closed);
	return false;
}

void live_end(struct live *l)
{
	struct dirent *e;
	DIR *dir;

	if (!l->dir[0])
		return;
	if (!l->closed && l->ch.name)
		ipc_chan_close(&l->ch, "end");
	if (l->ch.name)
		fd_close(&l->ch.fd);
	if (l->vm > 0)
		kill(l->vm, SIGKILL);
	if (l->qemu > 0)
		kill(l->qemu, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	dir = opendir(l->dir);
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(l->dir);
	fd_close(&l->pty_master);
	fd_close(&l->image);
	fd_close(&l->ret_fd);
	arena_free(l->ret_arena);
	arena_free(l->arena);
	memset(l, 0, sizeof(*l));
}
