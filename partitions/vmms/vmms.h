/* The public face of the virtualization stack: configure a machine, run it, learn how it ended.
 * Frontends see only this. */
#ifndef PARTITIONS_VMMS_VMMS_H
#define PARTITIONS_VMMS_VMMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

enum vmms_role {
    VMMS_ROLE_CHILD, /* hypervisor on; the guest is a child of the built-in parent */
    VMMS_ROLE_ROOT,  /* hypervisor on; the guest is the root partition */
    VMMS_ROLE_PC,    /* hypervisor off */
};

/* VMMS_NETS: adapters, and the user network of a saved machine. */
enum { VMMS_DISKS_MAX = 32, VMMS_NETS = 9, VMMS_CHILDREN = 16, VMMS_CHILD_NAME = 32 };

/* Host features to do without: BMI2, AVX, memory for code. */
enum { VMMS_HIDE_BMI2 = 1, VMMS_HIDE_AVX = 2, VMMS_HIDE_EXEC = 4 };

/* A guest: a child, or the only one, that is the root or a PC. */
struct vmms_child {
    const char *name;      /* shorter than VMMS_CHILD_NAME, unlike the others'; NULL: "guest" */
    const char *kernel;    /* bzImage or ELF with a PVH note; required */
    const char *initrd;    /* or NULL */
    const char *append;    /* kernel command line, or NULL */
    uint64_t memory_bytes; /* default 512 MiB */
    unsigned cpus;         /* default 1 */
    /* Of a child: FILE[,overlay=FILE][,snapshot=on][,readonly=on][,bus=scsi|ide][,lun=N] each. */
    const char *disks[VMMS_DISKS_MAX];
    unsigned n_disks;
    /* Network adapters of a child, and captures: "user[,hostfwd=...][,restrict=on]", "switch=NAME", "none"; "PORT=FILE". */
    const char *net[VMMS_NETS], *pcap[VMMS_NETS];
    unsigned n_net, n_pcap;
    /* The first serial port. output is called on the VP's thread. */
    void (*serial_output)(void *opaque, const uint8_t *bytes, size_t n);
    void *serial_opaque;
};

/* Everything borrowed until vmms_destroy. Zero means the default. */
struct vmms_config {
    struct vmms_child child[VMMS_CHILDREN];
    unsigned n_children; /* default 1; more only with role child */
    const char *cpu;     /* "MODEL[,+feature,-feature]", or NULL: the default model */
    enum vmms_role role;
    uint64_t withheld_privileges; /* test: privilege bits that the built-in parent's root partition
                                     lacks */
    /* A saved state to go on from. It tells all that is above, but for captures and serial ports of the children in their order, and the seed
     * and the clock; not NULL: none of them is given. */
    const char *resume;
    /* Its records, neither compressed nor checked, instead of the file: for tests. */
    const uint8_t *resume_records;
    size_t n_resume_records;
    uint64_t max_instructions; /* 0: no limit */
    bool translate;            /* the engine; else the interpreter */
    bool translate_at_once;    /* not only what runs often */
    bool lockstep;             /* compare the engines block by block; virtual_time, one processor */
    unsigned hide_host;        /* VMMS_HIDE_*: what the translator is not to use */
    uint64_t timeout_ns;       /* wall time; 0: none */
    bool no_reboot;            /* a guest's reset ends the run */
    bool strict;               /* what is not built fails the run */
    const char *trace;         /* list of globs, or NULL */
    const char *dump;          /* "insn,block,host" subset, or NULL */
    uint64_t seed;
    bool virtual_time; /* guest time is retired instructions, and the run is hashed */
    const char
        *trace_json; /* file for the events of `trace` as JSON lines (all when that is NULL) */
    /* With virtual_time only. */
    const char *record, *input; /* file of outside input: written, fed back; or NULL */
    /* Save to this file after so many instructions, exactly so with virtual_time. With several instants, each goes to a
     * file with .INSTRUCTIONS behind its name. The run ends with the last one, unless save_continues. */
    const char *save;
    const uint64_t *save_at; /* ascending */
    unsigned n_save_at;
    bool save_continues;
    uint64_t hash_every; /* hash_prefix is told every so many instructions; 0: never */
    void (*hash_prefix)(void *opaque, uint64_t instructions, uint64_t hash);
    void *hash_opaque;
};

/* How a run ended. */
enum vmms_end {
    VMMS_END_POWER_OFF,
    VMMS_END_RESET,        /* with no_reboot */
    VMMS_END_STOPPED,      /* vmms_stop */
    VMMS_END_HOST_FAILURE, /* error tells */
    VMMS_END_PANIC,        /* the guest wrote the crash MSRs */
    VMMS_END_TRIPLE_FAULT, /* vmms_autopsy tells */
    VMMS_END_HALTED,       /* all VPs halted with interrupts off and nothing can wake them */
    VMMS_END_INSTRUCTION_LIMIT,
    VMMS_END_TIMEOUT,
    VMMS_END_UNIMPLEMENTED, /* strict */
    VMMS_END_SAVED,         /* config.save is written */
    VMMS_END_DIFFERS,       /* lockstep; vmms_lockstep tells */
};

struct vmms_result {
    enum vmms_end end;
    uint64_t instructions; /* guest instructions retired by all VPs */
    uint64_t wall_ns;
    bool hashed; /* trace_hash is of this run */
    uint64_t trace_hash;
    bool panicked; /* the crash MSRs were written at some time, whatever the end */
    enum vmms_end child[VMMS_CHILDREN]; /* of each; of several, `end` is the worst */
};

struct machine;
struct vmms;

/* Build the machine: RAM, devices, partitions, the child by hypercalls, the kernel loaded. NULL
 * with the sentence in error; *usage_error tells a wrong configuration (exit 2) from a host
 * failure. */
WARN_UNUSED struct vmms *vmms_create(const struct vmms_config *config, bool *usage_error,
                                     struct error *error);
void vmms_destroy(struct vmms *vmms);

/* Why the host does not let the translator run, when that was asked for, or NULL. */
const char *vmms_translation_refused(const struct vmms *vmms);

/* With lockstep: what was compared, and what differs. False: nothing. */
bool vmms_lockstep(struct vmms *vmms, char *text, size_t size);

/* Run until the end. One thread; blocks. */
struct vmms_result vmms_run(struct vmms *vmms, struct error *error);

/* From any thread or signal handler: make vmms_run return VMMS_END_STOPPED soon. */
void vmms_stop(struct vmms *vmms);

/* Bytes typed into the first serial port. Any thread. Returns how many were taken (the rest: try
 * again). */
size_t vmms_serial_input(struct vmms *vmms, const uint8_t *bytes, size_t n);

/* The same for a child, by number. */
size_t vmms_child_input(struct vmms *vmms, unsigned child, const uint8_t *bytes, size_t n);
/* Text for it, with \n, \t, \b, \e, \\. Any thread. -errno with the sentence. */
WARN_UNUSED int vmms_child_type(struct vmms *vmms, unsigned child, const char *text,
                                struct error *error);
/* By number; NULL behind the last. */
const char *vmms_child_name(const struct vmms *vmms, unsigned child);
/* Press the reset button of a child. Any thread. */
void vmms_reset(struct vmms *vmms, unsigned child);

/* A command to the devices of the guest (worker.h lists them; power-off ends it), words set apart by tabs, "@NAME" before them for
 * a child other than the first. Any thread, while the
 * machine runs or is held. With the virtual clock it enters as recorded input does, and 0 says that it waits; else 0
 * says that it was done. -errno with the sentence. */
WARN_UNUSED int vmms_command(struct vmms *vmms, const char *text, struct error *error);

/* What is known of the guest over VMBus. */
struct vmms_guest {
    bool child; /* what follows after `over` has a meaning */
    uint64_t partition;
    bool over;                         /* it ended */
    unsigned vmbus_major, vmbus_minor; /* 0.0: no contact */
    const char *heartbeat;             /* "none", "ok", "lost" */
    const char *shutdown;              /* "not asked", "asked", "accepted", "refused" */
    bool kvp;                          /* the guest's daemon talks */
};

/* Any thread: they hold the machine. */
void vmms_guest(struct vmms *vmms, unsigned child, struct vmms_guest *guest);
/* Every key that the guest holds, as of the last look. -ENOTCONN: none was made yet. */
int vmms_kvp_each(struct vmms *vmms, unsigned child,
                  void (*each)(void *opaque, const char *pool, const char *key, const char *value),
                  void *opaque);

struct vmms_offer {
    char instance[37], class[37];
    const char *name;
    bool offered, rescinded;
    unsigned channels, open;
    uint64_t packets_in, packets_out, bytes_in, bytes_out, signals_in, signals_out, full;
};
/* The n-th device; false: there are no more. */
bool vmms_offer(struct vmms *vmms, unsigned child, unsigned n, struct vmms_offer *offer);

struct vmms_disk {
    char file[1024];
    const char *kind; /* "disk", "read-only disk", "DVD", "empty DVD" */
    bool ide;
    unsigned lun; /* of an IDE disk: which drive */
    uint64_t bytes;
};
/* The n-th disk; false: there are no more. */
bool vmms_disk(struct vmms *vmms, unsigned child, unsigned n, struct vmms_disk *disk);

struct vmms_vmbus {
    uint64_t messages_in, messages_out, messages_bad, messages_lost, contacts, unloads;
    unsigned gpadls, incomplete_gpadls;
    uint64_t gpadl_pages;
};
void vmms_vmbus(struct vmms *vmms, unsigned child, struct vmms_vmbus *vmbus);

/* What a child takes: a guest that begins anew takes what it took at first. heap_bytes is the whole process's: what is allocated and
 * not freed, 0 where the host does not tell. */
struct vmms_memory {
    uint64_t deposited_pages, deposited_used; /* its pool; those that objects are charged with */
    uint64_t parent_used;                     /* the same of its parent's pool */
    uint64_t mapped_pages;                    /* guest memory */
    unsigned channels_open, gpadls;
    uint64_t gpadl_pages, waiting_bytes; /* packets that wait for room in its rings */
    uint64_t heap_bytes;
};
void vmms_memory(struct vmms *vmms, unsigned child, struct vmms_memory *memory);

/* After a triple fault (or an abort): both faults, registers, the page walk, the last blocks, as
 * text. */
void vmms_autopsy(struct vmms *vmms, char *text, size_t size);

/* Write the machine's state to a file, which appears whole or not at all. By who holds the machine (debug_hold). 0 or -errno
 * with the sentence. */
WARN_UNUSED int vmms_save(struct vmms *vmms, const char *path, struct error *error);

/* The children of a saved machine. */
struct vmms_saved {
    unsigned n_children;
    char name[VMMS_CHILDREN][VMMS_CHILD_NAME];
};
/* 0 or -errno with the sentence, which begins with the path. */
WARN_UNUSED int vmms_saved_children(const char *path, struct vmms_saved *saved,
                                    struct error *error);

enum { VMMS_PORT_COUNTERS = 16 };
/* An adapter of the guest, or an uplink, as a switch sees it. Strings are good until the next command. */
struct vmms_port {
    const char *name, *net, *kind;
    bool adapter, link;
    char mac[18];
    uint32_t mtu, protocol; /* of the driver; 0: none */
    unsigned channels;
    const char *counter_name[VMMS_PORT_COUNTERS]; /* NULL behind the last */
    uint64_t counter[VMMS_PORT_COUNTERS];
};
/* By index; false behind the last. */
bool vmms_port(struct vmms *vmms, unsigned child, unsigned index, struct vmms_port *port);

/* The machine inside, for tests and debuggers. */
struct machine *vmms_machine(struct vmms *vmms);

/* Print what the configuration resolves to, one "key: value" a line. 0 or -errno. */
WARN_UNUSED int vmms_explain(const struct vmms_config *config, char *text, size_t size,
                             struct error *error);

/* Was verdite built with what a user network needs? */
bool vmms_has_user_network(void);

/* What would be refused of one value: 0, or -EINVAL with the sentence. */
WARN_UNUSED int vmms_check_disk(const char *text, struct error *error);
WARN_UNUSED int vmms_check_net(const char *text, struct error *error);

/* The known CPU models and features, for messages and --help; NULL after the last. */
const char *vmms_cpu_model_name(unsigned index);

#endif
