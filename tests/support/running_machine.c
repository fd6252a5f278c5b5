/* A machine on a thread of its own. */
#include "tests/support/running_machine.h"

#include <check.h>
#include <string.h>
#include <time.h>

#include "partitions/partition.h"
#include "partitions/vp.h"

static void *run(void *opaque)
{
    struct running_machine *rig = opaque;
    struct error error;

    rig->result = vmms_run(rig->vmms, &error);
    return NULL;
}

void running_machine_start(struct running_machine *rig, unsigned cpus, const uint8_t *code,
                           size_t n)
{
    struct error error = { "" };
    bool usage;

    memset(rig, 0, sizeof(*rig));
    guest_file_make(&rig->file, code, n);
    struct vmms_config config = { .child[0].kernel = rig->file.path,
                                  .child[0].memory_bytes = 8 << 20,
                                  .child[0].cpus = cpus,
                                  .timeout_ns = UINT64_C(600000000000) };
    rig->vmms = vmms_create(&config, &usage, &error);
    ck_assert_msg(rig->vmms != NULL, "%s", error.text);
    rig->machine = vmms_machine(rig->vmms);
    rig->guest = rig->machine->vps[0]->partition;
    ck_assert_int_eq(pthread_create(&rig->thread, NULL, run, rig), 0);
}

void running_machine_join(struct running_machine *rig)
{
    pthread_join(rig->thread, NULL);
    vmms_destroy(rig->vmms);
    guest_file_remove(&rig->file);
}

void running_machine_end(struct running_machine *rig)
{
    vmms_stop(rig->vmms);
    running_machine_join(rig);
}

void running_machine_pause_ms(long ms)
{
    struct timespec time = { .tv_nsec = ms * 1000000 };

    nanosleep(&time, NULL);
}
