/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What does the cage cost? Fork to query-status answered, bare and caged in interleaved pairs. */
#include <stdio.h>
#include <stdlib.h>

#include "cage_help.h"

#define PAIRS_MAX 200

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), by_value);
	return v[n / 2];
}

int main(int argc, char **argv)
{
	static double bare[PAIRS_MAX], caged[PAIRS_MAX], diff[PAIRS_MAX], stop[2][PAIRS_MAX];
	long pairs = argc > 1 ? strtol(argv[1], NULL, 10) : 30;
	struct help_guest g;
	struct help h;
	double t;

	if (pairs < 1 || pairs > PAIRS_MAX)
		return 1;
	t = help_now_ms();
	help_open(&h);
	printf("template, groups: %.1f ms, once\n", help_now_ms() - t);
	for (int i = 0; i < pairs; i++) {
		t = help_now_ms();
		help_bare(&h, &g, help_qemu_args);
		help_qmp_open(&g);
		help_qmp(&g, "query-status");
		bare[i] = help_now_ms() - t;
		t = help_now_ms();
		help_kill(&h, &g);
		stop[0][i] = help_now_ms() - t;
		t = help_now_ms();
		help_cage(&h, &g, help_qemu_args, NULL, 0, NULL, 0);
		help_qmp_open(&g);
		help_qmp(&g, "query-status");
		caged[i] = help_now_ms() - t;
		t = help_now_ms();
		help_kill(&h, &g);
		stop[1][i] = help_now_ms() - t;
		diff[i] = caged[i] - bare[i];
	}
	printf("query-status answered, medians of %ld: bare %.2f ms, caged %.2f ms, paired "
	       "difference %.2f ms\n",
	       pairs, median(bare, (int)pairs), median(caged, (int)pairs),
	       median(diff, (int)pairs));
	printf("kill to reaped and cleaned up: bare %.2f ms, caged %.2f ms\n",
	       median(stop[0], (int)pairs), median(stop[1], (int)pairs));
	help_close(&h);
	return 0;
}
