/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every row of every internal program: the first two bytes choose program and
 * row, the rest is the body. What decodes must encode to something
 * that decodes to the same again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/xdr.h"
#include "ipc/program.h"
#include "proto/conf.x.h"
#include "proto/core.x.h"
#include "proto/disk.x.h"
#include "proto/file.x.h"
#include "proto/hostd.x.h"
#include "proto/image.x.h"
#include "proto/launch.x.h"
#include "proto/remote.x.h"
#include "proto/room.x.h"
#include "proto/vm.x.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ipc_program *const programs[] = {
	&conf_program, &room_program, &intake_program, &sup_program, &disk_program,
	&file_program, &image_program, &launch_program, &vm_program, &vmup_program, &core_program, &viewer_program, &hostd_program,
	&remote_program,
};

static void try_type(const struct xdr_type *t, const uint8_t *data, size_t size)
{
	CLEAN_ARENA struct arena *a = arena_new(1u << 22);
	CLEAN_BUF struct buf once;
	void *v = arena_alloc(a, t->size + 1), *again = arena_alloc(a, t->size + 1);

	buf_init(&once, 1u << 24);
	if (!v || !again || xdr_decode(t, data, size, a, v, NULL, NULL))
		return;
	if (xdr_encode(t, v, &once))
		abort();
	/* memory may be at its cap; anything else must not happen */
	if (!xdr_decode(t, once.data, once.len, a, again, NULL, NULL) && !xdr_equal(t, v, again))
		abort();
	xdr_wipe_secrets(t, v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ipc_program *p;
	const struct ipc_row *row;

	if (size < 3)
		return 0;
	p = programs[data[0] % (sizeof(programs) / sizeof(programs[0]))];
	row = &p->rows[(data[1] | (unsigned)data[2] << 8) % p->n_rows];
	if (!row->args)
		return 0;
	try_type(ipc_row_args(row), data + 3, size - 3);
	try_type(ipc_row_ret(row), data + 3, size - 3);
	return 0;
}
