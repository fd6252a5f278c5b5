/* storvsp: a SCSI controller, or one IDE disk's fast path, on VMBus. Host threads do the I/O that has to wait; the guest sees it end
 * at an instant of its own time. [LINUX drivers/scsi/storvsc_drv.c for the other side] */
#ifndef DEVICES_SYNTHETIC_STORVSP_H
#define DEVICES_SYNTHETIC_STORVSP_H

#include "devices/block/io_pool.h"
#include "devices/completion.h"
#include "devices/scsi/scsi.h"
#include "devices/synthetic/vstor.h"
#include "devices/vmbus/channel.h"

enum {
    STORVSP_UNITS = 64,     /* LUNs of path 0, target 0 */
    STORVSP_REQUESTS = 256, /* under way at a time; more wait in the ring */
};

/* A disk or drive; NULL in the controller's table: none there. */
struct storvsp_unit {
    struct scsi_target target;
    struct io_stream stream;
};

struct storvsp;

/* A request under way. The clock thread's, but for scsi and data, which are the pool's between submission and completion. */
struct storvsp_request {
    struct storvsp *storvsp;
    struct vmbus_channel *channel; /* NULL: it was closed, nobody waits for the answer */
    uint64_t transaction;
    bool wants_completion;
    uint8_t packet[VSTOR_PACKET_BYTES];
    struct vmbus_buffer buffer;
    struct scsi_request scsi;
    struct storvsp_unit *unit;
    struct io_job job;
    struct completion completion;
    bool busy;
};

/* A packet that is answered when nothing is under way any more. */
struct storvsp_reset {
    struct vmbus_channel *channel; /* NULL: none waits */
    uint64_t transaction;
    uint8_t packet[VSTOR_PACKET_BYTES];
    bool wants_completion;
};

struct storvsp {
    struct vmbus_device vmbus; /* first */
    struct io_pool *pool;
    bool ide;
    uint16_t most_subchannels;
    struct storvsp_unit *units[STORVSP_UNITS];
    uint32_t state; /* enum vstor_state */
    uint32_t version;
    uint32_t under_way;
    struct storvsp_reset reset;
    /* A guest's driver may only listen once it asks for something itself. Until then what came and went waits; 0: nothing does. */
    bool asked;      /* a request came since the channel was opened */
    uint32_t untold; /* enum vstor_operation */
    /* Its offer is about to be taken back: to the guest there are no units any more, and when it has asked for nothing for a while,
     * or after a minute, it has let go of them. */
    bool leaving;
    uint64_t quiet_ns, latest_ns; /* when it may leave, and must */
    struct timer leave;
    struct storvsp_request requests[STORVSP_REQUESTS];
};

struct storvsp_world {
    struct clock *clock;
    struct trace *trace;
    uint32_t partition;
    struct io_pool *pool;
    unsigned cpus; /* for how many sub-channels there may be */
};

/* A controller; index tells several apart. ide: the fast path of the disk that is drive `index` of the IDE controllers. storvsp is zeroed. */
WARN_UNUSED int storvsp_init(struct storvsp *storvsp, const struct storvsp_world *world, bool ide,
                             unsigned index);
/* After the server let it go. Closes every image; what could not be written back is told by -errno. */
int storvsp_fini(struct storvsp *storvsp);

/* Its saved state, while nothing of it is with the host (storvsp_quiesce). Read when the same disks are attached. */
enum { STORVSP_STATE_ROWS = 16 };
extern const struct state_field storvsp_state_rows[];
int storvsp_state_loaded(void *object, struct error *error);
/* Wait for the host to end what it does, and flush every image. 0 or -errno. */
WARN_UNUSED int storvsp_quiesce(struct storvsp *storvsp);

/* With the device locked. A target of the image, which is taken also on failure, at a LUN; the guest is told when it listens. -EBUSY:
 * there is one. */
WARN_UNUSED int storvsp_attach(struct storvsp *storvsp, unsigned lun, enum scsi_kind kind,
                               struct image *image);
/* Take it away; waits for the host to end what it does for it. -ENOENT, or what closing the image says. */
WARN_UNUSED int storvsp_detach(struct storvsp *storvsp, unsigned lun);

#endif
