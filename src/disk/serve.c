/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows about a guest as a whole: RELEASE, ADOPT, SETTLE. */
#include <errno.h>
#include <string.h>

#include "disk/disk.h"
#include "disk/job.h"
#include "disk/label.h"

int disk_on_release(struct ipc_call *call, const struct disk_guest_args *args)
{
	job_cancel(args->guest);
	claims_release(&disk_room.claims, args->guest);
	return label_release(call, args->guest);
}

int disk_on_adopt(struct ipc_call *call, const struct disk_adopt_args *args)
{
	int r = 0;

	label_adopt(args->guest);
	claims_release(&disk_room.claims, args->guest);
	for (uint32_t i = 0; i < args->n_images && r == 0; i++) {
		const struct disk_image *im = &args->images[i];
		struct claim have = {
			.dev = im->dev, .ino = im->ino, .write = im->write,
			.shareable = i < args->n_shareable && args->shareable[i],
			.node = node_adopt(im),
		};

		memcpy(have.guest, args->guest, sizeof(have.guest));
		r = claims_adopt(&disk_room.claims, &have, 1);
		if (r < 0)
			node_free(have.node);
	}
	return r < 0 ? err_sys(&call->err, r, "taking over the images of a running guest")
		     : disk_reply_adopt(call);
}

int disk_on_settle(struct ipc_call *call)
{
	label_settle();
	return disk_reply_settle(call);
}
