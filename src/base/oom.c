/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/oom.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"

#define SCORE "500"   /* proc(5), oom_score_adj: half of all memory is added to what we use */

void oom_first(void)
{
	int CLEAN_FD fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, SCORE, sizeof(SCORE) - 1) < 0)
		return;
}
