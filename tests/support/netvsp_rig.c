/* The guest's side of NVSP. [LINUX drivers/net/hyperv/netvsc.c] */
#include "tests/support/netvsp_rig.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { RECEIVE_GPADL = 0x51, SEND_GPADL = 0x52 };

static bool peer_receive(void *opaque, struct net_frame *frame)
{
    struct netvsp_rig *rig = opaque;

    if (rig->n_got == NETVSP_RIG_GOT) {
        net_frame_free(frame);
        return false;
    }
    rig->got[rig->n_got++] = frame;
    return true;
}

static const struct net_port_ops peer_ops = { .receive = peer_receive };

static uint32_t offered(struct netvsp_rig *rig)
{
    const struct rig_message *message;
    uint32_t found = 0;

    while ((message = rig_next(rig->bus)) != NULL) {
        if (le32_load(message->bytes) == VMBUS_MESSAGE_OFFER_CHANNEL &&
            le32_load(message->bytes + 8) == 0xf8615163) {
            found = le32_load(message->bytes + 184);
        }
    }
    return found;
}

struct netvsp_rig *netvsp_rig_create(unsigned queues)
{
    static const struct netvsp_config base = { .name = "nic0", .mac = { 0, 0x15, 0x5d, 0, 0, 1 } };
    struct netvsp_config config = base;
    struct netvsp_rig *rig = calloc(1, sizeof(*rig));

    if (rig == NULL) {
        return NULL;
    }
    config.queues = queues;
    clock_init(&rig->clock, CLOCK_MODE_VIRTUAL);
    net_switch_init(&rig->net, "lan", NET_SWITCH_PRIVATE, &rig->clock);
    rig->bus = vmbus_rig_create();
    rig->peer = (struct net_port){
        .name = "peer", .ops = &peer_ops, .opaque = rig, .filter = NET_FILTER_PROMISCUOUS
    };
    if (netvsp_init(&rig->nv, &config, &rig->clock, NULL, 2) != 0 ||
        net_switch_plug(&rig->net, &rig->peer, NULL) != 0 ||
        netvsp_plug(&rig->nv, &rig->net, NULL) != 0) {
        abort();
    }
    (void)rig_connect(rig->bus);
    vmbus_server_add(&rig->bus->server, &rig->nv.vmbus);
    vmbus_server_work(&rig->bus->server);
    rig->relid = offered(rig);
    if (!rig_open_at(rig->bus, rig->relid, NETVSP_RIG_RINGS)) {
        abort();
    }
    rig->to_host = rig_ring_out(rig->bus, NETVSP_RIG_RINGS);
    rig->to_guest = rig_ring_in(rig->bus, NETVSP_RIG_RINGS);
    return rig;
}

void netvsp_rig_forget(struct netvsp_rig *rig)
{
    for (unsigned i = 0; i < rig->n_got; i++) {
        net_frame_free(rig->got[i]);
    }
    rig->n_got = 0;
}

void netvsp_rig_destroy(struct netvsp_rig *rig)
{
    vmbus_rig_destroy(rig->bus);
    netvsp_fini(&rig->nv);
    net_switch_fini(&rig->net);
    clock_fini(&rig->clock);
    netvsp_rig_forget(rig);
    free(rig);
}

uint8_t *netvsp_rig_memory(struct netvsp_rig *rig, uint64_t gpfn)
{
    return ram_host(&rig->bus->ram, gpfn << PAGE_SHIFT);
}

void netvsp_rig_pass(struct netvsp_rig *rig)
{
    vmbus_server_signaled(&rig->bus->server, rig->relid);
    if (rig->sub_relid != 0) {
        vmbus_server_signaled(&rig->bus->server, rig->sub_relid);
    }
    vmbus_server_work(&rig->bus->server);
    clock_advance(&rig->clock, 1);
    (void)clock_run(&rig->clock);
    vmbus_server_work(&rig->bus->server);
}

void netvsp_rig_put(struct netvsp_rig *rig, const void *message, uint32_t n, const void *header,
                    uint32_t n_header, uint64_t transaction)
{
    bool signal;

    (void)rig_put(&rig->to_host, header != NULL ? VMBUS_PACKET_GPA_DIRECT : VMBUS_PACKET_INBAND,
                  VMBUS_PACKET_FLAG_COMPLETE, transaction, header, header != NULL ? n_header : 0,
                  message, n, &signal);
    netvsp_rig_pass(rig);
}

bool netvsp_rig_get(struct netvsp_rig *rig)
{
    bool signal;

    rig->n = rig_get(&rig->to_guest, rig->packet, sizeof(rig->packet), &signal);
    return rig->n > 0;
}

const uint8_t *netvsp_rig_ask(struct netvsp_rig *rig, const uint32_t *word, unsigned n)
{
    uint8_t message[NVSP_MESSAGE_BYTES] = { 0 };

    for (unsigned i = 0; i < n; i++) {
        le32_store(message + 4 * i, word[i]);
    }
    netvsp_rig_put(rig, message, sizeof(message), NULL, 0, 1000 + word[0]);
    while (netvsp_rig_get(rig)) {
        if (le16_load(rig->packet) == VMBUS_PACKET_COMPLETION &&
            le64_load(rig->packet + 8) == 1000 + word[0]) {
            return rig->packet + 16;
        }
        memcpy(rig->passed, rig->packet, sizeof(rig->passed));
    }
    return NULL;
}

bool netvsp_rig_buffers(struct netvsp_rig *rig, uint32_t version, uint32_t mtu)
{
    const uint8_t *answer =
        netvsp_rig_ask(rig, (const uint32_t[]){ NVSP_INIT, version, version }, 3);

    if (answer == NULL || le32_load(answer + 12) != NVSP_STATUS_SUCCESS ||
        rig_gpadl(rig->bus, rig->relid, RECEIVE_GPADL, NETVSP_RIG_RECEIVE,
                  NETVSP_RIG_RECEIVE_PAGES) != 0 ||
        rig_gpadl(rig->bus, rig->relid, SEND_GPADL, NETVSP_RIG_SEND, NETVSP_RIG_SEND_PAGES) != 0) {
        return false;
    }
    if (version >= NVSP_VERSION_2) {
        (void)netvsp_rig_ask(rig, (const uint32_t[]){ NVSP_SEND_NDIS_CONFIG, mtu + 14, 0, 0xac, 0 },
                             5);
    }
    (void)netvsp_rig_ask(rig, (const uint32_t[]){ NVSP_SEND_NDIS_VERSION, 6, 30 }, 3);
    answer = netvsp_rig_ask(
        rig, (const uint32_t[]){ NVSP_SEND_RECEIVE_BUFFER, RECEIVE_GPADL, NVSP_RECEIVE_BUFFER }, 3);
    if (answer == NULL || le32_load(answer + 4) != NVSP_STATUS_SUCCESS) {
        return false;
    }
    answer = netvsp_rig_ask(
        rig, (const uint32_t[]){ NVSP_SEND_SEND_BUFFER, SEND_GPADL, NVSP_SEND_BUFFER }, 3);
    return answer != NULL && le32_load(answer + 4) == NVSP_STATUS_SUCCESS;
}

void netvsp_rig_complete(struct netvsp_rig *rig, uint64_t transaction)
{
    uint8_t message[NVSP_MESSAGE_BYTES] = { NVSP_SEND_RNDIS_COMPLETE, 0, 0, 0,
                                            NVSP_STATUS_SUCCESS };
    bool signal;

    (void)rig_put(&rig->to_host, VMBUS_PACKET_COMPLETION, 0, transaction, NULL, 0, message,
                  sizeof(message), &signal);
    netvsp_rig_pass(rig);
}

const uint8_t *netvsp_rig_control(struct netvsp_rig *rig, const uint32_t *word, unsigned n)
{
    uint8_t *section = netvsp_rig_memory(rig, NETVSP_RIG_SEND);
    const uint32_t message[] = { NVSP_SEND_RNDIS, NVSP_CHANNEL_CONTROL, 0, 4 * n };

    for (unsigned i = 0; i < n; i++) {
        le32_store(section + 4 * i, word[i]);
    }
    le32_store(section + 4, 4 * n);
    rig->passed[0] = 0;
    (void)netvsp_rig_ask(rig, message, 4);
    /* The answer comes before or behind the completion. */
    if (le16_load(rig->passed) != VMBUS_PACKET_TRANSFER_PAGES) {
        netvsp_rig_pass(rig);
        if (!netvsp_rig_get(rig)) {
            return NULL;
        }
        memcpy(rig->passed, rig->packet, sizeof(rig->passed));
    }
    uint32_t offset = le32_load(rig->passed + 28);
    netvsp_rig_complete(rig, le64_load(rig->passed + 8));
    rig->passed[0] = 0;
    return offset < NETVSP_RIG_RECEIVE_PAGES * PAGE_SIZE
               ? netvsp_rig_memory(rig, NETVSP_RIG_RECEIVE) + offset
               : NULL;
}

bool netvsp_rig_up(struct netvsp_rig *rig)
{
    const uint8_t *answer;

    if (!netvsp_rig_buffers(rig, NVSP_VERSION_61, 1500)) {
        return false;
    }
    answer = netvsp_rig_control(rig, (const uint32_t[]){ RNDIS_INITIALIZE, 0, 1, 1, 0, 0x4000 }, 6);
    if (answer == NULL || le32_load(answer + 12) != 0) {
        return false;
    }
    answer = netvsp_rig_control(
        rig, (const uint32_t[]){ RNDIS_SET, 0, 2, 0x0001010e, 4, 20, 0, 0xd }, 8);
    return answer != NULL && le32_load(answer + 12) == 0;
}
