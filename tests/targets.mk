# Fuzzing: the host CPU against verdite.

FUZZ_CPU := $(OUT)/tests/fuzz/cpu/fuzz-cpu
FUZZ_CPU_OBJECTS := $(patsubst %.c,$(OUT)/%.o,$(wildcard tests/fuzz/cpu/*.c))

# Its signal handler runs with a strange FS: no stack protector there.
$(OUT)/tests/fuzz/cpu/native.o: CFLAGS += -fno-stack-protector

$(FUZZ_CPU): $(FUZZ_CPU_OBJECTS) $(LIB)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(FUZZ_CPU_OBJECTS) $(LIB) $(LDLIBS)

# make fuzz-cpu         random instructions on the host CPU and in verdite; N=10000000 SEED=1 FIRST=0 OP=ADD BITS=64
.PHONY: fuzz-cpu
fuzz-cpu: $(FUZZ_CPU)
	@JOBS=$(JOBS) $(FUZZ_CPU); status=$$?; [ $$status -eq 0 ] || [ $$status -eq 77 ]

# make check-fuzz-cpu   a small run of it, part of make check
.PHONY: check-fuzz-cpu
check-fuzz-cpu: $(FUZZ_CPU)
	@N=40000 SEED=1 FIRST= OP= BITS= JOBS=1 $(FUZZ_CPU); status=$$?; [ $$status -eq 0 ] || [ $$status -eq 77 ]
check-built: check-fuzz-cpu
