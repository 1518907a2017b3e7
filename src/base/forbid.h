/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that have no safe use here do not compile. Included before everything. */
#ifndef CORDON_BASE_FORBID_H
#define CORDON_BASE_FORBID_H

/* the headers first: they declare what is poisoned below */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#undef alloca
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol system popen alloca gets tmpnam mktemp

#endif
