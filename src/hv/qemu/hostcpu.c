/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hv/qemu/hostcpu.h"

#include "hv/qemu/priv.h"
#include "proto/host.x.h"

#define FEATURE_MAX 48

const char *plan_host_vendor(const struct host_facts *host)
{
	static const char *const vendors[][2] = {
		{ "GenuineIntel", "Intel" }, { "AuthenticAMD", "AMD" }, { "HygonGenuine", "Hygon" },
	};

	for (size_t i = 0; i < ARRAY_LEN(vendors); i++)
		if (plan_is(host->cpu_vendor, vendors[i][0]))
			return vendors[i][1];
	return "unknown";
}

/* As the kernel spells names and as QEMU does. */
static bool same_name(const char *x, const char *y)
{
	for (; *x && (*x == '_' ? '-' : *x) == (*y == '_' ? '-' : *y); x++)
		y++;
	return !*x && !*y;
}

bool plan_host_lists(const struct host_facts *host, const char *feature)
{
	bool amd = !plan_is(plan_host_vendor(host), "Intel");
	char name[FEATURE_MAX];

	for (uint32_t i = 0; i < host->n_cpu_flags; i++)
		if (same_name(host->cpu_flags[i], feature) ||
		    (plan_cpu_feature_from_kernel(host->cpu_flags[i], amd, name, sizeof(name)) &&
		     same_name(name, feature)))
			return true;
	return false;
}

static bool has(const struct plan_host_cpu *host, const char *feature, size_t len)
{
	/* KVM provides these whatever the processor is. */
	static const char always[] = "hypervisor x2apic tsc-deadline arat apic tsc-adjust";

	for (size_t i = 0; i < host->n_all; i++)
		if (strlen(host->all[i]) == len && memcmp(host->all[i], feature, len) == 0)
			return true;
	for (const char *p = always; p; p = strchr(p, ' ') ? strchr(p, ' ') + 1 : NULL)
		if (strncmp(p, feature, len) == 0 && (p[len] == ' ' || !p[len]))
			return true;
	return false;
}

bool plan_host_has(const struct plan_host_cpu *host, const struct plan_cpu_model *model)
{
	for (const char *p = model->features; *p;) {
		size_t len = strcspn(p, " ");

		if (!has(host, p, len))
			return false;
		p += len + (p[len] == ' ');
	}
	return true;
}

static int translate(const struct host_facts *host, struct arena *a, struct plan_host_cpu *ret)
{
	bool amd = !plan_is(plan_host_vendor(host), "Intel");
	char name[FEATURE_MAX];

	ret->all = arena_calloc(a, (size_t)host->n_cpu_flags + 1, sizeof(*ret->all));
	ret->extra = arena_calloc(a, (size_t)host->n_cpu_flags + 1, sizeof(*ret->extra));
	if (!ret->all || !ret->extra)
		return -ENOMEM;
	for (uint32_t i = 0; i < host->n_cpu_flags; i++) {
		if (!plan_cpu_feature_from_kernel(host->cpu_flags[i], amd, name, sizeof(name)))
			continue;
		ret->all[ret->n_all] = arena_strdup(a, name);
		if (!ret->all[ret->n_all++])
			return -ENOMEM;
	}
	return 0;
}

static size_t n_words(const char *list)
{
	size_t n = *list ? 1 : 0;

	for (; *list; list++)
		n += *list == ' ';
	return n;
}

static const struct plan_cpu_model *nearest(const struct plan_host_cpu *host, const char *vendor)
{
	const struct plan_cpu_model *best = NULL;

	for (size_t i = 0; i < n_plan_cpu_models; i++) {
		const struct plan_cpu_model *m = &plan_cpu_models[i];

		if (strcmp(m->vendor, vendor) != 0 || !plan_host_has(host, m))
			continue;
		if (!best || n_words(m->features) > n_words(best->features))
			best = m;
	}
	return best;
}

int plan_host_cpu(const struct host_facts *host, struct arena *a, struct plan_host_cpu *ret)
{
	struct plan_host_cpu found = { 0 };
	int r = translate(host, a, &found);

	if (r < 0)
		return r;
	found.model = nearest(&found, plan_host_vendor(host));
	if (!found.model)
		found.model = nearest(&found, "unknown");
	if (!found.model)
		return -ENOENT;
	for (size_t i = 0; i < found.n_all; i++)
		if (!plan_word_in(found.model->features, found.all[i]))
			found.extra[found.n_extra++] = found.all[i];
	*ret = found;
	return 0;
}
