/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Firmware: which image, where its variables live, and what it needs. */
#include "hv/qemu/priv.h"

static bool is_secure(const struct dom_os *os)
{
	return os->loader && os->loader->secure == DOM_YESNO_YES;
}

/* firmware='efi': the image of the table that fits; libvirt 9.0 chooses at start, we at define. */
static int choose(struct plan_ctx *c, struct dom_os *os)
{
	const struct plan_firmware *fw = plan_firmware_for(is_secure(os));

	if (!os->loader)
		os->loader = arena_calloc(c->a, 1, sizeof(*os->loader));
	if (!os->nvram)
		os->nvram = arena_calloc(c->a, 1, sizeof(*os->nvram));
	if (!os->loader || !os->nvram)
		return plan_nomem(c);
	os->loader->type = DOM_LOADER_TYPE_PFLASH;
	os->loader->readonly = DOM_YESNO_YES;
	return plan_default(c, &os->loader->path, fw->code);
}

static int default_nvram(struct plan_ctx *c, struct dom_os *os)
{
	const struct plan_firmware *fw = plan_firmware_by_code(os->loader->path);
	struct dom_nvram *nv = os->nvram;

	if (!nv)
		nv = os->nvram = arena_calloc(c->a, 1, sizeof(*nv));
	if (!nv)
		return plan_nomem(c);
	if (plan_blank(nv->path)) {
		if (!c->env->nvram_dir)
			return plan_bad(c, "UEFI needs an <nvram> with a path");
		nv->path = arena_printf(c->a, "%s/%s_VARS.fd", c->env->nvram_dir, c->d->name);
		if (!nv->path)
			return plan_nomem(c);
	}
	if (nv->path[0] != '/')
		return plan_bad(c, "<nvram> '%s' is not an absolute path", nv->path);
	return fw ? plan_default(c, &nv->template_path, fw->vars) : 0;
}

static int check_efi(struct plan_ctx *c, const struct dom_os *os)
{
	const struct plan_firmware *fw = plan_firmware_by_code(os->loader->path);
	bool secure = is_secure(os) || (fw && fw->secure);

	if (!c->d->features.acpi)
		return plan_refuse(
			c, "UEFI requires ACPI on this architecture; add <features><acpi/>");
	if (secure && c->machine->chipset != PLAN_CHIPSET_Q35)
		return plan_refuse(c, "secure boot is supported with q35 machine types only");
	if (secure && c->d->features.smm != DOM_STATE_WORD_ON)
		return plan_refuse(c, "secure boot requires SMM; add <features><smm state='on'/>");
	return 0;
}

static int check_loader(struct plan_ctx *c, struct dom_loader *loader)
{
	if (plan_blank(loader->path))
		return plan_bad(c, "<loader> has no path; give one, or use <os firmware='efi'>");
	if (loader->path[0] != '/')
		return plan_bad(c, "<loader> '%s' is not an absolute path", loader->path);
	if (!loader->type)
		loader->type = DOM_LOADER_TYPE_ROM;
	if (loader->type == DOM_LOADER_TYPE_PFLASH && loader->readonly != DOM_YESNO_YES)
		return plan_refuse(c, "<loader type='pflash'> must have readonly='yes'");
	if (loader->type == DOM_LOADER_TYPE_ROM)
		return plan_refuse(
			c, "<loader type='rom'> is not supported; use type='pflash', or leave "
			   "<loader> out for SeaBIOS");
	return 0;
}

int plan_step_firmware(struct plan_ctx *c)
{
	struct dom_os *os = &c->d->os;
	int r = 0;

	if (os->firmware == DOM_FIRMWARE_BIOS)
		return plan_refuse(c,
				   "<os firmware='bios'> is not supported; leave firmware= out for "
				   "SeaBIOS");
	if (os->firmware == DOM_FIRMWARE_EFI) {
		/* libvirt turns SMM on by itself for a secure firmware it picks. */
		if (is_secure(os) && !c->d->features.smm)
			c->d->features.smm = DOM_STATE_WORD_ON;
		r = choose(c, os);
	}
	if (r < 0)
		return r;
	if (os->loader)
		r = check_loader(c, os->loader);
	if (r >= 0 && os->loader && os->loader->type == DOM_LOADER_TYPE_PFLASH) {
		r = check_efi(c, os);
		return r < 0 ? r : default_nvram(c, os);
	}
	if (r >= 0 && os->nvram)
		return plan_refuse(c,
				   "<nvram> needs a <loader type='pflash'> or <os firmware='efi'>");
	return r;
}
