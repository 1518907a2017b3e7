/* SPDX-License-Identifier: GPL-2.0-or-later */
/* <capabilities>: the host, and what guests it can run. */
#include "hv/qemu/capsxml.h"

void caps_text(struct buf *out, const char *text)
{
	for (; text && *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '<')
			buf_puts(out, "&lt;");
		else if (c == '>')
			buf_puts(out, "&gt;");
		else if (c == '&')
			buf_puts(out, "&amp;");
		else if (c == '\'')
			buf_puts(out, "&apos;");
		else if (c == '"')
			buf_puts(out, "&quot;");
		else if (c >= ' ' && c < 0x7f)
			buf_putc(out, (char)c);
		else
			buf_putc(out, '?');
	}
}

const char *caps_feature(const char *name)
{
	static const char *const names[][2] = {
		{ "lahf-lm", "lahf_lm" },	{ "tsc-adjust", "tsc_adjust" },
		{ "fxsr-opt", "fxsr_opt" },	{ "cmp-legacy", "cmp_legacy" },
		{ "perfctr-core", "perfctr_core" }, { "nodeid-msr", "nodeid_msr" },
		{ "ds-cpl", "ds_cpl" },		{ "pclmulqdq", "pclmuldq" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i][0]) == 0)
			return names[i][1];
	return name;
}

static void put_uuid(struct buf *out, const uint8_t *u)
{
	static const uint8_t zero[16];

	if (memcmp(u, zero, sizeof(zero)) == 0)
		return;
	buf_puts(out, "    <uuid>");
	for (int i = 0; i < 16; i++)
		buf_printf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
	buf_puts(out, "</uuid>\n");
}

static void put_model(const struct host_facts *host, struct buf *out)
{
	struct arena *a = arena_new(CAPS_ARENA_MAX);
	struct plan_host_cpu cpu;

	buf_puts(out, "      <arch>");
	caps_text(out, host->arch);
	buf_puts(out, "</arch>\n");
	if (a && plan_host_cpu(host, a, &cpu) == 0) {
		buf_printf(out, "      <model>%s</model>\n      <vendor>%s</vendor>\n",
			   cpu.model->name, plan_host_vendor(host));
		buf_printf(out, "      <microcode version='%u'/>\n", host->cpu_microcode);
		buf_printf(out, "      <signature family='%u' model='%u' stepping='%u'/>\n",
			   host->cpu_family, host->cpu_model, host->cpu_stepping);
		if (host->tsc_hz)
			buf_printf(
				out, "      <counter name='tsc' frequency='%llu' scaling='%s'/>\n",
				(unsigned long long)host->tsc_hz, host->tsc_scaling ? "yes" : "no");
	}
	buf_printf(out, "      <topology sockets='%u' dies='%u' cores='%u' threads='%u'/>\n",
		   host->sockets, host->dies, host->cores, host->threads);
	if (host->cpu_phys_bits)
		buf_printf(out, "      <maxphysaddr mode='emulate' bits='%u'/>\n",
			   host->cpu_phys_bits);
	if (a && plan_host_cpu(host, a, &cpu) == 0)
		for (size_t i = 0; i < cpu.n_extra; i++)
			buf_printf(out, "      <feature name='%s'/>\n", caps_feature(cpu.extra[i]));
	arena_free(a);
}

static void put_cpu(const struct host_facts *host, struct buf *out)
{
	buf_puts(out, "    <cpu>\n");
	put_model(host, out);
	for (uint32_t i = 0; i < host->n_pages; i++)
		buf_printf(out, "      <pages unit='KiB' size='%llu'/>\n",
			   (unsigned long long)host->pages[i].size_kib);
	buf_puts(out, "    </cpu>\n");
}

static void put_cell(const struct host_cell *cell, struct buf *out)
{
	buf_printf(out, "        <cell id='%u'>\n          <memory unit='KiB'>%llu</memory>\n",
		   cell->id, (unsigned long long)cell->memory_kib);
	for (uint32_t i = 0; i < cell->n_pages; i++)
		buf_printf(out, "          <pages unit='KiB' size='%llu'>%llu</pages>\n",
			   (unsigned long long)cell->pages[i].size_kib,
			   (unsigned long long)cell->pages[i].count);
	if (cell->n_distances) {
		buf_puts(out, "          <distances>\n");
		for (uint32_t i = 0; i < cell->n_distances; i++)
			buf_printf(out, "            <sibling id='%u' value='%u'/>\n",
				   cell->distances[i].id, cell->distances[i].value);
		buf_puts(out, "          </distances>\n");
	}
	buf_printf(out, "          <cpus num='%u'>\n", cell->n_cpus);
	for (uint32_t i = 0; i < cell->n_cpus; i++) {
		const struct host_cpu *cpu = &cell->cpus[i];

		buf_printf(out, "            <cpu id='%u' socket_id='%u' die_id='%u' core_id='%u' "
				"siblings='", cpu->id, cpu->socket, cpu->die, cpu->core);
		caps_text(out, cpu->siblings);
		buf_puts(out, "'/>\n");
	}
	buf_puts(out, "          </cpus>\n        </cell>\n");
}

static void put_topology(const struct host_facts *host, struct buf *out)
{
	if (!host->n_cells)
		return;
	buf_printf(out, "    <topology>\n      <cells num='%u'>\n", host->n_cells);
	for (uint32_t i = 0; i < host->n_cells; i++)
		put_cell(&host->cells[i], out);
	buf_puts(out, "      </cells>\n    </topology>\n");
}

static void put_caches(const struct host_facts *host, struct buf *out)
{
	if (!host->n_caches)
		return;
	buf_puts(out, "    <cache>\n");
	for (uint32_t i = 0; i < host->n_caches; i++) {
		const struct host_cache_bank *b = &host->caches[i];
		bool mib = b->size_kib >= 1024 && b->size_kib % 1024 == 0;

		buf_printf(out,
			   "      <bank id='%u' level='%u' type='%s' size='%llu' unit='%s' cpus='",
			   b->id, b->level,
			   b->type && b->type <= HOST_CACHE_TYPE_MAX
				   ? host_cache_type_names[b->type]
				   : "both",
			   (unsigned long long)(mib ? b->size_kib / 1024 : b->size_kib),
			   mib ? "MiB" : "KiB");
		caps_text(out, b->cpus);
		buf_puts(out, "'/>\n");
	}
	buf_puts(out, "    </cache>\n");
}

static void put_base(struct buf *out, const char *type, const char *label)
{
	buf_printf(out, "      <baselabel type='%s'>", type);
	caps_text(out, label);
	buf_puts(out, "</baselabel>\n");
}

static void put_selinux(const struct host_selinux *s, struct buf *out)
{
	if (!s)
		return;
	buf_puts(out, "    <secmodel>\n      <model>selinux</model>\n      <doi>0</doi>\n");
	put_base(out, "kvm", s->process);
	put_base(out, "qemu", s->process_tcg ? s->process_tcg : s->process);
	buf_puts(out, "    </secmodel>\n");
}

static void put_host(const struct host_facts *host, struct buf *out)
{
	buf_puts(out, "  <host>\n");
	put_uuid(out, host->uuid);
	put_cpu(host, out);
	buf_puts(out, "    <power_management/>\n");
	buf_printf(out, "    <iommu support='%s'/>\n", host->iommu ? "yes" : "no");
	put_topology(host, out);
	put_caches(host, out);
	put_selinux(host->selinux, out);
	/* Every guest has a uid of its own: there is no base label to tell. */
	buf_puts(out, "    <secmodel>\n      <model>dac</model>\n      <doi>0</doi>\n"
		      "    </secmodel>\n  </host>\n");
}

static void put_machine(const struct plan_machine *m, const char *name, struct buf *out)
{
	buf_puts(out, "      <machine");
	if (strcmp(name, m->name) != 0)
		buf_printf(out, " canonical='%s'", m->name);
	buf_printf(out, " maxCpus='%u'", m->max_cpus);
	if (m->deprecated)
		buf_puts(out, " deprecated='yes'");
	buf_printf(out, ">%s</machine>\n", name);
}

static void put_guest(const struct host_facts *host, struct buf *out)
{
	buf_puts(out, "  <guest>\n    <os_type>hvm</os_type>\n    <arch name='x86_64'>\n"
		      "      <wordsize>64</wordsize>\n      <emulator>");
	caps_text(out, host->emulator);
	buf_puts(out, "</emulator>\n");
	for (size_t i = 0; i < n_plan_machines; i++) {
		put_machine(&plan_machines[i], plan_machines[i].name, out);
		if (plan_machines[i].alias)
			put_machine(&plan_machines[i], plan_machines[i].alias, out);
	}
	buf_puts(out, "      <domain type='qemu'/>\n");
	if (host->kvm)
		buf_puts(out, "      <domain type='kvm'/>\n");
	buf_puts(out, "    </arch>\n    <features>\n      <acpi default='on' toggle='yes'/>\n"
		      "      <apic default='on' toggle='no'/>\n      <cpuselection/>\n"
		      "      <deviceboot/>\n    </features>\n  </guest>\n");
}

int plan_capabilities_xml(const struct host_facts *host, struct buf *out)
{
	buf_puts(out, "<capabilities>\n\n");
	put_host(host, out);
	buf_puts(out, "\n");
	if (host->qemu_version && plan_is(host->arch, "x86_64")) {
		put_guest(host, out);
		buf_puts(out, "\n");
	}
	buf_puts(out, "</capabilities>\n");
	return out->error;
}
