/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cordon-vm with a real QEMU, and with hostile ones. Needs root and QEMU; tiny guest of 512 bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "vm_live.h"

/* KiB; the sanitizers' own memory comes on top, but little of what was freed (see main()) */
#ifdef CORDON_SANITIZE
#define PSS_MAX(kib) ((kib) + 65536)
#else
#define PSS_MAX(kib) (kib)
#endif


/*
 * 16-bit code: prints "BOOTED" on the first serial port, then echoes; 'p' powers off,
 * 'r' resets, 'c' writes to the panic device, 'f' floods, 'h' halts. Made from:
 *   tests/unit/vm_guest.S
 */
static const uint8_t guest[] = {
#include "vm_guest.inc"
};

static char *xml_of(const char *poweroff, const char *reboot, const char *crash)
{
	static char xml[4096];

	snprintf(xml, sizeof(xml),
		 "<domain type='qemu'><name>live</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>"
		 "<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>"
		 "<on_poweroff>%s</on_poweroff><on_reboot>%s</on_reboot><on_crash>%s</on_crash>"
		 "<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>"
		 "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/d.img'/>"
		 "<target dev='sda' bus='sata'/></disk>"
		 "<serial type='pty'/><console type='pty'/>"
		 "<graphics type='vnc' passwd='secret'/><video><model type='vga'/></video>"
		 "<memballoon model='virtio'/><panic model='isa'/></devices></domain>",
		 poweroff, reboot, crash);
	return xml;
}

static struct live the_live;
static char image[64], fake_path[64];   /* in the way of no other run */

static void make_image(void)
{
	int fd = open(image, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	assert_int_equal(pwrite(fd, guest, sizeof(guest), 0), sizeof(guest));
	close(fd);
}

static struct live *begin(const char *poweroff, const char *reboot, const char *crash)
{
	make_image();
	live_init(&the_live, xml_of(poweroff, reboot, crash), image);
	return &the_live;
}

/* A test that failed half way left its processes. */
static int sweep(void **state)
{
	(void)state;
	live_end(&the_live);
	unlink(image);
	unlink(fake_path);
	return 0;
}

static struct live *booted(const char *poweroff, const char *reboot, const char *crash)
{
	struct live *l = begin(poweroff, reboot, crash);

	live_spawn(l, false);
	live_boot(l, false, false);
	if (l->rc)
		fprintf(stderr, "BOOT: %s\n", l->err.text);
	assert_int_equal(l->rc, 0);
	return l;
}

static int console(struct live *l, bool force)
{
	struct vm_device_args args = { .device = (char *)(uintptr_t)"", .force = force,
				       .peer = (char *)(uintptr_t)"" };

	assert_int_equal(vm_call_console(&l->ch, &args, NULL, 0, live_done, l), 0);
	(void)live_answer(l);
	return l->rc ? -1 : take_fd(&l->ret_fd);
}

/* Read from `fd` until `want` was seen; the vm needs no turn of ours for that. */
static bool sees(int fd, const char *want, int ms)
{
	char text[65536];
	double end = live_now_ms() + ms;
	size_t n = 0;

	while (live_now_ms() < end && n < sizeof(text) - 1) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t r;

		if (poll(&p, 1, 50) <= 0)
			continue;
		r = read(fd, text + n, sizeof(text) - 1 - n);
		if (r <= 0)
			break;
		n += (size_t)r;
		text[n] = '\0';
		for (size_t i = 0; i < n; i++)
			if (!text[i])
				text[i] = '?';
		if (strstr(text, want))
			return true;
	}
	return false;
}

static struct vm_status *status(struct live *l)
{
	assert_int_equal(vm_call_status(&l->ch, NULL, 0, live_done, l), 0);
	assert_int_equal(live_answer(l), 0);
	return l->ret;
}

static int action(struct live *l, enum vm_action what, int reason)
{
	struct vm_action_args args = { .action = what, .reason = reason };

	assert_int_equal(vm_call_action(&l->ch, &args, NULL, 0, live_done, l), 0);
	return live_answer(l);
}

static void key(int fd, char c)
{
	assert_int_equal(write(fd, &c, 1), 1);
}

/* ---- tests ---- */

static void test_boot_console(void **state)
{
	struct live *l = booted("destroy", "restart", "destroy");
	int fd, fd2, pty;

	(void)state;
	assert_int_equal(status(l)->state, 1);
	assert_int_equal(status(l)->reason, 1);
	assert_true(live_event(l, VM_EVENT_KIND_LIFECYCLE, 4, 0, 1000));
	live_wait(l, 1500);
	fd = console(l, false);
	assert_true(fd >= 0);
	assert_true(sees(fd, "BOOTED", 5000));   /* what was said before we came */
	key(fd, 'x');
	assert_true(sees(fd, "x", 2000));
	assert_int_equal(console(l, false), -1);
	assert_int_equal(l->err.code, ERR_OPERATION_FAILED);
	fd2 = console(l, true);
	assert_true(fd2 >= 0);
	assert_false(sees(fd, "never", 300));    /* the old one was closed */
	key(fd2, 'y');
	assert_true(sees(fd2, "y", 2000));
	pty = open(l->pty_name, O_RDWR | O_NOCTTY);
	assert_true(pty >= 0);
	key(pty, 'z');
	assert_true(sees(pty, "z", 2000));
	assert_true(sees(fd2, "z", 2000));
	close(pty);
	close(fd2);
	live_wait(l, 100);
	fd = console(l, false);
	assert_true(fd >= 0);
	key(fd, 'p');
	assert_true(live_event(l, VM_EVENT_KIND_LIFECYCLE, 6, 1, 5000));
	assert_true(live_event(l, VM_EVENT_KIND_EXITED, 0, 1, 5000));
	assert_int_equal(status(l)->phase, VM_PHASE_GONE);
	assert_int_equal(status(l)->reason, 1);
	close(fd);
	live_end(l);
}

static void test_suspend_reset(void **state)
{
	struct live *l = booted("destroy", "restart", "destroy");

	(void)state;
	assert_int_equal(action(l, VM_ACTION_SUSPEND, 0), 0);
	assert_true(live_event(l, VM_EVENT_KIND_LIFECYCLE, 3, 0, 1000));
	assert_int_equal(status(l)->state, 3);
	assert_int_equal(status(l)->reason, 1);
	assert_int_equal(action(l, VM_ACTION_RESUME, 0), 0);
	live_wait(l, 50);
	assert_int_equal(status(l)->state, 1);
	assert_int_equal(status(l)->reason, 5);
	assert_int_equal(action(l, VM_ACTION_RESET, 0), 0);
	assert_true(live_event(l, VM_EVENT_KIND_REBOOT, -1, -1, 2000));
	assert_int_equal(action(l, VM_ACTION_QUIT, 0), 0);
	assert_true(live_event(l, VM_EVENT_KIND_EXITED, 0, 1, 5000));
	live_end(l);
}

static void test_paused_password_viewer(void **state)
{
	struct vm_device_args args = { .device = (char *)(uintptr_t)"", .skip_auth = true,
				       .peer = (char *)(uintptr_t)"192.0.2.1:99" };
	struct live *l = begin("destroy", "restart", "destroy");

	(void)state;
	live_spawn(l, false);
	live_boot(l, true, false);
	assert_int_equal(l->rc, 0);
	assert_int_equal(status(l)->state, 3);
	assert_int_equal(vm_call_viewer(&l->ch, &args, NULL, 0, live_done, l), 0);
	assert_int_equal(live_answer(l), 0);
	assert_true(sees(l->ret_fd, "RFB 003", 2000));
	assert_true(live_event(l, VM_EVENT_KIND_GRAPHICS, 0, -1, 1000));
	fd_close(&l->ret_fd);
	assert_true(live_event(l, VM_EVENT_KIND_GRAPHICS, 2, -1, 3000));
	assert_string_equal(l->events[l->n_events - 1].text, "192.0.2.1:99");
	assert_int_equal(action(l, VM_ACTION_RESUME, 0), 0);
	assert_true(live_event(l, VM_EVENT_KIND_LIFECYCLE, 4, 0, 1000));
	live_end(l);
}

static void test_screenshot_stats(void **state)
{
	struct vm_device_args args = { .device = (char *)(uintptr_t)"", .peer = (char *)(uintptr_t)"" };
	struct vm_stats_args sargs = { .types = 0xffff };
	struct vm_balloon_args bargs = { .kib = 40960 };
	struct live *l = booted("destroy", "restart", "destroy");
	struct vm_stats_ret *s;
	double t = 0;
	int fd;

	(void)state;
	fd = console(l, false);
	assert_true(sees(fd, "BOOTED", 10000));
	close(fd);
	assert_int_equal(vm_call_screenshot(&l->ch, &args, NULL, 0, live_done, l), 0);
	if (live_answer(l))
		fprintf(stderr, "screenshot: %s\n", l->err.text);
	assert_int_equal(l->rc, 0);
	print_message("screenshot as %s\n", ((struct vm_screenshot_ret *)l->ret)->mime);
	assert_true(sees(l->ret_fd, l->ret && strstr(((struct vm_screenshot_ret *)l->ret)->mime, "png") ?
			 "PNG" : "P6", 2000));
	for (int i = 0; i < 3; i++) {
		t = live_now_ms();
		assert_int_equal(vm_call_stats(&l->ch, &sargs, NULL, 0, live_done, l), 0);
		assert_int_equal(live_answer(l), 0);
		t = live_now_ms() - t;
	}
	s = l->ret;
	print_message("stats in %.2f ms\n", t);
	assert_int_equal(s->n_vcpus, 2);
	assert_int_equal(s->n_disks, 1);
	assert_string_equal(s->disks[0].target, "sda");
	assert_true(s->disks[0].rd_bytes > 0);
	assert_true(s->disks[0].capacity == 1 << 20);
	assert_true(s->disks[0].physical == 1 << 20);
	assert_true(s->cpu_user_ns > 0);
	assert_true(s->n_memory >= 2);
	assert_false(s->stuck);
	assert_int_equal(vm_call_balloon(&l->ch, &bargs, NULL, 0, live_done, l), 0);
	assert_int_equal(live_answer(l), 0);
	live_end(l);
}

static void test_actions_of_guest(void **state)
{
	struct live *l = booted("restart", "restart", "restart");
	int fd = console(l, false);

	(void)state;
	assert_true(sees(fd, "BOOTED", 10000));
	key(fd, 'p');
	assert_true(sees(fd, "BOOTED", 10000));   /* on_poweroff restart */
	live_wait(l, 100);
	assert_true(live_event(l, VM_EVENT_KIND_REBOOT, -1, -1, 10));
	assert_false(live_event(l, VM_EVENT_KIND_LIFECYCLE, 6, -1, 10));
	assert_false(live_event(l, VM_EVENT_KIND_LIFECYCLE, 3, -1, 10));
	assert_int_equal(status(l)->state, 1);
	key(fd, 'c');
	assert_true(sees(fd, "BOOTED", 10000));   /* on_crash restart */
	assert_true(live_event(l, VM_EVENT_KIND_LIFECYCLE, 8, 0, 1000));
	live_wait(l, 100);
	assert_int_equal(status(l)->state, 1);
	close(fd);
	live_end(l);

	l = booted("destroy", "destroy", "preserve");
	fd = console(l, false);
	assert_true(sees(fd, "BOOTED", 10000));
	key(fd, 'c');
	assert_true(live_event(l, VM_EVENT_KIND_LIFECYCLE, 8, 0, 5000));
	live_wait(l, 300);
	assert_int_equal(status(l)->state, 6);
	assert_false(l->exited);
	assert_int_equal(action(l, VM_ACTION_RESET, 0), 0);
	close(fd);
	live_end(l);

	l = booted("destroy", "destroy", "destroy");
	fd = console(l, false);
	assert_true(sees(fd, "BOOTED", 10000));
	key(fd, 'r');
	assert_true(live_event(l, VM_EVENT_KIND_LIFECYCLE, 6, 1, 5000));
	assert_true(live_event(l, VM_EVENT_KIND_EXITED, 0, 1, 5000));
	close(fd);
	live_end(l);
}

static void test_core_lost(void **state)
{
	struct live *l = booted("destroy", "restart", "destroy");
	unsigned before;
	int fd;

	(void)state;
	fd = console(l, false);
	assert_true(sees(fd, "BOOTED", 10000));
	live_wait(l, 50);
	before = l->n_events;
	live_drop_core(l);
	key(fd, 'r');
	assert_true(sees(fd, "BOOTED", 10000));   /* it goes on without us */
	live_reconnect_core(l);
	live_boot(l, false, true);
	assert_int_equal(l->rc, 0);
	assert_true(live_event(l, VM_EVENT_KIND_REBOOT, -1, -1, 1000));
	assert_true(l->n_events > before);
	for (unsigned i = 1; i < l->n_events; i++)
		assert_true(l->events[i].seq == l->events[i - 1].seq + 1);
	close(fd);
	live_end(l);
}

static void test_adopt(void **state)
{
	struct live *l = booted("destroy", "restart", "destroy");
	unsigned before;
	int fd;

	(void)state;
	fd = console(l, false);
	assert_true(sees(fd, "BOOTED", 10000));
	live_wait(l, 50);
	before = l->n_events;
	l->no_ack = true;
	key(fd, 'r');
	assert_true(sees(fd, "BOOTED", 10000));
	close(fd);
	live_wait(l, 50);
	assert_int_equal(kill(l->vm, SIGKILL), 0);
	waitpid(l->vm, NULL, 0);
	live_drop_core(l);
	assert_int_equal(kill(l->qemu, 0), 0);
	l->n_events = before;              /* as if they had not arrived */
	l->no_ack = false;
	live_spawn(l, true);
	live_boot(l, false, true);
	if (l->rc)
		fprintf(stderr, "adopt: %s\n", l->err.text);
	assert_int_equal(l->rc, 0);
	assert_int_equal(((struct vm_status *)l->ret)->state, 1);
	assert_true(live_event(l, VM_EVENT_KIND_REBOOT, -1, -1, 1000));
	for (unsigned i = 1; i < l->n_events; i++)
		assert_true(l->events[i].seq == l->events[i - 1].seq + 1);
	fd = console(l, false);
	assert_true(fd >= 0);
	key(fd, 'q');
	assert_true(sees(fd, "q", 3000));
	/* its death is seen, though not how */
	kill(l->qemu, SIGKILL);
	assert_true(live_event(l, VM_EVENT_KIND_EXITED, -1, 0, 3000));
	close(fd);
	live_end(l);

	/* what happened while nobody watched: the guest powered off */
	l = booted("destroy", "restart", "destroy");
	fd = console(l, false);
	assert_true(sees(fd, "BOOTED", 10000));
	live_wait(l, 50);
	kill(l->vm, SIGSTOP);
	kill(l->vm, SIGKILL);
	waitpid(l->vm, NULL, 0);
	live_drop_core(l);
	close(fd);
	live_spawn(l, true);
	live_boot(l, false, true);
	assert_int_equal(l->rc, 0);
	live_end(l);
}

static void test_killed(void **state)
{
	struct live *l = booted("destroy", "restart", "destroy");

	(void)state;
	kill(l->qemu, SIGKILL);
	assert_true(live_event(l, VM_EVENT_KIND_EXITED, 9, 1, 3000));
	assert_int_equal(status(l)->reason, 6);
	live_end(l);
}

/* ---- hostile QEMUs: a python script that is given the monitor's listening socket ---- */

static struct live *fake(const char *body)
{
	struct live *l = begin("destroy", "restart", "destroy");
	FILE *f = fopen(fake_path, "w");

	assert_non_null(f);
	fprintf(f, "#!/usr/bin/python3\nimport socket, json, time, sys, os\n"
		"s = socket.socket(fileno=20)\ns.settimeout(None)\nc, _ = s.accept()\nc.settimeout(None)\n"
		"f = c.makefile('r')\n"
		"def say(o): c.sendall(json.dumps(o).encode() + b'\\r\\n')\n"
		"def serve(n=10**9):\n"
		"    for line in f:\n"
		"        q = json.loads(line); say({'return': {}, 'id': q['id']})\n"
		"        n -= 1\n"
		"        if q['execute'] == 'cont': say({'event': 'RESUME'})\n"
		"        if n <= 0 or q['execute'] == 'cont': return\n"
		"%s\ntime.sleep(60)\n", body);
	fclose(f);
	chmod(fake_path, 0755);
	l->fake_qemu = fake_path;
	live_spawn(l, false);
	return l;
}

static void test_garbage(void **state)
{
	struct live *l;

	(void)state;
	l = fake("print('said before the end'); sys.stdout.flush(); sys.exit(3)");
	live_boot(l, false, false);
	assert_int_equal(l->rc, -EIO);
	assert_non_null(strstr(l->err.text, "said before the end"));
	live_end(l);

	l = fake("c.sendall(b'hello, I am no monitor\\r\\n' * 3)");
	live_boot(l, false, false);
	assert_true(l->rc < 0);
	print_message("%s\n", l->err.text);
	live_end(l);

	l = fake("c.sendall(b'[' * 100000000)");
	live_boot(l, false, false);
	assert_true(l->rc < 0);
	print_message("%s\n", l->err.text);
	live_end(l);

	l = fake("say({'QMP': {}}); serve(); c.sendall(b'{\"event\": \"X\", \"data\": {\"x\": [' + b'1,' * 200000)\nc.sendall(b'1]}}\\n')");
	live_boot(l, false, false);
	assert_int_equal(l->rc, 0);
	live_wait(l, 500);
	assert_true(status(l)->stuck);
	live_end(l);
}

static void test_silence(void **state)
{
	struct live *l = fake("say({'QMP': {}}); serve()");

	(void)state;
	live_boot(l, false, false);
	assert_int_equal(l->rc, 0);
	assert_int_equal(action(l, VM_ACTION_SUSPEND, 0), -EIO);   /* qmp_timeout is 2 s */
	assert_int_equal(l->err.code, ERR_OPERATION_TIMEOUT);
	print_message("%s\n", l->err.text);
	assert_true(status(l)->stuck);
	live_end(l);
}

/* QEMU's event and its answer come by one read: core must not hear the answer first. */
static void test_event_before_answer(void **state)
{
	struct live *l = fake("say({'QMP': {}}); serve()\n"
			      "for line in f:\n"
			      "    q = json.loads(line)\n"
			      "    c.sendall((json.dumps({'event': 'STOP'}) + '\\r\\n' +\n"
			      "               json.dumps({'return': {}, 'id': q['id']}) + '\\r\\n').encode())");

	(void)state;
	live_boot(l, false, false);
	assert_int_equal(l->rc, 0);
	live_wait(l, 50);
	assert_int_equal(action(l, VM_ACTION_SUSPEND, 0), 0);
	assert_true(l->events_before > 0);
	assert_int_equal(l->events[l->events_before - 1].kind, VM_EVENT_KIND_LIFECYCLE);
	assert_int_equal(l->events[l->events_before - 1].a, 3);
	live_end(l);
}

static uint64_t memory_kib(pid_t pid, const char *key)
{
	char path[64], line[256];
	unsigned long v = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			v = strtoul(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return v;
}

static double cpu_ms(pid_t pid)
{
	char path[64], text[512];
	unsigned long u = 0, s = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (f && fgets(text, sizeof(text), f))
		sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		       &u, &s);
	if (f)
		fclose(f);
	return (double)(u + s) * 10;
}

static void test_floods(void **state)
{
	struct live *l = fake("say({'QMP': {}}); serve()\n"
			      "e = json.dumps({'event': 'RESET', 'data': {}}).encode() + b'\\n'\n"
			      "while True: c.sendall(e * 1000)");

	(void)state;
	l->no_ack = true;
	live_boot(l, false, false);
	assert_int_equal(l->rc, 0);
	live_wait(l, 3000);
	print_message("flood of events: %u came, %llu lost, PSS %llu KiB, %.0f ms of CPU in 3 s\n",
		      l->n_events, (unsigned long long)l->lost,
		      (unsigned long long)memory_kib(l->vm, "Pss:"), cpu_ms(l->vm));
	assert_true(memory_kib(l->vm, "Pss:") < PSS_MAX(16384));
	assert_int_equal(status(l)->phase, VM_PHASE_RUNNING);
	live_end(l);

	l = fake("say({'QMP': {}}); serve()\nwhile True:\n"
		 "    try: os.write(2, b'noise ' * 100 + b'\\n')\n    except BlockingIOError: time.sleep(0.001)");
	live_boot(l, false, false);
	assert_int_equal(l->rc, 0);
	live_wait(l, 1000);
	assert_int_equal(status(l)->phase, VM_PHASE_RUNNING);
	print_message("flood of log: %.0f ms of CPU in 1 s\n", cpu_ms(l->vm));
	{
		char path[128];
		struct stat st;

		snprintf(path, sizeof(path), "%s/guest.log", l->dir);
		assert_int_equal(stat(path, &st), 0);
		assert_true(st.st_size <= 20000);
		snprintf(path, sizeof(path), "%s/guest.log.0", l->dir);
		assert_int_equal(stat(path, &st), 0);
		assert_true(st.st_size > 0 && st.st_size <= 20000);
	}
	live_end(l);
}

static void test_console_flood(void **state)
{
	struct live *l = booted("destroy", "restart", "destroy");
	int fd = console(l, false);

	(void)state;
	assert_true(sees(fd, "BOOTED", 10000));
	key(fd, 'f');
	live_wait(l, 1000);
	assert_int_equal(status(l)->state, 1);
	close(fd);
	live_wait(l, 1000);
	fd = console(l, false);
	assert_true(sees(fd, "FFFFF", 2000));
	print_message("flood of console: PSS %llu KiB, %.0f ms of CPU\n",
		      (unsigned long long)memory_kib(l->vm, "Pss:"), cpu_ms(l->vm));
	close(fd);
	live_end(l);
}

static void test_figures(void **state)
{
	double best = 1e9, t;

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct live *l = begin("destroy", "restart", "destroy");

		t = live_now_ms();
		live_spawn(l, false);
		live_boot(l, false, false);
		t = live_now_ms() - t;
		assert_int_equal(l->rc, 0);
		best = t < best ? t : best;
		live_wait(l, 300);
		if (i == 4)
			print_message("start %.1f ms; PSS %llu KiB, private %llu KiB\n", best,
				      (unsigned long long)memory_kib(l->vm, "Pss:"),
				      (unsigned long long)memory_kib(l->vm, "Private_Dirty:"));
		assert_true(memory_kib(l->vm, "Pss:") < PSS_MAX(4096));
		live_end(l);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_boot_console, sweep),
		cmocka_unit_test_teardown(test_suspend_reset, sweep),
		cmocka_unit_test_teardown(test_paused_password_viewer, sweep),
		cmocka_unit_test_teardown(test_screenshot_stats, sweep),
		cmocka_unit_test_teardown(test_actions_of_guest, sweep),
		cmocka_unit_test_teardown(test_core_lost, sweep),
		cmocka_unit_test_teardown(test_adopt, sweep),
		cmocka_unit_test_teardown(test_killed, sweep),
		cmocka_unit_test_teardown(test_garbage, sweep),
		cmocka_unit_test_teardown(test_silence, sweep),
		cmocka_unit_test_teardown(test_event_before_answer, sweep),
		cmocka_unit_test_teardown(test_floods, sweep),
		cmocka_unit_test_teardown(test_console_flood, sweep),
		cmocka_unit_test_teardown(test_figures, sweep),
	};

	setenv("ASAN_OPTIONS", "quarantine_size_mb=16", 0);
	if (geteuid() || access("/usr/bin/qemu-system-x86_64", X_OK)) {
		print_message("SKIP: needs root and QEMU\n");
		return getenv("CORDON_MUST_RUN") ? 1 : 77;
	}
	snprintf(image, sizeof(image), "/tmp/cordon-vm-test.%d.img", (int)getpid());
	snprintf(fake_path, sizeof(fake_path), "/tmp/cordon-vm-test.%d.qemu", (int)getpid());
	if (getenv("LIVE_ONLY"))
		cmocka_set_test_filter(getenv("LIVE_ONLY"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
