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

# make check-boot       boot the kernels of tests/boot/manifest; T=cloud: those whose name contains it; OPTIONS="--engine interpreter"
.PHONY: check-boot
check-boot: $(OUT)/verdite $(BOOT_CPIO)
	@tests/boot/check-boot.sh $(OUT)/verdite $(BOOT_CPIO) $(T)

# make check-lockstep   boot the four kernels with one VP and both engines, which must agree; an hour; T=6.1-cloud
.PHONY: check-lockstep
check-lockstep: $(OUT)/verdite $(BOOT_CPIO)
	@OPTIONS="--check lockstep" SLOWER=20 tests/boot/check-boot.sh $(OUT)/verdite $(BOOT_CPIO) $(T)-1-virtual

# make check-net        the network adapter under Debian's kernels; T=6.12: those whose name contains it
.PHONY: check-net
check-net: $(OUT)/verdite $(BOOT_CPIO)
	@tests/boot/check-net.sh $(OUT)/verdite $(BOOT_CPIO) $(T)

# make check-disk       disks under Debian's kernels: verified load, hot plug, bind, rescind, saved in the middle; T=6.12: those whose name contains it
.PHONY: check-disk
check-disk: $(OUT)/verdite $(BOOT_CPIO)
	@CC="$(CC)" tests/boot/check-disk.sh $(OUT)/verdite $(BOOT_CPIO) $(T)

# make check-bad        bad kernels, initrds and options: a message, never a crash
.PHONY: check-bad
check-bad: $(OUT)/verdite build/roms/tour-1.elf
	@tests/boot/check-bad.sh $(OUT)/verdite

# make check-determinism  the virtual clock: roms and a boot, twice with one seed and once with another; flipped bits
.PHONY: check-determinism
check-determinism: $(OUT)/verdite $(BOOT_CPIO) $(ROM_FILES)
	@tests/boot/check-determinism.sh $(OUT)/verdite $(BOOT_CPIO) $(ROMS)
	@tests/boot/check-net-virtual.sh $(OUT)/verdite $(BOOT_CPIO) determinism
	@$(MAKE) --no-print-directory check-flip

# make check-flip       one flipped bit of guest RAM at a random instant of a boot changes the hash; N=10 SEED=1
BOOT_FLIP := $(OUT)/tests/boot/flip
$(BOOT_FLIP): $(OUT)/tests/boot/flip.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
.PHONY: check-flip
check-flip: $(BOOT_FLIP) $(BOOT_CPIO)
	@kernel=$${KERNEL:-$$(tests/boot/fetch-kernel.sh cloud)} && initrd=$${INITRD:-$$(tests/boot/make-initramfs.sh $(BOOT_CPIO))} || \
	    { echo "skipped: no kernel"; exit 0; }; $(BOOT_FLIP) $$kernel $$initrd $(or $(N),10) $(or $(SEED),1)

# make check-vmbus      stock VMBus drivers: bind, rescind, clock, reboot, power-off; ROUNDS=20 REBOOTS=3 SERIES="6.1 6.12 7" OPTIONS="--engine translator"
.PHONY: check-vmbus
check-vmbus: $(OUT)/verdite $(BOOT_CPIO)
	@tests/boot/check-vmbus.sh $(OUT)/verdite $(BOOT_CPIO) $(or $(ROUNDS),20) $(or $(REBOOTS),3)

# make check-children   several children at once under Debian's kernel: both clocks, a switch between them, a crash, saved, beside a hostile one; T=switch: those whose name contains it
.PHONY: check-children
check-children: $(OUT)/verdite $(BOOT_CPIO) build/roms/hostile.elf $(ROM_DISKS)
	@tests/boot/check-children.sh $(OUT)/verdite $(BOOT_CPIO) $(T)

# make check-churn      adapter and disk under load: unbind, rescind, reboot, kexec; ROUNDS=20 SERIES="6.1 6.12 7" OPTIONS=
.PHONY: check-churn
check-churn: $(OUT)/verdite $(BOOT_CPIO)
	@tests/boot/check-churn.sh $(OUT)/verdite $(BOOT_CPIO) $(or $(ROUNDS),20)

# make demo-debian      Debian 12 by debootstrap on a dynamic VHDX, without root: its login on a terminal, else it checks itself; KERNEL=6.12 FLAVOUR=amd64 OPTIONS=
.PHONY: demo-debian
demo-debian:
	@tests/boot/deps.sh build demo
	@$(MAKE) --no-print-directory $(parallel) $(OUT)/verdite
	@tests/boot/debian/demo.sh $(OUT)/verdite

# make check-debian     that system checks itself, for each kernel: fio, ssh, keys, clock, a crash; the virtual clock: one hash, saved under load; KERNEL="6.1 7"
.PHONY: check-debian
check-debian:
	@tests/boot/deps.sh build demo debian
	@$(MAKE) --no-print-directory $(parallel) $(OUT)/verdite
	@tests/boot/debian/check.sh $(OUT)/verdite
