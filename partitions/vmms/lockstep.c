/* --check lockstep in words: what was compared, and what differs. [cpu/lockstep.h] */
#include <inttypes.h>
#include <stdio.h>

#include "cpu/lockstep.h"
#include "partitions/machine.h"
#include "partitions/vmms/vmms.h"
#include "partitions/vp.h"

bool vmms_lockstep(struct vmms *vmms, char *text, size_t size)
{
    static const char *const rows[] = {
#define X(row, words) words,
        LOCKSTEP_ROWS(X)
#undef X
    };
    const struct machine *machine = vmms_machine(vmms);
    const struct lockstep *lockstep = NULL;

    for (unsigned i = 0; i < machine->n_vps && lockstep == NULL; i++) {
        lockstep = machine->vps[i]->cpu.lockstep;
    }
    if (lockstep == NULL) {
        return false;
    }
    const struct lockstep_counts *counts = lockstep_counts(lockstep);
    uint64_t alone = 0;
    for (unsigned i = 0; i < LOCKSTEP_ALONE; i++) {
        alone += counts->alone[i];
    }
    int n =
        snprintf(text, size,
                 "%slock step: compared %llu stretches of %llu instructions, %llu faults; "
                 "interpreted alone %llu",
                 machine->differs != NULL ? lockstep_report(lockstep) : "",
                 (unsigned long long)counts->stretches, (unsigned long long)counts->instructions,
                 (unsigned long long)counts->faults, (unsigned long long)alone);
    for (unsigned i = 0; i < LOCKSTEP_ALONE && n >= 0 && (size_t)n < size; i++) {
        if (counts->alone[i] != 0) {
            n += snprintf(text + n, size - (size_t)n, "%s %llu %s", alone != 0 ? ":" : ",",
                          (unsigned long long)counts->alone[i], rows[i]);
            alone = 0;
        }
    }
    return true;
}
