/* What comes into a machine with a virtual clock from outside: when it enters, its record, and its
 * replay.
 *
 * Bytes typed on the host wait in a queue. They enter between slices, at the first look at an
 * instant that no earlier look had, so that the instant alone says where in the run they entered.
 * Frames from outside to the network enter in the same way.
 *
 * A record is text: a line that names the format, `NS serial HEX`, `NS net HEX` or `NS command HEX` for each entry in
 * order, and `end N` with the number of entries. Serial ports but the first have their names: `NS serial@NAME HEX`.
 */
#ifndef PARTITIONS_MACHINE_INPUT_H
#define PARTITIONS_MACHINE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/host/mutex.h"
#include "base/host/sink.h"

struct machine;

enum {
    MACHINE_INPUT_PORTS = 16,
    MACHINE_INPUT_QUEUE = 256,
    MACHINE_INPUT_ENTRY = 64,
    MACHINE_INPUT_FRAME = 64 << 10,
    MACHINE_INPUT_FRAMES = 8 << 20, /* bytes of frames that wait */
};

/* A frame that waits. Owned by the input. */
struct input_frame {
    struct input_frame *next;
    uint32_t n;
    bool command; /* the text of one, for the parent's stack */
    uint8_t bytes[];
};

/* One entry of a record. */
struct input_entry {
    uint64_t ns;
    uint8_t n, port; /* bytes of this serial port */
    uint8_t bytes[MACHINE_INPUT_ENTRY];
    struct input_frame *frame; /* a frame of the network, or a command, instead of bytes; or NULL */
};

/* Bytes typed into a serial port that have not entered. */
struct input_queue {
    uint32_t n;
    uint8_t bytes[MACHINE_INPUT_QUEUE];
};

struct machine_input {
    /* Takes bytes into a serial port; returns how many. On the machine's thread. */
    size_t (*serial)(void *opaque, unsigned port, const uint8_t *bytes, size_t n);
    void *serial_opaque;
    const char *port_name[MACHINE_INPUT_PORTS]; /* borrowed; NULL: there is none */
    /* A frame enters the network. On the machine's thread. NULL: there is none, it is dropped. */
    void (*net)(void *opaque, const uint8_t *bytes, size_t n);
    /* A command enters: text of n bytes. On the machine's thread. NULL: it is dropped. */
    void (*command)(void *opaque, const char *text, size_t n);
    void *command_opaque;
    /* Does the host still owe the network something? Then time that nobody uses passes as the host's does, so
     * that a guest can wait for it. Any thread; NULL: never. */
    bool (*net_busy)(void *opaque);
    void *net_opaque;

    /* Replay: nothing live enters. */
    bool replay;
    struct input_entry *entry; /* owned */
    size_t n_entries, next_entry;
    size_t entered; /* bytes of the next one that have entered */

    bool record;
    struct host_sink to;
    uint64_t recorded;

    bool looked;
    uint64_t looked_ns; /* the last look */

    struct host_mutex lock; /* guards the queues */
    struct host_cond typed;
    struct input_queue queue[MACHINE_INPUT_PORTS];
    struct input_frame *first_frame, **last_frame; /* likewise guarded */
    size_t queued_frames;                          /* bytes of them */
};

void machine_input_init(struct machine_input *input);
void machine_input_fini(struct machine_input *input); /* closes a record with its last line */

/* 0 or -errno: the file cannot be read or written, or is no complete record (-EINVAL). */
WARN_UNUSED int machine_input_replay(struct machine_input *input, const char *path,
                                     struct error *error);
WARN_UNUSED int machine_input_record(struct machine_input *input, const char *path,
                                     struct error *error);
/* The text of a record, for machine_input_replay and fuzzing. */
WARN_UNUSED int machine_input_parse(struct machine_input *input, const char *text, size_t length,
                                    struct error *error);

/* One more entry to feed back; port: of serial ones. -EINVAL: earlier than the last one; -ENOMEM. */
enum machine_input_kind { MACHINE_INPUT_SERIAL, MACHINE_INPUT_NET, MACHINE_INPUT_COMMAND };
WARN_UNUSED int machine_input_add(struct machine_input *input, uint64_t ns, enum machine_input_kind kind,
                                  unsigned port, const uint8_t *bytes, size_t n);
/* A frame or a command that waits to enter. False: no room. */
WARN_UNUSED bool machine_input_restore_waiting(struct machine_input *input, bool command,
                                               const uint8_t *bytes, size_t n);
/* What was recorded before this instant has entered already: the machine was saved since. */
void machine_input_skip(struct machine_input *input, uint64_t now_ns);

/* Any thread. Returns how many bytes for a serial port were queued; while replaying all are taken, and dropped. */
size_t machine_input_type(struct machine_input *input, unsigned port, const uint8_t *bytes, size_t n);
/* Any thread. A frame for the network; false: no room, it is lost. While replaying it is dropped. */
bool machine_input_frame(struct machine_input *input, const uint8_t *bytes, size_t n);
/* Any thread. A command to the parent's stack. -EPERM: this run replays; -ENOBUFS: no room. */
WARN_UNUSED int machine_input_command(struct machine_input *input, const char *text);

/* The machine's thread, between slices: let in what is due. */
void machine_input_enter(struct machine *machine);
/* When the next recorded input enters; UINT64_MAX: none is left. */
uint64_t machine_input_next_ns(const struct machine_input *input);
bool machine_input_is_live(const struct machine_input *input);
/* Wait until a byte or frame is queued; false when it did not happen until the host's
 * monotonic instant. */
bool machine_input_wait(struct machine_input *input, uint64_t until_ns);
/* Does a frame wait to enter? */
bool machine_input_frame_waits(struct machine_input *input);
/* Something live may come that a guest waits for. */
bool machine_input_expected(const struct machine_input *input);

#endif
