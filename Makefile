# verdite: `make` builds build/release/verdite. `make help` lists the targets.

MODE ?= release
CC ?= cc
OUT := build/$(MODE)
ROOMS := base cpu mmu devices partitions frontend

PKG_CONFIG ?= pkg-config
have = $(shell $(PKG_CONFIG) --exists $(1) 2>/dev/null && echo yes)

CPPFLAGS += -I. -I$(OUT) -D_GNU_SOURCE
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
CFLAGS_release := -O2 -g
CFLAGS_debug := -O0 -g3
CFLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_ubsan := -O1 -g -fsanitize=undefined -fno-sanitize-recover=all
CFLAGS_tsan := -O1 -g -fsanitize=thread
CFLAGS_cov := -O0 -g --coverage
CFLAGS_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined
ALL_CFLAGS = -std=c11 $(WARNINGS) -fno-strict-aliasing -pthread $(CFLAGS_$(MODE)) $(CFLAGS)
LDLIBS += -lz -lm -pthread

ifeq ($(call have,capstone),yes)
CPPFLAGS += -DHAVE_CAPSTONE $(shell $(PKG_CONFIG) --cflags capstone)
LDLIBS += $(shell $(PKG_CONFIG) --libs capstone)
endif
ifeq ($(call have,jansson),yes)
CPPFLAGS += -DHAVE_JANSSON $(shell $(PKG_CONFIG) --cflags jansson)
LDLIBS += $(shell $(PKG_CONFIG) --libs jansson)
endif
ifeq ($(call have,slirp),yes)
CPPFLAGS += -DHAVE_SLIRP $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags slirp))
LDLIBS += $(shell $(PKG_CONFIG) --libs slirp)
endif
ifeq ($(call have,inih),yes)
CPPFLAGS += -DHAVE_INIH $(shell $(PKG_CONFIG) --cflags inih)
LDLIBS += $(shell $(PKG_CONFIG) --libs inih)
endif
CHECK_CFLAGS = $(shell $(PKG_CONFIG) --cflags check)
CHECK_LIBS = $(shell $(PKG_CONFIG) --libs check) -lsubunit
# Debian's Zydis has no pkg-config file.
ZYDIS ?= $(wildcard /usr/include/Zydis/Zydis.h)
ifneq ($(ZYDIS),)
CHECK_CFLAGS += -DHAVE_ZYDIS
CHECK_LIBS += -lZydis
endif

SOURCES := $(sort $(shell find $(ROOMS) -name '*.c'))
MAINS := $(wildcard frontend/*/main.c)
LIB_OBJECTS := $(patsubst %.c,$(OUT)/%.o,$(filter-out $(MAINS),$(SOURCES)))
LIB := $(OUT)/libverdite.a
TESTS := $(patsubst %.c,$(OUT)/%,$(sort $(shell find tests/check -name 'test_*.c' 2>/dev/null)))
TEST_SUPPORT := $(patsubst %.c,$(OUT)/%.o,$(sort $(shell find tests/check tests/support -name '*.c' ! -name 'test_*.c' 2>/dev/null)))
TEST_LIB := $(OUT)/tests/libtests.a

.PHONY: all
all: $(OUT)/verdite

# V=1 shows the commands whole.
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@echo "  $(1) $(2)")

$(OUT)/verdite: $(OUT)/frontend/cli/main.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(LIB): $(LIB_OBJECTS)
	@rm -f $@
	@$(AR) rcs $@ $^

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(if $(filter tests/%,$<),$(CHECK_CFLAGS)) -MMD -MP -c -o $@ $<

$(OUT)/tests/check/%: $(OUT)/tests/check/%.o $(TEST_LIB) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< $(wildcard $(TEST_LIB)) $(LIB) $(CHECK_LIBS) $(LDLIBS)

# What tests share is an archive, so that a test links only what it names.
$(TEST_LIB): $(TEST_SUPPORT)
	@mkdir -p $(@D)
	@rm -f $@
	@$(AR) rcs $@ $^

.SECONDARY:

# make check            every unit test and every teaching guest
# make check-unit T=mmu the unit tests whose path contains mmu
T ?=
.PHONY: check-unit
check-unit: $(if $(T),$(foreach t,$(TESTS),$(if $(findstring $(T),$(t)),$(t))),$(TESTS))
	@tests/check/run.sh $(OUT) $^

-include tests/targets.mk
include roms/roms.mk
include tests/portable/portable.mk
include tests/boot/boot.mk
include tests/state/state.mk
include tests/bench/bench.mk
include tests/lint/lint.mk
include tests/fuzz/fuzz.mk
include tests/crash/crash.mk

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)

.PHONY: check check-built
check:
	@tests/boot/deps.sh build check
	@$(MAKE) --no-print-directory $(parallel) check-built
check-built: check-unit check-roms check-bad

# make install          PREFIX=/usr/local DESTDIR=
PREFIX ?= /usr/local
.PHONY: install
install: $(OUT)/verdite
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(OUT)/verdite $(DESTDIR)$(PREFIX)/bin/verdite
	$(OUT)/verdite help --man >$(OUT)/verdite.1
	install -m 644 $(OUT)/verdite.1 $(DESTDIR)$(PREFIX)/share/man/man1/verdite.1

# make dist             dist/verdite-VERSION.tar.gz of what is committed
VERSION = $(shell sed -n 's/^.define VERDITE_VERSION "\(.*\)"/\1/p' frontend/cli/help.h)
.PHONY: dist
dist:
	@mkdir -p dist
	git archive --prefix=verdite-$(VERSION)/ -o dist/verdite-$(VERSION).tar.gz HEAD

# make clean            everything that was built; fetched packages stay in build/cache
.PHONY: clean
clean:
	@[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} +
	rm -rf dist

# make docs             build/docs/hypercalls.md: which hypercalls and MSRs are built
.PHONY: docs
docs: build/docs/hypercalls.md
build/docs/hypercalls.md: docs/hypercalls.awk partitions/hv/hypercall_table.h partitions/hv/msr_table.h
	@mkdir -p $(@D)
	awk -f $^ >$@

.PHONY: help
help:
	@sed -n 's/^# \(make .*\)/  \1/p' Makefile $(filter %.mk,$(MAKEFILE_LIST))
