# Another architecture: the same sources by a cross compiler, run under qemu-user. And hosts without optional libraries.

CROSS_CC ?= aarch64-linux-gnu-gcc
CROSS_RUN ?= qemu-aarch64-static
CROSS_OUT := build/aarch64
cross_make = $(MAKE) --no-print-directory OUT=$(CROSS_OUT) CC=$(CROSS_CC) PKG_CONFIG=false ZYDIS= LDFLAGS=-static \
    CHECK_CFLAGS= CHECK_LIBS="-lcheck -lsubunit -lrt -lm"
INSTRUCTIONS ?= 20000000

# make check-portable   builds for AArch64; trace hashes of roms and of a kernel's first INSTRUCTIONS=20000000 equal the native
#                       build's, with host pages of 4, 16 and 64 KiB; KERNEL= INITRD= another kernel
#                       (needs gcc-aarch64-linux-gnu, qemu-user-static and zlib1g-dev:arm64; skips without them)
.PHONY: check-portable
check-portable: $(OUT)/verdite $(ROM_FILES)
	@for tool in $(CROSS_CC) $(CROSS_RUN); do \
	    command -v $$tool >/dev/null || { echo "no $$tool: 0 passed, 0 failed, 1 skipped"; exit 0; }; done; \
	echo 'int main(void) { return 0; }' | $(CROSS_CC) -x c - -static -lz -o /dev/null 2>/dev/null || \
	    { echo "no zlib for $(CROSS_CC): 0 passed, 0 failed, 1 skipped"; exit 0; }; \
	$(cross_make) $(CROSS_OUT)/verdite >build/aarch64.log 2>&1 || { tail -n 20 build/aarch64.log; exit 1; }; \
	KERNEL=$${KERNEL:-$$(tests/boot/fetch-kernel.sh cloud)} INSTRUCTIONS=$(INSTRUCTIONS) \
	    tests/portable/check.sh $(OUT)/verdite $(CROSS_RUN) $(CROSS_OUT)/verdite $(ROMS)

# make check-portable-unit  the unit tests of that build under qemu-user; T=part-of-path (needs check:arm64 and libsubunit-dev:arm64 too)
.PHONY: check-portable-unit
check-portable-unit:
	@command -v $(CROSS_RUN) >/dev/null && \
	    echo 'int main(void) { return 0; }' | $(CROSS_CC) -x c - -static -lcheck -lsubunit -lz -o /dev/null 2>/dev/null || \
	    { echo "no $(CROSS_RUN), or no check for $(CROSS_CC): 0 passed, 0 failed, 1 skipped"; exit 0; }; \
	RUN=$(CROSS_RUN) CK_DEFAULT_TIMEOUT=900 CK_TIMEOUT_MULTIPLIER=15 $(cross_make) T=$(T) check-unit

# make check-without    builds without each of the optional libraries: only that feature is gone; LIBRARIES=jansson
LIBRARIES ?= $(sort $(shell sed -n 's/.*(call have,\([a-z0-9]*\)).*/\1/p' Makefile))
.PHONY: check-without
check-without: $(OUT)/verdite $(ROM_FILES)
	@tests/portable/check-without.sh $(OUT)/verdite $(LIBRARIES)
