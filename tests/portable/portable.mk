# Another architecture: the same sources by a cross compiler, run under qemu-user.

CROSS_CC ?= aarch64-linux-gnu-gcc
CROSS_RUN ?= qemu-aarch64-static
CROSS_OUT := build/aarch64

# make check-portable   builds for AArch64 and compares trace hashes with the native build; KERNEL= INITRD= add a kernel's start
#                       (needs gcc-aarch64-linux-gnu, qemu-user-static and zlib1g-dev:arm64; skips without them)
.PHONY: check-portable
check-portable: $(OUT)/verdite $(ROM_FILES)
	@for tool in $(CROSS_CC) $(CROSS_RUN); do \
	    command -v $$tool >/dev/null || { echo "no $$tool: 0 passed, 0 failed, 1 skipped"; exit 0; }; done; \
	echo 'int main(void) { return 0; }' | $(CROSS_CC) -x c - -static -lz -o /dev/null 2>/dev/null || \
	    { echo "no zlib for $(CROSS_CC): 0 passed, 0 failed, 1 skipped"; exit 0; }; \
	$(MAKE) --no-print-directory OUT=$(CROSS_OUT) CC=$(CROSS_CC) PKG_CONFIG=false LDFLAGS=-static $(CROSS_OUT)/verdite >build/aarch64.log 2>&1 || \
	    { tail -n 20 build/aarch64.log; exit 1; }; \
	tests/portable/check.sh $(OUT)/verdite $(CROSS_RUN) $(CROSS_OUT)/verdite $(ROMS)
