/* The file of a saved machine: named sections, one for each object, then pages of memory. [docs/saved-state.md] */
/*
 * A header that is not compressed, then one zlib stream of records. Every record has its CRC-32, and the header has one
 * of all of them and of itself. Sections are kept in memory; pages come last and are streamed.
 */
#ifndef BASE_STATE_FILE_H
#define BASE_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/state.h"

enum {
    STATE_FILE_FORMAT = 1,
    STATE_FILE_PAGE = 4096,
    STATE_FILE_PAGES_MAX = 64, /* in a record */
    STATE_SECTION_NAME_MAX = 63,
};

/* ---- writing ---- */

struct state_writer;

/* NULL with the sentence. */
WARN_UNUSED struct state_writer *state_writer_create(const char *path, struct error *error);
/* All sections first, then all pages. Failures are kept and told by state_writer_commit. */
void state_writer_section(struct state_writer *writer, const char *name,
                          const struct state_table *table, const void *object);
void state_writer_pages(struct state_writer *writer, uint64_t first, uint32_t n,
                        const uint8_t *bytes);
/* 0: the file is there, whole. Else -errno, and what was there before is untouched. Frees. */
WARN_UNUSED int state_writer_commit(struct state_writer *writer, struct error *error);
void state_writer_abort(struct state_writer *writer);

/* ---- reading ---- */

struct state_reader;

/* Reads and checks all sections. NULL: *code is -errno, and the sentence begins with the path; -EINVAL: no such file,
 * or a bad one. */
WARN_UNUSED struct state_reader *state_reader_open(const char *path, int *code,
                                                   struct error *error);
/* The records themselves, neither compressed nor checked: for tests and fuzzing. Borrowed. */
WARN_UNUSED struct state_reader *state_reader_memory(const uint8_t *bytes, size_t n, int *code,
                                                     struct error *error);
void state_reader_close(struct state_reader *reader);

bool state_reader_has(const struct state_reader *reader, const char *name);
/* A section into an object; each once. -EINVAL: it is missing, or not as it must be. */
WARN_UNUSED int state_reader_section(struct state_reader *reader, const char *name,
                                     const struct state_table *table, void *object,
                                     struct state_timers *timers, struct error *error);
/* -EINVAL when a section was not asked for: it is unknown. */
WARN_UNUSED int state_reader_all_known(const struct state_reader *reader, struct error *error);
/* After the sections: all pages to `put` (0 or -errno), to the checked end of the file. */
WARN_UNUSED int state_reader_pages(struct state_reader *reader,
                                   int (*put)(void *opaque, uint64_t first, uint32_t n,
                                              const uint8_t *bytes),
                                   void *opaque, struct error *error);

/* ---- both ways by one walk ---- */

/* Of what is saved and restored in the same order: writes, or reads. */
struct state_walk {
    struct state_writer *writer; /* NULL: reads */
    struct state_reader *reader;
    struct state_timers timers;
    struct error *error;
    int status; /* reading: after a failure nothing more is read */
};
void state_visit(struct state_walk *walk, const struct state_table *table, void *object,
                 const char *name, ...) PRINTF(4, 5);

#endif
