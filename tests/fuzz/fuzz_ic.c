/* Fuzz target: an integration component and a guest that answers it as it likes; the host's wishes between; its saved state, which is read
 * back each time. The first byte chooses: heartbeat, shutdown, time synchronization, key-value pairs. [LINUX drivers/hv/hv_util.c, hv_kvp.c] */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/synthetic/heartbeat.h"
#include "devices/synthetic/kvp.h"
#include "devices/synthetic/shutdown.h"
#include "devices/synthetic/timesync.h"
#include "tests/support/vmbus_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    RINGS_AT = 8,
    DESCRIPTOR = 16,
    FRAME = 28, /* pipe header and header */
    TYPE = 12,
    BODY_BYTES = 18,
    STATUS = 20,
    FLAGS = 25,
    ANSWER = 5,
    HEAD = 3
};

struct box {
    struct vmbus_rig *rig;
    struct ic *ic;
    union {
        struct heartbeat heartbeat;
        struct shutdown shutdown;
        struct timesync timesync;
        struct kvp kvp;
    };
    unsigned which;
    uint32_t relid, n; /* of the last packet of the host */
    struct rig_ring to_host, to_guest;
    uint8_t packet[4096 + 64];
};

static uint64_t a_time(void *opaque)
{
    return UINT64_C(133000000000000000) + ((struct box *)opaque)->rig->server.counters.messages_in;
}

static void open_channel(struct box *box)
{
    box->n = 0;
    if (!rig_open_at(box->rig, box->relid, RINGS_AT)) {
        abort();
    }
}

static void box_init(struct box *box, unsigned which)
{
    const struct ic_world world = { .clock = &box->rig->clock,
                                    .trace = &box->rig->trace,
                                    .partition = 1,
                                    .wall_100ns = a_time,
                                    .reference_100ns = a_time,
                                    .opaque = box };
    const struct rig_message *message;
    int status = which == 0   ? heartbeat_init(&box->heartbeat, &world)
                 : which == 1 ? shutdown_init(&box->shutdown, &world)
                 : which == 2 ? timesync_init(&box->timesync, &world)
                              : kvp_init(&box->kvp, &world);

    box->which = which;
    box->ic = &box->heartbeat.ic; /* first in each of them */
    vmbus_server_add(&box->rig->server, &box->ic->vmbus);
    (void)rig_contact(box->rig, VMBUS_VERSION_5_3);
    rig_send(box->rig, VMBUS_MESSAGE_REQUEST_OFFERS, (uint8_t[8]){ 0 }, 8);
    while ((message = rig_next(box->rig)) != NULL) {
        if (le32_load(message->bytes) == VMBUS_MESSAGE_OFFER_CHANNEL) {
            box->relid = le32_load(message->bytes + OFFER_RELID); /* the last is the component's */
        }
    }
    if (status != 0 || box->relid == 0) {
        abort();
    }
    box->to_host = rig_ring_out(box->rig, RINGS_AT);
    box->to_guest = rig_ring_in(box->rig, RINGS_AT);
    open_channel(box);
}

static void box_fini(struct box *box)
{
    vmbus_rig_again(box->rig);
    if (box->which == 3) {
        kvp_fini(&box->kvp);
    } else {
        ic_fini(box->ic);
    }
}

static void pass(struct box *box, uint64_t ns)
{
    clock_advance(&box->rig->clock, ns);
    (void)clock_run(&box->rig->clock);
    vmbus_server_work(&box->rig->server);
}

/* The host's next request; the last one of several. */
static void take(struct box *box, unsigned n)
{
    bool signal;
    uint32_t got;

    while (n-- > 0 &&
           (got = rig_get(&box->to_guest, box->packet, sizeof(box->packet), &signal)) > 0) {
        box->n = got - DESCRIPTOR;
    }
}

static void put(struct box *box, const void *payload, uint32_t n)
{
    bool signal;

    (void)rig_put(&box->to_host, VMBUS_PACKET_INBAND, 0, 0, NULL, 0, payload, n, &signal);
    vmbus_server_signaled(&box->rig->server, box->relid);
}

/* As a driver would pick versions: one of those that the host named each, or others. */
static void pick_versions(struct box *box, const uint8_t *how)
{
    uint8_t *body = box->packet + DESCRIPTOR + FRAME;
    unsigned frameworks = le16_load(body) % 4, messages = le16_load(body + 2) % 5; /* as it named */
    uint32_t framework = le32_load(body + 8 + 4 * (how[1] % (frameworks + 1)));
    uint32_t message = le32_load(body + 8 + 4 * (frameworks + how[1] / 8 % (messages + 1)));

    le16_store(body, 1);
    le16_store(body + 2, how[2] == 255 ? 2 : 1);
    le32_store(body + 8, framework);
    le32_store(body + 12, message);
}

/* Send the request in hand back: with a status, and bytes of the input somewhere in it. */
static size_t answer(struct box *box, const uint8_t *how, const uint8_t *bytes, size_t n)
{
    static const uint32_t statuses[] = { IC_STATUS_OK, IC_STATUS_FAIL, IC_STATUS_CONT, 1 };
    uint8_t *payload = box->packet + DESCRIPTOR;
    uint32_t at = how[1] * 8u + (how[2] & 7), length = box->n;

    if (length < FRAME) {
        return 0;
    }
    n = n < how[2] >> 4 ? n : how[2] >> 4;
    if (le16_load(payload + TYPE) == IC_MESSAGE_NEGOTIATE && length >= FRAME + 8 &&
        (how[0] & 64) == 0) {
        pick_versions(box, how);
        n = 0;
    } else {
        le32_store(payload + STATUS, statuses[how[0] >> 4 & 3]);
        if (at + n <= length) {
            memcpy(payload + at, bytes, n);
        }
    }
    if (how[0] & 128) {
        length = how[1] * 16u < length ? how[1] * 16u : length;
    }
    payload[FLAGS] = ANSWER;
    put(box, payload, length);
    return n;
}

/* An item of a pool, as a daemon would say it. */
static size_t answer_item(struct box *box, const uint8_t *how, const uint8_t *bytes, size_t n)
{
    enum { KEY_BYTES = FRAME + 12, VALUE_BYTES = FRAME + 16, KEY = FRAME + 20, VALUE = KEY + 512 };
    uint8_t *payload = box->packet + DESCRIPTOR;

    if (box->n < VALUE + 2048) {
        return 0;
    }
    n = n < 32 ? n : 32;
    le32_store(payload + FRAME + 8, 1);
    le32_store(payload + KEY_BYTES, how[1] % 8 == 0 ? how[1] * 64u : how[1] % 20);
    le32_store(payload + VALUE_BYTES, how[2] % 8 == 0 ? how[2] * 64u : how[2] % 20);
    memcpy(payload + KEY, bytes, n);
    memcpy(payload + VALUE, bytes, n);
    le32_store(payload + STATUS, how[0] & 128 ? IC_STATUS_CONT : IC_STATUS_OK);
    payload[FLAGS] = ANSWER;
    put(box, payload, box->n);
    return n;
}

/* What the host may want of the component. */
static void wish(struct box *box, const uint8_t *how)
{
    static const char *const texts[] = { "", "key", "k\xc3\xa9y", "\xff", "another key" };
    const char *key = texts[how[1] % ARRAY_SIZE(texts)], *value = texts[how[2] % 5];

    switch (box->which) {
    case 0:
        (void)heartbeat_state(&box->heartbeat);
        break;
    case 1:
        (void)shutdown_ask(&box->shutdown, (enum shutdown_kind)(how[1] % 3 * 2), how[2] & 1);
        break;
    case 2:
        (void)timesync_set(&box->timesync);
        break;
    default:
        (void)(how[1] >= 160  ? kvp_refresh(&box->kvp)
               : how[1] >= 80 ? kvp_delete(&box->kvp, key)
                              : kvp_set(&box->kvp, key, value));
        break;
    }
}

/* What a component says of itself is always what it can be given back. */
static void save_and_restore(struct box *box)
{
    const struct state_table *table = &box->ic->kind->type.state;
    struct state_buffer first = { 0 }, second = { 0 };
    struct state_timers timers = { 0 };
    struct error error = { "" };

    state_write(&first, table, box->ic);
    if (box->which == 3) { /* lists are read into empty ones */
        bool agreed = box->ic->agreed;
        box->ic->kind->closed(box->ic);
        box->ic->agreed = agreed;
    }
    if (state_read(first.bytes, first.n, table, box->ic, "ic", &timers, &error) != 0) {
        abort();
    }
    state_timers_arm(&timers);
    state_write(&second, table, box->ic);
    assert(first.n == second.n && memcmp(first.bytes, second.bytes, first.n) == 0);
    state_timers_fini(&timers);
    state_buffer_fini(&first);
    state_buffer_fini(&second);
}

static size_t step(struct box *box, const uint8_t *how, const uint8_t *bytes, size_t n)
{
    switch (how[0] % 8) {
    case 0:
        pass(box, (uint64_t)how[1] << how[2] % 32);
        return 0;
    case 1:
    case 2: /* the usual: time, the host's request, an answer */
        pass(box, how[0] & 8 ? 2000000 : UINT64_C(5000000000));
        take(box, 1);
        return answer(box, how, bytes, n);
    case 3:
        take(box, 1);
        return answer_item(box, how, bytes, n);
    case 4:
        wish(box, how);
        return 0;
    case 5: /* any bytes */
        n = n < how[1] ? n : how[1];
        put(box, bytes, (uint32_t)n);
        return n;
    case 6:
        save_and_restore(box);
        return 0;
    default:
        rig_close(box->rig, box->relid);
        (void)rig_teardown(box->rig, box->relid, 0xe1e10 + box->relid);
        open_channel(box);
        return 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vmbus_rig *rig;
    struct box *box = calloc(1, sizeof(*box));

    if (rig == NULL) {
        rig = vmbus_rig_create();
    }
    if (box == NULL || size == 0) {
        free(box);
        return 0;
    }
    box->rig = rig;
    box_init(box, data[0] % 4);
    for (size_t at = 1; at + HEAD <= size;) {
        at += HEAD + step(box, data + at, data + at + HEAD, size - at - HEAD);
        assert(box->ic->channel != NULL && (box->ic->channel->broken || box->ic->channel->open));
    }
    save_and_restore(box);
    box_fini(box);
    free(box);
    return 0;
}
