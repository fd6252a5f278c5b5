/* cpu/translate/x64/encoder: every form, register, size and address, as Capstone reads the bytes. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "cpu/translate/x64/encoder.h"
#include "tests/check/check_main.h"

#ifdef HAVE_CAPSTONE

#include <capstone.h>

#include "base/compiler.h"

enum what { NONE, REG, VECTOR, MEM, IMM };

/* An operand that is expected. */
struct expected {
    enum what what;
    unsigned n, size;
    struct host_mem mem;
    int64_t imm;
};

#define E_REG(n_, size_)   ((struct expected){ .what = REG, .n = (n_), .size = (size_) })
#define E_VEC(n_, size_)   ((struct expected){ .what = VECTOR, .n = (n_), .size = (size_) })
#define E_MEM(mem_, size_) ((struct expected){ .what = MEM, .mem = (mem_), .size = (size_) })
#define E_IMM(imm_, size_) ((struct expected){ .what = IMM, .imm = (imm_), .size = (size_) })

static const char *const names[4][16] = {
    { "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b",
      "r13b", "r14b", "r15b" },
    { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "r8w", "r9w", "r10w", "r11w", "r12w", "r13w",
      "r14w", "r15w" },
    { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "r8d", "r9d", "r10d", "r11d", "r12d",
      "r13d", "r14d", "r15d" },
    { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
      "r13", "r14", "r15" },
};

static const unsigned sizes[] = { 1, 2, 4, 8 };
static const int32_t displacements[] = { 0,    1,          127,       -128,     128,
                                         -129, 0x12345678, INT32_MAX, INT32_MIN };
static const int32_t immediates[] = {
    0, 1, -1, 127, -128, 128, -129, 0x7fff, INT32_MAX, INT32_MIN
};

struct rig {
    csh handle;
    cs_insn *insn;
    uint8_t bytes[64];
    struct encoder e;
    uint64_t n; /* encodings compared */
};

static void rig_open(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    ck_assert_int_eq(cs_open(CS_ARCH_X86, CS_MODE_64, &rig->handle), CS_ERR_OK);
    ck_assert_int_eq(cs_option(rig->handle, CS_OPT_DETAIL, CS_OPT_ON), CS_ERR_OK);
    rig->insn = cs_malloc(rig->handle);
}

static void rig_close(struct rig *rig)
{
    ck_assert_uint_gt(rig->n, 0);
    cs_free(rig->insn, 1);
    cs_close(&rig->handle);
}

static struct encoder *begin(struct rig *rig)
{
    memset(rig->bytes, 0xcc, sizeof(rig->bytes));
    rig->e = (struct encoder){ .at = rig->bytes };
    return &rig->e;
}

static void decode(struct rig *rig, const char *mnemonic)
{
    const uint8_t *at = rig->bytes;
    size_t size = (size_t)(rig->e.at - rig->bytes), left = size;
    uint64_t address = 0x1000;

    rig->n++;
    ck_assert_msg(cs_disasm_iter(rig->handle, &at, &left, &address, rig->insn) && left == 0,
                  "%s: %zu of %zu bytes are an instruction: %02x %02x %02x %02x", mnemonic,
                  size - left, size, rig->bytes[0], rig->bytes[1], rig->bytes[2], rig->bytes[3]);
    ck_assert_str_eq(rig->insn->mnemonic, mnemonic);
}

static unsigned log2_of(unsigned size)
{
    return size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;
}

static void same_register(struct rig *rig, unsigned reg, const char *name)
{
    const char *theirs = reg == X86_REG_INVALID ? "none" : cs_reg_name(rig->handle, reg);

    ck_assert_msg(strcmp(theirs, name) == 0, "%s %s: %s, not %s", rig->insn->mnemonic,
                  rig->insn->op_str, theirs, name);
}

static const char *address_name(int8_t reg)
{
    return reg == HOST_NONE ? "none" : names[3][reg];
}

static void same_operand(struct rig *rig, const cs_x86_op *op, const struct expected *want)
{
    char name[8];

    switch (want->what) {
    case REG:
        ck_assert_int_eq(op->type, X86_OP_REG);
        same_register(rig, op->reg, names[log2_of(want->size)][want->n]);
        break;
    case VECTOR:
        ck_assert_int_eq(op->type, X86_OP_REG);
        (void)snprintf(name, sizeof(name), "%cmm%u", want->size == 32 ? 'y' : 'x', want->n);
        same_register(rig, op->reg, name);
        break;
    case MEM:
        ck_assert_int_eq(op->type, X86_OP_MEM);
        same_register(rig, op->mem.base, address_name(want->mem.base));
        same_register(rig, op->mem.index, address_name(want->mem.index));
        if (want->mem.index != HOST_NONE) {
            ck_assert_int_eq(op->mem.scale, 1 << want->mem.scale);
        }
        ck_assert_int_eq(op->mem.disp, want->mem.disp);
        ck_assert_uint_eq(op->mem.segment, X86_REG_INVALID);
        if (want->size != 0) {
            ck_assert_uint_eq(op->size, want->size);
        }
        break;
    default:
        ck_assert_int_eq(op->type, X86_OP_IMM);
        ck_assert_msg((((uint64_t)op->imm ^ (uint64_t)want->imm) << (64 - 8 * want->size)) == 0,
                      "%s %s: not %llx", rig->insn->mnemonic, rig->insn->op_str,
                      (long long)want->imm);
        break;
    }
}

/* The one instruction that was encoded. */
static void expect(struct rig *rig, const char *mnemonic, struct expected a, struct expected b,
                   struct expected c)
{
    const struct expected want[] = { a, b, c };
    unsigned n = 0;

    decode(rig, mnemonic);
    while (n < 3 && want[n].what != NONE) {
        n++;
    }
    const cs_x86 *x86 = &rig->insn->detail->x86;
    ck_assert_msg(x86->op_count == n, "%s %s: %u operands", rig->insn->mnemonic, rig->insn->op_str,
                  x86->op_count);
    for (unsigned i = 0; i < n; i++) {
        same_operand(rig, &x86->operands[i], &want[i]);
    }
}

#define NOTHING ((struct expected){ .what = NONE })

/* ---- all addresses ---- */

typedef void address_fn(struct rig *rig, struct host_mem mem, unsigned reg);

static void each_address(struct rig *rig, address_fn *check)
{
    unsigned reg = 0;

    for (int base = HOST_NONE; base < 16; base++) {
        for (int index = HOST_NONE; index < 16; index++) {
            for (unsigned scale = 0; index != HOST_RSP && scale < 4; scale++) {
                for (unsigned d = 0; d < ARRAY_SIZE(displacements); d++) {
                    const struct host_mem mem = { (int8_t)base, (int8_t)index,
                                                  (uint8_t)(index == HOST_NONE ? 0 : scale),
                                                  displacements[d] };
                    check(rig, mem, reg);
                    reg = (reg + 1) % 16;
                }
                if (index == HOST_NONE) {
                    break;
                }
            }
        }
    }
}

static void check_moves(struct rig *rig, struct host_mem mem, unsigned reg)
{
    static const char *const extends[] = { "movzx", "movzx", "mov", "mov" };

    for (unsigned i = 0; i < 4; i++) {
        unsigned size = sizes[i], to = size < 4 ? 4 : size;
        enc_load(begin(rig), size, reg, mem);
        expect(rig, extends[i], E_REG(reg, to), E_MEM(mem, size), NOTHING);
        enc_store(begin(rig), size, mem, reg);
        expect(rig, "mov", E_MEM(mem, size), E_REG(reg, size), NOTHING);
        int32_t imm = immediates[((unsigned)mem.disp + reg) % ARRAY_SIZE(immediates)];
        enc_store_imm(begin(rig), size, mem, imm);
        expect(rig, "mov", E_MEM(mem, size), E_IMM(imm, size), NOTHING);
    }
    for (unsigned i = 2; i < 4; i++) {
        enc_lea(begin(rig), sizes[i], reg, mem);
        expect(rig, "lea", E_REG(reg, sizes[i]), E_MEM(mem, 0), NOTHING);
    }
}

START_TEST(moves_take_every_address)
{
    struct rig rig;

    rig_open(&rig);
    each_address(&rig, check_moves);
    rig_close(&rig);
}
END_TEST

static const char *const alu_names[] = { "add", "or", "adc", "sbb", "and", "sub", "xor", "cmp" };

static void check_alu_memory(struct rig *rig, struct host_mem mem, unsigned reg)
{
    char locked[16];
    unsigned alu = (reg + (unsigned)(mem.disp & 7)) % 8;

    (void)snprintf(locked, sizeof(locked), "lock %s", alu_names[alu]);
    for (unsigned i = 0; i < 4; i++) {
        unsigned size = sizes[i];
        int32_t imm = immediates[(reg + i) % ARRAY_SIZE(immediates)];
        bool lock = alu != ENC_CMP && (reg & 1) != 0;
        const char *name = lock ? locked : alu_names[alu];
        enc_alu_rm(begin(rig), (enum enc_alu)alu, size, reg, mem);
        expect(rig, alu_names[alu], E_REG(reg, size), E_MEM(mem, size), NOTHING);
        enc_alu_mr(begin(rig), (enum enc_alu)alu, size, mem, reg, lock);
        expect(rig, name, E_MEM(mem, size), E_REG(reg, size), NOTHING);
        enc_alu_mi(begin(rig), (enum enc_alu)alu, size, mem, imm, lock);
        expect(rig, name, E_MEM(mem, size), E_IMM(imm, size), NOTHING);
    }
}

START_TEST(arithmetic_takes_every_address)
{
    struct rig rig;

    rig_open(&rig);
    each_address(&rig, check_alu_memory);
    rig_close(&rig);
}
END_TEST

/* ---- opcodes in every map, with every prefix ---- */

struct opcode_row {
    unsigned opcode, size;
    const char *name;
    bool vector;
    unsigned memory; /* bytes */
};

static const struct opcode_row opcode_rows[] = {
    { 0x8b, 2, "mov", false, 2 },
    { 0x8b, 4, "mov", false, 4 },
    { 0x8b, 8, "mov", false, 8 },
    { 0x8a | ENC_BYTE_REG | ENC_BYTE_RM, 1, "mov", false, 1 },
    { ENC_0F | 0xaf, 2, "imul", false, 2 },
    { ENC_0F | 0xaf, 8, "imul", false, 8 },
    { ENC_0F | ENC_F3 | 0xb8, 2, "popcnt", false, 2 },
    { ENC_0F | ENC_F3 | 0xb8, 4, "popcnt", false, 4 },
    { ENC_0F | ENC_F3 | 0xbc, 8, "tzcnt", false, 8 },
    { ENC_0F38 | ENC_66 | 0xf6, 4, "adcx", false, 4 },
    { ENC_0F38 | ENC_F3 | 0xf6, 8, "adox", false, 8 },
    { ENC_0F | 0x58, 4, "addps", true, 16 },
    { ENC_0F | ENC_66 | 0x58, 4, "addpd", true, 16 },
    { ENC_0F | ENC_F3 | 0x58, 4, "addss", true, 4 },
    { ENC_0F | ENC_F2 | 0x58, 4, "addsd", true, 8 },
    { ENC_0F38 | ENC_66 | 0x00, 4, "pshufb", true, 16 },
    { ENC_0F38 | ENC_66 | 0xdc, 4, "aesenc", true, 16 },
};

static struct expected row_register(const struct opcode_row *row, unsigned n)
{
    return row->vector ? E_VEC(n, 16) : E_REG(n, row->size);
}

static void check_opcode_memory(struct rig *rig, struct host_mem mem, unsigned reg)
{
    const struct opcode_row *row =
        &opcode_rows[((unsigned)mem.disp + 3 * reg + (unsigned)(mem.base + 1)) %
                     ARRAY_SIZE(opcode_rows)];

    enc_rm(begin(rig), row->opcode & ~(unsigned)ENC_BYTE_RM, row->size, reg, mem);
    expect(rig, row->name, row_register(row, reg), E_MEM(mem, row->memory), NOTHING);
}

START_TEST(opcodes_of_every_map_take_registers_and_addresses)
{
    struct rig rig;

    rig_open(&rig);
    for (unsigned i = 0; i < ARRAY_SIZE(opcode_rows); i++) {
        const struct opcode_row *row = &opcode_rows[i];
        for (unsigned pair = 0; pair < 256; pair++) {
            enc_rr(begin(&rig), row->opcode, row->size, pair / 16, pair % 16);
            expect(&rig, row->name, row_register(row, pair / 16), row_register(row, pair % 16),
                   NOTHING);
        }
    }
    each_address(&rig, check_opcode_memory);
    rig_close(&rig);
}
END_TEST

static void check_vex_memory(struct rig *rig, struct host_mem mem, unsigned reg)
{
    unsigned v = (reg * 5 + 3) % 16;
    bool w = (reg & 1) != 0;

    enc_vex_rm(begin(rig), ENC_0F38 | 0xf2, w, reg, v, mem);
    expect(rig, "andn", E_REG(reg, w ? 8 : 4), E_REG(v, w ? 8 : 4), E_MEM(mem, w ? 8 : 4));
    enc_vex_rm(begin(rig), ENC_0F | ENC_VEX_L | 0x58, false, reg, v, mem);
    expect(rig, "vaddps", E_VEC(reg, 32), E_VEC(v, 32), E_MEM(mem, 32));
    enc_vex_rm(begin(rig), ENC_0F | ENC_66 | 0xfe, false, reg, v, mem);
    expect(rig, "vpaddd", E_VEC(reg, 16), E_VEC(v, 16), E_MEM(mem, 16));
    enc_vex_rm(begin(rig), ENC_0F3A | ENC_F2 | 0xf0, w, reg, 0, mem);
    enc_byte(&rig->e, 0x2a);
    expect(rig, "rorx", E_REG(reg, w ? 8 : 4), E_MEM(mem, w ? 8 : 4), E_IMM(0x2a, 1));
}

START_TEST(vex_forms_take_registers_and_addresses)
{
    struct rig rig;

    rig_open(&rig);
    for (unsigned n = 0; n < 16 * 16 * 16; n++) {
        unsigned a = n >> 8, b = n >> 4 & 15, c = n & 15;
        bool w = ((a ^ b ^ c) & 1) != 0;
        enc_vex_rr(begin(&rig), ENC_0F38 | 0xf2, w, a, b, c);
        expect(&rig, "andn", E_REG(a, w ? 8 : 4), E_REG(b, w ? 8 : 4), E_REG(c, w ? 8 : 4));
        enc_vex_rr(begin(&rig), ENC_0F | ENC_66 | ENC_VEX_L | 0xfe, false, a, b, c);
        expect(&rig, "vpaddd", E_VEC(a, 32), E_VEC(b, 32), E_VEC(c, 32));
        enc_vex_rr(begin(&rig), ENC_0F38 | ENC_F3 | 0xf7, w, a, b, c);
        expect(&rig, "sarx", E_REG(a, w ? 8 : 4), E_REG(c, w ? 8 : 4), E_REG(b, w ? 8 : 4));
    }
    each_address(&rig, check_vex_memory);
    rig_close(&rig);
}
END_TEST

/* ---- registers and immediates ---- */

static void check_pair(struct rig *rig, unsigned a, unsigned b)
{
    if (a != b) {
        enc_mov(begin(rig), a, b);
        expect(rig, "mov", E_REG(a, 8), E_REG(b, 8), NOTHING);
    }
    for (unsigned i = 0; i < 4; i++) {
        unsigned size = sizes[i];
        for (unsigned alu = 0; alu < 8; alu++) {
            enc_alu_rr(begin(rig), (enum enc_alu)alu, size, a, b);
            expect(rig, alu_names[alu], E_REG(a, size), E_REG(b, size), NOTHING);
        }
        enc_test_rr(begin(rig), size, a, b);
        expect(rig, "test", E_REG(a, size), E_REG(b, size), NOTHING);
    }
}

START_TEST(every_pair_of_registers)
{
    struct rig rig;

    rig_open(&rig);
    for (unsigned pair = 0; pair < 256; pair++) {
        check_pair(&rig, pair / 16, pair % 16);
    }
    enc_mov(begin(&rig), HOST_RBX, HOST_RBX);
    ck_assert_ptr_eq(rig.e.at, rig.bytes); /* nothing to do */
    rig_close(&rig);
}
END_TEST

START_TEST(every_immediate)
{
    static const uint64_t values[] = { 0,
                                       1,
                                       0x7fffffff,
                                       0x80000000,
                                       UINT32_MAX,
                                       UINT64_C(0x100000000),
                                       UINT64_MAX,
                                       (uint64_t)INT64_MIN,
                                       (uint64_t)(int64_t)INT32_MIN,
                                       (uint64_t)(int64_t)INT32_MIN - 1,
                                       UINT64_C(0x123456789abcdef0) };
    struct rig rig;

    rig_open(&rig);
    for (unsigned reg = 0; reg < 16; reg++) {
        for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
            enc_mov_imm(begin(&rig), reg, values[i]);
            unsigned size = values[i] <= UINT32_MAX ? 4 : 8;
            bool wide = size == 8 && (int64_t)values[i] != (int32_t)values[i];
            expect(&rig, wide ? "movabs" : "mov", E_REG(reg, size), E_IMM((int64_t)values[i], size),
                   NOTHING);
        }
        for (unsigned n = 0; n < 8 * 4 * ARRAY_SIZE(immediates); n++) {
            unsigned alu = n % 8, size = sizes[n / 8 % 4];
            int32_t imm = immediates[n / 32];
            enc_alu_ri(begin(&rig), (enum enc_alu)alu, size, reg, imm);
            expect(&rig, alu_names[alu], E_REG(reg, size), E_IMM(imm, size), NOTHING);
        }
    }
    rig_close(&rig);
}
END_TEST

/* ---- places ---- */

START_TEST(rip_relative_places)
{
    struct rig rig;

    rig_open(&rig);
    for (unsigned reg = 0; reg < 16; reg++) {
        for (int to_run = -64; to_run <= 64; to_run += 64) {
            struct encoder *e = begin(&rig);
            e->to_run = to_run;
            enc_rip(e, 0x8b, 8, reg, rig.bytes + to_run + 40, 0);
            struct host_mem mem = HOST_MEM(HOST_NONE, (int32_t)(40 - (e->at - rig.bytes)));
            decode(&rig, "mov");
            const cs_x86 *x86 = &rig.insn->detail->x86;
            ck_assert_int_eq(x86->operands[1].mem.base, X86_REG_RIP);
            ck_assert_int_eq(x86->operands[1].mem.disp, mem.disp);
            same_operand(&rig, &x86->operands[0], &E_REG(reg, 8));
            e = begin(&rig);
            enc_rip(e, 0x83, 4, 7, rig.bytes + 40, 1); /* CMP with a byte behind */
            enc_byte(e, 5);
            decode(&rig, "cmp");
            ck_assert_int_eq(x86->operands[0].mem.disp, 40 - (e->at - rig.bytes));
        }
    }
    rig_close(&rig);
}
END_TEST

static void leads_to(struct rig *rig, const char *mnemonic, int64_t to)
{
    decode(rig, mnemonic);
    ck_assert_int_eq(rig->insn->detail->x86.operands[0].imm, 0x1000 + to);
}

START_TEST(jumps_lead_where_they_are_patched)
{
    static const char *const jumps[] = { "jo", "jno", "jb", "jae", "je", "jne", "jbe", "ja",
                                         "js", "jns", "jp", "jnp", "jl", "jge", "jle", "jg" };
    struct rig rig;

    rig_open(&rig);
    for (int to = -100; to <= 100; to += 25) {
        for (unsigned condition = 0; condition < 16; condition++) {
            enc_patch32(enc_jcc32(begin(&rig), condition), rig.bytes + to);
            leads_to(&rig, jumps[condition], to);
            enc_patch8(enc_jcc8(begin(&rig), condition), rig.bytes + to);
            leads_to(&rig, jumps[condition], to);
        }
        enc_patch8(enc_jrcxz8(begin(&rig)), rig.bytes + to);
        leads_to(&rig, "jrcxz", to);
        enc_patch32(enc_jmp32(begin(&rig)), rig.bytes + to);
        leads_to(&rig, "jmp", to);
        enc_patch32(enc_call32(begin(&rig)), rig.bytes + to);
        leads_to(&rig, "call", to);
        enc_jmp_to(begin(&rig), rig.bytes + to);
        leads_to(&rig, "jmp", to);
        enc_call_to(begin(&rig), rig.bytes + to);
        leads_to(&rig, "call", to);
    }
    rig_close(&rig);
}
END_TEST

#endif

START_TEST(words_are_little_endian)
{
    uint8_t bytes[13];
    struct encoder e = { .at = bytes };

    enc_byte(&e, 0x1ab);
    enc_word32(&e, 0x01020304);
    enc_word64(&e, UINT64_C(0x1112131415161718));
    ck_assert_ptr_eq(e.at, bytes + 13);
    ck_assert_mem_eq(bytes, "\xab\x04\x03\x02\x01\x18\x17\x16\x15\x14\x13\x12\x11", 13);
}
END_TEST

static Suite *suite_encoder(void)
{
    Suite *suite = suite_create("translate encoder");
    TCase *tc = tcase_create("encoder");

    tcase_set_timeout(tc, 900);
    tcase_add_test(tc, words_are_little_endian);
#ifdef HAVE_CAPSTONE
    tcase_add_test(tc, moves_take_every_address);
    tcase_add_test(tc, arithmetic_takes_every_address);
    tcase_add_test(tc, opcodes_of_every_map_take_registers_and_addresses);
    tcase_add_test(tc, vex_forms_take_registers_and_addresses);
    tcase_add_test(tc, every_pair_of_registers);
    tcase_add_test(tc, every_immediate);
    tcase_add_test(tc, rip_relative_places);
    tcase_add_test(tc, jumps_lead_where_they_are_patched);
#endif
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_encoder())
