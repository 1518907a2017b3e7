/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Build tool: turns a room's system call policy (src/sandbox/policy/NAME.policy)
 * into a C file with ready BPF, so that no process carries libseccomp or spends
 * time compiling filters at start. Never installed, reads only our own sources.
 *
 *   bpfgen [--sanitize] NAME.policy OUT.c
 *
 * Every rule stands in a block that gives its reason; src/sandbox/policy/README
 * explains the syntax.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <sched.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define RULES_MAX 2048
#define CONDS_MAX 4
#define DEPTH_MAX 4
#define SYSCALL_TOP 1023   /* no table of ours reaches this number yet */

struct cond {
	uint64_t arg;      /* as wide as the rest: rules are compared by memcmp */
	uint64_t mask;
	uint64_t value;
};

struct rule {
	char name[40];
	int nr;
	uint32_t action;
	bool quiet;
	bool test;             /* from the promise of sanitizer builds: wins */
	unsigned n_conds;
	struct cond conds[CONDS_MAX];
};

struct gen {
	char dir[512];
	char name[64];
	bool sanitize;
	uint32_t def;
	bool unknown_enosys;
	struct rule rules[RULES_MAX];
	unsigned n_rules;
};

struct where {
	const char *file;
	unsigned line;
};

static const struct {
	const char *name;
	uint64_t value;
} constants[] = {
	{ "AF_UNIX", AF_UNIX }, { "AF_INET", AF_INET }, { "AF_INET6", AF_INET6 },
	{ "AF_NETLINK", AF_NETLINK }, { "AF_VSOCK", AF_VSOCK },
	{ "SOCK_RAW", SOCK_RAW }, { "SOCK_STREAM", SOCK_STREAM }, { "SOCK_SEQPACKET", SOCK_SEQPACKET },
	{ "SOCK_TYPE", 0xf },             /* the rest of that argument are flags */
	{ "MSG_FASTOPEN", MSG_FASTOPEN },
	{ "POINTER", UINT64_MAX },        /* an argument of which all 64 bits count */
	{ "F_DUPFD_CLOEXEC", F_DUPFD_CLOEXEC }, { "F_GETFD", F_GETFD }, { "F_SETFD", F_SETFD },
	{ "F_GETFL", F_GETFL }, { "F_SETFL", F_SETFL }, { "F_OFD_GETLK", F_OFD_GETLK },
	{ "PROT_EXEC", PROT_EXEC }, { "CLONE_THREAD", CLONE_THREAD },
	{ "CLONE_NEWUSER", CLONE_NEWUSER }, { "CLONE_VFORK", CLONE_VFORK },
	/* any new namespace */
	{ "CLONE_NEW", CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
		       CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET },
	{ "BLKGETSIZE64", BLKGETSIZE64 }, { "FS_IOC_GETVERSION", FS_IOC_GETVERSION },
	{ "TIOCSTI", TIOCSTI }, { "TIOCLINUX", TIOCLINUX }, { "TIOCSCTTY", TIOCSCTTY },
	{ "FIONREAD", FIONREAD }, { "TCGETS", TCGETS }, { "TIOCGWINSZ", TIOCGWINSZ },
	{ "FIONBIO", FIONBIO },
	{ "O_ACCMODE", O_ACCMODE }, { "O_RDONLY", O_RDONLY }, { "O_CREAT", O_CREAT },
	{ "BPF_PROG_LOAD", 5 }, { "BPF_PROG_ATTACH", 8 },
	{ "PR_SET_NAME", PR_SET_NAME }, { "PR_GET_NAME", PR_GET_NAME },
	{ "PR_SET_NO_NEW_PRIVS", PR_SET_NO_NEW_PRIVS }, { "PR_SET_SECCOMP", PR_SET_SECCOMP },
	{ "PR_GET_SECCOMP", PR_GET_SECCOMP }, { "PR_CAPBSET_READ", PR_CAPBSET_READ },
	{ "PR_CAPBSET_DROP", PR_CAPBSET_DROP }, { "PR_CAP_AMBIENT", PR_CAP_AMBIENT },
	{ "PR_SET_TIMERSLACK", PR_SET_TIMERSLACK }, { "PR_SET_DUMPABLE", PR_SET_DUMPABLE },
	{ "PR_GET_DUMPABLE", PR_GET_DUMPABLE }, { "PR_MCE_KILL", PR_MCE_KILL },
	{ "PR_MCE_KILL_GET", PR_MCE_KILL_GET }, { "PR_SET_THP_DISABLE", PR_SET_THP_DISABLE },
	{ "PR_SET_VMA", 0x53564d41 }, { "PR_SET_PDEATHSIG", PR_SET_PDEATHSIG },
	{ "PR_GET_NO_NEW_PRIVS", PR_GET_NO_NEW_PRIVS }, { "PR_SET_PTRACER", 0x59616d61 },
};

static void fail(const struct where *w, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

static void fail(const struct where *w, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%u: ", w->file, w->line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t parse_value(const struct where *w, const char *s)
{
	char *end;
	uint64_t v;

	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		if (!strcmp(s, constants[i].name))
			return constants[i].value;
	errno = 0;
	v = strtoull(s, &end, 0);
	if (errno || *end || end == s)
		fail(w, "unknown constant '%s'", s);
	return v;
}

/* aN==VALUE or aN&MASK==VALUE; the plain form looks at 32 bits, as the kernel does. */
static struct cond parse_cond(const struct where *w, char *s)
{
	struct cond c = { .mask = 0xffffffff };
	char *eq = strstr(s, "=="), *amp = strchr(s, '&');

	if (s[0] != 'a' || s[1] < '0' || s[1] > '5' || !eq)
		fail(w, "bad condition '%s'", s);
	c.arg = (uint64_t)(s[1] - '0');
	*eq = '\0';
	c.value = parse_value(w, eq + 2);
	if (amp)
		c.mask = parse_value(w, amp + 1);
	else if (s[2])
		fail(w, "bad condition '%s'", s);
	return c;
}

static uint32_t parse_errno(const struct where *w, const char *s)
{
	if (!strcmp(s, "EPERM"))
		return SCMP_ACT_ERRNO(EPERM);
	if (!strcmp(s, "ENOSYS"))
		return SCMP_ACT_ERRNO(ENOSYS);
	if (!strcmp(s, "EACCES"))
		return SCMP_ACT_ERRNO(EACCES);
	if (!strcmp(s, "SUCCESS"))
		return SCMP_ACT_ERRNO(0);
	fail(w, "unknown errno '%s'", s);
}

static void add_rule(struct gen *g, const struct where *w, char *tok, uint32_t action, bool quiet)
{
	struct rule r = { .action = action, .quiet = quiet };
	char *paren = strchr(tok, '('), *save = NULL;

	if (paren) {
		size_t n = strlen(paren);

		if (paren[n - 1] != ')')
			fail(w, "missing ) in '%s'", tok);
		paren[n - 1] = '\0';
		*paren++ = '\0';
		for (char *c = strtok_r(paren, ",", &save); c; c = strtok_r(NULL, ",", &save)) {
			if (r.n_conds == CONDS_MAX)
				fail(w, "too many conditions");
			r.conds[r.n_conds++] = parse_cond(w, c);
		}
	}
	if (strlen(tok) >= sizeof(r.name))
		fail(w, "name too long: '%s'", tok);
	memcpy(r.name, tok, strlen(tok) + 1);
	r.nr = seccomp_syscall_resolve_name(tok);
	if (r.nr == __NR_SCMP_ERROR)
		fail(w, "unknown system call '%s'", tok);
	if (r.nr < 0)
		return;   /* exists on another architecture only */
	if (g->n_rules == RULES_MAX)
		fail(w, "too many rules");
	g->rules[g->n_rules++] = r;
}

struct block {
	bool active;       /* indented lines belong to something we take */
	bool known;
	uint32_t action;
	bool quiet;
};

static void read_policy(struct gen *g, const char *file, const char *promise, bool inherited,
			unsigned depth);

static void read_named(struct gen *g, const struct where *w, const char *name,
		       const char *promise, bool inherited, unsigned depth)
{
	char path[1024];

	if (depth >= DEPTH_MAX)
		fail(w, "nested too deep");
	snprintf(path, sizeof(path), "%s/%s.policy", g->dir, name);
	read_policy(g, path, promise, inherited, depth + 1);
}

static uint32_t parse_default(const struct where *w, const char *s)
{
	if (!strcmp(s, "kill"))
		return SCMP_ACT_KILL_PROCESS;
	return parse_errno(w, s);
}

/* An unindented line. Returns the block that the indented lines after it form. */
static struct block directive(struct gen *g, const struct where *w, char *line,
			      bool reading_promise, const char *promise, bool inherited,
			      unsigned depth, bool *found)
{
	struct block b = { .known = true };
	char *colon = strchr(line, ':'), *save = NULL, *verb, *arg;

	if (!colon || !colon[1])
		fail(w, "a reason is missing (VERB ...: reason)");
	*colon = '\0';
	verb = strtok_r(line, " \t", &save);
	arg = strtok_r(NULL, " \t", &save);
	if (!verb)
		fail(w, "empty directive");
	if (!strcmp(verb, "promise") && arg) {
		b.active = reading_promise && !strcmp(arg, promise);
		b.action = SCMP_ACT_ALLOW;
		if (b.active)
			*found = true;
	} else if (reading_promise) {
		fail(w, "only promises stand in this file");
	} else if (!strcmp(verb, "default") && arg) {
		if (!inherited)
			g->def = parse_default(w, arg);
	} else if (!strcmp(verb, "unknown") && arg && !strcmp(arg, "ENOSYS")) {
		if (!inherited)
			g->unknown_enosys = true;
	} else if (!strcmp(verb, "use") && arg) {
		for (; arg; arg = strtok_r(NULL, " \t", &save))
			read_named(g, w, "promises", arg, false, depth);
	} else if (!strcmp(verb, "inherit") && arg) {
		for (; arg; arg = strtok_r(NULL, " \t", &save))
			read_named(g, w, arg, NULL, true, depth);
	} else if (!strcmp(verb, "allow")) {
		b.active = true;
		b.action = SCMP_ACT_ALLOW;
	} else if (!strcmp(verb, "kill")) {
		b.active = !inherited;
		b.action = SCMP_ACT_KILL_PROCESS;
	} else if ((!strcmp(verb, "errno") || !strcmp(verb, "quiet")) && arg) {
		b.action = parse_errno(w, arg);
		b.active = true;
		b.quiet = verb[0] == 'q';
		if (inherited) {   /* the child's own filter refuses it, if ours does not */
			b.active = b.action != g->def;
			b.action = SCMP_ACT_ALLOW;
			b.quiet = false;
		}
	} else {
		fail(w, "unknown directive '%s'", verb);
	}
	return b;
}

static void read_policy(struct gen *g, const char *file, const char *promise, bool inherited,
			unsigned depth)
{
	struct where w = { .file = file };
	struct block b = { 0 };
	char line[1024];
	bool found = false;
	FILE *f = fopen(file, "r");

	if (!f)
		fail(&w, "%s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		char *hash = strchr(line, '#'), *save = NULL;

		w.line++;
		if (!strchr(line, '\n') && !feof(f))
			fail(&w, "line too long");
		line[strcspn(line, "\n")] = '\0';
		if (hash)
			*hash = '\0';
		if (line[strspn(line, " \t")] == '\0')
			continue;
		if (line[0] != ' ' && line[0] != '\t') {
			b = directive(g, &w, line, promise, promise, inherited, depth, &found);
			continue;
		}
		if (!b.known)
			fail(&w, "system calls outside a block");
		for (char *t = strtok_r(line, " \t", &save); t && b.active;
		     t = strtok_r(NULL, " \t", &save))
			add_rule(g, &w, t, b.action, b.quiet);
	}
	fclose(f);
	if (promise && !found)
		fail(&w, "no promise '%s'", promise);
}

/*
 * One call, one meaning: refuse contradictions, drop conditional rules that an
 * unconditional one covers and exact repeats.
 */
static void settle(struct gen *g)
{
	struct where w = { .file = g->name };
	unsigned n = 0;

	for (unsigned i = 0; i < g->n_rules; i++) {
		struct rule *r = &g->rules[i];
		bool keep = true;

		for (unsigned j = 0; j < g->n_rules && keep; j++) {
			const struct rule *o = &g->rules[j];

			if (i == j || o->nr != r->nr || o->quiet != r->quiet)
				continue;
			if (o->action != r->action && (o->test || r->test)) {
				keep = r->test;
				continue;
			}
			if (o->action != r->action)
				fail(&w, "'%s' is named with two actions", r->name);
			if (!o->n_conds && (r->n_conds || j < i))
				keep = false;
			if (r->n_conds && o->n_conds == r->n_conds && j < i &&
			    !memcmp(o->conds, r->conds, sizeof(r->conds)))
				keep = false;
		}
		r->name[0] = keep ? r->name[0] : '\0';
	}
	for (unsigned i = 0; i < g->n_rules; i++)
		if (g->rules[i].name[0])
			g->rules[n++] = g->rules[i];
	g->n_rules = n;
}

/* What the quiet filter answers, the main one has to let pass. */
static void open_quiet(struct gen *g)
{
	unsigned n = g->n_rules;

	for (unsigned i = 0; i < n; i++) {
		bool named = !g->rules[i].quiet;

		for (unsigned j = 0; j < g->n_rules && !named; j++)
			named = !g->rules[j].quiet && g->rules[j].nr == g->rules[i].nr;
		if (named || g->n_rules == RULES_MAX)
			continue;
		g->rules[g->n_rules] = g->rules[i];
		g->rules[g->n_rules].quiet = false;
		g->rules[g->n_rules].action = SCMP_ACT_ALLOW;
		g->rules[g->n_rules++].n_conds = 0;
	}
}

static void load_rules(const struct gen *g, scmp_filter_ctx ctx, bool quiet)
{
	struct where w = { .file = g->name };
	uint32_t def = quiet ? SCMP_ACT_ALLOW : g->def;

	for (unsigned i = 0; i < g->n_rules; i++) {
		const struct rule *r = &g->rules[i];
		struct scmp_arg_cmp cmp[CONDS_MAX];
		int rc;

		if (r->quiet != quiet || r->action == def)
			continue;
		for (unsigned k = 0; k < r->n_conds; k++)
			cmp[k] = SCMP_CMP64((unsigned)r->conds[k].arg, SCMP_CMP_MASKED_EQ,
					    r->conds[k].mask, r->conds[k].value);
		rc = seccomp_rule_add_exact_array(ctx, r->action, r->nr, r->n_conds, cmp);
		if (rc)
			fail(&w, "'%s': %s", r->name, strerror(-rc));
	}
}

static int highest_known_syscall(void)
{
	for (int nr = SYSCALL_TOP; nr > 0; nr--) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);

		if (name) {
			free(name);
			return nr;
		}
	}
	return 0;
}

/*
 * A number newer than the tables we were built with answers ENOSYS, so that a
 * newer C library falls back instead of believing a refusal.
 */
static void write_unknown_prefix(FILE *out, uint32_t arch, int top)
{
	fprintf(out, "\t{ 0x20, 0, 0, 4 },\n\t{ 0x15, 0, 4, 0x%x },\n", arch);
	fprintf(out, "\t{ 0x20, 0, 0, 0 },\n");
	fprintf(out, "\t{ 0x35, 2, 0, 0x40000000 },\n\t{ 0x25, 0, 1, 0x%x },\n", (unsigned)top);
	fprintf(out, "\t{ 0x06, 0, 0, 0x%x },\n", SCMP_ACT_ERRNO(ENOSYS));
}

static void write_filter(const struct gen *g, FILE *out, bool quiet)
{
	struct where w = { .file = g->name };
	scmp_filter_ctx ctx = seccomp_init(quiet ? SCMP_ACT_ALLOW : g->def);
	struct sock_filter insn;
	int fd = memfd_create("bpf", MFD_CLOEXEC);

	if (!ctx || fd < 0)
		fail(&w, "out of resources");
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	load_rules(g, ctx, quiet);
	if (seccomp_export_bpf(ctx, fd) < 0 || lseek(fd, 0, SEEK_SET) != 0)
		fail(&w, "cannot export the filter");
	fprintf(out, "static const struct sock_filter %s[] = {\n", quiet ? "quiet" : "filter");
	if (quiet && g->unknown_enosys)
		write_unknown_prefix(out, seccomp_arch_native(), highest_known_syscall());
	while (read(fd, &insn, sizeof(insn)) == (ssize_t)sizeof(insn))
		fprintf(out, "\t{ 0x%02x, %u, %u, 0x%08x },\n", insn.code, insn.jt, insn.jf,
			insn.k);
	fprintf(out, "};\n\n");
	close(fd);
	seccomp_release(ctx);
}

static void write_policy(const struct gen *g, FILE *out)
{
	bool quiet = g->unknown_enosys;

	for (unsigned i = 0; i < g->n_rules; i++)
		quiet = quiet || g->rules[i].quiet;
	fprintf(out, "/* Written by tools/bpfgen from src/sandbox/policy/%s.policy */\n"
		"#include <linux/filter.h>\n#include \"sandbox/sandbox.h\"\n\n", g->name);
	write_filter(g, out, false);
	if (quiet)
		write_filter(g, out, true);
	fprintf(out, "const struct sandbox_policy sandbox_policy_%s = {\n\t.name = \"%s\",\n"
		"\t.filter = filter,\n\t.n_filter = sizeof(filter) / sizeof(filter[0]),\n",
		g->name, g->name);
	if (quiet)
		fprintf(out, "\t.quiet = quiet,\n"
			"\t.n_quiet = sizeof(quiet) / sizeof(quiet[0]),\n"
			"\t.quiet_first = %s,\n",
			g->def == SCMP_ACT_KILL_PROCESS ? "true" : "false");
	fprintf(out, "};\n");
}

int main(int argc, char **argv)
{
	static struct gen g;
	struct where w = { .file = "bpfgen" };
	const char *base, *in;
	FILE *out;

	g.def = SCMP_ACT_KILL_PROCESS;
	if (argc > 1 && !strcmp(argv[1], "--sanitize")) {
		g.sanitize = true;
		argv++;
		argc--;
	}
	if (argc != 3)
		fail(&w, "usage: bpfgen [--sanitize] NAME.policy OUT.c");
	in = argv[1];
	base = strrchr(in, '/');
	snprintf(g.dir, sizeof(g.dir), "%.*s", base ? (int)(base - in) : 1, base ? in : ".");
	base = base ? base + 1 : in;
	snprintf(g.name, sizeof(g.name), "%.*s", (int)strcspn(base, "."), base);
	read_policy(&g, in, NULL, false, 0);
	if (g.sanitize) {
		unsigned first = g.n_rules;

		read_named(&g, &w, "promises", "sanitize", false, 0);
		for (; first < g.n_rules; first++)
			g.rules[first].test = true;
	}
	settle(&g);
	open_quiet(&g);
	out = fopen(argv[2], "w");
	if (!out)
		fail(&w, "%s: %s", argv[2], strerror(errno));
	write_policy(&g, out);
	if (fclose(out))
		fail(&w, "%s: %s", argv[2], strerror(errno));
	return 0;
}
