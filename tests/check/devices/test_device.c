/* All devices: type tables are whole, trace rows fit, and any register access at any time is
 * survived. [CONVENTIONS 8] */
#include "devices/device.h"

#include <string.h>

#include "devices/chipset/cmos.h"
#include "devices/chipset/i8042.h"
#include "devices/chipset/ioapic.h"
#include "devices/chipset/lapic.h"
#include "devices/chipset/pic.h"
#include "devices/chipset/pit.h"
#include "devices/chipset/pm.h"
#include "devices/chipset/uart16550.h"
#include "devices/devices_trace.h"
#include "tests/check/check_main.h"
#include "tests/check/devices/device_fixture.h"

static const struct device_type *const types[] = {
    &cmos_device_type, &i8042_device_type, &ioapic_device_type, &lapic_device_type,
    &pic_device_type,  &pit_device_type,   &pm_device_type,     &uart16550_device_type,
};

static struct clock clk;
static struct trace trace;
static union {
    struct device dev;
    struct cmos cmos;
    struct i8042 i8042;
    struct ioapic ioapic;
    struct lapic lapic;
    struct pic pic;
    struct pit pit;
    struct pm pm;
    struct uart16550 uart;
} u;

static void drop_reset(void *opaque)
{
    (void)opaque;
}

static void drop_ipi(void *opaque, uint64_t icr)
{
    (void)opaque;
    (void)icr;
}

static void drop_eoi(void *opaque, uint8_t vector, bool level)
{
    (void)opaque, (void)vector, (void)level;
}

static const struct lapic_ops lapic_ops = { drop_ipi, drop_eoi, drop_reset };
static const struct i8042_ops i8042_ops = { drop_reset, NULL };
static const struct pm_ops pm_ops = { NULL, NULL, NULL };

static void make(const struct device_type *type)
{
    static const struct irq_line none;
    struct cmos_config memory = { .memory_below_4g = 1 << 26 };
    memset(&u, 0, sizeof(u));
    if (type == &cmos_device_type) {
        cmos_init(&u.cmos, &trace, 1, &clk, none, &memory);
    } else if (type == &i8042_device_type) {
        i8042_init(&u.i8042, &trace, 1, none, none, &i8042_ops, NULL);
    } else if (type == &ioapic_device_type) {
        ioapic_init(&u.ioapic, &trace, 1, 0, (struct msi_router){ NULL, NULL });
    } else if (type == &lapic_device_type) {
        lapic_init(&u.lapic, &trace, 1, &clk, &lapic_ops, NULL, 0, true, true, 40, 2000000000);
    } else if (type == &pic_device_type) {
        pic_init(&u.pic, &trace, 1, none);
    } else if (type == &pit_device_type) {
        pit_init(&u.pit, &trace, 1, &clk, none);
    } else if (type == &pm_device_type) {
        pm_init(&u.pm, &trace, 1, &clk, none, true, &pm_ops, NULL);
    } else {
        uart_init(&u.uart, &trace, 1, &clk, none, (struct uart_backend){ NULL, NULL });
    }
}

static void setup(void)
{
    clock_init(&clk, CLOCK_MODE_VIRTUAL);
    trace_init(&trace, &clk, NULL);
    devices_trace_register(&trace);
}

static void teardown(void)
{
    clock_fini(&clk);
}

START_TEST(type_tables_are_whole)
{
    const struct device_type *type = types[_i];
    make(type);
    ck_assert_ptr_eq(u.dev.type, type);
    ck_assert_uint_le(type->size, sizeof(u));
    ck_assert(type->reset != NULL);
    ck_assert_uint_gt(type->state.n_fields, 0);
    for (size_t i = 0; i < type->state.n_fields; i++) {
        const struct state_field *f = &type->state.fields[i];
        ck_assert_msg(f->offset >= sizeof(struct device), "%s", f->name);
        ck_assert_msg(f->offset + f->size <= type->size, "%s", f->name);
        for (size_t j = 0; j < i; j++) {
            const struct state_field *g = &type->state.fields[j];
            ck_assert_msg(f->offset >= g->offset + g->size || g->offset >= f->offset + f->size,
                          "%s and %s overlap", f->name, g->name);
        }
    }
    for (size_t i = 0; i < type->n_regions; i++) {
        ck_assert(type->regions[i].read != NULL && type->regions[i].write != NULL);
    }
    device_fini(&u.dev);
    ck_assert_uint_eq(clock_next_ns(&clk), UINT64_MAX); /* no timer stays behind */
    device_fini(&u.dev);
}
END_TEST

static uint64_t random_next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint64_t x = *seed >> 33 ^ *seed;
    return x * UINT64_C(0x9e3779b97f4a7c15);
}

static void random_access(const struct device_type *type, uint64_t *seed)
{
    uint64_t r = random_next(seed), value = random_next(seed) >> (r >> 40 & 63);
    if (type == &lapic_device_type) {
        uint32_t offset = (uint32_t)(r >> 8) & 0xfff;
        switch (r & 7) {
        case 0:
            lapic_read(&u.lapic, offset, 1u << (r >> 4 & 3));
            break;
        case 1:
            lapic_msr_write(&u.lapic, 0x800 + (offset & 0xff), value);
            break;
        case 2:
            lapic_msr_write(&u.lapic, (offset & 1) != 0 ? 0x1b : 0x6e0, value);
            break;
        case 3:
            lapic_deliver(&u.lapic, (enum lapic_mode)(offset & 7), (uint8_t)value,
                          (r >> 7 & 1) != 0);
            break;
        case 4:
            lapic_acknowledge(&u.lapic);
            break;
        case 5:
            lapic_set_line(&u.lapic, offset & 1, 0, (r >> 7 & 1) != 0);
            break;
        default:
            lapic_write(&u.lapic, offset & 0xff0, 4, value);
            break;
        }
        return;
    }
    const struct io_region *region = &type->regions[r % type->n_regions];
    uint32_t size = 1u << (r >> 8 & 3);
    if ((region->sizes & size) == 0) {
        size = region->sizes & (0u - region->sizes);
    }
    uint64_t offset = (r >> 16) % (region->length - size + 1);
    if ((r >> 60 & 3) == 0) {
        (void)region->read(&u.dev, offset, size, &value);
    } else {
        (void)region->write(&u.dev, offset, size,
                            size < 8 ? value & ((UINT64_C(1) << size * 8) - 1) : value);
    }
}

/* A sanitizer build is what makes this test strict. */
START_TEST(any_access_is_survived)
{
    uint64_t seed = (uint64_t)_i + 1;
    make(types[_i]);
    for (unsigned i = 0; i < 60000; i++) {
        random_access(types[_i], &seed);
        if (types[_i] == &pic_device_type) {
            pic_set_line(&u.pic, i % 17, i % 33, (seed >> 40 & 1) != 0);
            pic_acknowledge(&u.pic);
        } else if (types[_i] == &ioapic_device_type) {
            ioapic_set_line(&u.ioapic, i % 25, i % 33, (seed >> 40 & 1) != 0);
        } else if (types[_i] == &uart16550_device_type) {
            uart_receive(&u.uart, (const uint8_t *)&seed, 8);
        }
        uint64_t step = seed >> 20 & 0x3ffff;
        clock_advance(&clk, (seed & 0xff) == 0 ? step << 20 : step);
        clock_run(&clk);
    }
    device_fini(&u.dev);
}
END_TEST

START_TEST(unimplemented_is_counted_and_fails_a_strict_run)
{
    make(&pm_device_type);
    device_unimplemented(&u.dev, "nothing", 1);
    reg_write(&u.pm, PM_REGION_ACPI, 4, 2, 1 << 10 | 1 << 13);
    ck_assert_uint_eq(trace.count[TRACE_UNIMPLEMENTED], 2);
    device_fini(&u.dev);
}
END_TEST

static Suite *suite_device(void)
{
    Suite *s = suite_create("devices/device");
    TCase *t = tcase_create("device");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, type_tables_are_whole, 0, (int)(sizeof(types) / sizeof(types[0])));
    tcase_add_loop_test(t, any_access_is_survived, 0, (int)(sizeof(types) / sizeof(types[0])));
    tcase_add_test(t, unimplemented_is_counted_and_fails_a_strict_run);
    suite_add_tcase(s, t);
    return s;
}

CHECK_MAIN(suite_device())
