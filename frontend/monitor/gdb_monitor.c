/* gdb's `monitor` commands: one table makes them and their help. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cpu/decode/insn.h"
#include "frontend/monitor/gdb.h"
#include "partitions/hv/msr.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vp.h"

enum { ANSWER_BYTES = 1 << 15, CHUNK_BYTES = 1024, WORDS = 4, CODE_MOST = 64 };

struct command {
    const char *name, *arguments, *help;
    void (*run)(struct gdb *gdb, unsigned n, char **words, struct text *text);
};

static bool number_of(const char *word, uint64_t *number)
{
    char *end;

    *number = strtoull(word, &end, 0);
    return end != word && *end == '\0';
}

static void monitor_regs(struct gdb *gdb, unsigned n, char **words, struct text *text)
{
    struct vp *vp = gdb_vp(gdb);
    unsigned column = 0;

    (void)n, (void)words;
    text_add(text,
             "partition %" PRIu64 ", VP %" PRIu32 ", %u-bit code, CPL %u, %" PRIu64
             " instructions\n",
             vp->partition->id, vp->index, debug_bits(vp), vp->cpu.core.cpl, vp->cpu.core.retired);
    for (unsigned i = 0; i < debug_register_n; i++) {
        const struct debug_register *reg = &debug_registers[i];
        uint8_t value[DEBUG_REGISTER_BYTES];
        char digits[2 * DEBUG_REGISTER_BYTES + 1] = "";
        if (!(reg->layouts & DEBUG_LAYOUT_64)) {
            continue;
        }
        debug_register_read(vp, reg, value);
        for (unsigned byte = reg->bits / 8; byte > 0; byte--) {
            gdb_hex(digits + strlen(digits), &value[byte - 1], 1);
        }
        bool wide = reg->bits > 64;
        text_add(text, "%-15s %-*s", reg->name, wide ? 32 : 18, digits);
        column += wide ? 3 : 1;
        if (column >= 3) {
            text_add(text, "\n");
            column = 0;
        }
    }
    text_add(text, "\n");
}

static void monitor_walk(struct gdb *gdb, unsigned n, char **words, struct text *text)
{
    char walk[2048];
    uint64_t gva;

    if (n != 1 || !number_of(words[0], &gva)) {
        text_add(text, "walk GVA: give an address\n");
        return;
    }
    debug_walk(gdb_vp(gdb), gva, walk, sizeof(walk));
    text_add(text, "%s", walk);
}

/* As the processor would read it now, whatever description gdb has. */
static void monitor_code(struct gdb *gdb, unsigned n, char **words, struct text *text)
{
    struct vp *vp = gdb_vp(gdb);
    unsigned bits = debug_bits(vp);
    uint64_t base = bits == 64 ? 0 : vp->cpu.core.state.seg[SEG_CS].base, count = 8;
    uint64_t gva = base + vp->cpu.core.state.gpr[REG_RIP];

    if (n > 2 || (n >= 1 && !number_of(words[0], &gva)) ||
        (n == 2 && !number_of(words[1], &count))) {
        text_add(text, "code [GVA [COUNT]]: from RIP when no address is given\n");
        return;
    }
    text_add(text, "%u-bit code\n", bits);
    for (count = count < CODE_MOST ? count : CODE_MOST; count > 0; count--) {
        uint8_t bytes[INSN_MAX_LENGTH];
        char line[128];
        struct insn insn;
        size_t got = debug_memory_read(vp, gva, bytes, sizeof(bytes));
        if (got == 0 || decode_insn(bytes, got, (struct decode_mode){ .bits = (uint8_t)bits },
                                    &insn) != DECODE_OK) {
            text_add(text, "0x%" PRIx64 ": no instruction\n", gva);
            return;
        }
        insn_print(&insn, gva - base, line, sizeof(line));
        text_add(text, "0x%" PRIx64 ": %s\n", gva, line);
        gva += insn.length;
    }
}

static void monitor_msr(struct gdb *gdb, unsigned n, char **words, struct text *text)
{
    uint64_t msr, value = 0;

    if (n < 1 || n > 2 || !number_of(words[0], &msr) || msr > UINT32_MAX ||
        (n == 2 && !number_of(words[1], &value))) {
        text_add(text, "msr NUMBER [VALUE]: give a number, and a value to write it\n");
        return;
    }
    bool ok = n == 2 ? debug_msr_write(gdb_vp(gdb), (uint32_t)msr, value)
                     : debug_msr_read(gdb_vp(gdb), (uint32_t)msr, &value);
    if (!ok) {
        text_add(text, "msr 0x%" PRIx64 ": #GP\n", msr);
    } else {
        text_add(text, "msr 0x%" PRIx64 " = 0x%016" PRIx64 "\n", msr, value);
    }
}

static void monitor_trace(struct gdb *gdb, unsigned n, char **words, struct text *text)
{
    struct trace *trace = &gdb->machine->trace;
    struct error error = { "" };

    if (n >= 1 && strcmp(words[0], "on") == 0) {
        if (trace_enable(trace, n >= 2 ? words[1] : "*", &error) != 0) {
            text_add(text, "%s\n", error.text);
        }
    } else if (n == 1 && strcmp(words[0], "off") == 0) {
        trace_quiet(trace);
    } else {
        text_add(text, "trace on [PATTERNS] or trace off\n");
    }
}

static void monitor_hypercalls(struct gdb *gdb, unsigned n, char **words, struct text *text)
{
    const struct hypervisor *hv = &gdb->machine->hv;
    const char *name;
    uint16_t code;
    uint64_t count;

    (void)n, (void)words;
    text_add(text, "%" PRIu64 " hypercalls\n", hv->hypercalls);
    for (unsigned i = 0; hv_call_count(hv, i, &code, &name, &count); i++) {
        if (count != 0) {
            text_add(text, "  0x%04x HvCall%-34s %" PRIu64 "\n", code, name, count);
        }
    }
    for (unsigned i = 0; i < hv->n_partitions; i++) {
        const struct partition *p = hv->partitions[i];
        if (p != NULL) {
            text_add(text,
                     "partition %" PRIu64 ": OS id 0x%016" PRIx64 ", hypercall page 0x%" PRIx64
                     ", privileges 0x%016" PRIx64 "\n",
                     p->id, p->guest_os_id, p->hypercall_msr, p->privileges);
        }
    }
}

static void monitor_synic(struct gdb *gdb, unsigned n, char **words, struct text *text)
{
    const struct vp *vp = gdb_vp(gdb);
    const struct vp_vtl *vtl = &vp->vtl[vp->active_vtl];

    (void)n, (void)words;
    text_add(text, "scontrol 0x%" PRIx64 "  simp 0x%" PRIx64 "  siefp 0x%" PRIx64 "\n",
             vtl->synic.control, vtl->synic.simp_msr, vtl->synic.siefp_msr);
    for (unsigned i = 0; i < HV_SINTS; i++) {
        uint64_t sint = vtl->synic.sint[i];
        text_add(text, "sint%-2u 0x%016" PRIx64 "  vector 0x%02x%s%s%s\n", i, sint,
                 (unsigned)(sint & 0xff), sint >> 16 & 1 ? " masked" : "",
                 sint >> 17 & 1 ? " auto-EOI" : "",
                 vtl->synic.queue[i].first != NULL ? " messages wait" : "");
    }
    for (unsigned i = 0; i < HV_STIMERS; i++) {
        text_add(text, "stimer%u config 0x%" PRIx64 " count 0x%" PRIx64 "\n", i,
                 vtl->timer[i].config, vtl->timer[i].count);
    }
}

static void monitor_memory(struct gdb *gdb, unsigned n, char **words, struct text *text)
{
    if (n == 1 && (strcmp(words[0], "physical") == 0 || strcmp(words[0], "virtual") == 0)) {
        gdb->physical = words[0][0] == 'p';
    } else {
        text_add(text, "memory physical or memory virtual\n");
    }
}

static void monitor_arch(struct gdb *gdb, unsigned n, char **words, struct text *text)
{
    static const struct {
        const char *word;
        unsigned bits;
    } rows[] = { { "16", 16 }, { "32", 32 }, { "64", 64 }, { "auto", 0 } };

    for (unsigned i = 0; n == 1 && i < ARRAY_SIZE(rows); i++) {
        if (strcmp(rows[i].word, words[0]) == 0) {
            gdb->architecture = rows[i].bits;
            gdb->layout_follows = rows[i].bits == 0;
            text_add(text, "now let gdb read the description again: unset tdesc filename\n");
            return;
        }
    }
    text_add(text, "arch 16, 32, 64 or auto (of the mode that the VP is in)\n");
}

static void monitor_help(struct gdb *gdb, unsigned n, char **words, struct text *text);

static const struct command commands[] = {
    { "help", "", "what there is", monitor_help },
    { "regs", "", "every register of this thread's VP", monitor_regs },
    { "walk", "GVA", "the page walk of an address, level by level", monitor_walk },
    { "code", "[GVA [COUNT]]", "instructions, as the mode that the VP is in reads them",
      monitor_code },
    { "msr", "NUMBER [VALUE]", "read or write a model-specific register", monitor_msr },
    { "trace", "on [PATTERNS]|off", "trace events to verdite's standard error", monitor_trace },
    { "hypercalls", "", "how many there were, and the partitions' hypercall state",
      monitor_hypercalls },
    { "synic", "", "this VP's synthetic interrupts and timers", monitor_synic },
    { "memory", "physical|virtual", "what addresses in gdb mean", monitor_memory },
    { "arch", "16|32|64|auto", "which description gdb gets", monitor_arch },
};

static void monitor_help(struct gdb *gdb, unsigned n, char **words, struct text *text)
{
    (void)gdb, (void)n, (void)words;
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        text_add(text, "%s %s%*s%s\n", commands[i].name, commands[i].arguments,
                 (int)(28 - strlen(commands[i].name) - strlen(commands[i].arguments)), "",
                 commands[i].help);
    }
}

/* Console output goes in O packets; OK ends it. */
static void answer(struct gdb *gdb, const struct text *text)
{
    char packet[2 * CHUNK_BYTES + 2];

    for (size_t at = 0; at < text->n; at += CHUNK_BYTES) {
        size_t n = text->n - at < CHUNK_BYTES ? text->n - at : CHUNK_BYTES;
        packet[0] = 'O';
        gdb_hex(packet + 1, text->bytes + at, n);
        gdb_reply(gdb, packet, 1 + 2 * n);
    }
    gdb_reply_text(gdb, "OK");
}

void gdb_monitor(struct gdb *gdb, char *line)
{
    char bytes[ANSWER_BYTES];
    struct text text = text_in(bytes, sizeof(bytes));
    char *words[WORDS + 1], *rest = NULL;
    unsigned n = 0;

    for (char *word = strtok_r(line, " \t\r\n", &rest); word != NULL && n <= WORDS;
         word = strtok_r(NULL, " \t\r\n", &rest)) {
        words[n++] = word;
    }
    for (unsigned i = 0; n > 0 && i < ARRAY_SIZE(commands); i++) {
        if (strcmp(words[0], commands[i].name) == 0 && gdb_vp(gdb) != NULL) {
            commands[i].run(gdb, n - 1, words + 1, &text);
            answer(gdb, &text);
            return;
        }
    }
    text_add(&text, "no such command; monitor help\n");
    answer(gdb, &text);
}
