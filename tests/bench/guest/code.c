/* Code that changes while it runs. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernels.h"

typedef uint32_t function(void);

static uint8_t *map_code(size_t bytes)
{
    void *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        exit(1);
    }
    return memory;
}

/* Patch an immediate, run the function. */
static uint64_t smc(uint64_t count)
{
    static const uint8_t mov_eax_ret[] = { 0xb8, 0, 0, 0, 0, 0xc3 };
    uint8_t *code = map_code(4096);
    uint64_t sum = 0;

    memcpy(code, mov_eax_ret, sizeof(mov_eax_ret));
    for (uint64_t i = 0; i < count; i++) {
        uint32_t value = (uint32_t)i;
        memcpy(code + 1, &value, sizeof(value));
        sum += ((function *)(uintptr_t)code)();
    }
    munmap(code, 4096);
    return sum;
}

/* Emit 64 functions of 50 additions, run each ten times. */
static uint64_t jit(uint64_t count)
{
    enum { FUNCTIONS = 64, ROOM = 1024, ADDITIONS = 50, CALLS = 10 };
    uint8_t *code = map_code((size_t)FUNCTIONS * ROOM);
    uint64_t sum = 0;

    while (count-- > 0) {
        for (uint32_t f = 0; f < FUNCTIONS; f++) {
            uint8_t *at = code + f * ROOM;
            *at++ = 0x31; /* xor eax, eax */
            *at++ = 0xc0;
            for (uint32_t i = 0; i < ADDITIONS; i++) {
                uint32_t value = i * f + (uint32_t)count;
                *at++ = 0x05; /* add eax, imm32 */
                memcpy(at, &value, sizeof(value));
                at += sizeof(value);
            }
            *at = 0xc3;
            for (unsigned i = 0; i < CALLS; i++) {
                sum += ((function *)(uintptr_t)(code + f * ROOM))();
            }
        }
    }
    munmap(code, (size_t)FUNCTIONS * ROOM);
    return sum;
}

const struct kernel code_kernels[] = { { "smc", smc }, { "jit", jit }, { NULL, NULL } };
