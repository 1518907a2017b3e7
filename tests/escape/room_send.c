/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages as a taken-over room can make them: right in form, or wrong in one way. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/xdr.h"
#include "escape.h"
#include "ipc/msg.h"
#include "ipc/program.h"
#include "proto/conf.x.h"
#include "proto/core.x.h"
#include "proto/disk.x.h"
#include "proto/file.x.h"
#include "proto/hostd.x.h"
#include "proto/image.x.h"
#include "proto/launch.x.h"
#include "proto/ledger.x.h"
#include "proto/remote.x.h"
#include "proto/remote_qemu.x.h"
#include "proto/room.x.h"
#include "proto/vm.x.h"
#include "room.h"

#define ANSWER_MS 2000
#define QUESTION_MS 20000
#define MEMORY (64u << 20)
#define SERIAL 77

static const struct ipc_program *const programs[] = {
	&conf_program, &core_program, &viewer_program, &disk_program, &file_program, &hostd_program,
	&image_program, &launch_program, &ledger_program, &remote_program, &qemu_program, &room_program, &intake_program,
	&starter_program, &supervisor_program, &sup_program, &door_program, &vm_program, &vmup_program,
};
#define N_PROGRAMS (sizeof(programs) / sizeof(programs[0]))

static void list_row(const char *program, const struct ipc_row *r)
{
	printf("%s.%s %u %u %d\n", program, ipc_row_name(r), r->flags, r->senders,
	       r->args ? (int)ipc_row_args(r)->size : -1);
}

void room_list_rows(void)
{
	for (size_t p = 0; p < N_PROGRAMS; p++)
		for (uint32_t i = 0; i < programs[p]->n_rows; i++)
			list_row(programs[p]->name, &programs[p]->rows[i]);
}

/* ---- contents: whatever names a guest names the victim, whatever names a file names its image ---- */

static void fill(const struct xdr_type *t, char *v);

static bool name_own;      /* guest: the control */

static void guest_uuid(uint8_t *out)
{
	const char *s = target(name_own ? "own_uuid" : "victim_uuid");
	unsigned byte;

	for (int i = 0; s && *s && i < 16; s += 2) {
		s += *s == '-';
		if (sscanf(s, "%2x", &byte) == 1)
			out[i++] = (uint8_t)byte;
	}
}

static void fill_field(const struct xdr_field *f, char *v)
{
	const char *word = strstr(xdr_field_name(f), "path") ? target("victim_image") : "victim";

	if (f->array == XDR_LIST || f->array == XDR_FIXED)
		return;
	switch (f->kind) {
	case XDR_STRING:
		*(char **)(void *)(v + f->off) = (char *)(uintptr_t)word;
		break;
	case XDR_OPAQUE_FIX:
		if (f->max == 16)
			guest_uuid((uint8_t *)v + f->off);
		break;
	case XDR_ENUM:
		*(uint32_t *)(void *)(v + f->off) = 1;
		break;
	case XDR_STRUCT:
		fill(xdr_field_type(f), v + f->off);
		break;
	default:
		break;
	}
}

static void fill(const struct xdr_type *t, char *v)
{
	for (uint32_t i = 0; i < t->n_fields && !t->is_union; i++)
		fill_field(&xdr_fields(t)[i], v);
}

static int encode(const struct xdr_type *t, struct buf *body)
{
	char *v = t ? calloc(1, t->size + 1) : NULL;
	int r;

	if (!v)
		return t ? -ENOMEM : 0;
	fill(t, v);
	r = xdr_encode(t, v, body);
	free(v);
	return r;
}

/* ---- what is wrong with it ---- */

static const struct variant {
	const char *name;
	int longer;                 /* bytes more (or less) than the message has */
	unsigned fds;
	bool no_body, cut_head, lie_about_length, own;
	bool bare, twice;           /* an answer: without its descriptors; said twice */
	uint16_t kind;              /* 0: a call, or an event where the row is one */
	uint32_t num;               /* 0: the row's */
	uint32_t magic, program, version;    /* 0: as they are */
} variants[] = {
	{ "plain" },
	{ "own", .own = true },
	{ "empty", .no_body = true },
	{ "longer", .longer = 4 },
	{ "shorter", .longer = -4 },
	{ "descriptors", .fds = 5 },
	{ "many-descriptors", .fds = 200 },
	{ "length", .lie_about_length = true },
	{ "head", .cut_head = true },
	{ "reply", .kind = IPC_REPLY },
	{ "error", .kind = IPC_ERROR },
	{ "event", .kind = IPC_EVENT_MSG },
	{ "call", .kind = IPC_CALL },
	{ "kind", .kind = 99 },
	{ "number", .num = 99999 },
	{ "magic", .magic = 0x43524430 },
	{ "program", .program = 0x43440099 },
	{ "version", .version = 99 },
	{ "bare", .bare = true },
	{ "twice", .twice = true },
};

static int send_packet(int fd, const struct ipc_head *h, const struct buf *body, const struct variant *k)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(256 * sizeof(int))];
	} control = { 0 };
	struct iovec iov[2] = { { (void *)(uintptr_t)h, k->cut_head ? 7 : sizeof(*h) }, { body->data, body->len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = k->cut_head ? 1 : 2 };

	if (h->n_fds) {
		control.head = (struct cmsghdr){ CMSG_LEN(h->n_fds * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		for (unsigned i = 0; i < h->n_fds; i++)
			memcpy(CMSG_DATA(&control.head) + i * sizeof(int), &(int){ STDERR_FILENO }, sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(h->n_fds * sizeof(int));
	}
	return outcome(sendmsg(fd, &m, MSG_NOSIGNAL));
}

/* What `h` says, with `t` as its body, but for what is wrong with it. */
static int send_wrong(int fd, struct ipc_head *h, const struct xdr_type *t, const struct variant *k)
{
	CLEAN_BUF struct buf body;

	h->magic = k->magic ? k->magic : IPC_MAGIC;
	h->program = k->program ? k->program : h->program;
	h->version = k->version ? k->version : h->version;
	h->kind = k->kind ? k->kind : h->kind;
	h->num = k->num ? k->num : h->num;
	h->n_fds = k->bare ? 0 : k->fds ? (uint16_t)k->fds : h->n_fds;
	name_own = k->own;
	buf_init(&body, 60000);
	if (!k->no_body && encode(t, &body) < 0)
		return -EBADMSG;
	for (int i = 0; i < k->longer; i++)
		buf_putc(&body, 'x');
	if (k->longer < 0 && body.len >= (size_t)-k->longer)
		body.len += (size_t)k->longer;
	h->body_len = k->lie_about_length ? UINT32_MAX : (uint32_t)body.len;
	return send_packet(fd, h, &body, k);
}

static int throw_one(int fd, const struct ipc_program *p, const struct ipc_row *row, const struct variant *k)
{
	struct ipc_head h = { .program = p->number, .version = p->version, .serial = SERIAL, .req = 1,
			      .kind = row->flags & IPC_EVENT ? IPC_EVENT_MSG : IPC_CALL, .num = row->num };

	return send_wrong(fd, &h, row->args ? ipc_row_args(row) : NULL, k);
}

/* ---- what comes of it ---- */

/* "answered", "refused", "closed", "silence"; other messages of core are let pass. */
static const char *answer(int fd, int *ret_fd)
{
	static char data[IPC_PACKET_MAX];
	const struct ipc_head *h = (const void *)data;

	for (;;) {
		union {
			struct cmsghdr head;
			char space[IPC_CTRL_SIZE];
		} control;
		struct iovec iov = { data, sizeof(data) };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				    .msg_controllen = sizeof(control) };
		struct pollfd w = { fd, POLLIN, 0 };
		ssize_t n;

		if (poll(&w, 1, ANSWER_MS) != 1)
			return "silence";
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
		if (n <= 0)
			return "closed";
		if ((size_t)n < sizeof(*h) || h->serial != SERIAL || (h->kind != IPC_REPLY && h->kind != IPC_ERROR))
			continue;
		if (h->kind == IPC_REPLY && h->n_fds && m.msg_controllen >= CMSG_LEN(sizeof(int)))
			memcpy(ret_fd, CMSG_DATA(&control.head), sizeof(int));
		return h->kind == IPC_REPLY ? "answered" : "refused";
	}
}

/* A descriptor came: whose is it? A VNC server that asks for a password is the victim's. */
static const char *look_at(int fd)
{
	static const char hello[] = "RFB 003.008\n";
	char banner[12], types[16];
	struct pollfd w = { fd, POLLIN, 0 };
	ssize_t n;

	if (poll(&w, 1, ANSWER_MS) != 1 || recv(fd, banner, sizeof(banner), MSG_WAITALL) != sizeof(banner))
		return "with a descriptor";
	(void)!send(fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL);
	if (poll(&w, 1, ANSWER_MS) != 1)
		return "with a descriptor";
	n = recv(fd, types, sizeof(types), 0);
	return n >= 2 && types[1] == 1 ? "with its own viewer" : "with the victim's viewer";
}

static const struct variant *find_variant(const char *name)
{
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++)
		if (!strcmp(variants[i].name, name))
			return &variants[i];
	return NULL;
}

/* Cordon-vm is asked this by core: "closed", or "taken" for an answer. */
static const char *answer_question(int fd, const char *name, const struct variant *k)
{
	static char data[IPC_PACKET_MAX];
	struct ipc_head *h = (void *)data;
	const struct ipc_row *row = vm_program.rows;
	struct pollfd w = { fd, POLLIN, 0 }, end = { fd, 0, 0 };

	while (strcmp(ipc_row_name(row), name))
		row++;
	do {
		if (poll(&w, 1, QUESTION_MS) != 1)
			return "unasked";
		if (recv(fd, data, sizeof(data), 0) <= 0)
			return "closed";
	} while (h->kind != IPC_CALL || h->num != row->num);
	h->kind = IPC_REPLY;
	h->offset = 0;
	h->n_fds = row->fds_out_min;
	for (int i = 0; i <= k->twice; i++)
		if (send_wrong(fd, h, ipc_row_ret(row), k) == -EBADMSG)
			return "unsaid";
	return poll(&end, 1, ANSWER_MS / 2) == 1 ? "closed" : "taken";
}

bool room_throw(int fd, const char *what)
{
	char program[64], row[96], variant[64];

	if (sscanf(what, "%63[^.].%95[^:]:%63s", program, row, variant) != 3 || !find_variant(variant))
		return true;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	if (!strcmp(program, "answer")) {
		room_say("%s %s", what, answer_question(fd, row, find_variant(variant)));
		return true;
	}
	for (size_t p = 0; p < N_PROGRAMS; p++)
		for (uint32_t i = 0; i < programs[p]->n_rows; i++) {
			const struct ipc_row *r = &programs[p]->rows[i];
			const char *how;
			int came = -1, rc;

			if (strcmp(programs[p]->name, program) || strcmp(ipc_row_name(r), row))
				continue;
			rc = throw_one(fd, programs[p], r, find_variant(variant));
			/* unsaid: a fault of this program's, which the test does not take for an answer */
			how = rc == -EBADMSG ? "unsaid" : rc == -EPIPE ? "gone" : rc < 0 ? "closed" : answer(fd, &came);
			room_say("%s %s%s%s", what, how, came >= 0 ? " " : "", came >= 0 ? look_at(came) : "");
			return strcmp(how, "closed") && strcmp(how, "gone");
		}
	return true;
}
