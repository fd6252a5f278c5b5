# Fuzz targets on libFuzzer: one program per tests/fuzz/fuzz_NAME.c, corpus in build/fuzz/corpus/NAME.

FUZZ_CC ?= clang
SECONDS ?= 60
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SUPPORT := $(patsubst %.c,build/fuzz/%.o,$(wildcard tests/check/partitions/hv/hv_*.c))

# make fuzz-NAME SECONDS=60   random bytes into one target (decode, hypercall, msr, ...); needs clang
.PHONY: $(FUZZ_NAMES:%=fuzz-%)
$(FUZZ_NAMES:%=fuzz-%): fuzz-%:
	@command -v $(FUZZ_CC) >/dev/null || { echo "make $@ needs $(FUZZ_CC)"; exit 77; }
	@$(MAKE) --no-print-directory MODE=fuzz CC=$(FUZZ_CC) build/fuzz/libverdite.a build/fuzz/tests/fuzz/fuzz_$*.o $(FUZZ_SUPPORT)
	@mkdir -p build/fuzz/corpus/$*
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o build/fuzz/fuzz_$* build/fuzz/tests/fuzz/fuzz_$*.o $(FUZZ_SUPPORT) \
		build/fuzz/libverdite.a $(LDLIBS)
	build/fuzz/fuzz_$* -max_total_time=$(SECONDS) -max_len=4000 -print_final_stats=1 build/fuzz/corpus/$*
