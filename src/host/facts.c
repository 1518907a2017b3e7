/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 1048576u   /* the highest number that a list may hold */

/* A decimal number at *s; moves past it. False when there is none. */
static bool number(const char **s, uint64_t *ret)
{
	uint64_t v = 0;

	if (**s < '0' || **s > '9')
		return false;
	for (; **s >= '0' && **s <= '9'; (*s)++) {
		if (v > (UINT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (uint64_t)(**s - '0');
	}
	*ret = v;
	return true;
}

int facts_list(const char *text, void (*each)(void *ctx, unsigned n), void *ctx)
{
	uint64_t from, to;

	while (*text && *text != '\n') {
		if (!number(&text, &from))
			return -EINVAL;
		to = from;
		if (*text == '-') {
			text++;
			if (!number(&text, &to))
				return -EINVAL;
		}
		if (to < from || to > LIST_MAX)
			return -EINVAL;
		for (; from <= to; from++)
			each(ctx, (unsigned)from);
		if (*text == ',')
			text++;
		else if (*text && *text != '\n')
			return -EINVAL;
	}
	return 0;
}

static void count_one(void *ctx, unsigned n)
{
	(void)n;
	++*(unsigned *)ctx;
}

unsigned facts_list_count(const char *text)
{
	unsigned n = 0;

	return facts_list(text, count_one, &n) < 0 ? 0 : n;
}

uint64_t facts_meminfo(const char *text, const char *key)
{
	size_t n = strlen(key);
	uint64_t v;

	for (const char *p = strstr(text, key); p; p = strstr(p + 1, key)) {
		const char *s = p + n;

		if ((p != text && p[-1] != '\n' && p[-1] != ' ') || *s != ':')
			continue;
		s += 1 + strspn(s + 1, " \t");
		return number(&s, &v) ? v : 0;
	}
	return 0;
}

/* ---- /proc/cpuinfo ---- */

static int set_text(struct arena *a, const char *v, size_t n, char **out, size_t max)
{
	char *t = arena_strndup(a, v, n < max ? n : max);

	if (!t)
		return -ENOMEM;
	*out = t;
	return 0;
}

static int set_flags(struct arena *a, const char *v, size_t n, struct host_facts *f)
{
	char **list = arena_calloc(a, HOST_FLAGS_MAX, sizeof(*list));
	const char *end = v + n;
	uint32_t k = 0;

	if (!list)
		return -ENOMEM;
	while (v < end && k < HOST_FLAGS_MAX) {
		const char *stop = memchr(v, ' ', (size_t)(end - v));

		if (!stop)
			stop = end;
		if (stop > v && set_text(a, v, (size_t)(stop - v), &list[k++], HOST_TEXT_MAX) < 0)
			return -ENOMEM;
		v = stop + 1;
	}
	f->cpu_flags = list;
	f->n_cpu_flags = k;
	return 0;
}

static void set_number(const char *v, uint32_t *out)
{
	unsigned long n = strtoul(v, NULL, 0);

	if (n <= UINT32_MAX)
		*out = (uint32_t)n;
}

static int one_row(struct arena *a, const char *key, size_t n_key, const char *v, size_t n,
		   struct host_facts *f)
{
	const struct { const char *key; uint32_t *out; } numbers[] = {
		{ "cpu family", &f->cpu_family }, { "model", &f->cpu_model },
		{ "stepping", &f->cpu_stepping }, { "microcode", &f->cpu_microcode },
		{ "cpu MHz", &f->mhz }, { "address sizes", &f->cpu_phys_bits },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strlen(numbers[i].key) == n_key && memcmp(key, numbers[i].key, n_key) == 0)
			set_number(v, numbers[i].out);
	if (n_key == 9 && memcmp(key, "vendor_id", 9) == 0)
		return set_text(a, v, n, &f->cpu_vendor, 64);
	if (n_key == 10 && memcmp(key, "model name", 10) == 0)
		return set_text(a, v, n, &f->cpu_name, HOST_TEXT_MAX);
	/* "Features" is what arm says */
	if ((n_key == 5 && memcmp(key, "flags", 5) == 0) ||
	    (n_key == 8 && memcmp(key, "Features", 8) == 0))
		return set_flags(a, v, n, f);
	return 0;
}

int facts_cpuinfo(struct arena *a, const char *text, struct host_facts *f)
{
	while (*text && *text != '\n') {
		const char *end = strchrnul(text, '\n');
		const char *colon = memchr(text, ':', (size_t)(end - text));

		if (colon) {
			const char *key_end = colon, *v = colon + 1;
			int r;

			while (key_end > text && (key_end[-1] == '\t' || key_end[-1] == ' '))
				key_end--;
			while (v < end && *v == ' ')
				v++;
			r = one_row(a, text, (size_t)(key_end - text), v, (size_t)(end - v), f);
			if (r < 0)
				return r;
		}
		text = *end ? end + 1 : end;
	}
	return 0;
}

/* ---- topology ---- */

/* Distinct values among the cpus of a cell that agree with `like` in the levels above. */
enum level { SOCKET, DIE, CORE };

static bool same_up_to(const struct host_cpu *a, const struct host_cpu *b, int level)
{
	return a->socket == b->socket && (level < DIE || a->die == b->die) &&
	       (level < CORE || a->core == b->core);
}

static uint32_t distinct(const struct host_cell *c, const struct host_cpu *like, int level)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n_cpus; i++) {
		bool seen = like && !same_up_to(&c->cpus[i], like, level - 1);

		for (uint32_t k = 0; k < i && !seen; k++)
			seen = same_up_to(&c->cpus[i], &c->cpus[k], level);
		n += !seen;
	}
	return n;
}

static void raise_to(uint32_t *v, uint32_t n)
{
	if (n > *v)
		*v = n;
}

void facts_topology(struct host_facts *f)
{
	f->nodes = f->n_cells ? f->n_cells : 1;
	f->sockets = f->dies = f->cores = f->threads = 1;
	/* the first socket, die and core of each cell stand for all: real machines are even */
	for (uint32_t i = 0; i < f->n_cells; i++) {
		const struct host_cell *c = &f->cells[i];

		if (!c->n_cpus)
			continue;
		raise_to(&f->sockets, distinct(c, NULL, SOCKET));
		raise_to(&f->dies, distinct(c, &c->cpus[0], DIE));
		raise_to(&f->cores, distinct(c, &c->cpus[0], CORE));
		raise_to(&f->threads, facts_list_count(c->cpus[0].siblings));
	}
	if ((uint64_t)f->nodes * f->sockets * f->dies * f->cores * f->threads == f->cpus)
		return;
	/* uneven (some are offline): say what clients multiply to the right number */
	f->nodes = f->sockets = f->dies = f->threads = 1;
	f->cores = f->cpus ? f->cpus : 1;
}

unsigned facts_qemu_version(const char *text)
{
	static const char word[] = "version ";
	const char *s = strstr(text, word);
	uint64_t v[3] = { 0 };

	if (!s)
		return 0;
	s += strlen(word);
	for (int i = 0; i < 3; i++) {
		if (!number(&s, &v[i]) || v[i] > 999)
			return 0;
		if (i < 2 && *s == '.')
			s++;
		else
			break;
	}
	return (unsigned)(v[0] * 1000000 + v[1] * 1000 + v[2]);
}
