/* A child that runs some code with the realtime clock, on threads of its own beside the test's. */
#ifndef TESTS_SUPPORT_RUNNING_MACHINE_H
#define TESTS_SUPPORT_RUNNING_MACHINE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "partitions/machine.h"
#include "partitions/vmms/vmms.h"
#include "tests/support/guest_file.h"

struct running_machine {
    struct guest_file file;
    struct vmms *vmms;
    struct machine *machine;
    struct partition *guest;
    pthread_t thread;
    struct vmms_result result; /* once it is joined */
};

/* Boot n bytes of code as a kernel (guest_file_make) on the first of its processors; 8 MiB. */
void running_machine_start(struct running_machine *rig, unsigned cpus, const uint8_t *code,
                           size_t n);
/* Wait for its end, and take it down. */
void running_machine_join(struct running_machine *rig);
/* Stop it first. */
void running_machine_end(struct running_machine *rig);

/* The test's thread sleeps. */
void running_machine_pause_ms(long ms);

#endif
