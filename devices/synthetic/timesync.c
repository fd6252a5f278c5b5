/* Time synchronization: at the start the guest's clock is set, then samples every 5 s. [LINUX struct ictimesync_ref_data] */
#include "devices/synthetic/timesync.h"

#include "base/bytes.h"

enum {
    FLAG_SYNC = 1,
    FLAG_SAMPLE = 2,
    BODY_4 = 22, /* u64 host time, u64 reference time, u8 flags, u8 leap, u8 stratum, u8[3] */
    BODY_1 = 25, /* u64 host time, u64 guest time, u64 round trip, u8 flags */
};

static int send(struct timesync *timesync, uint8_t flags)
{
    struct ic *ic = &timesync->ic;
    const struct ic_world *world = &ic->world;
    uint8_t body[BODY_1] = { 0 };

    le64_store(body, world->wall_100ns(world->opaque));
    if (ic->version.major >= 4) {
        le64_store(body + 8, world->reference_100ns(world->opaque));
        body[16] = flags;
        return ic_request(ic, body, BODY_4);
    }
    body[24] = flags;
    return ic_request(ic, body, BODY_1);
}

int timesync_set(struct timesync *timesync)
{
    int status = send(timesync, FLAG_SYNC);

    timesync->syncs += status == 0;
    return status;
}

static void tick(struct ic *ic, uint64_t now_ns)
{
    struct timesync *timesync = (struct timesync *)ic;

    if (!vmbus_channel_congested(ic->channel)) {
        timesync->samples += send(timesync, FLAG_SAMPLE) == 0;
    }
    ic_tick_at(ic, now_ns + TIMESYNC_PERIOD_S * UINT64_C(1000000000));
}

static void agreed(struct ic *ic, uint64_t now_ns)
{
    (void)timesync_set((struct timesync *)ic);
    ic_tick_at(ic, now_ns + TIMESYNC_PERIOD_S * UINT64_C(1000000000));
}

static void answered(struct ic *ic, const struct ic_answer *answer)
{
    (void)ic, (void)answer; /* it only says that it was received */
}

static const struct state_field state_rows[] = {
    STATE_STRUCT_FIELD(struct timesync, ic, &ic_saved_table),
    STATE_FIELD(struct timesync, syncs),
    STATE_FIELD(struct timesync, samples),
};

static const struct ic_version versions[] = { { 4, 0 }, { 3, 0 }, { 1, 0 } };

static const struct ic_kind kind = {
    .type = { .name = "timesync",
              .size = sizeof(struct timesync),
              .state = STATE_TABLE("timesync", 1, struct timesync, state_rows) },
    .class = VMBUS_GUID(0x9527e630, 0xd0ae, 0x497b, 0xadce, 0xe80ab0175caf),
    .instance = VMBUS_GUID(0x2dd1ce17, 0x079e, 0x403c, 0xb352, 0xa1921ee207ee),
    .message = IC_MESSAGE_TIMESYNC,
    .versions = versions,
    .n_versions = ARRAY_SIZE(versions),
    .agreed = agreed,
    .answered = answered,
    .tick = tick,
};

int timesync_init(struct timesync *timesync, const struct ic_world *world)
{
    return ic_init(&timesync->ic, &kind, world);
}
