# SPDX-License-Identifier: GPL-2.0-or-later
# A short way to Meson. Every rule works on a fresh Debian 12; as root it installs what it needs.
BUILD ?= build
DESTDIR ?=
PREFIX ?= /usr
MESON_FLAGS ?= --prefix=$(PREFIX) --sysconfdir=/etc --localstatedir=/var
C_FILES = $(shell find src tests tools -name '*.[ch]')

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja: | deps-build
	meson setup $(BUILD) $(MESON_FLAGS)

deps-%:
	tools/deps $*

# The fuzz targets need clang, and the whole suite runs once more under the sanitizers.
$(BUILD)-fuzz/build.ninja: | deps-build deps-test
	CC=clang meson setup $(BUILD)-fuzz -Dfuzz=true -Dsanitize=true
$(BUILD)-asan/build.ninja: | deps-build
	meson setup $(BUILD)-asan $(MESON_FLAGS) -Dsanitize=true

check: deps-build deps-test all $(BUILD)-fuzz/build.ninja
	ninja -C $(BUILD)-fuzz fuzz
	tests/run --build $(BUILD) --fuzz-build $(BUILD)-fuzz $(ARGS)

check-asan: deps-test $(BUILD)-asan/build.ninja
	ninja -C $(BUILD)-asan
	tests/run --build $(BUILD)-asan --sanitized unit golden clients sandbox faults $(ARGS)

fuzz: $(BUILD)-fuzz/build.ninja
	ninja -C $(BUILD)-fuzz fuzz
	tests/run --fuzz-build $(BUILD)-fuzz --fuzz-seconds $(or $(SECONDS),3600) fuzz $(ARGS)

demo: deps-build deps-run all
	tools/demo --build $(BUILD)

bench: deps-build deps-bench all
	tests/bench/bench --build $(BUILD) $(ARGS)

install: all
	DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

tcb: all
	tools/tcb $(BUILD)

format: deps-lint
	clang-format -i $(C_FILES)

# cppcheck does not know cleanup attributes, and readdir on a directory of one's own is fine.
lint: deps-lint all
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability,performance \
		--inline-suppr --suppress=missingIncludeSystem --suppress=resourceLeak \
		--suppress=memleak --suppress=readdirCalled --suppress=arrayIndexThenCheck \
		--suppress=internalAstError --suppress=nullPointer:src/cordond/listeners.c -Isrc src
	clang-tidy --quiet -p $(BUILD) $(shell find src -name '*.c')

clean:
	rm -rf $(BUILD) $(BUILD)-fuzz $(BUILD)-asan

.PHONY: all check check-asan fuzz demo bench install tcb format lint clean
