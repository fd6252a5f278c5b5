# How fast: make bench.

BENCH_RUN := build/bench/run
BENCH_SOURCES := tests/bench/run.c tests/bench/guest.c tests/bench/report.c

$(BENCH_RUN): $(BENCH_SOURCES) tests/bench/bench.h
	@mkdir -p $(@D)
	$(CC) -std=c11 -D_GNU_SOURCE $(WARNINGS) -O2 -o $@ $(BENCH_SOURCES) -lm

# make bench            CPU time of guest code: natively, under QEMU's TCG, under verdite; ROWS= RUNS= EMULATORS= CPUS=
# make bench-boot       CPU time of a kernel's boot and power-off under both; KERNEL=amd64 for the larger one
export ROWS RUNS EMULATORS CPUS
.PHONY: bench bench-boot
bench bench-boot: $(OUT)/verdite $(BOOT_CPIO) $(BENCH_RUN)
	@tests/bench/bench.sh $(if $(filter bench-boot,$@),boot,rows) $(OUT)/verdite $(BOOT_CPIO) $(BENCH_RUN) $(CC)

# make bench-profile    where the CPU time of rows goes, by perf, after make bench; ROWS=
.PHONY: bench-profile
bench-profile: $(OUT)/verdite $(BOOT_CPIO)
	@tests/bench/profile.sh $(OUT)/verdite $(BOOT_CPIO) $(CC)

# make bench-idle       host CPU time of a guest with four VPs that waits at its prompt for 60 s; CPUS=4 LIMIT=0.3 (percent of a core)
.PHONY: bench-idle
bench-idle: $(OUT)/verdite $(BOOT_CPIO)
	@tests/bench/idle.sh $(OUT)/verdite $(BOOT_CPIO)

# make bench-net        CPU time of TCP through the user network, beside QEMU with virtio-net; RUNS=3 JOBS=receive:256,send:256,turns:20000
.PHONY: bench-net
bench-net: $(OUT)/verdite $(BOOT_CPIO)
	@RUNS=$(RUNS) JOBS=$(JOBS_OF_NET) tests/bench/net.sh $(OUT)/verdite $(BOOT_CPIO) $(CC)

# make bench-disk       CPU time of a guest's disk requests beside QEMU's virtio-blk; ROWS="4" RUNS=3 OPTIONS="--engine interpreter"
.PHONY: bench-disk
bench-disk: $(OUT)/verdite $(BOOT_CPIO)
	@tests/bench/disk.sh $(OUT)/verdite $(BOOT_CPIO) $(CC)
