/* A guest that does at random what only kernels may: writes MSRs, ports and device memory, calls
 * the hypervisor; and survives every exception. */
#ifndef TESTS_SUPPORT_GUEST_CHAOS_H
#define TESTS_SUPPORT_GUEST_CHAOS_H

#include <stddef.h>
#include <stdint.h>

enum chaos_kind {
    CHAOS_PORTS,  /* every port once, but those that reset or power off; then power off */
    CHAOS_MSRS,   /* the MSRs of every range once, but those that reset; then power off */
    CHAOS_RANDOM, /* anything, n times; whatever comes of it */
};

/* Code for GUEST_CODE. Freed by the caller. */
uint8_t *guest_chaos(enum chaos_kind kind, unsigned n, uint64_t seed, size_t *size);

#endif
