/* The part of a saved state that says what machine it is of: sections "config" and "config.NAME" of each further child. [docs/saved-state.md] */
#ifndef PARTITIONS_VMMS_SAVED_CONFIG_H
#define PARTITIONS_VMMS_SAVED_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/state_file.h"
#include "partitions/vmms/boot.h"
#include "partitions/vmms/vmms.h"

struct machine_config;

enum { SAVED_TEXT_BYTES = 4096 };

/* A text: its bytes, with a zero behind them. */
struct saved_text {
    uint32_t n;
    uint8_t bytes[SAVED_TEXT_BYTES];
};

/* A guest. */
struct saved_child {
    uint64_t memory_bytes;
    uint64_t guest; /* id of the partition that the kernel was booted in */
    uint32_t cpus;
    bool over; /* its guest ended */
    uint32_t end;
    struct saved_text kernel, initrd, append; /* empty: none */
    struct boot_file_facts kernel_facts, initrd_facts;
    struct saved_text disks; /* as --disk has them, a line each */
    struct saved_text net;   /* likewise --net */
};

struct saved_config {
    uint64_t withheld_privileges, seed;
    uint32_t role;
    bool virtual_time;
    /* What verdite makes of them: a version that makes something else cannot go on. */
    uint64_t ram_bytes, reserved_pages, features;
    struct saved_text cpu;      /* empty: none */
    struct saved_text children; /* their names, a line each */
    char name[VMMS_CHILDREN][VMMS_CHILD_NAME];
    struct saved_child child[VMMS_CHILDREN];
    unsigned n_children;
};

/* But for what is to be known of each child beside its configuration: guest, over, end, facts, disks, net. -E2BIG with the sentence when a
 * text is too long. */
WARN_UNUSED int saved_config_fill(struct saved_config *saved, const struct vmms_config *config,
                                  const struct machine_config *machine, struct error *error);
void saved_config_write(const struct saved_config *saved, struct state_writer *writer);
/* Fills what the file tells in config, whose strings are then borrowed of saved. */
WARN_UNUSED int saved_config_read(struct saved_config *saved, struct state_reader *reader,
                                  struct vmms_config *config, struct error *error);
/* After the machine's configuration was made of it: -EINVAL when it is another one than was saved. */
WARN_UNUSED int saved_config_check(const struct saved_config *saved,
                                   const struct machine_config *machine, const char *path,
                                   struct error *error);
bool saved_config_same_file(const struct boot_file_facts *saved, const struct boot_file_facts *now);

#endif
