# The teaching guests: assembled for x86-64 on any host, checked against their expected consoles.

ROM_AS ?= $(firstword $(shell command -v x86_64-linux-gnu-as as))
ROM_LD ?= $(firstword $(shell command -v x86_64-linux-gnu-ld ld))
ROMS := $(notdir $(patsubst %/,%,$(dir $(wildcard roms/*/*.S))))
ROM_FILES := $(ROMS:%=build/roms/%.elf)

build/roms/%.elf: roms/start.inc roms/rom.ld
	@mkdir -p $(@D)
	$(call say,AS,$*)
	$(Q)$(ROM_AS) --64 -Iroms -Iroms/$* -o build/roms/$*.o roms/$*/$*.S
	$(Q)$(ROM_LD) --no-warn-rwx-segments -T roms/rom.ld -o $@ build/roms/$*.o

$(foreach rom,$(ROMS),$(eval build/roms/$(rom).elf: roms/$(rom)/$(rom).S $(wildcard roms/$(rom)/*.inc)))

# make roms             the teaching guests, as build/roms/NAME.elf
.PHONY: roms
roms: $(ROM_FILES)

# make check-roms       run them: each console must read as its expected.txt
.PHONY: check-roms
check-roms: $(OUT)/verdite $(ROM_FILES)
	@roms/check.sh $(OUT)/verdite $(ROMS)

# make check-litmus     memory ordering, locks, changed code and TLB shoot-down between VPs; ROUNDS=100000 T=tlb CPUS=4 ROLES=pc CLOCKS=realtime
#                       OPTIONS="--engine translator"
ROUNDS ?= 100000
.PHONY: check-litmus
check-litmus: $(OUT)/verdite build/roms/litmus.elf
	@roms/litmus/check.sh $(OUT)/verdite $(ROUNDS) $(T)

# make check-engines    teaching guests on a host without BMI2, AVX, memory for code, or address space
.PHONY: check-engines
check-engines: $(OUT)/verdite $(ROM_FILES)
	@roms/check-engines.sh $(OUT)/verdite tour-1 tour-2 tour-3 smc vmbus
check-built: $(if $(filter asan tsan,$(MODE)),,check-engines)
