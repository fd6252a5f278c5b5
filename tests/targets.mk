# Fuzzing: the host CPU against verdite.

FUZZ_CPU := $(OUT)/tests/fuzz/cpu/fuzz-cpu
FUZZ_CPU_OBJECTS := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/fuzz/cpu/*.c))

# Its signal handler runs with a strange FS: no stack protector there.
$(OUT)/tests/fuzz/cpu/native.o: CFLAGS += -fno-stack-protector

$(FUZZ_CPU): $(FUZZ_CPU_OBJECTS) $(LIB)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(FUZZ_CPU_OBJECTS) $(LIB) $(LDLIBS)

# make fuzz-cpu         random instructions on the host CPU and in verdite; N=10000000 SEED=1 FIRST=0 OP=ADD BITS=64; ENGINE=translator
#                       BLOCKS=1: sequences of 5 to 40 instructions and nothing else
.PHONY: fuzz-cpu
fuzz-cpu: $(FUZZ_CPU)
	@JOBS=$(JOBS) $(FUZZ_CPU); status=$$?; [ $$status -eq 0 ] || [ $$status -eq 77 ]

# make check-fuzz-cpu   a small run of it, part of make check
.PHONY: check-fuzz-cpu
check-fuzz-cpu: $(FUZZ_CPU)
	@N=40000 SEED=1 FIRST= OP= BITS= JOBS=1 $(FUZZ_CPU); status=$$?; [ $$status -eq 0 ] || [ $$status -eq 77 ]
check-built: check-fuzz-cpu

# make check-gdb        debug guests with the host's gdb: teaching guests and a kernel; skipped without one
GDB_NEEDS := $(OUT)/verdite $(OUT)/tests/boot/cpio build/roms/tour-1.elf build/roms/litmus.elf
.PHONY: check-gdb check-gdb-roms
check-gdb: $(GDB_NEEDS)
	@tests/gdb/check-gdb.sh $(OUT)/verdite build/roms $(OUT)/tests/boot/cpio; status=$$?; [ $$status -eq 0 ] || [ $$status -eq 77 ]
check-gdb-roms: $(GDB_NEEDS)
	@NO_KERNEL=1 tests/gdb/check-gdb.sh $(OUT)/verdite build/roms $(OUT)/tests/boot/cpio; status=$$?; [ $$status -eq 0 ] || [ $$status -eq 77 ]
check-built: check-gdb-roms
