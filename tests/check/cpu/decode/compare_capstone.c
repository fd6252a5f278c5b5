/* The decoder against Capstone: validity, length, mnemonic. */
#include "tests/check/cpu/decode/compare.h"

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "cpu/decode/op_info.h"

#ifdef HAVE_CAPSTONE
#include <capstone/capstone.h>

bool capstone_built_in(void)
{
    return true;
}

/* Extensions that no CPU model of ours has: their encodings are #UD. */
static bool groups_absent(csh handle, const cs_insn *c)
{
    static const unsigned absent[] = {
        X86_GRP_VM,  X86_GRP_3DNOW, X86_GRP_AVX512, X86_GRP_FMA4, X86_GRP_HLE,
        X86_GRP_RTM, X86_GRP_SSE4A, X86_GRP_TBM,    X86_GRP_XOP,  X86_GRP_CDI,
        X86_GRP_ERI, X86_GRP_SGX,   X86_GRP_DQI,    X86_GRP_BWI,
    };

    for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
        if (cs_insn_group(handle, c, absent[i])) {
            return true;
        }
    }
    return false;
}

struct opinion {
    const struct insn *insn;
    bool ours, theirs;
    unsigned bits;
    bool prefix_66, prefix_67, prefix_repeat, prefix_lock;
    uint8_t opcode[2]; /* after prefixes */
    const cs_insn *c;
};

static void prefixes_find(const uint8_t *bytes, struct opinion *opinion)
{
    for (size_t i = 0; i < 14; i++) {
        bool rex = opinion->bits == 64 && (bytes[i] & 0xf0) == 0x40;

        opinion->prefix_66 |= bytes[i] == 0x66;
        opinion->prefix_67 |= bytes[i] == 0x67;
        opinion->prefix_repeat |= bytes[i] == 0xf2 || bytes[i] == 0xf3;
        opinion->prefix_lock |= bytes[i] == 0xf0;
        memcpy(opinion->opcode, bytes + i, 2);
        if (!rex && (bytes[i] == 0 ||
                     strchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", bytes[i]) == NULL)) {
            return;
        }
    }
}

/* VEX, EVEX and XOP begin with these where they are not LES, LDS, BOUND or POP. */
static bool vector_escape(uint8_t opcode)
{
    return opcode == 0xc4 || opcode == 0xc5 || opcode == 0x62 || opcode == 0x8f;
}

/* Why a difference is right as it is, or NULL: Zydis and the manual are with us in each of these.
 */
static const char *accepted(const struct opinion *o)
{
    unsigned family = op_info[o->insn->op].family;
    bool twobyte = o->opcode[0] == 0x0f;

    if (!o->ours) {
        return o->prefix_lock ? "LOCK where it is not allowed is #UD, Capstone accepts it"
               : o->prefix_66 || o->prefix_repeat
                   ? "66, F2, F3 that select no row are #UD, Capstone ignores them"
               : twobyte && o->opcode[1] >= 0x20 && o->opcode[1] <= 0x26
                   ? "CR and DR that do not exist"
               : o->opcode[0] == 0x8e ? "MOV CS is #UD"
               : twobyte &&
                       (o->opcode[1] == 0x37 || o->opcode[1] >> 1 == 0x53 || o->opcode[1] == 0x01)
                   ? "GETSEC, PadLock, ENCLS: extensions that no model has"
               : vector_escape(o->opcode[0]) ? "AVX and XOP without a group on Capstone"
               : twobyte && o->prefix_67     ? "67 taken for a mandatory prefix by Capstone"
                                             : NULL;
    }
    if (twobyte && (o->opcode[1] == 0xff || o->opcode[1] == 0xb9)) {
        return "UD0, UD1 have ModRM [SDM 2 UD], Capstone reads none";
    }
    if (!o->theirs) {
        return o->insn->op == OP_BROADCASTI128 ? "Capstone does not know VBROADCASTI128"
               : o->insn->op == OP_NOP || o->insn->op == OP_PREFETCH
                   ? "reserved NOPs, Capstone knows few"
               : o->insn->op == OP_LFENCE || o->insn->op == OP_MFENCE || o->insn->op == OP_SFENCE
                   ? "rm of fences is ignored [SDM 2 LFENCE]"
               : o->opcode[0] == 0x8c || o->opcode[0] == 0x8e
                   ? "REX.R with a segment register is ignored [SDM 2A 2.2.1.2]"
               : o->bits == 16 && (family == FAMILY_SSE || family == FAMILY_MMX)
                   ? "66, F2, F3 in 16-bit mode are lost on Capstone"
               : o->prefix_66 || o->prefix_repeat
                   ? "66, F2, F3 that change nothing, Capstone refuses some"
                   : NULL;
    }
    if (o->bits == 64 && (o->prefix_66 || o->prefix_67) && family == FAMILY_BRANCH) {
        return "66 on near branches is ignored in 64-bit mode on Intel, Capstone has AMD's and "
               "takes 67 for it";
    }
    if (o->prefix_66 && o->prefix_repeat) {
        return "66 with F2 or F3: Capstone forgets the operand size";
    }
    if (o->insn->length != o->c->size) {
        return NULL;
    }
    if (o->prefix_66 || o->prefix_repeat || o->prefix_67) {
        return "mandatory prefixes that do not stand right before 0F are lost on Capstone; the "
               "length agrees";
    }
    if (o->insn->flags & INSN_VEX && o->bits != 64 &&
        (o->insn->op == OP_PINSRD || o->insn->op == OP_PEXTRD)) {
        return "VEX.W of general registers is ignored outside of 64-bit mode, Capstone names "
               "VPINSRQ";
    }
    if (o->insn->op == OP_MOVD) {
        return "MOVD with REX.W is MOVQ";
    }
    if (o->bits == 16) {
        return "names by operand size or prefix in 16-bit mode; the length agrees";
    }
    return NULL;
}

static void opinion_text(const struct opinion *o, struct difference *difference)
{
    char name[32];

    insn_mnemonic(o->insn, name, sizeof(name));
    if (o->ours && o->theirs) {
        const char *last = strrchr(o->c->mnemonic, ' ');
        const char *their_name = mnemonic_alias(last != NULL ? last + 1 : o->c->mnemonic);

        size_t v = o->insn->flags & INSN_VEX ? 1 : 0;

        if (strncmp(their_name + v, "cmp", 3) == 0 && strncmp(name + v, "cmp", 3) == 0 &&
            o->insn->op >= OP_CMPPS && o->insn->op <= OP_CMPSDX) {
            their_name = name; /* cmpeqps and so on */
        }
        if (o->insn->length == o->c->size && strcmp(their_name, name) == 0) {
            return;
        }
    }
    snprintf(difference->text, sizeof(difference->text),
             "we: %s, %u bytes, Capstone: %.20s %.99s, %u bytes", o->ours ? name : "invalid",
             o->insn->length, o->theirs ? o->c->mnemonic : "invalid", o->theirs ? o->c->op_str : "",
             o->theirs ? o->c->size : 0u);
}

void capstone_compare(const uint8_t *bytes, size_t available, unsigned bits,
                      struct difference *difference)
{
    struct decode_mode mode = { (uint8_t)bits, true };
    struct insn insn;
    uint8_t padded[15] = { 0 };
    struct opinion o = { .insn = &insn, .bits = bits };
    cs_insn *c = NULL;
    csh handle;

    difference->text[0] = '\0';
    difference->accepted = NULL;
    if (cs_open(CS_ARCH_X86,
                bits == 64   ? CS_MODE_64
                : bits == 32 ? CS_MODE_32
                             : CS_MODE_16,
                &handle) != CS_ERR_OK) {
        snprintf(difference->text, sizeof(difference->text), "Capstone does not open");
        return;
    }
    cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
    memcpy(padded, bytes, available);
    prefixes_find(padded, &o);
    o.ours = decode_insn(bytes, available, mode, &insn) == DECODE_OK && insn.op != OP_UD;
    o.theirs = cs_disasm(handle, bytes, available, 0, 1, &c) == 1;
    o.c = c;
    if (o.theirs && !o.ours && groups_absent(handle, c)) {
        difference->accepted = "extension that no model has";
    } else if (o.theirs || o.ours) {
        opinion_text(&o, difference);
        if (difference->text[0] != '\0') {
            difference->accepted = accepted(&o);
        }
    }
    if (difference->accepted != NULL) {
        difference->text[0] = '\0';
    }
    if (o.theirs) {
        cs_free(c, 1);
    }
    cs_close(&handle);
}

#else

bool capstone_built_in(void)
{
    return false;
}

void capstone_compare(const uint8_t *bytes, size_t available, unsigned bits,
                      struct difference *difference)
{
    (void)bytes, (void)available, (void)bits;
    difference->text[0] = '\0';
    difference->accepted = NULL;
}

#endif
