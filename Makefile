# SPDX-License-Identifier: GPL-2.0-or-later
# A short way to Meson. Every rule works on a fresh Debian 12; as root it installs what it needs.
BUILD ?= build
DESTDIR ?=
PREFIX ?= /usr
MESON_FLAGS ?= --prefix=$(PREFIX) --sysconfdir=/etc --localstatedir=/var

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

check: deps-build deps-test deps-lab all $(BUILD)-fuzz/build.ninja
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

# A virtual machine with SELinux enforcing; see HACKING.md.
lab: deps-build deps-test deps-lab all
	tools/lab build --build $(BUILD)
	tests/run --build $(BUILD) lab $(ARGS)

# All client tests in it, which takes hours; `make lab` takes some of each file.
lab-clients: deps-build deps-test deps-lab all
	tests/run --build $(BUILD) --whole -k test_clients lab $(ARGS)

lab-shell: deps-build deps-test deps-lab all
	tools/lab shell --build $(BUILD)

bench: deps-build deps-bench all
	tests/bench/bench --build $(BUILD) $(ARGS)
	tests/bench/layers --build $(BUILD) --no-lab

# What labels, their journal and Landlock cost a start and a stop, all together: in the lab, too.
bench-layers: deps-build deps-test deps-lab all
	tests/bench/layers --build $(BUILD) $(ARGS)

# On this host, with accounts, folders, policy and labels; below DESTDIR, files only.
install: all
	DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild
	[ -n "$(DESTDIR)" ] || packaging/post-install $(PREFIX)

tcb: all
	tools/tcb $(BUILD)

# What it takes of clang-format's opinion: see the script.
format: deps-lint
	tools/format

# cppcheck does not know cleanup attributes, nor that cmocka's fail() never returns; readdir on a
# directory of one's own is fine.
CPPCHECK = cppcheck --quiet -j $(JOBS) --error-exitcode=1 --std=c11 --inline-suppr \
	--enable=warning,portability,performance -D_GNU_SOURCE -D__x86_64__ \
	--include=$(wildcard /usr/include/*/sys/queue.h) --suppress=missingIncludeSystem --suppress=resourceLeak --suppress=memleak \
	--suppress=readdirCalled --suppress=arrayIndexThenCheck --suppress=internalAstError \
	--suppress=nullPointerRedundantCheck:tests/unit/*.c -Isrc
JOBS = $(shell nproc)
# The fuzz targets are of another build: clang-tidy guesses how they are compiled.
TIDY = --extra-arg=-I$(CURDIR)/src --extra-arg=-I$(abspath $(BUILD))

lint: deps-lint deps-test all
	tools/format --check
	$(CPPCHECK) src tests tools
	find src tests tools -name '*.c' | xargs -P $(JOBS) -n 8 clang-tidy --quiet -p $(BUILD) $(TIDY)
	for page in man/*; do mandoc -T lint -W warning $$page || exit 1; done

clean:
	rm -rf $(BUILD) $(BUILD)-fuzz $(BUILD)-asan

.PHONY: all check check-asan fuzz demo lab lab-clients lab-shell bench bench-layers install tcb format lint clean
