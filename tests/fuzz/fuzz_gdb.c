/* Fuzz target: any bytes from a gdb client, framed or not, against a machine that stands still. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/monitor/gdb.h"
#include "partitions/machine.h"
#include "partitions/vmms/vmms.h"
#include "tests/support/guest_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void quit(void *opaque)
{
    (void)opaque;
}

static struct vmms *make(void)
{
    static const uint8_t code[] = { 0xeb, 0xfe };
    struct guest_file file;
    struct error error;
    bool usage;

    guest_file_make(&file, code, sizeof(code));
    const struct vmms_config config = { .child[0].kernel = file.path,
                                        .child[0].memory_bytes = 8 << 20,
                                        .child[0].cpus = 2 };
    struct vmms *vmms = vmms_create(&config, &usage, &error);
    guest_file_remove(&file);
    if (vmms == NULL) {
        abort();
    }
    debug_end(vmms_machine(vmms)); /* nobody runs it: holding waits for nobody */
    return vmms;
}

/* First byte: whether the rest is raw, or lines that become packets. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gdb *gdb;
    static char wire[16384];

    if (gdb == NULL) {
        gdb = malloc(sizeof(*gdb));
        if (gdb == NULL) {
            abort();
        }
        gdb_init(gdb, vmms_machine(make()), quit, NULL);
    }
    if (size < 1) {
        return 0;
    }
    gdb_connect(gdb);
    if (data[0] & 1) {
        gdb_input(gdb, data + 1, size - 1);
    }
    for (size_t at = 1; !(data[0] & 1) && at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        size_t n = end != NULL ? (size_t)(end - data) - at : size - at;
        size_t framed = gdb_packet_write(wire, sizeof(wire), data + at, n);
        gdb_input(gdb, (const uint8_t *)wire, framed);
        gdb_poll(gdb);
        gdb_written(gdb, gdb->n_out);
        at += n + 1;
        if (!gdb->holding) { /* it went on: as if it had stopped at once */
            gdb_input(gdb, (const uint8_t *)"\x03", 1);
        }
    }
    gdb_disconnect(gdb);
    return 0;
}
