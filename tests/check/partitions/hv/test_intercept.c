/* Intercept messages byte by byte, suspension, registers. [TLFS v2.0 16; LINUX hvhdk.h] */
#include <string.h>

#include "base/bytes.h"
#include "cpu/exec/exec.h"
#include "tests/check/check_main.h"
#include "tests/check/partitions/hv/hv_fixture.h"

static struct fixture *f;
static struct fixture_machine *m;
static struct cpu_state *s;

static void setup(void)
{
    f = fixture_create(false);
    m = &f->machine[0];
    s = &m->vp1->cpu.core.state;
    fixture_enter_long_mode(m->vp1);
    s->cr0 |= CR0_AM;
    s->seg[SEG_CS] = (struct x86_segment){
        .base = 0x10, .limit = 0xffffffff, .attributes = 0xa09b, .selector = 0x33
    };
    s->gpr[REG_RIP] = 0xffffffff81000000;
    s->rflags_rest = FLAG_ONE | FLAG_IF;
    s->gpr[REG_RAX] = 0xaaaa;
    s->gpr[REG_RCX] = 0xcccc;
    s->gpr[REG_RDX] = 0xdddd;
    s->gpr[REG_RBX] = 0xbbbb;
    s->gpr[REG_RSI] = 0x5151;
    s->gpr[REG_RDI] = 0xd1d1;
}

static void teardown(void)
{
    fixture_destroy(f);
}

static void install(uint32_t type, uint32_t access, uint64_t parameter)
{
    uint8_t in[24];

    le64_store(in, m->child->id);
    le32_store(in + 8, access);
    le32_store(in + 12, type);
    le64_store(in + 16, parameter);
    ck_assert_uint_eq(hv_call(&m->parent, 0x004d, in, sizeof(in), NULL, 0, 0, NULL),
                      HV_STATUS_SUCCESS);
}

static struct hv_message take(void)
{
    struct hv_message message;

    ck_assert(hv_sink_message_take(m->root_vp, 0, &message));
    return message;
}

static const struct hv_instruction instruction = { .length = 2,
                                                   .n_bytes = 2,
                                                   .bytes = { 0xe6, 0x80 } };

static void header_is(const struct hv_message *message, enum hv_message_type type, unsigned size,
                      unsigned access, unsigned length)
{
    const uint8_t *p = message->payload;

    ck_assert_uint_eq(message->type, type);
    ck_assert_uint_eq(message->payload_size, size);
    ck_assert_uint_eq(message->origin, m->child->id);
    ck_assert_uint_eq(le32_load(p), 1); /* VP index */
    ck_assert_uint_eq(p[4], length);
    ck_assert_uint_eq(p[5], access);
    /* CPL 0, PE, AM, LMA; VTL 0 */
    ck_assert_uint_eq(le16_load(p + 6), 1u << 2 | 1u << 3 | 1u << 4);
    ck_assert_uint_eq(le64_load(p + 8), 0x10);
    ck_assert_uint_eq(le32_load(p + 16), 0xffffffff);
    ck_assert_uint_eq(le16_load(p + 20), 0x33);
    ck_assert_uint_eq(le16_load(p + 22), 0xa09b);
    ck_assert_uint_eq(le64_load(p + 24), 0xffffffff81000000);
    ck_assert_uint_eq(le64_load(p + 32) & (FLAG_IF | FLAG_ONE), FLAG_IF | FLAG_ONE);
    ck_assert(m->vp1->intercept_suspend);
}

START_TEST(port_access)
{
    ck_assert(!hv_intercept_io(m->vp1, 0x80, 1, true, false, false, &instruction));
    install(0, 3, 0x80);
    ck_assert(hv_intercept_io(m->vp1, 0x80, 1, true, true, true, &instruction));
    struct hv_message message = take();
    const uint8_t *p = message.payload;
    header_is(&message, HV_MESSAGE_X64_IO_PORT, 128, 1, 2);
    ck_assert_uint_eq(le16_load(p + 40), 0x80);
    ck_assert_uint_eq(p[42], 1 | 1 << 3 | 1 << 4);
    ck_assert_uint_eq(p[43], 2);
    ck_assert_uint_eq(le64_load(p + 48), 0xaaaa);
    ck_assert_uint_eq(p[56], 0xe6);
    ck_assert_uint_eq(le64_load(p + 104), 0xcccc);
    ck_assert_uint_eq(le64_load(p + 112), 0x5151);
    ck_assert_uint_eq(le64_load(p + 120), 0xd1d1);
    install(0, 0, 0x80);
    ck_assert(!hv_intercept_io(m->vp1, 0x80, 1, true, false, false, &instruction));
}
END_TEST

START_TEST(msr_access)
{
    ck_assert(!hv_intercept_msr(m->vp1, 0x1b, true, 5, &instruction));
    install(1, 3, 0);
    ck_assert(hv_intercept_msr(m->vp1, 0x1b, true, 0x1122334455667788, &instruction));
    struct hv_message message = take();
    header_is(&message, HV_MESSAGE_X64_MSR, 64, 1, 2);
    ck_assert_uint_eq(le32_load(message.payload + 40), 0x1b);
    ck_assert_uint_eq(le64_load(message.payload + 48), 0x11223344);
    ck_assert_uint_eq(le64_load(message.payload + 56), 0x55667788);
}
END_TEST

START_TEST(cpuid)
{
    const uint32_t defaults[4] = { 1, 2, 3, 4 }; /* EAX EBX ECX EDX */

    install(2, 4, 0x1234);
    ck_assert(!hv_intercept_cpuid(m->vp1, 0x1235, 0, defaults, &instruction));
    ck_assert(hv_intercept_cpuid(m->vp1, 0x1234, 0, defaults, &instruction));
    struct hv_message message = take();
    header_is(&message, HV_MESSAGE_X64_CPUID, 104, 2, 2);
    static const uint64_t expect[8] = {
        0xaaaa, 0xcccc, 0xdddd, 0xbbbb, 1, 3, 4, 2
    }; /* A C D B twice */
    for (unsigned i = 0; i < 8; i++) {
        ck_assert_uint_eq(le64_load(message.payload + 40 + 8 * i), expect[i]);
    }
    install(2, 0, 0x1234);
    ck_assert(!hv_intercept_cpuid(m->vp1, 0x1234, 0, defaults, &instruction));
}
END_TEST

START_TEST(exception)
{
    const struct x86_fault fault = {
        .vector = VECTOR_PF, .has_error = true, .error = 6, .address = 0x123456
    };

    ck_assert(!hv_intercept_exception(m->vp1, &fault, NULL));
    install(3, 4, VECTOR_PF);
    ck_assert(hv_intercept_exception(m->vp1, &fault, NULL));
    struct hv_message message = take();
    header_is(&message, HV_MESSAGE_X64_EXCEPTION, 240, 2, 0);
    ck_assert_uint_eq(le16_load(message.payload + 40), VECTOR_PF);
    ck_assert_uint_eq(message.payload[42], 1);
    ck_assert_uint_eq(le32_load(message.payload + 44), 6);
    ck_assert_uint_eq(le64_load(message.payload + 48), 0x123456);
    ck_assert_uint_eq(le64_load(message.payload + 112 + 8 * REG_RDI), 0xd1d1);
}
END_TEST

START_TEST(unmapped_gpa_and_violation)
{
    uint8_t in[24 + 8];

    ck_assert(hv_intercept_gpa(m->vp1, 0x500010, true, 0x7f0010, SPACE_WRITE, &instruction));
    struct hv_message message = take();
    header_is(&message, HV_MESSAGE_UNMAPPED_GPA, 80, 1, 2);
    ck_assert_uint_eq(le32_load(message.payload + 40), 6);
    ck_assert_uint_eq(message.payload[44], 2);
    ck_assert_uint_eq(message.payload[45], 3);
    ck_assert_uint_eq(le64_load(message.payload + 48), 0x7f0010);
    ck_assert_uint_eq(le64_load(message.payload + 56), 0x500010);
    ck_assert_uint_eq(message.payload[64], 0xe6);
    /* a page that is there, read-only */
    le64_store(in, m->child->id);
    le64_store(in + 8, 0x500);
    le64_store(in + 16, 1);
    le64_store(in + 24, 660);
    ck_assert_uint_eq(hv_call(&m->parent, 0x004b, in, sizeof(in), NULL, 0, 1, NULL),
                      HV_STATUS_SUCCESS);
    ck_assert(hv_intercept_gpa(m->vp1, 0x500010, false, 0, SPACE_WRITE, NULL));
    message = take();
    ck_assert_uint_eq(message.type, HV_MESSAGE_GPA_INTERCEPT);
    ck_assert_uint_eq(message.payload[45], 0);
    ck_assert(!hv_intercept_gpa(m->root_vp, 0x500000, false, 0, SPACE_READ,
                                NULL)); /* the root has no parent */
}
END_TEST

START_TEST(triple_fault_and_halt)
{
    ck_assert(!hv_intercept_halt(m->vp1)); /* only a partition created so */
    m->child->intercepts.halt = true;
    ck_assert(hv_intercept_halt(m->vp1));
    struct hv_message message = take();
    header_is(&message, HV_MESSAGE_X64_HALT, 40, 2, 0);
    ck_assert(hv_intercept_unrecoverable(m->vp1));
    message = take();
    header_is(&message, HV_MESSAGE_UNRECOVERABLE_EXCEPTION, 40, 2, 0);
    ck_assert(!hv_intercept_unrecoverable(m->root_vp));
}
END_TEST

START_TEST(second_message_of_a_vp_overwrites_the_first)
{
    struct hv_message message;

    ck_assert(hv_intercept_gpa(m->vp1, 0x500000, false, 0, SPACE_READ, NULL));
    ck_assert(hv_intercept_gpa(m->vp1, 0x600000, false, 0, SPACE_READ, NULL));
    ck_assert(hv_intercept_gpa(m->vp, 0x700000, false, 0, SPACE_READ,
                               NULL)); /* another VP: another buffer */
    message = take();
    ck_assert_uint_eq(le64_load(message.payload + 56), 0x600000);
    message = take();
    ck_assert_uint_eq(le64_load(message.payload + 56), 0x700000);
    ck_assert(!hv_sink_message_take(m->root_vp, 0, &message));
}
END_TEST

static hv_status_t set_register(uint32_t name, uint64_t value)
{
    uint8_t in[16 + 32] = { 0 };

    le64_store(in, m->child->id);
    le32_store(in + 8, 1);
    le32_store(in + 16, name);
    le64_store(in + 32, value);
    return hv_call(&m->parent, 0x0051, in, sizeof(in), NULL, 0, 1, NULL);
}

START_TEST(parent_moves_rip_and_lets_the_vp_go)
{
    ck_assert_uint_eq(set_register(HV_REGISTER_EXPLICIT_SUSPEND, 0), HV_STATUS_SUCCESS);
    ck_assert(!vp_is_suspended(m->vp1));
    ck_assert(hv_intercept_gpa(m->vp1, 0x500000, false, 0, SPACE_READ, NULL));
    ck_assert(vp_is_suspended(m->vp1));
    ck_assert_uint_eq(set_register(HV_REGISTER_INTERCEPT_SUSPEND, 1), HV_STATUS_INVALID_PARAMETER);
    unsigned kicks = m->calls.kicks;
    ck_assert_uint_eq(set_register(HV_X64_REGISTER_RIP, 0xffffffff81000002), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(set_register(HV_REGISTER_INTERCEPT_SUSPEND, 0), HV_STATUS_SUCCESS);
    ck_assert(!vp_is_suspended(m->vp1));
    ck_assert_uint_gt(m->calls.kicks, kicks);
    ck_assert_uint_eq(s->gpr[REG_RIP], 0xffffffff81000002);
}
END_TEST

START_TEST(pending_interruption_becomes_the_processors_event)
{
    const struct core *core = &m->vp1->cpu.core;
    const uint64_t page_fault = 1 | 3 << 1 | 1 << 4 | VECTOR_PF << 16 | UINT64_C(6) << 32;
    uint8_t value[16];

    s->activity = ACTIVITY_HALTED;
    ck_assert_uint_eq(set_register(HV_REGISTER_PENDING_INTERRUPTION, page_fault),
                      HV_STATUS_SUCCESS);
    ck_assert_uint_eq(set_register(HV_X64_REGISTER_CR2, 0x1234), HV_STATUS_SUCCESS);
    ck_assert(core->event_suspended.valid);
    ck_assert_uint_eq(core->event_suspended.source, INTERRUPT_EXCEPTION);
    ck_assert_uint_eq(core->event_suspended.fault.vector, VECTOR_PF);
    ck_assert_uint_eq(core->event_suspended.fault.error, 6);
    ck_assert_uint_eq(core->event_suspended.fault.address, 0x1234);
    ck_assert_uint_eq(s->activity, ACTIVITY_RUNNING);
    ck_assert_uint_eq(hv_register_get(m->vp1, HV_REGISTER_PENDING_INTERRUPTION, value), 0);
    ck_assert_uint_eq(le64_load(value), page_fault);
    /* a software interrupt, a vector beyond the exceptions, an NMI elsewhere than at 2 */
    static const uint64_t bad[] = { 1 | 4 << 1 | 3 << 16, 1 | 3 << 1 | 32 << 16,
                                    1 | 2 << 1 | 3 << 16, 1 | 1 << 1 };
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        ck_assert_uint_eq(set_register(HV_REGISTER_PENDING_INTERRUPTION, bad[i]),
                          HV_STATUS_INVALID_PARAMETER);
    }
    ck_assert_uint_eq(set_register(HV_REGISTER_PENDING_INTERRUPTION, 0), HV_STATUS_SUCCESS);
    ck_assert(!core->event_suspended.valid);
}
END_TEST

START_TEST(guest_parent_finds_it_in_slot_0)
{
    struct fixture_machine root;
    struct hv_message message;

    fixture_machine_init(&root, true);
    ck_assert_int_eq(
        hv_msr_write(root.root_vp, 0x40000083, fixture_msr(root.root_vp, 0x40000083) | 1), CORE_OK);
    ck_assert_int_eq(hv_msr_write(root.root_vp, 0x40000090, 0x31), CORE_OK);
    ck_assert(hv_intercept_gpa(root.vp, 0x500000, false, 0, SPACE_READ, NULL));
    ck_assert_uint_eq(root.calls.interrupts, 0); /* its SynIC is still off: the message waits */
    ck_assert_int_eq(hv_msr_write(root.root_vp, 0x40000080, 1), CORE_OK);
    ck_assert_uint_eq(root.calls.last_vector, 0x31);
    ck_assert(space_read(&root.root->space, fixture_msr(root.root_vp, 0x40000083) & PAGE_MASK,
                         &message, sizeof(message)));
    ck_assert_uint_eq(message.type, HV_MESSAGE_UNMAPPED_GPA);
    fixture_machine_fini(&root);
}
END_TEST

/* ---- registers ---- */

START_TEST(every_register_reads_and_writes_back)
{
    uint32_t name;
    const char *text;
    bool writable, changed = false;
    uint8_t value[16], again[16];
    unsigned n = 0;

    s->x87.control = 0x37f; /* bit 6 is always 1 */
    for (; hv_register_row(n, &name, &text, &writable); n++) {
        ck_assert_msg(hv_register_get(m->vp1, name, value) == HV_STATUS_SUCCESS, "%s", text);
        hv_status_t status = hv_register_set(m->vp1, name, value, &changed);
        ck_assert_msg(status == (writable ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_PARAMETER), "%s",
                      text);
        ck_assert_uint_eq(hv_register_get(m->vp1, name, again), HV_STATUS_SUCCESS);
        ck_assert_msg(memcmp(value, again, 16) == 0, "%s", text);
        for (unsigned k = 0; k < n; k++) {
            uint32_t other;
            hv_register_row(k, &other, &text, &writable);
            ck_assert_uint_ne(other, name);
        }
    }
    ck_assert_uint_gt(n, 130);
}
END_TEST

START_TEST(segment_and_table_layouts)
{
    uint8_t value[16];

    ck_assert_uint_eq(hv_register_get(m->vp1, HV_X64_REGISTER_CS, value), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(le64_load(value), 0x10);
    ck_assert_uint_eq(le32_load(value + 8), 0xffffffff);
    ck_assert_uint_eq(le16_load(value + 12), 0x33);   /* selector */
    ck_assert_uint_eq(le16_load(value + 14), 0xa09b); /* attributes */
    s->gdtr = (struct x86_table){ .base = 0x123456789abc, .limit = 0x7f };
    ck_assert_uint_eq(hv_register_get(m->vp1, HV_X64_REGISTER_GDTR, value), HV_STATUS_SUCCESS);
    ck_assert_uint_eq(le16_load(value + 6), 0x7f);
    ck_assert_uint_eq(le64_load(value + 8), 0x123456789abc);
}
END_TEST

static Suite *suite_intercept(void)
{
    Suite *suite = suite_create("partitions/hv/intercept");
    TCase *tc = tcase_create("messages");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, port_access);
    tcase_add_test(tc, msr_access);
    tcase_add_test(tc, cpuid);
    tcase_add_test(tc, exception);
    tcase_add_test(tc, unmapped_gpa_and_violation);
    tcase_add_test(tc, triple_fault_and_halt);
    tcase_add_test(tc, second_message_of_a_vp_overwrites_the_first);
    tcase_add_test(tc, parent_moves_rip_and_lets_the_vp_go);
    tcase_add_test(tc, pending_interruption_becomes_the_processors_event);
    tcase_add_test(tc, guest_parent_finds_it_in_slot_0);
    tcase_add_test(tc, every_register_reads_and_writes_back);
    tcase_add_test(tc, segment_and_table_layouts);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_intercept())
