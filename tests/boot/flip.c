/* One flipped bit of guest RAM at a random instant of a kernel's boot with four VPs changes the trace hash.
 * Usage: flip KERNEL INITRD [N [SEED [INSTRUCTIONS]]]
 *
 * A run that ends with the hash of the undisturbed one is forgiven only when the page was written after the flip: then the guest
 * may have overwritten the bit before anything saw it. The page's dirty bit, cleared with the flip, tells.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "partitions/machine.h"
#include "partitions/vmms/vmms.h"
#include "partitions/vp.h"

enum { MEMORY_BYTES = 128 << 20, VPS = 4 };

struct flip {
    struct vmms *vmms;
    uint64_t at; /* instructions; 0: never */
    spa_t spa;
    uint8_t mask;
    bool done, written;
};

static uint64_t draw(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static void now(void *opaque, uint64_t instructions, uint64_t hash)
{
    struct flip *flip = opaque;
    struct machine *machine = vmms_machine(flip->vmms);
    uint8_t byte;

    (void)instructions;
    (void)hash;
    if (flip->done) {
        return;
    }
    flip->done = true;
    ram_read(&machine->ram, flip->spa, &byte, 1);
    byte ^= flip->mask;
    ram_write(&machine->ram, flip->spa, &byte, 1); /* tells whoever keeps code of it */
    ram_page_clear(&machine->ram, flip->spa, RAM_PAGE_DIRTY);
    for (unsigned i = 0; i < machine->n_vps; i++) {
        mmu_flush_all(&machine->vps[i]
                           ->cpu.core.mmu); /* the guest cannot tell; the next write sets the bit */
    }
}

static uint64_t run(const char *kernel, const char *initrd, uint64_t instructions,
                    struct flip *flip)
{
    struct error error;
    bool usage;
    const struct vmms_config config = {
        .child[0].kernel = kernel,
        .child[0].initrd = initrd,
        .child[0].append = "console=ttyS0 panic=-1",
        .child[0].memory_bytes = MEMORY_BYTES,
        .child[0].cpus = VPS,
        .virtual_time = true,
        .max_instructions = instructions,
        .no_reboot = true,
        .hash_every = flip->at,
        .hash_prefix = now,
        .hash_opaque = flip,
    };

    flip->vmms = vmms_create(&config, &usage, &error);
    if (flip->vmms == NULL) {
        fprintf(stderr, "flip: %s\n", error.text);
        exit(1);
    }
    struct vmms_result result = vmms_run(flip->vmms, &error);
    flip->written =
        (ram_page_flags(&vmms_machine(flip->vmms)->ram, flip->spa) & RAM_PAGE_DIRTY) != 0;
    vmms_destroy(flip->vmms);
    return result.trace_hash;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: flip KERNEL INITRD [N [SEED [INSTRUCTIONS]]]\n");
        return 2;
    }
    uint64_t n = argc > 3 ? strtoull(argv[3], NULL, 0) : 10;
    uint64_t seed = argc > 4 ? strtoull(argv[4], NULL, 0) : 1;
    uint64_t instructions = argc > 5 ? strtoull(argv[5], NULL, 0) : 100000000;
    uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    uint64_t changed = 0, overwritten = 0, failed = 0;
    struct flip none = { 0 };
    uint64_t undisturbed = run(argv[1], argv[2], instructions, &none);
    uint64_t again = run(argv[1], argv[2], instructions, &none);

    if (again != undisturbed) {
        printf("FAILED undisturbed: %016" PRIx64 " and %016" PRIx64 "\n", undisturbed, again);
        failed++;
    }
    for (uint64_t i = 0; i < n; i++) {
        struct flip flip = { .at = 1 + draw(&random) % (instructions - 1),
                             .spa = draw(&random) % MEMORY_BYTES,
                             .mask = (uint8_t)(1u << draw(&random) % 8) };
        if (run(argv[1], argv[2], instructions, &flip) != undisturbed) {
            changed++;
        } else if (flip.written) {
            overwritten++;
        } else {
            printf("FAILED seed %" PRIu64 ", flip %" PRIu64 ": bit 0x%x at 0x%" PRIx64
                   " after %" PRIu64 " instructions changes nothing\n",
                   seed, i, (unsigned)flip.mask, (uint64_t)flip.spa, flip.at);
            failed++;
        }
    }
    printf("flips: %" PRIu64 " changed the hash, %" PRIu64 " were overwritten; %" PRIu64
           " passed, %" PRIu64 " failed\n",
           changed, overwritten, changed + overwritten, failed);
    return failed != 0 || changed < n / 2 ? 1 : 0;
}
