/* SPDX-License-Identifier: GPL-2.0-or-later */
/* <domainCapabilities>: what a guest of one machine and type can be given. */
#include "hv/qemu/capsxml.h"

struct question {
	const struct host_facts *host;
	const struct plan_machine *machine;
	bool kvm;
};

void caps_enum(struct buf *out, int indent, const char *name, const char *const *values)
{
	buf_printf(out, "%*s<enum name='%s'>\n", indent, "", name);
	for (; *values; values++)
		buf_printf(out, "%*s  <value>%s</value>\n", indent, "", *values);
	buf_printf(out, "%*s</enum>\n", indent, "");
}

/* ---- firmware ---- */

static bool present(const struct question *q, const struct plan_firmware *fw)
{
	if (fw->secure && q->machine->chipset != PLAN_CHIPSET_Q35)
		return false;
	for (uint32_t i = 0; i < q->host->n_firmware; i++)
		if (strcmp(q->host->firmware[i], fw->code) == 0)
			return true;
	return false;
}

static void put_os(const struct question *q, struct buf *out)
{
	static const char *const efi[] = { "efi", NULL };
	static const char *const types[] = { "pflash", NULL };
	static const char *const yes[] = { "yes", NULL };
	static const char *const secures[] = { "no", "yes", NULL };
	static const char *const insecure[] = { "no", NULL };
	bool any = false, secure = false;

	for (size_t i = 0; i < n_plan_firmwares; i++) {
		any |= present(q, &plan_firmwares[i]);
		secure |= plan_firmwares[i].secure && present(q, &plan_firmwares[i]);
	}
	buf_puts(out, "  <os supported='yes'>\n");
	if (!any) {
		buf_puts(out,
			 "    <enum name='firmware'/>\n    <loader supported='no'/>\n  </os>\n");
		return;
	}
	caps_enum(out, 4, "firmware", efi);
	buf_puts(out, "    <loader supported='yes'>\n");
	for (size_t i = 0; i < n_plan_firmwares; i++)
		if (present(q, &plan_firmwares[i]))
			buf_printf(out, "      <value>%s</value>\n", plan_firmwares[i].code);
	caps_enum(out, 6, "type", types);
	caps_enum(out, 6, "readonly", yes);
	caps_enum(out, 6, "secure", secure ? secures : insecure);
	buf_puts(out, "    </loader>\n  </os>\n");
}

/* ---- processors ---- */

static void put_migratable(struct buf *out, const char *mode, const char *name)
{
	static const char *const values[] = { "on", "off", NULL };

	buf_printf(out, "    <mode name='%s' supported='yes'>\n", mode);
	caps_enum(out, 6, name, values);
	buf_puts(out, "    </mode>\n");
}

static void put_host_model(const struct question *q, const struct plan_host_cpu *cpu,
			   struct buf *out)
{
	if (!q->kvm || !cpu) {
		/* Under TCG it is QEMU's "max", which has no name among the models. */
		buf_printf(out, "    <mode name='host-model' supported='yes'/>\n");
		return;
	}
	buf_printf(out, "    <mode name='host-model' supported='yes'>\n"
			"      <model fallback='forbid'>%s</model>\n      <vendor>%s</vendor>\n",
		   cpu->model->name, plan_host_vendor(q->host));
	for (size_t i = 0; i < cpu->n_extra; i++)
		buf_printf(out, "      <feature policy='require' name='%s'/>\n",
			   caps_feature(cpu->extra[i]));
	buf_puts(out, "    </mode>\n");
}

static int put_cpu(const struct question *q, struct buf *out)
{
	struct arena *a = arena_new(CAPS_ARENA_MAX);
	struct plan_host_cpu cpu;
	bool known;

	if (!a)
		return -ENOMEM;
	known = plan_host_cpu(q->host, a, &cpu) == 0;
	buf_puts(out, "  <cpu>\n");
	if (q->kvm)
		put_migratable(out, "host-passthrough", "hostPassthroughMigratable");
	else
		buf_puts(out, "    <mode name='host-passthrough' supported='no'/>\n");
	put_migratable(out, "maximum", "maximumMigratable");
	put_host_model(q, known ? &cpu : NULL, out);
	buf_puts(out, "    <mode name='custom' supported='yes'>\n");
	for (size_t i = 0; i < n_plan_cpu_models; i++) {
		const struct plan_cpu_model *m = &plan_cpu_models[i];
		bool usable = q->kvm ? known && plan_host_has(&cpu, m) : m->tcg;

		buf_printf(out, "      <model usable='%s' vendor='%s'>%s</model>\n",
			   usable ? "yes" : "no", m->vendor, m->name);
	}
	buf_puts(out, "    </mode>\n  </cpu>\n");
	arena_free(a);
	return 0;
}

/* ---- devices ---- */

static const char *const disk_devices[] = { "disk", "cdrom", "floppy", NULL };
static const char *const pc_buses[] = { "ide", "fdc", "scsi", "virtio", "usb", "sata", NULL };
static const char *const q35_buses[] = { "fdc", "scsi", "virtio", "usb", "sata", NULL };
static const char *const virtio[] = { "virtio", NULL };
static const char *const graphics[] = { "vnc", NULL };
static const char *const videos[] = { "vga", "cirrus", "virtio", "none", "bochs", NULL };
static const char *const rngs[] = { "random", "builtin", NULL };
static const char *const tpm_models[] = { "tpm-tis", "tpm-crb", NULL };
static const char *const tpm_backends[] = { "emulator", NULL };
static const char *const tpm_versions[] = { "2.0", NULL };
static const char *const channels[] = { "pty", "unix", NULL };
static const char *const hyperv[] = {
	"relaxed", "vapic", "spinlocks", "vpindex", "runtime", "synic", "stimer", "reset",
	"frequencies", "tlbflush", "ipi", NULL,
};

static void put_devices(const struct question *q, struct buf *out)
{
	buf_puts(out, "  <devices>\n    <disk supported='yes'>\n");
	caps_enum(out, 6, "diskDevice", disk_devices);
	caps_enum(out, 6, "bus", q->machine->chipset == PLAN_CHIPSET_Q35 ? q35_buses : pc_buses);
	caps_enum(out, 6, "model", virtio);
	buf_puts(out, "    </disk>\n    <graphics supported='yes'>\n");
	caps_enum(out, 6, "type", graphics);
	buf_puts(out, "    </graphics>\n    <video supported='yes'>\n");
	caps_enum(out, 6, "modelType", videos);
	buf_puts(out, "    </video>\n    <hostdev supported='no'/>\n    <rng supported='yes'>\n");
	caps_enum(out, 6, "model", virtio);
	caps_enum(out, 6, "backendModel", rngs);
	buf_puts(out, "    </rng>\n    <filesystem supported='no'/>\n    <tpm supported='yes'>\n");
	caps_enum(out, 6, "model", tpm_models);
	caps_enum(out, 6, "backendModel", tpm_backends);
	caps_enum(out, 6, "backendVersion", tpm_versions);
	buf_puts(out, "    </tpm>\n"
		      "    <redirdev supported='no'/>\n    <channel supported='yes'>\n");
	caps_enum(out, 6, "type", channels);
	buf_puts(out, "    </channel>\n  </devices>\n");
}

static void put_features(struct buf *out)
{
	buf_puts(out, "  <features>\n    <gic supported='no'/>\n    <vmcoreinfo supported='no'/>\n"
		      "    <genid supported='no'/>\n    <backingStoreInput supported='yes'/>\n"
		      "    <backup supported='no'/>\n    <sev supported='no'/>\n"
		      "    <sgx supported='no'/>\n    <hyperv supported='yes'>\n");
	caps_enum(out, 6, "features", hyperv);
	buf_puts(out, "    </hyperv>\n  </features>\n");
}

static int ask(const struct host_facts *host, const char *emulator, const char *arch,
	       const char *machine, const char *virttype, struct question *q, struct err *err)
{
	q->host = host;
	if (!host->qemu_version)
		return err_set(err, -EINVAL, ERR_INVALID_ARG,
			       "this host has no QEMU; install qemu-system-x86");
	if (emulator && strcmp(emulator, host->emulator) != 0)
		return err_set(err, -EINVAL, ERR_INVALID_ARG,
			       "emulator '%s' is not available; this host has '%s'", emulator,
			       host->emulator);
	if (arch && strcmp(arch, "x86_64") != 0)
		return err_set(err, -EINVAL, ERR_INVALID_ARG,
			       "unknown architecture '%s'; this host runs 'x86_64'", arch);
	q->machine = plan_machine_find(machine);
	if (!q->machine)
		return err_set(err, -EINVAL, ERR_INVALID_ARG,
			       "the machine '%s' is not supported by emulator '%s'", machine,
			       host->emulator);
	if (virttype && strcmp(virttype, "kvm") != 0 && strcmp(virttype, "qemu") != 0)
		return err_set(err, -EINVAL, ERR_INVALID_ARG, "unknown virttype: %s", virttype);
	q->kvm = virttype ? strcmp(virttype, "kvm") == 0 : host->kvm;
	if (q->kvm && !host->kvm)
		return err_set(err, -EINVAL, ERR_INVALID_ARG,
			       "KVM is not supported by '%s' on this host; use virttype 'qemu'",
			       host->emulator);
	return 0;
}

int plan_domcapabilities_xml(const struct host_facts *host, const char *emulator, const char *arch,
			     const char *machine, const char *virttype, struct buf *out,
			     struct err *err)
{
	struct question q;
	int r = ask(host, emulator, arch, machine, virttype, &q, err);

	if (r < 0)
		return r;
	buf_puts(out, "<domainCapabilities>\n  <path>");
	caps_text(out, host->emulator);
	buf_printf(out,
		   "</path>\n  <domain>%s</domain>\n  <machine>%s</machine>\n"
		   "  <arch>x86_64</arch>\n  <vcpu max='%u'/>\n  <iothreads supported='no'/>\n",
		   q.kvm ? "kvm" : "qemu", q.machine->name, q.machine->max_cpus);
	put_os(&q, out);
	r = put_cpu(&q, out);
	if (r < 0)
		return err_set(err, r, ERR_NO_MEMORY, "domain capabilities need too much memory");
	buf_puts(out, "  <memoryBacking supported='no'/>\n");
	put_devices(&q, out);
	put_features(out);
	buf_puts(out, "</domainCapabilities>\n");
	return out->error;
}
