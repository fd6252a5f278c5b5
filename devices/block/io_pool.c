/* Host threads that work for disks. [POSIX threads] */
#include "devices/block/io_pool.h"

#include <stdint.h>
#include <string.h>

static void pool_add(struct io_pool *pool, struct io_stream *stream)
{
    stream->next = NULL;
    *(pool->last == NULL ? &pool->first : &pool->last->next) = stream;
    pool->last = stream;
}

static struct io_stream *pool_take(struct io_pool *pool)
{
    struct io_stream *stream = pool->first;
    if (stream != NULL) {
        pool->first = stream->next;
        pool->last = pool->first == NULL ? NULL : pool->last;
    }
    return stream;
}

/* One job of the stream that waits longest, again and again. */
static void pool_body(void *opaque)
{
    struct io_pool *pool = opaque;
    host_mutex_lock(&pool->lock);
    while (!pool->ending) {
        struct io_stream *stream = pool_take(pool);
        if (stream == NULL) {
            (void)host_cond_wait_until(&pool->work, &pool->lock, UINT64_MAX);
            continue;
        }
        struct io_job *job = stream->first;
        stream->first = job->next;
        stream->last = stream->first == NULL ? NULL : stream->last;
        host_mutex_unlock(&pool->lock);
        job->run(job->opaque);
        host_mutex_lock(&pool->lock);
        stream->busy = stream->first != NULL;
        if (stream->busy) {
            pool_add(pool, stream); /* this thread takes the next one itself */
        } else {
            host_cond_signal(&stream->idle);
        }
        if (pool->after != NULL) {
            host_mutex_unlock(&pool->lock);
            pool->after(pool->after_opaque);
            host_mutex_lock(&pool->lock);
        }
    }
    host_cond_signal(&pool->work); /* the next one ends too */
    host_mutex_unlock(&pool->lock);
}

int io_pool_init(struct io_pool *pool, struct error *error)
{
    int code = 0;
    memset(pool, 0, sizeof(*pool));
    host_mutex_init(&pool->lock);
    host_cond_init(&pool->work);
    for (unsigned i = 0; code == 0 && i < IO_POOL_THREADS; i++) {
        code = host_thread_start(&pool->threads[i], pool_body, pool, error);
    }
    if (code != 0) {
        io_pool_fini(pool);
    }
    return code;
}

void io_pool_fini(struct io_pool *pool)
{
    host_mutex_lock(&pool->lock);
    pool->ending = true;
    host_cond_signal(&pool->work);
    host_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < IO_POOL_THREADS; i++) {
        host_thread_join(&pool->threads[i]);
    }
    host_cond_fini(&pool->work);
    host_mutex_fini(&pool->lock);
}

void io_stream_init(struct io_stream *stream, struct io_pool *pool)
{
    *stream = (struct io_stream){ .pool = pool };
    host_cond_init(&stream->idle);
}

void io_stream_fini(struct io_stream *stream)
{
    io_stream_drain(stream);
    host_cond_fini(&stream->idle);
}

void io_stream_submit(struct io_stream *stream, struct io_job *job)
{
    host_mutex_lock(&stream->pool->lock);
    job->next = NULL;
    *(stream->last == NULL ? &stream->first : &stream->last->next) = job;
    stream->last = job;
    if (!stream->busy) {
        stream->busy = true;
        pool_add(stream->pool, stream);
        host_cond_signal_one(&stream->pool->work);
    }
    host_mutex_unlock(&stream->pool->lock);
}

bool io_stream_is_idle(const struct io_stream *stream)
{
    host_mutex_lock(&stream->pool->lock);
    bool idle = !stream->busy;
    host_mutex_unlock(&stream->pool->lock);
    return idle;
}

void io_stream_drain(struct io_stream *stream)
{
    host_mutex_lock(&stream->pool->lock);
    while (stream->busy) {
        (void)host_cond_wait_until(&stream->idle, &stream->pool->lock, UINT64_MAX);
    }
    host_mutex_unlock(&stream->pool->lock);
}
