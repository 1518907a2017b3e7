/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows about a guest as a whole: RELEASE, ADOPT, SETTLE. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "disk/disk.h"
#include "disk/job.h"
#include "disk/label.h"

/*
 * The guest's files are put back by a name that somebody came by who uses them to the last: another
 * guest's may be gone since. That is a remaining one's, which the journal then tells the next
 * cordon-disk, or its own.
 */
static void leave_names(const uint8_t guest[16])
{
	for (size_t i = 0; i < disk_room.claims.n; i++) {
		const struct claim *c = &disk_room.claims.list[i];
		const bool own = memcmp(c->guest, guest, sizeof(c->guest)) == 0;
		struct entry *e = NULL;

		/* of an adopted one the journal knows more */
		if (c->node && !c->node->adopted)
			e = journal_find(&label_room.journal, &c->node->id);
		/* while it is worked at its name is held, and is its last guest's */
		if (e && !e->busy && entry_has_user(e, guest) && entry_has_user(e, c->guest) &&
		    own == (e->n_users == 1) && entry_found(e, &c->node->id, label_room.boot) < 0)
			log_warn("label of '%s': out of memory", e->id.path);
	}
}

int disk_on_release(struct ipc_call *call, const struct disk_guest_args *args)
{
	job_cancel(args->guest);
	leave_names(args->guest);
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
