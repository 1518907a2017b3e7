/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipc/program.h"

const struct ipc_row *ipc_row_find(const struct ipc_program *p, uint32_t num)
{
	uint32_t lo = 0, hi = p->n_rows;

	/* nearly all are numbered without holes */
	if (num - 1 < hi && p->rows[num - 1].num == num)
		return &p->rows[num - 1];
	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (p->rows[mid].num == num)
			return &p->rows[mid];
		if (p->rows[mid].num < num)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}
