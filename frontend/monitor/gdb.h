/* gdb's remote stub: one client, the machine's VPs as its threads. [GDB doc, Remote Protocol]
 *
 * A client that connects stops the machine; one that goes away, however, lets it run on with every breakpoint removed.
 */
#ifndef FRONTEND_MONITOR_GDB_H
#define FRONTEND_MONITOR_GDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frontend/monitor/gdb_packet.h"
#include "partitions/debug.h"
#include "partitions/debug_registers.h"

struct machine;

enum { GDB_OUT_BYTES = 1 << 18, GDB_FEATURE_BYTES = 1 << 16 };

struct gdb {
    struct machine *machine;
    void (*quit)(void *opaque); /* the client killed the machine */
    void *quit_opaque;
    bool holding; /* the machine is held for the client */
    bool connected;
    bool closing; /* drop the client when all is written */
    bool no_acks, knows_swbreak, knows_hwbreak;
    bool physical;       /* memory packets mean guest physical addresses */
    bool layout_follows; /* the description is of the mode the VP is in, when it is read */
    enum debug_layout layout;
    unsigned architecture; /* 16, 32, 64: what the description names; 0: of the mode */
    unsigned general, go;  /* H packets: thread numbers; 0: any */
    bool go_all;           /* Hc-1 */
    struct debug_event last;
    struct gdb_reader reader;
    char out[GDB_OUT_BYTES];
    size_t n_out;
    char description[GDB_FEATURE_BYTES];
};

void gdb_init(struct gdb *gdb, struct machine *machine, void (*quit)(void *), void *opaque);

/* A client came: the machine stops. */
void gdb_connect(struct gdb *gdb);
/* It went. */
void gdb_disconnect(struct gdb *gdb);
/* Bytes from it. */
void gdb_input(struct gdb *gdb, const uint8_t *bytes, size_t n);
/* The machine may have stopped by itself. */
void gdb_poll(struct gdb *gdb);
/* The run is over. */
void gdb_ended(struct gdb *gdb, int exit_code);
/* n bytes of gdb->out are written. */
void gdb_written(struct gdb *gdb, size_t n);

/* The VP that registers and memory are of; NULL: there is none. */
struct vp *gdb_vp(struct gdb *gdb);

/* One reply. */
void gdb_reply(struct gdb *gdb, const void *payload, size_t n);
void gdb_reply_text(struct gdb *gdb, const char *text);

/* gdb_description.c: the target description for the client, into gdb->description. */
void gdb_describe(struct gdb *gdb);
/* gdb_monitor.c: `monitor LINE`. Replies. */
void gdb_monitor(struct gdb *gdb, char *line);

#endif
