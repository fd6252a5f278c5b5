/* Any bytes as hypercalls and MSR accesses, and what must hold after them. */
#ifndef TESTS_CHECK_PARTITIONS_HV_HV_RANDOM_H
#define TESTS_CHECK_PARTITIONS_HV_HV_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Aborts when an invariant is broken. */
void hv_random_calls(const uint8_t *data, size_t size);
void hv_random_msrs(const uint8_t *data, size_t size);

#endif
