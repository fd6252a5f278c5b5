/* Logical processors of a machine with the realtime clock: a host thread for each VP, and what others ask of it.
 *
 * A logical processor is ONLINE while it runs guest code or touches its VP's caches, else OFFLINE: it sleeps, waits, or
 * stands between two stretches. OFFLINE promises one thing: before it is ONLINE again it looks at its requests. Whoever
 * needs something of another VP's processor (drop translations, drop blocks, give back write access) posts a request and
 * makes the VP leave its blocks; who must know that it is done waits until the other has answered or is OFFLINE. Only
 * threads that are OFFLINE themselves wait, and they hold no lock, so that two may ask each other. Every wait lies between
 * two instructions: what an instruction caused is waited for when it is complete, before the next one.
 *
 * With the virtual clock there are none: everything is done directly.
 */
#ifndef PARTITIONS_LOGICAL_PROCESSOR_H
#define PARTITIONS_LOGICAL_PROCESSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/host/mutex.h"
#include "base/host/thread.h"
#include "base/host/wakeup.h"
#include "mmu/addr.h"

struct machine;
struct partition;
struct vp;

enum {
    LP_REQUEST_FLUSH = 1u << 0,       /* every translation */
    LP_REQUEST_FLUSH_PAGES = 1u << 1, /* those of `pages` */
    LP_REQUEST_CODE = 1u << 2,        /* blocks of `code` */
    LP_REQUEST_CODE_ALL = 1u << 3,    /* all blocks */
    LP_REQUEST_PROTECT = 1u << 4,     /* direct write access to `protect` */
    LP_REQUEST_SPACE = 1u << 5,       /* the GPA space narrowed */
};

enum { LP_PAGES = 32, LP_CODE = 32, LP_PROTECT = 16, LP_UNTOLD = 4 };

struct lp_range {
    uint64_t first, length; /* gva and pages, or spa and bytes */
};

/* What was posted and not yet served. */
struct lp_queue {
    unsigned kinds; /* LP_REQUEST_* (written under lp.lock, read without: atomic) */
    unsigned n_pages, n_code, n_protect;
    struct lp_range pages[LP_PAGES], code[LP_CODE];
    spa_t protect[LP_PROTECT];
};

/* A slot of the machine: used by one VP after the other, never freed before the machine. */
struct logical_processor {
    struct machine *machine;
    unsigned number;
    struct host_thread thread; /* the coordinator's (machine_run) */
    struct host_wakeup wakeup; /* it sleeps on it */

    struct host_mutex lock; /* guards vp, queue, posted */
    struct host_cond answered;
    struct vp
        *vp; /* (read without: atomic) NULL: the slot is free, or its thread is about to end */
    struct lp_queue queue;
    uint64_t posted;  /* requests (atomic) */
    uint64_t served;  /* of them, up to this one (atomic) */
    unsigned waiters; /* (atomic) on `answered` */

    uintptr_t self; /* (atomic) host_thread_self of its thread; 0: it has not begun */
    bool online;    /* (atomic) */
    bool leave;     /* (atomic) the thread is to end */
    bool dead;      /* (atomic) its VP had a triple fault: the run ends */
    unsigned holds; /* (atomic) other VPs' hypercalls that need this one to stand still */
    uint64_t posts; /* (atomic) wake-ups until now */
    uint64_t
        stuck_at; /* (atomic) posts + 1 when it was found that nothing can wake the VP; 0: it runs */
    uint64_t retired; /* (atomic) instructions of its VP, at the end of the last stretch */

    /* Its own thread's. */
    bool must_wait;    /* for what its last instruction posted */
    bool helps;        /* its last instruction made a timer due: turn_help before the next */
    bool wants_alone;  /* for its next instruction */
    bool holding_over; /* `holding` was waited for: it ends with the next stretch */
    spa_t marked;      /* with must_wait: a page of code to be settled then; UINT64_MAX: none */
    uint64_t holding;  /* bit n: it holds slot n (also: guarded by the hypervisor's lock) */
    unsigned n_untold; /* code that its last instruction writes by a host pointer */
    struct lp_range untold[LP_UNTOLD];
};

void lps_init(struct machine *machine);
void lps_fini(struct machine *machine);

/* ---- the coordinator: the thread in machine_run ---- */

void lps_start(struct machine *machine);
/* Threads for VPs that came, the end of those that went. */
void lps_adopt(struct machine *machine);
/* End all threads. */
void lps_stop(struct machine *machine);
/* All are OFFLINE and stay so until lps_unpark. */
void lps_park(struct machine *machine);
void lps_unpark(struct machine *machine);
/* Is there none that runs or could be woken? */
bool lps_all_stuck(struct machine *machine);

/* ---- any thread ---- */

/* A VP comes or goes. False: no slot. */
bool lp_attach(struct machine *machine, struct vp *vp);
/* Its thread, if any, stands still and never touches it again. */
void lp_detach(struct logical_processor *lp);

/* Something waits for its VP (interrupt, resume): look. */
void lp_wake(struct logical_processor *lp);
void lps_wake_all(struct machine *machine);

/* Called on a logical processor's thread: turn_help after the instruction. False: the thread is none's. */
bool lp_help_later(struct machine *machine);

/* Requests. They return at once; must_wait: those whose end is waited for. */
void lp_flush(struct logical_processor *lp, bool all, gva_t gva, uint64_t n_pages);
void lp_space_changed(struct logical_processor *lp);
void lps_code_written(struct machine *machine, const struct vp *except, spa_t spa, size_t length);
/* False: there is nobody else. */
bool lps_write_protect(struct machine *machine, const struct logical_processor *self, spa_t spa);

/* Wait until all that was posted until now is served. Without locks; on the thread of no logical processor, or self is
 * OFFLINE. */
void lps_settle(struct machine *machine, const struct logical_processor *self);

/* The VP is to stand still until lps_release. by NULL: of no VP. True: it does; false: lps_settle_holds (a VP's thread
 * does it between instructions), then try again. With the hypervisor's lock. */
bool lp_hold(struct machine *machine, struct logical_processor *by, struct logical_processor *lp);
void lps_release(struct machine *machine, struct logical_processor *by);
void lps_settle_holds(struct machine *machine, const struct logical_processor *by);

#endif
