#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Generate C from proto/*.x.

One pass from the description to: C structs, the codec's type tables, enum name
tables, permission numbers, the rows of every program, typed call and reply
stubs, and the server's dispatch table. The language is RFC 4506 with a few
additions; HACKING.md describes it.

  xgen.py --header OUT.h INPUT.x     structs, tables' declarations, stubs
  xgen.py --source OUT.c INPUT.x     the tables
  xgen.py --server OUT.c --program P INPUT.x   dispatch into <program>_on_<row>()
  xgen.py --dict   OUT   INPUT.x     fuzz dictionary
"""
import argparse
import os
import re
import sys

SCALARS = {
    "int": ("int32_t", "XDR_INT"), "unsigned": ("uint32_t", "XDR_UINT"),
    "hyper": ("int64_t", "XDR_HYPER"), "uhyper": ("uint64_t", "XDR_UHYPER"),
    "bool": ("bool", "XDR_BOOL"), "double": ("double", "XDR_DOUBLE"),
}
TOKEN = re.compile(r"""\s+|/\*.*?\*/|//[^\n]*|
    (?P<str>"[^"]*")|(?P<num>-?(?:0x[0-9a-fA-F]+|\d+))|(?P<id>[A-Za-z_]\w*)|
    (?P<op>[{}()\[\]<>*;=,:|.])""", re.S | re.X)


class Bad(Exception):
    pass


class Field:
    """One member: `kind` of one element, how many, and the limits."""

    def __init__(self, name, base, ctype, kind, secret):
        self.name, self.base, self.ctype, self.kind, self.secret = name, base, ctype, kind, secret
        self.array, self.count, self.max = "XDR_ONE", "0", "0"


class Type:
    def __init__(self, kind, name):
        self.kind, self.name = kind, name      # const enum struct union typedef
        self.fields, self.values, self.arms = [], [], []
        self.extensible, self.local = False, True


class Program:
    def __init__(self, name):
        self.name, self.number, self.version, self.rows = name, "0", "1", []
        self.weak = False
        self.local = True


class Row:
    def __init__(self, num, name, args, ret):
        self.num, self.name, self.args, self.ret = num, name, args, ret
        self.keys, self.whens = {}, []


class Parser:
    def __init__(self, path, root=None):
        self.path, self.dir = path, os.path.dirname(path)
        self.types, self.consts, self.programs, self.imports = {}, {}, [], []
        text = open(path, encoding="utf-8").read()
        self.tokens, pos, line = [], 0, 1
        while pos < len(text):
            m = TOKEN.match(text, pos)
            if not m:
                raise Bad(f"{path}:{line}: cannot read {text[pos:pos + 20]!r}")
            if m.lastgroup:
                self.tokens.append((m.lastgroup, m.group(m.lastgroup), line))
            line += m.group().count("\n")
            pos = m.end()
        self.tokens.append(("end", "", 0))
        self.at = 0
        while self.peek() != "":
            self.top()

    def fail(self, what):
        raise Bad(f"{self.path}:{self.tokens[self.at][2]}: {what}, found {self.peek()!r}")

    def peek(self):
        return self.tokens[self.at][1]

    def take(self, want=None):
        kind, text, _ = self.tokens[self.at]
        if want and text != want:
            self.fail(f"expected {want!r}")
        self.at += 1
        return text

    def ident(self):
        if self.tokens[self.at][0] != "id":
            self.fail("expected a name")
        return self.take()

    def accept(self, text):
        if self.peek() == text:
            self.at += 1
            return True
        return False

    def number(self):
        text = self.take()
        if re.match(r"-?\d", text):
            return text
        if text not in self.consts:
            self.at -= 1
            self.fail("expected a number or a constant")
        return text

    def add(self, t):
        if t.name in self.types:
            raise Bad(f"{self.path}: {t.name} is defined twice")
        self.types[t.name] = t

    def top(self):
        word = self.ident()
        handlers = {"import": self.p_import, "const": self.p_const, "enum": self.p_enum,
                    "struct": self.p_struct, "union": self.p_union, "typedef": self.p_typedef,
                    "program": self.p_program}
        if word not in handlers:
            self.at -= 1
            self.fail("expected a definition")
        handlers[word]()
        self.accept(";")

    def p_import(self):
        name = self.take().strip('"')
        if name in self.imports:
            return
        sub = Parser(os.path.join(self.dir, name))
        self.imports += [name]
        for t in sub.types.values():
            if t.name not in self.types:
                t.local = False
                self.types[t.name] = t
        for k, v in sub.consts.items():
            self.consts.setdefault(k, (v[0], False))
        for p in sub.programs:
            p.local = False
            if p.name not in [x.name for x in self.programs]:
                self.programs.append(p)

    def p_const(self):
        name = self.ident()
        self.take("=")
        self.consts[name] = (self.take(), True)

    def p_enum(self):
        t = Type("enum", self.ident())
        self.take("{")
        while not self.accept("}"):
            word = self.ident()
            text = self.take().strip('"') if self.accept("=") else word
            t.values.append((word, text))
            self.accept(",")
        self.add(t)

    def p_struct(self):
        t = Type("struct", self.ident())
        t.extensible = self.accept("extensible")
        self.take("{")
        while not self.accept("}"):
            t.fields.append(self.p_field())
            self.take(";")
        self.add(t)

    def p_union(self):
        t = Type("union", self.ident())
        self.take("switch")
        self.take("(")
        self.take("int")
        t.fields.append(Field(self.ident(), "int", "int32_t", "XDR_INT", False))
        self.take(")")
        self.take("{")
        while not self.accept("}"):
            self.take("case")
            t.arms.append(self.number())
            self.take(":")
            t.fields.append(self.p_field())
            self.take(";")
        self.add(t)

    def p_typedef(self):
        t = Type("typedef", None)
        f = self.p_field()
        t.name, t.fields = f.name, [f]
        self.add(t)

    def p_field(self):
        secret = self.accept("secret")
        base = self.ident()
        if base == "unsigned":
            self.accept("int")
            if self.accept("hyper"):
                base = "uhyper"
        star = self.accept("*")
        name = self.ident()
        f = self.make(name, base, star, secret)
        if self.accept("<"):
            n = self.number() if self.peek() != ">" else "UINT32_MAX"
            self.take(">")
            self.angle(f, n)
        elif self.accept("["):
            n = self.number()
            self.take("]")
            if f.kind == "XDR_OPAQUE":
                f.kind, f.max = f.kind + "_FIX", n
            else:
                f.array, f.count = "XDR_FIXED", n
        if f.kind == "XDR_OPAQUE" or (f.kind == "XDR_CHAR" and f.array == "XDR_ONE"):
            self.fail(f"{name} needs a size")
        return f

    def angle(self, f, n):
        if f.kind == "XDR_OPAQUE":
            f.kind, f.max = f.kind + "_VAR", n
        elif f.kind in ("XDR_STRING", "XDR_OPT_STRING") and f.max == "0":
            f.max = n
        elif f.array == "XDR_ONE":
            f.array, f.count = "XDR_LIST", n
        else:
            self.fail(f"{f.name} has two sizes")

    def make(self, name, base, star, secret):
        if base in SCALARS:
            if star:
                self.fail("no optional scalars")
            return Field(name, base, *SCALARS[base], secret)
        if base == "string":
            return Field(name, base, "char *", "XDR_OPT_STRING" if star else "XDR_STRING", secret)
        if base == "opaque":
            return Field(name, base, "uint8_t", "XDR_OPAQUE", secret)
        if base == "char":
            return Field(name, base, "char", "XDR_CHAR", secret)
        t = self.types.get(base)
        if not t:
            self.at -= 1
            self.fail(f"unknown type {base}")
        if t.kind == "typedef":
            return self.from_typedef(name, t.fields[0], star, secret)
        if t.kind == "enum":
            f = Field(name, base, "uint32_t", "XDR_ENUM", secret)
            f.max = str(len(t.values))
            return f
        kind = {"struct": "XDR_STRUCT", "union": "XDR_UNION"}[t.kind]
        if star:
            return Field(name, base, f"struct {base} *", "XDR_OPT_STRUCT", secret)
        return Field(name, base, f"struct {base}", kind, secret)

    def from_typedef(self, name, d, star, secret):
        f = Field(name, d.base, d.ctype, d.kind, secret or d.secret)
        f.array, f.count, f.max = d.array, d.count, d.max
        if star:
            kinds = {"XDR_STRING": "XDR_OPT_STRING", "XDR_STRUCT": "XDR_OPT_STRUCT"}
            if f.kind not in kinds:
                self.fail("cannot be optional")
            f.kind = kinds[f.kind]
            if f.kind == "XDR_OPT_STRUCT":
                f.ctype += " *"
        return f

    def p_program(self):
        p = Program(self.ident())
        self.take("=")
        p.number = self.take()
        self.take("{")
        while not self.accept("}"):
            word = self.peek()
            if word == "version":
                self.take()
                self.take("=")
                p.version = self.take()
                self.take(";")
            elif word == "partial":      # rows without a handler answer "not supported"
                self.take()
                self.take(";")
                p.weak = True
            else:
                p.rows.append(self.p_row())
        self.programs.append(p)

    def p_row(self):
        num, name = self.take(), self.ident()
        self.take("(")
        args = self.ident()
        self.take(")")
        self.take("returns")
        row = Row(num, name, args, self.ident())
        for t in (row.args, row.ret):
            if t != "void" and self.types.get(t) is None:
                self.fail(f"row {name}: unknown type {t}")
        if self.accept("{"):
            while not self.accept("}"):
                key, value = self.ident(), []
                while self.peek() != ";":
                    value.append(self.take().strip('"'))
                self.take(";")
                if key == "when":
                    row.whens.append("".join(value))
                else:
                    row.keys[key] = " ".join(value)
        self.accept(";")
        return row


# ---- C output ----

def guard(path):
    return "CORDON_GEN_" + re.sub(r"\W", "_", os.path.basename(path)).upper() + "_H"


def cname(name):
    return name.lower()


def enumerator(t, word):
    return f"{t.name}_{word}".upper()


def member(f):
    star = "" if f.ctype.endswith("*") else " "
    if f.kind == "XDR_OPAQUE_VAR":
        return f"uint32_t n_{f.name};\n\t{f.ctype} *{f.name};"
    if f.kind == "XDR_OPAQUE_FIX":
        return f"{f.ctype} {f.name}[{f.max}];"
    if f.array == "XDR_LIST":
        return f"uint32_t n_{f.name};\n\t{f.ctype}{star}*{f.name};"
    if f.array == "XDR_FIXED":
        return f"{f.ctype}{star}{f.name}[{f.count}];"
    return f"{f.ctype}{star}{f.name};"


def struct_decl(t):
    out = [f"struct {t.name} {{"]
    if t.kind == "union":
        out.append("\t" + member(t.fields[0]))
        out.append("\tunion {")
        for f in t.fields[1:]:
            text = member(f)
            if "\n" in text:
                text = "struct { " + text.replace("\n\t", " ") + " };"
            out.append("\t\t" + text)
        out.append("\t} u;")
    else:
        out += ["\t" + member(f) for f in t.fields]
        if not t.fields:
            out.append("\tuint8_t empty;")
    out.append("};")
    return "\n".join(out)


def perm_name(cls, perm):
    return perm if ":" in perm else f"{cls}:{perm}"


def perm_const(name):
    return "PERM_" + re.sub(r"\W", "_", name).upper()


def all_perms(programs):
    names = set()
    for p in programs:
        for r in p.rows:
            cls = r.keys.get("class")
            if not cls or cls == "none":
                continue
            for key in ("perm", "filter"):
                if key in r.keys:
                    names.add(perm_name(cls, r.keys[key]))
            for w in r.whens:
                names.add(perm_name(cls, w.split(":", 1)[1]))
    return sorted(names)


def span(text):
    m = re.fullmatch(r"(\d+)(?:\.\.(\d+))?", text.replace(" ", ""))
    if not m:
        raise Bad(f"bad fds {text!r}: a number or \"0..64\"")
    return m.group(1), m.group(2) or m.group(1)


def when_c(cls, text):
    mask, perm = text.split(":", 1)
    negate = mask.startswith("!")
    return f"{{ {mask.lstrip('!')}, {'true' if negate else 'false'}, {perm_const(perm_name(cls, perm))} }}"


class Book:
    """The tables of one file: one constant object. What its parts say of each other are distances
    in it and not pointers, which every process would have to relocate in a copy of its own. So
    there is a copy too of what another file describes and this one's types are made of."""

    def __init__(self, ps, name):
        self.name = re.sub(r"\W", "_", name) + "_book"
        self.programs = [p for p in ps.programs if p.local]
        self.of, self.text, self.places = ps.types, [], {}
        self.types, self.arms, self.whens, self.rows = [], [], [], []
        for t in ps.types.values():
            if t.local:
                self.add(t)
        for p in self.programs:
            for r in p.rows:
                for word in (r.args, r.ret):
                    if word != "void" and r.keys.get("later") != "yes":
                        self.add(ps.types[word])
        self.fields = [(t, f, i) for t in self.types for i, f in enumerate(t.fields)]
        self.type_rows = [self.type_row(i, t) for i, t in enumerate(self.types)]
        self.field_rows = [self.field_row(n, *what) for n, what in enumerate(self.fields)]
        if self.programs:
            self.type_rows.append("\t{ 0 },   /* void */")
        for p in self.programs:
            for r in p.rows:
                self.rows.append(self.row(p, r))
        self.parts = [(decl, name, rows) for decl, name, rows in (
            ("struct xdr_type", "types", self.type_rows), ("struct xdr_field", "fields", self.field_rows),
            ("int32_t", "arms", self.arms), ("struct ipc_when", "whens", self.whens),
            ("struct ipc_row", "rows", self.rows)) if rows]

    def add(self, t):
        """A type, after those that it is made of."""
        if t.kind in ("struct", "union") and t not in self.types:
            for f in t.fields:
                if f.base in self.of:
                    self.add(self.of[f.base])
            self.types.append(t)

    def words(self, *words):
        """Where these stand in the text, one after another."""
        if words not in self.places:
            self.places[words] = sum(len(w.encode()) + 1 for w in self.text)
            self.text += words
        return self.places[words]

    def way(self, here, there):
        return f"WAY({here}, {there})"

    def name_of(self, here, *words):
        return self.way(here, f"text[{self.words(*words)}]")

    def type_at(self, here, name):
        index = len(self.types) if name == "void" else self.types.index(self.of[name])
        return self.way(here, f"types[{index}]")

    def type_row(self, index, t):
        here = f"types[{index}]"
        first = next((i for i, what in enumerate(self.fields) if what[0] is t), None)
        parts = [f".name = {self.name_of(here, t.name)}", f".size = sizeof(struct {t.name})",
                 f".n_fields = {len(t.fields)}"]
        if t.fields:
            parts.append(f".fields = {self.way(here, f'fields[{first}]')}")
        if t.extensible:
            parts.append(".extensible = true")
        if t.kind == "union":
            parts.append(f".is_union = true, .arms = {self.way(here, f'arms[{len(self.arms)}]')}")
            self.arms += [f"\t{arm}," for arm in t.arms]
        return "\t{ " + ", ".join(parts) + " },"

    def field_row(self, number, t, f, index):
        here = f"fields[{number}]"
        path = f"u.{f.name}" if t.kind == "union" and index else f.name
        npath = f"u.n_{f.name}" if t.kind == "union" and index else f"n_{f.name}"
        s = f"struct {t.name}"
        flags = []
        if f.secret:
            flags.append("XDR_SECRET")
        if f.kind == "XDR_BOOL" and t.name.startswith("remote_"):
            flags.append("XDR_LOOSE_BOOL")
        size = f.max if f.kind == "XDR_OPAQUE_FIX" else f"sizeof({f.ctype})"
        parts = [f".name = {self.name_of(here, f.name)}", f".kind = {f.kind}",
                 f".off = offsetof({s}, {path})", f".size = {size}"]
        if f.array != "XDR_ONE":
            parts += [f".array = {f.array}", f".count = {f.count}"]
        if f.max != "0":
            parts.append(f".max = {f.max}")
        if f.array == "XDR_LIST" or f.kind == "XDR_OPAQUE_VAR":
            parts.append(f".count_off = offsetof({s}, {npath})")
        if f.kind in ("XDR_STRUCT", "XDR_OPT_STRUCT", "XDR_UNION"):
            parts.append(f".type = {self.type_at(here, f.base)}")
        if f.kind == "XDR_ENUM":
            values = self.of[f.base].values
            parts.append(f".words = {self.name_of(here, *[text for _, text in values])}")
        if flags:
            parts.append(f".flags = {' | '.join(flags)}")
        return "\t{ " + ", ".join(parts) + " },"

    def row(self, p, r):
        k, here = r.keys, f"rows[{len(self.rows)}]"
        cls = k.get("class", "none")
        parts = [f".num = {r.num}", f".name = {self.name_of(here, r.name)}"]
        if k.get("later") != "yes":    # nobody serves it yet: its tables need not be linked
            parts += [f".args = {self.type_at(here, r.args)}", f".ret = {self.type_at(here, r.ret)}"]
        if "from" in k:
            parts.append(".senders = " + " | ".join(f"1u << IPC_ROOM_{w.upper()}" for w in k["from"].split()))
        if "state" in k:
            parts.append(".states = " + " | ".join(f"IPC_STATE_{w.upper()}" for w in k["state"].split()))
        for key in ("fds_in", "fds_out"):
            if key in k:
                lo, hi = span(k[key])
                parts.append(f".{key}_min = {lo}, .{key}_max = {hi}")
        if ("stream" in k or k.get("fds") == "out") and "fds_out" not in k:
            parts.append(".fds_out_min = 1, .fds_out_max = 1")   # the other end of the stream
        if cls != "none":
            parts.append(f".cls = IPC_CLASS_{cls.upper()}")
            if "perm" in k:
                parts.append(f".perm = {perm_const(perm_name(cls, k['perm']))}")
            if "filter" in k:
                parts.append(f".filter = {perm_const(perm_name(cls, k['filter']))}")
        if r.whens:
            parts.append(f".when = {self.way(here, f'whens[{len(self.whens)}]')}")
            self.whens += [f"\t{when_c(cls, w)}," for w in r.whens] + ["\t{ 0 },"]
        args = self.of.get(r.args)
        fname = k.get("flags", "flags")
        if args and any(f.name == fname and f.base in ("unsigned", "int") for f in args.fields):
            parts.append(f".flags_off = 1 + offsetof(struct {r.args}, {fname})")
        bits = []
        if k.get("write") == "yes":
            bits.append("IPC_WRITE")
        if k.get("event") == "yes":
            bits.append("IPC_EVENT")
        if "stream" in k:
            bits.append({"in": "IPC_STREAM_IN", "out": "IPC_STREAM_OUT",
                         "both": "IPC_STREAM_IN | IPC_STREAM_OUT"}[k["stream"]])
        if k.get("fds") == "out":
            bits.append("IPC_CLIENT_FDS_OUT")
        if bits:
            parts.append(f".flags = {' | '.join(bits)}")
        if "audit" in k:
            parts.append(f".audit = {self.name_of(here, k['audit'])}")
        return "\t{ " + ",\n\t  ".join(parts) + " },"
    def declaration(self):
        out = [f"extern const struct {self.name} {{"]
        out += [f"\t{decl} {name}[{len(rows)}];" for decl, name, rows in self.parts]
        out.append(f"\tchar text[{sum(len(w.encode()) + 1 for w in self.text)}];")
        out.append(f"}} {self.name};")
        out += [f"#define {t.name}_xdr ({self.name}.types[{i}])"
                for i, t in enumerate(self.types) if t.local]
        return "\n".join(out) + "\n"

    def definition(self):
        out = [f"#define WAY(from, to) ((int32_t)(offsetof(struct {self.name}, to) - \\\n"
               f"\t\t\t\toffsetof(struct {self.name}, from)))", "",
               f"const struct {self.name} {self.name} = {{"]
        for _, name, rows in self.parts:
            out += [f".{name} = {{"] + rows + ["},"]
        out.append(".text =")
        out += [f'\t"{w}\\0"' for w in self.text[:-1]] + [f'\t"{self.text[-1]}",', "};\n"]
        return "\n".join(out)


def owns_perms(local):
    """The permissions are those of the client's program; others only refer to them."""
    return any(cname(p.name) == "remote" for p in local)


def header(ps, name, perms):
    book = Book(ps, name)
    out = ["/* Generated by tools/xgen.py from proto; do not edit. */",
           f"#ifndef {guard(name)}", f"#define {guard(name)}", "",
           "#include <stdbool.h>", "#include <stddef.h>", "#include <stdint.h>", "",
           '#include "base/xdr.h"']
    local = [p for p in ps.programs if p.local]
    if local:
        out.append('#include "ipc/program.h"')
    out += [f'#include "proto/{i}.h"' for i in ps.imports]
    out.append("")
    for k, (v, is_local) in ps.consts.items():
        if is_local:
            out.append(f"#define {k} {v}")
    out.append("")
    for t in ps.types.values():
        if not t.local or t.kind == "typedef":
            continue
        if t.kind == "enum":
            out.append(f"enum {t.name} {{\n\t{t.name.upper()}_UNSET = 0,")
            out += [f"\t{enumerator(t, w)}," for w, _ in t.values]
            out.append(f"}};\n#define {t.name.upper()}_MAX {len(t.values)}")
            out.append(f"extern const char *const {t.name}_names[];\n")
        else:
            out.append(struct_decl(t) + "\n")
    if book.text:
        out.append(book.declaration())
    if owns_perms(local):
        out.append("enum perm {\n\tPERM_NONE = 0,")
        out += [f"\t{perm_const(n)}," for n in perms]
        out.append("\tPERM_COUNT\n};\nextern const char *const perm_names[];\n")
    for p in local:
        out.append(f"#define {p.name.upper()}_PROGRAM {p.number}")
        out.append(f"#define {p.name.upper()}_VERSION {p.version}")
        out.append(f"enum {cname(p.name)}_proc {{")
        out += [f"\t{p.name.upper()}_{r.name.upper()} = {r.num}," for r in p.rows]
        out.append(f"}};\nextern const struct ipc_program {cname(p.name)}_program;\n"
                   f"extern const struct ipc_handlers {cname(p.name)}_server;\n")
        for r in p.rows:
            out.append(stubs(p, r))
    out.append("#endif")
    return "\n".join(out) + "\n"


def stubs(p, r):
    prog, row = cname(p.name), r.name.lower()
    index = p.rows.index(r)
    args = "" if r.args == "void" else f", const struct {r.args} *args"
    aval = "NULL" if r.args == "void" else "args"
    out = [f"int {prog}_on_{row}(struct ipc_call *call{args});"]
    if r.keys.get("event") == "yes":
        out.append(f"static inline int {prog}_send_{row}(struct ipc_chan *ch{args})\n"
                   f"{{\n\treturn ipc_send_event(ch, &{prog}_program, {index}, {aval}, NULL, 0);\n}}")
        out.append(f"static inline int {prog}_send_{row}_fds(struct ipc_chan *ch{args},\n"
                   "\t\tconst int *fds, unsigned n_fds)\n"
                   f"{{\n\treturn ipc_send_event(ch, &{prog}_program, {index}, {aval}, fds, n_fds);\n}}")
        return "\n".join(out) + "\n"
    out.append(f"static inline int {prog}_call_{row}(struct ipc_chan *ch{args},\n"
               "\t\tconst int *fds, unsigned n_fds, ipc_reply_fn *done, void *ctx)\n"
               f"{{\n\treturn ipc_call_start(ch, &{prog}_program, {index}, {aval}, fds, n_fds, done, ctx);\n}}")
    ret = "" if r.ret == "void" else f", const struct {r.ret} *ret"
    rval = "NULL" if r.ret == "void" else "ret"
    out.append(f"static inline int {prog}_reply_{row}(struct ipc_call *call{ret})\n"
               f"{{\n\treturn ipc_reply(call, {rval}, NULL, 0);\n}}")
    return "\n".join(out) + "\n"


def source(ps, name, perms):
    out = ["/* Generated by tools/xgen.py from proto; do not edit. */",
           f'#include "proto/{name}.h"', ""]
    for t in ps.types.values():
        if t.local and t.kind == "enum":
            words = "".join(f'\n\t"{text}",' for _, text in t.values)
            out.append(f"const char *const {t.name}_names[] = {{\n\tNULL,{words}\n}};\n")
    book = Book(ps, name)
    if book.text:
        out.append(book.definition())
    local = [p for p in ps.programs if p.local]
    if owns_perms(local):
        out.append("const char *const perm_names[] = {\n\t\"none\",")
        out += [f'\t"{n}",' for n in perms]
        out.append("};\n")
    first = 0
    for p in local:
        out.append(f"const struct ipc_program {cname(p.name)}_program = {{")
        out.append(f'\t.name = "{p.name}", .number = {p.number}, .version = {p.version},')
        out.append(f"\t.rows = &{book.name}.rows[{first}], .n_rows = {len(p.rows)},\n}};\n")
        first += len(p.rows)
    return "\n".join(out)


def outgoing(p, r):
    """What the server of this program never receives: its own events, and rows that come later."""
    return (r.keys.get("event") == "yes" and "from" not in r.keys) or r.keys.get("later") == "yes"


def server(ps, name, only):
    out = ["/* Generated by tools/xgen.py from proto; do not edit. */",
           f'#include "proto/{name}.h"', "", '#include "ipc/call.h"', ""]
    for p in ps.programs:
        prog = cname(p.name)
        if not p.local or (only and prog != only):
            continue
        for r in p.rows:
            if outgoing(p, r):
                continue
            void = r.args == "void"
            fn = f"{prog}_on_{r.name.lower()}"
            if p.weak:
                sig = "struct ipc_call *call" + ("" if void else f", const struct {r.args} *args")
                out.append(f"int {fn}({sig}) __attribute__((weak));")
            out.append(f"static int {prog}_row_{r.num}(struct ipc_call *call, const void *args)\n{{")
            if void:
                out.append("\t(void)args;")
            if p.weak:
                out.append(f"\tif (!{fn})\n\t\treturn ipc_refuse_unsupported(call);")
            out.append(f"\treturn {fn}(call{'' if void else ', args'});\n}}\n")
        out.append(f"static ipc_handler_fn *const {prog}_handlers[] = {{")
        for r in p.rows:
            skip = outgoing(p, r)
            out.append("\tNULL," if skip else f"\t{prog}_row_{r.num},")
        out.append(f"}};\nconst struct ipc_handlers {prog}_server = {{\n"
                   f"\t.program = &{prog}_program, .fn = {prog}_handlers,\n}};\n")
    return "\n".join(out)


def dictionary(ps):
    words = set()
    for t in ps.types.values():
        if t.kind == "enum":
            words |= {text for _, text in t.values}
    for p in ps.programs:
        words |= {r.name for r in p.rows}
        for r in p.rows:
            words.add("".join(f"\\x{b:02x}" for b in int(r.num).to_bytes(4, "big")))
    return "".join(f'"{w}"\n' for w in sorted(words))


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("input")
    for kind in ("header", "source", "server", "dict"):
        ap.add_argument("--" + kind)
    ap.add_argument("--program", help="with --server: this one only")
    opt = ap.parse_args()
    try:
        ps = Parser(opt.input)
        perms = all_perms(ps.programs)
        name = os.path.basename(opt.input)
        outputs = {"header": lambda: header(ps, name, perms), "source": lambda: source(ps, name, perms),
                   "server": lambda: server(ps, name, opt.program), "dict": lambda: dictionary(ps)}
        for kind, make in outputs.items():
            path = getattr(opt, kind)
            if path:
                with open(path, "w", encoding="utf-8") as f:
                    f.write(make())
    except (Bad, OSError) as e:
        sys.exit(f"xgen: {e}")


if __name__ == "__main__":
    main()
