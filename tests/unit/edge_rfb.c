/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a viewer's handshake ends: each version and kind of it, whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "edge/rfb.h"

#define V3 "RFB 003.003\n"
#define V7 "RFB 003.007\n"
#define V8 "RFB 003.008\n"
#define SIXTEEN "0123456789abcdef"

/* Who says what, in order; the guest's end of the handshake is the piece marked so. */
struct piece {
	char who;                 /* 'v' viewer, 'g' guest, 'G' guest, and here it is in */
	const char *text;
	size_t n;
};
#define V(t) { 'v', t, sizeof(t) - 1 }
#define G(t) { 'g', t, sizeof(t) - 1 }
#define IN(t) { 'G', t, sizeof(t) - 1 }

static const struct piece plain8[] = { G(V8), V(V8), G("\2\1\2"), V("\1"), G("\0\0\0\0"), V("\1"),
				       IN("\2\200\1\340and so on"), G("more"), { 0 } };
static const struct piece plain7[] = { G(V8), V(V7), G("\1\1"), V("\1"), V("\1"), IN("\2\200"), { 0 } };
static const struct piece plain3[] = { G(V8), V(V3), G("\0\0\0\1"), V("\1"), IN("\2\200"), { 0 } };
static const struct piece vnc8[] = { G(V8), V(V8), G("\1\2"), V("\2"), G(SIXTEEN), V(SIXTEEN),
				     G("\0\0\0\0"), V("\1"), IN("\2\200"), { 0 } };
static const struct piece vnc7[] = { G(V8), V(V7), G("\1\2"), V("\2"), G(SIXTEEN), V(SIXTEEN),
				     G("\0\0\0\0"), V("\1"), IN("\2\200"), { 0 } };
static const struct piece vnc3[] = { G(V8), V(V3), G("\0\0\0\2"), G(SIXTEEN), V(SIXTEEN),
				     G("\0\0\0\0"), V("\1"), IN("\2\200"), { 0 } };
/* a viewer that says all at once what it will have to say */
static const struct piece hasty[] = { V(V8 "\1\1"), G(V8), G("\1\1"), G("\0\0\0\0"), IN("\2"), { 0 } };

/* never in */
static const struct piece wrong[] = { G(V8), V(V8), G("\1\2"), V("\2"), G(SIXTEEN), V(SIXTEEN "\1"),
				      G("\0\0\0\1\0\0\0\5sorry, no way"), { 0 } };
static const struct piece refused[] = { G(V8), V(V8), G("\0\0\0\0\7too bad and a lot more"), { 0 } };
static const struct piece refused3[] = { G(V8), V(V3), G("\0\0\0\0\0\0\0\7too bad"), { 0 } };
static const struct piece vencrypt[] = { G(V8), V(V8), G("\1\23"), V("\23"), G("\0\2\0\0\0\0\0\0\0"), { 0 } };
static const struct piece silent[] = { G(V8), G("\1\1\0\0\0\0\2\200"), { 0 } };
static const struct piece early[] = { G(V8), V("RFB 003.0"), G("\1\1\0\0\0\0\2\200\0\0"), { 0 } };
static const struct piece undecided[] = { G(V8), V(V8), G("\1\1\0\0\0\0\2\200\0\0\0\0"), { 0 } };

static const struct {
	const char *name;
	const struct piece *pieces;
} cases[] = {
	{ "plain8", plain8 }, { "plain7", plain7 }, { "plain3", plain3 }, { "vnc8", vnc8 },
	{ "vnc7", vnc7 }, { "vnc3", vnc3 }, { "hasty", hasty }, { "wrong", wrong },
	{ "refused", refused }, { "refused3", refused3 }, { "vencrypt", vencrypt },
	{ "silent", silent }, { "early", early }, { "undecided", undecided },
};

static bool feed(struct rfb *r, const struct piece *p, size_t step)
{
	bool in = false;

	for (size_t at = 0; at < p->n; at += step) {
		size_t n = p->n - at < step ? p->n - at : step;

		if (p->who == 'v') {
			rfb_from_viewer(r, p->text + at, n);
		} else if (rfb_from_guest(r, p->text + at, n)) {
			if (in)
				fail_msg("told twice");
			in = true;
		}
	}
	return in;
}

static void test_cases(void **state)
{
	static const size_t steps[] = { 1, 3, 1000 };

	(void)state;
	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++)
		for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
			struct rfb r = { 0 };

			for (const struct piece *p = cases[c].pieces; p->who; p++) {
				bool in = feed(&r, p, steps[s]);

				if (in != (p->who == 'G'))
					fail_msg("%s, steps of %zu: '%.20s' %s", cases[c].name, steps[s],
						 p->text, in ? "is not the end" : "is the end");
			}
		}
}

static void test_over(void **state)
{
	struct rfb r = { 0 };

	(void)state;
	assert_false(rfb_over(&r));
	for (const struct piece *p = plain8; p->who != 'G'; p++) {
		feed(&r, p, 1000);
		assert_false(rfb_over(&r));
	}
	assert_true(rfb_from_guest(&r, "\2", 1));
	assert_true(rfb_over(&r));
	assert_false(rfb_from_guest(&r, "\2", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_over) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
