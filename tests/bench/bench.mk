# How fast: make bench.

BENCH_KERNELS := build/bench/kernels

$(BENCH_KERNELS): tests/bench/kernels.c
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) -O2 -static -o $@ $<

# make bench            small kernels natively, under verdite and under Bochs: CPU seconds; SCALE=1 for a quick look
.PHONY: bench
bench: $(OUT)/verdite $(BOOT_CPIO) $(BENCH_KERNELS)
	@tests/bench/bench.sh $(OUT)/verdite $(BOOT_CPIO) $(BENCH_KERNELS)
