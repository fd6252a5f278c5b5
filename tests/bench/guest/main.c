/* kernels NAME COUNT: run one small kernel, print its checksum. "text BYTES": text for the packers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

/* Words of a vocabulary, the short ranks oftener. */
static void print_text(uint64_t bytes)
{
    enum { WORDS = 4096, LONGEST = 10 };
    static char word[WORDS][LONGEST + 1];
    uint64_t state = 1;

    for (unsigned i = 0; i < WORDS; i++) {
        unsigned length = 2 + next_random(&state) % (LONGEST - 1);
        for (unsigned k = 0; k < length; k++) {
            word[i][k] = (char)('a' + next_random(&state) % 26);
        }
    }
    for (uint64_t written = 0; written < bytes;) {
        uint32_t rank = (next_random(&state) % 64) * (next_random(&state) % 64);
        char end = next_random(&state) % 12 == 0 ? '\n' : ' ';
        written += (uint64_t)printf("%s%c", word[rank], end);
    }
}

int main(int argc, char **argv)
{
    static const struct kernel *const table[] = { integer_kernels, float_kernels,  memory_kernels,
                                                  code_kernels,    system_kernels, smp_kernels };

    if (argc != 3) {
        return 2;
    }
    uint64_t count = strtoull(argv[2], NULL, 10);
    if (strcmp(argv[1], "text") == 0) {
        print_text(count);
        return 0;
    }
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        for (const struct kernel *kernel = table[i]; kernel->name != NULL; kernel++) {
            if (strcmp(argv[1], kernel->name) == 0) {
                printf("%016llx\n", (unsigned long long)kernel->run(count));
                return 0;
            }
        }
    }
    return 2;
}
