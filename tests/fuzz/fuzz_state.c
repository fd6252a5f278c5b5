/* Fuzz target: a saved state with changed bytes, behind its checksums: it is refused with a sentence, or it is a machine, which
 * runs, and ends only itself. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/host/file.h"
#include "partitions/vmms/vmms.h"
#include "tests/support/guest_chaos.h"
#include "tests/support/guest_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER_BYTES = 40, BASES = 6, CHANGE_BYTES = 5, INSTRUCTIONS = 3000 };

/* Records of a machine that was saved; made once. */
struct base {
    uint8_t *records;
    size_t n, sections; /* bytes in all, and before the first page */
};

static void printed(void *opaque, const uint8_t *bytes, size_t n)
{
    (void)bytes;
    *(size_t *)opaque += n;
}

static size_t sections_end(const uint8_t *records, size_t n)
{
    size_t at = 0;

    while (at + 2 < n && records[at] == 'S') {
        size_t name = records[at + 1];
        at += 2 + name + 4 + le32_load(records + at + 2 + name) + 4;
    }
    return at;
}

static void base_make(struct base *base, unsigned number)
{
    uint64_t at = 0;
    struct vmms_config config = {
        .child[0].memory_bytes = 4 << 20,
        .child[0].cpus = 2,
        .role = (enum vmms_role)(number % 3),
        .virtual_time = true,
        .max_instructions = 20000,
        .no_reboot = true,
        .child[0].serial_output = printed,
        .n_children = number == 3 ? 2 : 1,
        .child[1] = { .name = "b", .memory_bytes = 2 << 20 },
    };
    struct guest_file file, state;
    struct error error = { "" };
    size_t n, n_file, n_printed = 0;
    uint8_t *code = guest_chaos(CHAOS_RANDOM, 3000, number + 1, &n), *bytes;
    bool usage;

    guest_file_make(&file, code, n);
    guest_file_write(&state, "", 0);
    config.child[0].kernel = file.path;
    config.child[1].kernel = file.path;
    config.save = state.path;
    config.child[0].serial_opaque = &n_printed;
    for (unsigned i = 0; i < 2; i++) { /* how far it goes; then saved on the way */
        struct vmms *vmms = vmms_create(&config, &usage, &error);
        assert(vmms != NULL);
        at = vmms_run(vmms, &error).instructions * (number + 1) / (BASES + 1);
        vmms_destroy(vmms);
        config.save_at = &at;
        config.n_save_at = 1;
    }
    int status = host_file_read(state.path, 64 << 20, &bytes, &n_file, &error);
    assert(status == 0 && n_file > HEADER_BYTES);
    uLongf length = (uLongf)le64_load(bytes + 24);
    base->records = malloc(length);
    assert(base->records != NULL && uncompress(base->records, &length, bytes + HEADER_BYTES,
                                               (uLong)(n_file - HEADER_BYTES)) == Z_OK);
    base->n = length;
    base->sections = sections_end(base->records, length);
    free(bytes);
    free(code);
    guest_file_remove(&state);
    guest_file_remove(&file);
}

/* One byte at a place of the sections becomes another. */
static void change(uint8_t *records, size_t n, const uint8_t *how)
{
    size_t at = (how[0] | (size_t)how[1] << 8 | (size_t)how[2] << 16) % n;

    switch (how[3] % 3) {
    case 0:
        records[at] = how[4];
        break;
    case 1:
        records[at] ^= (uint8_t)(1u << how[4] % 8);
        break;
    default:
        records[at] = (uint8_t)(records[at] + how[4]);
        break;
    }
}

/* First byte: which machine, or 255: the records themselves follow; then changes of five bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct base bases[BASES];
    size_t n_printed = 0;
    struct error error = { "" };
    bool usage = false;

    if (size < 2) {
        return 0;
    }
    struct base *base = &bases[data[0] % BASES];
    if (base->records == NULL) {
        base_make(base, data[0] % BASES);
    }
    size_t n = data[0] == 255 ? size - 1 : base->n;
    uint8_t *records = malloc(n);
    assert(records != NULL);
    memcpy(records, data[0] == 255 ? data + 1 : base->records, n);
    for (size_t at = 1; data[0] != 255 && at + CHANGE_BYTES <= size; at += CHANGE_BYTES) {
        change(records, base->sections, data + at);
    }
    const struct vmms_config config = {
        .resume = "fuzzed",
        .resume_records = records,
        .n_resume_records = n,
        .max_instructions = 20000 + INSTRUCTIONS,
        .timeout_ns = UINT64_C(5000000000),
        .no_reboot = true,
        .child[0].serial_output = printed,
        .child[0].serial_opaque = &n_printed,
    };
    struct vmms *vmms = vmms_create(&config, &usage, &error);
    if (vmms == NULL) {
        assert(error.text[0] != '\0');
    } else {
        (void)vmms_run(vmms, &error);
        vmms_destroy(vmms);
    }
    free(records);
    return 0;
}
