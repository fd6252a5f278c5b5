/* The disks of one child: what --disk says, images opened, controllers on its VMBus. */
#ifndef PARTITIONS_VMMS_STORAGE_H
#define PARTITIONS_VMMS_STORAGE_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "devices/synthetic/storvsp.h"

struct worker;

enum { STORAGE_IDE_DISKS = 4, STORAGE_SPEC_MAX = 3072 };

struct storage_disk {
    char spec[STORAGE_SPEC_MAX]; /* as --disk has it, with the LUN */
    char file[IMAGE_NAME_MAX];
    bool ide, snapshot;
    unsigned lun; /* of an IDE disk: which drive */
};

struct storage {
    struct worker *worker; /* NULL: not started */
    struct io_pool pool;   /* made with the first controller */
    bool pool_made;
    struct storvsp *scsi; /* NULL: no disk yet */
    struct storvsp *ide[STORAGE_IDE_DISKS];
    struct storage_disk *disks; /* in the order in which they came */
    unsigned n_disks;
};

/* What a --disk says. */
struct disk_spec {
    char file[IMAGE_NAME_MAX], overlay[IMAGE_NAME_MAX];
    bool snapshot, read_only, ide;
    int lun; /* -1: the first that is free */
};

/* FILE[,overlay=FILE][,snapshot=on][,readonly=on][,bus=scsi|ide][,lun=N]. -EINVAL with the sentence. */
WARN_UNUSED int disk_spec_parse(const char *text, struct disk_spec *spec, struct error *error);

/* With the disks that the configuration has. After worker_start. */
WARN_UNUSED int storage_start(struct storage *storage, struct worker *worker,
                              const char *const *disks, unsigned n_disks, struct error *error);
/* On the machine's thread or while it stands still. */
WARN_UNUSED int storage_add(struct storage *storage, const char *text, struct error *error);
WARN_UNUSED int storage_remove(struct storage *storage, unsigned lun, struct error *error);
/* Before a save: the host is idle, every image is flushed. -ENOTSUP: a disk that cannot be saved. */
WARN_UNUSED int storage_quiesce(struct storage *storage, struct error *error);
/* Closes every image. After the server has let its devices go; a zeroed one: no-op. */
void storage_fini(struct storage *storage);

#endif
