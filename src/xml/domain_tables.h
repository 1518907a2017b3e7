/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The binding tables of <domain>, one or more per file. */
#ifndef CORDON_XML_DOMAIN_TABLES_H
#define CORDON_XML_DOMAIN_TABLES_H

#include "proto/domain.x.h"
#include "xml/bind.h"

extern const struct xml_table xml_os_table, xml_features_table, xml_cpu_table, xml_clock_table;
extern const struct xml_table xml_disk_table, xml_controller_table, xml_net_table;
extern const struct xml_table xml_serial_table, xml_console_table, xml_channel_table;
extern const struct xml_table xml_input_table, xml_graphics_table, xml_video_table;
extern const struct xml_table xml_rng_table, xml_balloon_table, xml_watchdog_table;
extern const struct xml_table xml_panic_table, xml_audio_table, xml_tpm_table;
extern const struct xml_table xml_seclabel_table, xml_image_label_table;
extern const struct xml_table xml_alias_table, xml_address_table;

/* One <seclabel> a model, for the guest and for each image. 0, or refused at `node`. */
int xml_seclabels_check(struct xml_binder *b, struct xml_node *node, const struct domain *d);
int xml_image_labels_check(struct xml_binder *b, struct xml_node *node,
			   const struct dom_image_label *list, uint32_t n);

/* What devices share; in libvirt's order: boot, alias, rom, address. */
#define XML_ROW_BOOT(t) \
	{ "boot/@order", XML_F(t, info.boot_order), .min = 1, .max = 65535 }
#define XML_ROW_ALIAS(t) { ".", XML_F(t, info), .sub = &xml_alias_table }
#define XML_ROWS_ROM(t) \
	{ "rom/@bar", XML_F(t, info.rom_bar) }, { "rom/@enabled", XML_F(t, info.rom_enabled) }
#define XML_ROW_ADDRESS(t) { "address", XML_F(t, info.address), .sub = &xml_address_table }

#endif
