/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/keys.h"

#include <linux/input-event-codes.h>

/* Linux' codes up to here are XT scan codes. */
#define LINUX_SAME_MAX KEY_KPDOT

static const uint8_t linux_keys[] = {
	[KEY_ZENKAKUHANKAKU] = 0x76, [KEY_102ND] = 0x56, [KEY_F11] = 0x57, [KEY_F12] = 0x58,
	[KEY_RO] = 0x73, [KEY_KATAKANA] = 0x78, [KEY_HIRAGANA] = 0x77, [KEY_HENKAN] = 0x79,
	[KEY_KATAKANAHIRAGANA] = 0x70, [KEY_MUHENKAN] = 0x7b, [KEY_KPJPCOMMA] = 0x5c,
	[KEY_KPENTER] = 0x9c, [KEY_RIGHTCTRL] = 0x9d, [KEY_KPSLASH] = 0xb5, [KEY_SYSRQ] = 0x54,
	[KEY_RIGHTALT] = 0xb8, [KEY_LINEFEED] = 0x5b, [KEY_HOME] = 0xc7, [KEY_UP] = 0xc8,
	[KEY_PAGEUP] = 0xc9, [KEY_LEFT] = 0xcb, [KEY_RIGHT] = 0xcd, [KEY_END] = 0xcf,
	[KEY_DOWN] = 0xd0, [KEY_PAGEDOWN] = 0xd1, [KEY_INSERT] = 0xd2, [KEY_DELETE] = 0xd3,
	[KEY_MACRO] = 0xef, [KEY_MUTE] = 0xa0, [KEY_VOLUMEDOWN] = 0xae, [KEY_VOLUMEUP] = 0xb0,
	[KEY_POWER] = 0xde, [KEY_KPEQUAL] = 0x59, [KEY_KPPLUSMINUS] = 0xce, [KEY_PAUSE] = 0xc6,
	[KEY_KPCOMMA] = 0x7e, [KEY_HANGEUL] = 0x72, [KEY_HANJA] = 0x71, [KEY_YEN] = 0x7d,
	[KEY_LEFTMETA] = 0xdb, [KEY_RIGHTMETA] = 0xdc, [KEY_COMPOSE] = 0xdd, [KEY_SLEEP] = 0xdf,
	[KEY_WAKEUP] = 0xe3,
};

int keys_to_qnum(uint32_t codeset, uint32_t key)
{
	if (key == 0 || key > 0xffff)
		return -1;
	if (codeset == KEYS_LINUX) {
		if (key <= LINUX_SAME_MAX)
			return (int)key;
		if (key < sizeof(linux_keys) && linux_keys[key])
			return linux_keys[key];
		return -1;
	}
	if (codeset == KEYS_QNUM)
		return key <= 0xff ? (int)key : -1;
	if (codeset == KEYS_XT || codeset == KEYS_ATSET1 || codeset == KEYS_XT_KBD) {
		if (key <= 0x7f || (codeset == KEYS_XT_KBD && key <= 0xff))
			return (int)key;
		/* the two bytes of an extended key */
		return key >> 8 == 0xe0 && (key & 0xff) <= 0x7f ? (int)(0x80 | (key & 0x7f)) : -1;
	}
	return -1;
}
