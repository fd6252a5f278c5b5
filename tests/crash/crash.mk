# Disk images: crash consistency, and agreement with other programs.

CHECK_CRASH := $(OUT)/tests/crash/check_crash

$(CHECK_CRASH): $(OUT)/tests/crash/check_crash.o $(TEST_LIB) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(LDLIBS)

# make check-crash      crash images of every image type, and writers killed in the middle; N=5000 SEED=1 KILLS=100
.PHONY: check-crash
check-crash: $(CHECK_CRASH) $(OUT)/verdite
	@$(CHECK_CRASH) images $(or $(N),5000) $(or $(SEED),1)
	@tests/crash/kill.sh $(CHECK_CRASH) $(OUT)/verdite $(or $(KILLS),100) $(or $(SEED),1)

# make check-images     images against qemu-img and libvhdi, both ways; skipped without them
.PHONY: check-images
check-images: $(OUT)/verdite
	@tests/crash/interoperate.sh $(OUT)/verdite; status=$$?; [ $$status -eq 0 ] || [ $$status -eq 77 ]
