/* Target descriptions from the table of registers. [GDB doc, Target Description Format, i386 Features] */
#include <string.h>

#include "base/text.h"
#include "frontend/monitor/gdb.h"
#include "partitions/vp.h"

struct feature {
    const char *name;
    const char *types;
    unsigned groups; /* bit: enum debug_group */
};

static const char eflags_type[] =
    "<flags id=\"i386_eflags\" size=\"4\">"
    "<field name=\"CF\" start=\"0\" end=\"0\"/><field name=\"\" start=\"1\" end=\"1\"/>"
    "<field name=\"PF\" start=\"2\" end=\"2\"/><field name=\"AF\" start=\"4\" end=\"4\"/>"
    "<field name=\"ZF\" start=\"6\" end=\"6\"/><field name=\"SF\" start=\"7\" end=\"7\"/>"
    "<field name=\"TF\" start=\"8\" end=\"8\"/><field name=\"IF\" start=\"9\" end=\"9\"/>"
    "<field name=\"DF\" start=\"10\" end=\"10\"/><field name=\"OF\" start=\"11\" end=\"11\"/>"
    "<field name=\"NT\" start=\"14\" end=\"14\"/><field name=\"RF\" start=\"16\" end=\"16\"/>"
    "<field name=\"VM\" start=\"17\" end=\"17\"/><field name=\"AC\" start=\"18\" end=\"18\"/>"
    "<field name=\"VIF\" start=\"19\" end=\"19\"/><field name=\"VIP\" start=\"20\" end=\"20\"/>"
    "<field name=\"ID\" start=\"21\" end=\"21\"/></flags>\n";

static const char sse_types[] =
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/><vector id=\"v2d\" type=\"ieee_double\" "
    "count=\"2\"/>"
    "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/><vector id=\"v8i16\" type=\"int16\" "
    "count=\"8\"/>"
    "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/><vector id=\"v2i64\" type=\"int64\" "
    "count=\"2\"/>"
    "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" "
    "type=\"v2d\"/>"
    "<field name=\"v16_int8\" type=\"v16i8\"/><field name=\"v8_int16\" type=\"v8i16\"/>"
    "<field name=\"v4_int32\" type=\"v4i32\"/><field name=\"v2_int64\" type=\"v2i64\"/>"
    "<field name=\"uint128\" type=\"uint128\"/></union>\n"
    "<flags id=\"i386_mxcsr\" size=\"4\">"
    "<field name=\"IE\" start=\"0\" end=\"0\"/><field name=\"DE\" start=\"1\" end=\"1\"/>"
    "<field name=\"ZE\" start=\"2\" end=\"2\"/><field name=\"OE\" start=\"3\" end=\"3\"/>"
    "<field name=\"UE\" start=\"4\" end=\"4\"/><field name=\"PE\" start=\"5\" end=\"5\"/>"
    "<field name=\"DAZ\" start=\"6\" end=\"6\"/><field name=\"IM\" start=\"7\" end=\"7\"/>"
    "<field name=\"DM\" start=\"8\" end=\"8\"/><field name=\"ZM\" start=\"9\" end=\"9\"/>"
    "<field name=\"OM\" start=\"10\" end=\"10\"/><field name=\"UM\" start=\"11\" end=\"11\"/>"
    "<field name=\"PM\" start=\"12\" end=\"12\"/><field name=\"FZ\" start=\"15\" "
    "end=\"15\"/></flags>\n";

/* In the order of the table, which gives registers their numbers. */
static const struct feature features[] = {
    { "org.gnu.gdb.i386.core", eflags_type,
      1u << DEBUG_GROUP_GENERAL | 1u << DEBUG_GROUP_SEGMENT | 1u << DEBUG_GROUP_X87 },
    { "org.gnu.gdb.i386.sse", sse_types, 1u << DEBUG_GROUP_SSE },
    { "org.gnu.gdb.i386.segments", "", 1u << DEBUG_GROUP_BASE },
    { "org.gnu.gdb.i386.avx", "", 1u << DEBUG_GROUP_AVX },
    { "verdite.system", "", 1u << DEBUG_GROUP_SYSTEM },
};

static const char *gdb_group(const struct debug_register *reg)
{
    return reg->group == DEBUG_GROUP_X87                                    ? "float"
           : reg->group == DEBUG_GROUP_SSE || reg->group == DEBUG_GROUP_AVX ? "vector"
           : reg->group == DEBUG_GROUP_SYSTEM                               ? "system"
                                                                            : "general";
}

/* 32 and 64 bits of the registers that gdb names itself have its types; the rest are integers. */
static void add_feature(struct text *text, const struct feature *feature, enum debug_layout layout)
{
    size_t before = text->n;
    unsigned n = 0;

    text_add(text, "<feature name=\"%s\">\n%s", feature->name, feature->types);
    for (unsigned i = 0; i < debug_register_n; i++) {
        const struct debug_register *reg = &debug_registers[i];
        if (!(reg->layouts & layout) || !(feature->groups >> reg->group & 1)) {
            continue;
        }
        const char *type = reg->type != NULL ? reg->type : reg->bits == 64 ? "int64" : "int32";
        text_add(text, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" group=\"%s\"/>\n", reg->name,
                 reg->bits, type, gdb_group(reg));
        n++;
    }
    text_add(text, "</feature>\n");
    if (n == 0) {
        text->n = before;
        text->bytes[before] = '\0';
    }
}

void gdb_describe(struct gdb *gdb)
{
    struct text text = text_in(gdb->description, sizeof(gdb->description));
    struct vp *vp = gdb_vp(gdb);
    unsigned bits = gdb->architecture;

    if (gdb->layout_follows) {
        bits = vp != NULL ? debug_bits(vp) : 64;
    }
    gdb->layout = bits == 64 ? DEBUG_LAYOUT_64 : DEBUG_LAYOUT_32;
    text_add(&text,
             "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target>\n"
             "<architecture>%s</architecture>\n",
             bits == 64   ? "i386:x86-64"
             : bits == 32 ? "i386"
                          : "i8086");
    for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
        add_feature(&text, &features[i], gdb->layout);
    }
    text_add(&text, "</target>\n");
}
