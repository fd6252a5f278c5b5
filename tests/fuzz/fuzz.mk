# libFuzzer targets: tests/fuzz/fuzz_NAME.c is `make fuzz-NAME`. They need clang.

FUZZ_CC ?= clang
FUZZ_TARGETS := $(filter-out cpu,$(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=build/fuzz/tests/fuzz/fuzz_%)
fuzz_make = $(MAKE) --no-print-directory MODE=fuzz CC=$(FUZZ_CC)

$(OUT)/tests/fuzz/fuzz_%: $(OUT)/tests/fuzz/fuzz_%.o $(TEST_LIB) $(LIB)
	$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $< $(TEST_LIB) $(LIB) $(CHECK_LIBS) $(LDLIBS)

$(OUT)/tests/fuzz/guest_stub.inc: tests/fuzz/guest_stub.S
	@mkdir -p $(@D)
	$(ROM_AS) --32 -o $(@:.inc=.stub) $<
	$(ROM_AS:%as=%objcopy) -O binary -j .text $(@:.inc=.stub) $(@:.inc=.bin)
	od -An -v -tx1 $(@:.inc=.bin) | sed 's/ \(..\)/0x\1,/g' >$@
$(OUT)/tests/fuzz/fuzz_guest.o: $(OUT)/tests/fuzz/guest_stub.inc

# Sums that every input has anew, byte by byte: traced compares made them nine tenths of a VHDX's run, and teach nothing.
build/fuzz/devices/block/crc32c.o: CFLAGS += -O2 -fno-sanitize=all
# Copies into guest memory, word by word: likewise.
build/fuzz/mmu/ram.o: CFLAGS += -O2 -fno-sanitize=fuzzer-no-link
# Freed memory is kept for 16 MiB only: more of it is pages to be cleared, again and again.
FUZZ_RUN := ASAN_OPTIONS=quarantine_size_mb=16
FUZZ_OPTIONS := -max_len=4096 -timeout=20 -entropic=0 -close_fd_mask=1

# make fuzz-decode      a parser of guest or file bytes under libFuzzer: fuzz-NAME N=100000 SEED=1, or SECONDS_EACH=300
.PHONY: $(FUZZ_TARGETS:%=fuzz-%)
$(FUZZ_TARGETS:%=fuzz-%): fuzz-%:
	@command -v $(FUZZ_CC) >/dev/null || { echo "make $@ needs $(FUZZ_CC)"; exit 77; }
	@mkdir -p build/fuzz/corpus/$* build/fuzz/found
	@$(fuzz_make) build/fuzz/tests/fuzz/fuzz_$*
	$(FUZZ_RUN) build/fuzz/tests/fuzz/fuzz_$* $(if $(SECONDS_EACH),-max_total_time=$(SECONDS_EACH),-runs=$(or $(N),100000)) \
	    -seed=$(or $(SEED),1) $(FUZZ_OPTIONS) -artifact_prefix=build/fuzz/found/$*- build/fuzz/corpus/$*

# make check-fuzz       every libFuzzer target for a few seconds
.PHONY: check-fuzz
check-fuzz:
	@if command -v $(FUZZ_CC) >/dev/null; then $(fuzz_make) $(FUZZ_PROGRAMS) && $(FUZZ_RUN) tests/fuzz/smoke.sh "$(FUZZ_OPTIONS)" $(FUZZ_PROGRAMS); \
	else echo "check-fuzz: skipped, there is no $(FUZZ_CC)"; fi
