# Saved state against the undisturbed run.

# make check-state      save at random instants of a boot with 4 VPs, resume, same hash; N=100 SEED=1, or AT="instants"; NET_N=3: of transfers
.PHONY: check-state check-state-roms
check-state: $(OUT)/verdite $(BOOT_CPIO) $(ROM_FILES)
	@N=$(N) SEED=$(SEED) AT="$(AT)" tests/state/check-state.sh $(OUT)/verdite $(BOOT_CPIO) $(ROMS)
	@N=$(NET_N) tests/boot/check-net-virtual.sh $(OUT)/verdite $(BOOT_CPIO) state
	@N=$(NET_N) tests/boot/check-children.sh $(OUT)/verdite $(BOOT_CPIO) state-virtual
check-state-roms: $(OUT)/verdite $(ROM_FILES)
	@NO_KERNEL=1 SEED=$(SEED) tests/state/check-state.sh $(OUT)/verdite - $(ROMS)
check-built: check-state-roms
