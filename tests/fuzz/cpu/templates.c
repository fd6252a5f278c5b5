/* Every row of the opcode maps as something to generate from, sorted by operation. */
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "cpu/decode/op_info.h"
#include "cpu/decode/opcode_map.h"
#include "tests/fuzz/cpu/case.h"

static void template_add(struct template_list *list, struct opcode_template row)
{
    if (list->n % 256 == 0) {
        list->row = realloc(list->row, (list->n + 256) * sizeof(list->row[0]));
        if (list->row == NULL) {
            abort();
        }
    }
    list->row[list->n++] = row;
}

/* Does this operand need a ModRM byte, and does it want memory (1) or a register (0)? */
static bool operand_needs_modrm(unsigned code, int8_t *memory)
{
    static const uint8_t methods[CODE_COUNT] = {
#define X(name, method, type, fixed) [CODE_##name] = METHOD_##method,
        OPERAND_CODES(X)
#undef X
    };

    switch (methods[code]) {
    case METHOD_M:
    case METHOD_MV:
        *memory = 1;
        return true;
    case METHOD_N:
    case METHOD_R:
    case METHOD_U:
        *memory = 0;
        return true;
    case METHOD_C:
    case METHOD_D:
    case METHOD_E:
    case METHOD_G:
    case METHOD_P:
    case METHOD_Q:
    case METHOD_S:
    case METHOD_V:
    case METHOD_W:
    case METHOD_ANY_R:
        return true;
    default:
        return false;
    }
}

static bool operand_in_vvvv(unsigned code)
{
    return code == CODE_By || code == CODE_Hd || code == CODE_Hdq || code == CODE_Hqq ||
           code == CODE_Hx || code == CODE_Hxw;
}

static void template_leaf(struct template_list *list, struct opcode_template row,
                          const struct opcode_row *leaf)
{
    row.op = leaf->op;
    row.flags |= leaf->flags;
    for (unsigned i = 0; i < 4; i++) {
        row.modrm |= operand_needs_modrm(leaf->operand[i], &row.memory);
        row.vvvv |= operand_in_vvvv(leaf->operand[i]);
    }
    template_add(list, row);
    if (leaf->flags & (F_W_NEXT | F_VW_NEXT | F_L_NEXT)) {
        row.op++;
        row.rex_w = true;
        template_add(list, row);
    }
    if (leaf->flags & F_NOP) {
        row.op = OP_NOP;
        template_add(list, row);
        row.op = OP_PAUSE;
        row.plane = PF3;
        template_add(list, row);
    }
}

static void template_expand(struct template_list *list, struct opcode_template row,
                            const struct opcode_row *from)
{
    row.flags |= from->flags;
    switch (from->how) {
    case OPCODE_INSN:
        template_leaf(list, row, from);
        break;
    case OPCODE_GROUP:
        row.modrm = true;
        for (unsigned i = 0; i < 16; i++) {
            row.reg = (int8_t)(i & 7);
            row.memory = i < 8;
            template_expand(list, row, &opcode_groups[from->op][i]);
        }
        break;
    case OPCODE_PAIR:
        row.modrm = true;
        for (unsigned i = 0; i < 2; i++) {
            row.memory = i == 0;
            template_expand(list, row, &opcode_pairs[from->op][i]);
        }
        break;
    case OPCODE_RM:
        for (unsigned i = 0; i < 8; i++) {
            row.rm = (int8_t)i;
            template_expand(list, row, &opcode_rms[from->op][i]);
        }
        break;
    case OPCODE_X87:
        row.modrm = true;
        for (unsigned i = 0; i < 64; i++) {
            row.reg = (int8_t)(i >> 3);
            row.rm = (int8_t)(i & 7);
            row.memory = 0;
            template_expand(list, row, &opcode_x87_register[row.opcode & 7][i]);
        }
        for (unsigned i = 0; i < 8; i++) {
            row.reg = (int8_t)i;
            row.rm = -1;
            row.memory = 1;
            template_expand(list, row, &opcode_x87_memory[row.opcode & 7][i]);
        }
        break;
    default:
        break;
    }
}

static void map_add(struct template_list *list, uint8_t map, const struct opcode_row rows[][256],
                    unsigned planes, bool vex)
{
    for (unsigned plane = 0; plane < planes; plane++) {
        for (unsigned opcode = 0; opcode < 256; opcode++) {
            struct opcode_template row = { .map = map,
                                           .plane = (uint8_t)plane,
                                           .opcode = (uint8_t)opcode,
                                           .vex = vex,
                                           .reg = -1,
                                           .rm = -1,
                                           .memory = -1 };
            template_expand(list, row, &rows[plane][opcode]);
        }
    }
}

static int by_op(const void *a, const void *b)
{
    return ((const struct opcode_template *)a)->op - ((const struct opcode_template *)b)->op;
}

/* What CPL 3 may not do: the rest of these is for unit tests, that they are refused is the host's to say. */
static bool is_refused(unsigned op)
{
    switch (op) {
    case OP_HLT:
    case OP_CLI:
    case OP_STI:
    case OP_LGDT:
    case OP_LIDT:
    case OP_LLDT:
    case OP_LTR:
    case OP_LMSW:
    case OP_CLTS:
    case OP_MOVCR:
    case OP_MOVDR:
    case OP_INVLPG:
    case OP_INVPCID:
    case OP_INVD:
    case OP_WBINVD:
    case OP_WRMSR:
    case OP_RDMSR:
    case OP_SWAPGS:
    case OP_XSETBV:
    case OP_IN:
    case OP_OUT:
    case OP_INS:
    case OP_OUTS:
    case OP_RSM:
    case OP_CLAC:
    case OP_STAC:
        return true;
    default:
        return false;
    }
}

void templates_list(struct template_list *list)
{
    memset(list, 0, sizeof(*list));
    map_add(list, 0, &opcode_map_one_byte, 1, false);
    map_add(list, 1, opcode_map_0f, OPCODE_PLANES, false);
    map_add(list, 2, opcode_map_0f38, OPCODE_PLANES, false);
    map_add(list, 3, opcode_map_0f3a, OPCODE_PLANES, false);
    map_add(list, 1, opcode_map_vex_0f, OPCODE_PLANES, true);
    map_add(list, 2, opcode_map_vex_0f38, OPCODE_PLANES, true);
    map_add(list, 3, opcode_map_vex_0f3a, OPCODE_PLANES, true);
    struct opcode_template movsxd = { .opcode = 0x63, .reg = -1, .rm = -1, .memory = -1 };
    template_expand(list, movsxd, &opcode_row_63_64bit);
    qsort(list->row, list->n, sizeof(list->row[0]), by_op);
    for (size_t i = 0, op = 0; op <= OP_COUNT; op++) {
        while (i < list->n && list->row[i].op < op) {
            i++;
        }
        list->first[op] = i;
    }
    for (unsigned op = 0; op < OP_COUNT; op++) {
        bool judged = op_info[op].oracle == ORACLE_HOST ||
                      op_info[op].oracle == ORACLE_HOST_MASKED || is_refused(op);
        if (judged && (op == OP_UD || list->first[op] < list->first[op + 1])) {
            list->ops[list->n_ops++] = (uint16_t)op;
        }
    }
}
