/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/gather.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/facts.h"

#define TEXT_MAX 65536   /* of one file; the first processor's block of cpuinfo is far shorter */
#define CPU "/sys/devices/system/cpu"
#define NODE "/sys/devices/system/node"
#define HUGE "/sys/kernel/mm/hugepages"
#define CACHE_LEVEL_MIN 3   /* the nearer ones belong to one core: no news to anybody */
#define CACHE_INDEX_MAX 10

/* The file's text, without the line feed at its end; "" when it cannot be read. */
static const char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static const char *text_of(const char *fmt, ...)
{
	static char text[TEXT_MAX + 1];
	char path[256];
	size_t len = 0;
	va_list ap;
	ssize_t n;
	int fd;

	va_start(ap, fmt);
	n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	fd = n < 0 || n >= (ssize_t)sizeof(path) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && len < TEXT_MAX && (n = read(fd, text + len, TEXT_MAX - len)) > 0)
		len += (size_t)n;
	fd_close(&fd);
	if (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	return text;
}

static unsigned number_of(const char *text)
{
	unsigned long v = strtoul(text, NULL, 10);

	return v <= 0x7fffffff ? (unsigned)v : 0;
}

static int copy_text(struct arena *a, const char *s, size_t max, char **out)
{
	size_t n = strlen(s);

	*out = arena_strndup(a, s, n < max ? n : max);
	return *out ? 0 : -ENOMEM;
}

/* ---- processors and cells ---- */

struct numbers {
	unsigned *list;
	uint32_t n, max;
};

static void keep_number(void *ctx, unsigned n)
{
	struct numbers *v = ctx;

	if (v->n < v->max)
		v->list[v->n++] = n;
}

/* The processors of `list` that are online, with their place. */
static int fill_cpus(struct arena *a, const char *list, struct host_cell *cell)
{
	struct numbers v = { arena_calloc(a, HOST_CPUS_MAX, sizeof(unsigned)), 0, HOST_CPUS_MAX };

	if (!v.list)
		return -ENOMEM;
	facts_list(list, keep_number, &v);
	cell->cpus = arena_calloc(a, v.n + 1, sizeof(*cell->cpus));
	if (!cell->cpus)
		return -ENOMEM;
	for (uint32_t i = 0; i < v.n; i++) {
		struct host_cpu *c = &cell->cpus[cell->n_cpus];
		const char *siblings = text_of(CPU "/cpu%u/topology/thread_siblings_list", v.list[i]);

		if (!siblings[0])
			continue;   /* offline */
		if (copy_text(a, siblings, HOST_TEXT_MAX, &c->siblings) < 0)
			return -ENOMEM;
		c->id = v.list[i];
		c->socket = number_of(text_of(CPU "/cpu%u/topology/physical_package_id", c->id));
		c->die = number_of(text_of(CPU "/cpu%u/topology/die_id", c->id));
		c->core = number_of(text_of(CPU "/cpu%u/topology/core_id", c->id));
		cell->n_cpus++;
	}
	return 0;
}

/* Page sizes: the ordinary one, then those with a folder in `dir`. */
static int fill_pages(struct arena *a, const char *dir, uint64_t memory_kib,
		      struct host_pages **ret, uint32_t *ret_n)
{
	struct host_pages *p = arena_calloc(a, HOST_PAGES_MAX, sizeof(*p));
	uint64_t small = (uint64_t)sysconf(_SC_PAGESIZE) / 1024, huge_kib = 0;
	uint32_t n = 1;
	struct dirent *e;
	DIR *d;

	if (!p)
		return -ENOMEM;
	d = opendir(dir);
	while (d && n < HOST_PAGES_MAX && (e = readdir(d))) {
		if (strncmp(e->d_name, "hugepages-", 10) != 0)
			continue;
		p[n].size_kib = number_of(e->d_name + 10);
		p[n].count = number_of(text_of("%s/%.64s/nr_hugepages", dir, e->d_name));
		huge_kib += p[n].size_kib * p[n].count;
		n++;
	}
	if (d)
		closedir(d);
	p[0].size_kib = small;
	p[0].count = memory_kib > huge_kib ? (memory_kib - huge_kib) / small : 0;
	*ret = p;
	*ret_n = n;
	return 0;
}

static int fill_distances(struct arena *a, const unsigned *ids, uint32_t n, struct host_cell *c)
{
	const char *s = text_of(NODE "/node%u/distance", c->id);

	c->distances = arena_calloc(a, n + 1, sizeof(*c->distances));
	if (!c->distances)
		return -ENOMEM;
	while (*s && c->n_distances < n) {
		c->distances[c->n_distances].id = ids[c->n_distances];
		c->distances[c->n_distances++].value = number_of(s);
		s += strcspn(s, " ");
		s += strspn(s, " ");
	}
	return 0;
}

static int fill_node(struct arena *a, const unsigned *ids, uint32_t n, uint32_t i,
		     struct host_cell *c)
{
	char list[TEXT_MAX / 16], dir[64];
	int r;

	c->id = ids[i];
	c->memory_kib = facts_meminfo(text_of(NODE "/node%u/meminfo", c->id), "MemTotal");
	snprintf(list, sizeof(list), "%s", text_of(NODE "/node%u/cpulist", c->id));
	snprintf(dir, sizeof(dir), NODE "/node%u/hugepages", c->id);
	r = fill_cpus(a, list, c);
	if (r == 0)
		r = fill_pages(a, dir, c->memory_kib, &c->pages, &c->n_pages);
	return r < 0 ? r : fill_distances(a, ids, n, c);
}

static int fill_cells(struct arena *a, const char *online, struct host_facts *f)
{
	struct numbers v = { arena_calloc(a, HOST_CELLS_MAX, sizeof(unsigned)), 0, HOST_CELLS_MAX };
	int r;

	if (!v.list)
		return -ENOMEM;
	facts_list(text_of(NODE "/online"), keep_number, &v);
	f->n_cells = v.n ? v.n : 1;
	f->cells = arena_calloc(a, f->n_cells, sizeof(*f->cells));
	if (!f->cells)
		return -ENOMEM;
	for (uint32_t i = 0; i < v.n; i++) {
		r = fill_node(a, v.list, v.n, i, &f->cells[i]);
		if (r < 0)
			return r;
	}
	if (v.n)
		return 0;
	/* a kernel without NUMA: one cell that is the machine */
	f->cells[0].memory_kib = f->memory_kib;
	r = fill_cpus(a, online, &f->cells[0]);
	return r < 0 ? r : fill_pages(a, HUGE, f->memory_kib, &f->cells[0].pages, &f->cells[0].n_pages);
}

/* ---- caches ---- */

static uint32_t cache_type(const char *s)
{
	return *s == 'U' ? HOST_CACHE_TYPE_BOTH : *s == 'I' ? HOST_CACHE_TYPE_CODE :
	       *s == 'D' ? HOST_CACHE_TYPE_DATA : HOST_CACHE_TYPE_UNSET;
}

static bool bank_known(const struct host_facts *f, unsigned level, uint32_t type, const char *cpus)
{
	for (uint32_t i = 0; i < f->n_caches; i++)
		if (f->caches[i].level == level && f->caches[i].type == type &&
		    strcmp(f->caches[i].cpus, cpus) == 0)
			return true;
	return false;
}

static int fill_bank(struct arena *a, unsigned cpu, unsigned index, struct host_facts *f)
{
	unsigned level = number_of(text_of(CPU "/cpu%u/cache/index%u/level", cpu, index));
	uint32_t type = cache_type(text_of(CPU "/cpu%u/cache/index%u/type", cpu, index));
	struct host_cache_bank *b = &f->caches[f->n_caches];
	const char *cpus;

	if (level < CACHE_LEVEL_MIN || !type || f->n_caches == HOST_BANKS_MAX)
		return 0;
	b->size_kib = number_of(text_of(CPU "/cpu%u/cache/index%u/size", cpu, index));
	b->id = number_of(text_of(CPU "/cpu%u/cache/index%u/id", cpu, index));
	cpus = text_of(CPU "/cpu%u/cache/index%u/shared_cpu_list", cpu, index);
	if (bank_known(f, level, type, cpus))
		return 0;
	b->level = level;
	b->type = type;
	f->n_caches++;
	return copy_text(a, cpus, HOST_TEXT_MAX, &b->cpus);
}

static int fill_caches(struct arena *a, struct host_facts *f)
{
	f->caches = arena_calloc(a, HOST_BANKS_MAX + 1, sizeof(*f->caches));
	if (!f->caches)
		return -ENOMEM;
	for (uint32_t i = 0; i < f->n_cells; i++)
		for (uint32_t k = 0; k < f->cells[i].n_cpus; k++)
			for (unsigned x = 0; x < CACHE_INDEX_MAX; x++)
				if (fill_bank(a, f->cells[i].cpus[k].id, x, f) < 0)
					return -ENOMEM;
	return 0;
}

/* ---- the rest ---- */

static bool folder_has_any(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	bool any = false;

	while (d && !any && (e = readdir(d)))
		any = e->d_name[0] != '.';
	if (d)
		closedir(d);
	return any;
}

/* Firmware images for guests, in the folders where distributions put them. */
static int fill_firmware(struct arena *a, struct host_facts *f)
{
	static const char *const dirs[] = { "/usr/share/OVMF", "/usr/share/AAVMF", "/usr/share/edk2/ovmf",
					    "/usr/share/edk2/x64", NULL };
	const uint32_t max = 64;

	f->firmware = arena_calloc(a, max, sizeof(*f->firmware));
	if (!f->firmware)
		return -ENOMEM;
	for (unsigned i = 0; dirs[i]; i++) {
		DIR *d = opendir(dirs[i]);
		struct dirent *e;

		while (d && f->n_firmware < max && (e = readdir(d))) {
			size_t n = strlen(e->d_name);

			if (n < 4 || n > 128 || strcmp(e->d_name + n - 3, ".fd") != 0)
				continue;
			f->firmware[f->n_firmware] = arena_printf(a, "%s/%s", dirs[i], e->d_name);
			if (!f->firmware[f->n_firmware++])
				break;
		}
		if (d)
			closedir(d);
	}
	return 0;
}

static int fill_all(struct arena *a, struct host_facts *f)
{
	char online[TEXT_MAX / 16];
	struct utsname u;
	int r;

	if (uname(&u) < 0)
		return -errno;
	r = copy_text(a, u.nodename, HOST_TEXT_MAX, &f->hostname);
	if (r == 0)
		r = copy_text(a, u.machine, 64, &f->arch);
	if (r == 0)
		r = copy_text(a, "", 1, &f->cpu_vendor);
	f->cpu_name = f->emulator = f->cpu_vendor;
	f->memory_kib = facts_meminfo(text_of("/proc/meminfo"), "MemTotal");
	snprintf(online, sizeof(online), "%s", text_of(CPU "/online"));
	f->cpus = facts_list_count(online);
	if (r == 0)
		r = facts_cpuinfo(a, text_of("/proc/cpuinfo"), f);
	if (r == 0)
		r = fill_cells(a, online, f);
	if (r < 0)
		return r;
	facts_topology(f);
	r = fill_pages(a, HUGE, f->memory_kib, &f->pages, &f->n_pages);
	if (r == 0)
		r = fill_caches(a, f);
	f->iommu = folder_has_any("/sys/kernel/iommu_groups");
	return r < 0 ? r : fill_firmware(a, f);
}

int gather_facts(struct arena *a, struct host_facts *ret, struct err *err)
{
	struct host_facts f = { .hostname = NULL };
	int r = fill_all(a, &f);

	if (r < 0)
		return err_sys(err, r, "reading the facts of this machine");
	*ret = f;
	return 0;
}

void gather_mark(char out[GATHER_MARK_MAX])
{
	uint64_t memory = facts_meminfo(text_of("/proc/meminfo"), "MemTotal");
	struct utsname u;

	if (uname(&u) < 0)
		u.nodename[0] = '\0';
	snprintf(out, GATHER_MARK_MAX, "%s %llu %.512s", u.nodename, (unsigned long long)memory,
		 text_of(CPU "/online"));
}
