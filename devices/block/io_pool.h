/* Host threads that work for disks. A stream is one disk: its jobs run one after the other, in the order in which they came. */
#ifndef DEVICES_BLOCK_IO_POOL_H
#define DEVICES_BLOCK_IO_POOL_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/host/mutex.h"
#include "base/host/thread.h"

enum { IO_POOL_THREADS = 4 };

struct io_stream;

/* Embed it. */
struct io_job {
    void (*run)(
        void *opaque); /* on a thread of the pool; the job may be freed or submitted again in it */
    void *opaque;
    struct io_job *next; /* the stream's */
};

struct io_pool {
    struct host_thread threads[IO_POOL_THREADS];
    struct host_mutex lock; /* guards all that follows, and the streams */
    struct host_cond work;
    struct io_stream *first, *last; /* those that have jobs and no thread */
    bool ending;
    /* Called after each job, by its thread, without locks and when the stream may be idle already; may be NULL. */
    void (*after)(void *opaque);
    void *after_opaque;
};

struct io_stream {
    struct io_pool *pool;
    struct io_job *first, *last;
    struct io_stream *next;
    bool busy; /* in the pool's list, or a thread runs a job of it */
    struct host_cond idle;
};

WARN_UNUSED int io_pool_init(struct io_pool *pool, struct error *error);
/* All streams are idle. */
void io_pool_fini(struct io_pool *pool);

void io_stream_init(struct io_stream *stream, struct io_pool *pool);
/* Waits until it is idle. */
void io_stream_fini(struct io_stream *stream);
void io_stream_submit(struct io_stream *stream, struct io_job *job);
/* Every job that was submitted has run. */
bool io_stream_is_idle(const struct io_stream *stream);
/* Wait until every job that was submitted has run. */
void io_stream_drain(struct io_stream *stream);

#endif
