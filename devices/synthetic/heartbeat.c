/* Heartbeat: every 2 s a sequence number; the guest answers with the next. [LINUX struct heartbeat_msg_data] */
#include "devices/synthetic/heartbeat.h"

#include "base/bytes.h"

enum { BODY = 40 }; /* u64 sequence, u32 reserved[8] */

static void beat(struct ic *ic, uint64_t now_ns)
{
    struct heartbeat *heartbeat = (struct heartbeat *)ic;
    uint8_t body[BODY] = { 0 };

    le64_store(body, heartbeat->sequence);
    heartbeat->missed += heartbeat->missed <= HEARTBEAT_MISSED_MAX;
    if (heartbeat->missed <= HEARTBEAT_MISSED_MAX || !vmbus_channel_congested(ic->channel)) {
        (void)ic_request(ic, body, sizeof(body));
    }
    ic_tick_at(ic, now_ns + HEARTBEAT_PERIOD_S * UINT64_C(1000000000));
}

static void answered(struct ic *ic, const struct ic_answer *answer)
{
    struct heartbeat *heartbeat = (struct heartbeat *)ic;

    if (answer->n >= 8 && le64_load(answer->body) == heartbeat->sequence + 1) {
        heartbeat->sequence += 2;
        heartbeat->answered++;
        heartbeat->missed = 0;
    }
}

static void agreed(struct ic *ic, uint64_t now_ns)
{
    struct heartbeat *heartbeat = (struct heartbeat *)ic;

    heartbeat->sequence = 0;
    heartbeat->missed = 0;
    beat(ic, now_ns);
}

static const struct state_field state_rows[] = {
    STATE_STRUCT_FIELD(struct heartbeat, ic, &ic_saved_table),
    STATE_FIELD(struct heartbeat, sequence),
    STATE_FIELD(struct heartbeat, answered),
    STATE_FIELD(struct heartbeat, missed),
};

static const struct ic_version versions[] = { { 3, 0 }, { 1, 0 } };

static const struct ic_kind kind = {
    .type = { .name = "heartbeat",
              .size = sizeof(struct heartbeat),
              .state = STATE_TABLE("heartbeat", 1, struct heartbeat, state_rows) },
    .class = VMBUS_GUID(0x57164f39, 0x9115, 0x4e78, 0xab55, 0x382f3bd5422d),
    .instance = VMBUS_GUID(0xfd149e91, 0x82e0, 0x4a7d, 0xafa6, 0x2a4166cbd7c0),
    .message = IC_MESSAGE_HEARTBEAT,
    .versions = versions,
    .n_versions = ARRAY_SIZE(versions),
    .agreed = agreed,
    .answered = answered,
    .tick = beat,
};

int heartbeat_init(struct heartbeat *heartbeat, const struct ic_world *world)
{
    return ic_init(&heartbeat->ic, &kind, world);
}

enum heartbeat_state heartbeat_state(const struct heartbeat *heartbeat)
{
    return !heartbeat->ic.agreed                                                  ? HEARTBEAT_NONE
           : heartbeat->missed > HEARTBEAT_MISSED_MAX || heartbeat->answered == 0 ? HEARTBEAT_LOST
                                                                                  : HEARTBEAT_OK;
}
