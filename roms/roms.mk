# The teaching guests: assembled for x86-64 on any host, checked against their expected consoles.

ROM_AS ?= $(firstword $(shell command -v x86_64-linux-gnu-as as))
ROM_LD ?= $(firstword $(shell command -v x86_64-linux-gnu-ld ld))
ROMS := $(notdir $(patsubst %/,%,$(dir $(wildcard roms/*/*.S))))
ROM_FILES := $(ROMS:%=build/roms/%.elf)

build/roms/%.elf: roms/start.inc roms/hypervisor.inc roms/rom.ld
	@mkdir -p $(@D)
	$(call say,AS,$*)
	$(Q)$(ROM_AS) --64 -Iroms -Iroms/$* -o build/roms/$*.o roms/$*/$*.S
	$(Q)$(ROM_LD) --no-warn-rwx-segments -T roms/rom.ld -o $@ build/roms/$*.o

$(foreach rom,$(ROMS),$(eval build/roms/$(rom).elf: roms/$(rom)/$(rom).S $(wildcard roms/$(rom)/*.inc)))

# What hostile attacks: an empty disk and a DVD with nothing but the mark of one.
ROM_DISKS := build/roms/hostile.img build/roms/hostile.iso
build/roms/hostile.img:
	@mkdir -p $(@D)
	$(Q)dd if=/dev/zero of=$@ bs=1 count=1 seek=16777215 2>/dev/null
build/roms/hostile.iso:
	@mkdir -p $(@D)
	$(Q){ dd if=/dev/zero bs=2048 count=16; printf '\001CD001\001'; dd if=/dev/zero bs=2048 count=16; } 2>/dev/null | dd of=$@ bs=2048 conv=sync 2>/dev/null

# make roms             the teaching guests, as build/roms/NAME.elf
.PHONY: roms
roms: $(ROM_FILES)

# make check-roms       run them: each console must read as its expected.txt
.PHONY: check-roms
check-roms: $(OUT)/verdite $(ROM_FILES) $(ROM_DISKS)
	@roms/check.sh $(OUT)/verdite $(ROMS)

# make check-hostile    a child attacks its VMBus server: SEEDS=8 ROUNDS=100 (MODE=asan is what finds most)
.PHONY: check-hostile
check-hostile: $(OUT)/verdite build/roms/hostile.elf $(ROM_DISKS)
	@roms/hostile/check.sh $(OUT)/verdite $(or $(SEEDS),8) $(if $(filter command environment,$(firstword $(origin ROUNDS))),$(ROUNDS),100)

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
