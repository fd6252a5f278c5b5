# What boots real guests: make run, make check-boot.

BOOT_CPIO := $(OUT)/tests/boot/cpio

$(BOOT_CPIO): tests/boot/cpio.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $<

# Jobs of a build that was not told how many.
JOBS ?= $(shell nproc 2>/dev/null || echo 1)
parallel = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS))

# make deps             install what building, checking and linting need
.PHONY: deps
deps:
	@tests/boot/deps.sh build check lint

# make run              boot Debian's kernel in a child partition; KERNEL= INITRD= APPEND= OPTIONS= or GUEST=tour-1
export KERNEL INITRD APPEND OPTIONS GUEST
.PHONY: run
run:
	@tests/boot/deps.sh build
	@$(MAKE) --no-print-directory $(parallel) $(OUT)/verdite $(BOOT_CPIO) $(if $(GUEST),build/roms/$(GUEST).elf)
	@tests/boot/run.sh $(OUT)/verdite $(BOOT_CPIO)

# make check-boot       boot the kernels of tests/boot/manifest; T=cloud: those whose name contains it
.PHONY: check-boot
check-boot: $(OUT)/verdite $(BOOT_CPIO)
	@tests/boot/check-boot.sh $(OUT)/verdite $(BOOT_CPIO) $(T)

# make check-bad        bad kernels, initrds and options: a message, never a crash
.PHONY: check-bad
check-bad: $(OUT)/verdite build/roms/tour-1.elf
	@tests/boot/check-bad.sh $(OUT)/verdite

# make check-determinism  the virtual clock: roms and a boot, twice with one seed and once with another
.PHONY: check-determinism
check-determinism: $(OUT)/verdite $(BOOT_CPIO) $(ROM_FILES)
	@tests/boot/check-determinism.sh $(OUT)/verdite $(BOOT_CPIO) $(ROMS)
