/* Watchpoints of a debugger: ranges of linear addresses, independent of the guest's own DR0-DR3. */
#ifndef CPU_EXEC_WATCH_H
#define CPU_EXEC_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum { CORE_WATCHES = 32 };
enum { CORE_WATCH_READ = 1u << 0, CORE_WATCH_WRITE = 1u << 1 };

struct core_watch {
    uint64_t first, last; /* inclusive */
    uint8_t kinds;        /* CORE_WATCH_* */
};

struct core_watches {
    unsigned n;
    struct core_watch watch[CORE_WATCHES];
};

#endif
