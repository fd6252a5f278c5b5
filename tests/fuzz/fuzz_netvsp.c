/* Fuzz target: any NVSP packets of a guest, in any order, with frames for it, links and closing between. [LINUX drivers/net/hyperv] */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/synthetic/rndis_oid.h"
#include "tests/support/netvsp_rig.h"
#include "tests/support/rndis_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OBJECT_BYTES = 92 };

/* An inband or GPA-direct packet; ready-made types let it come further. Returns the bytes used. */
static size_t fuzz_packet(struct netvsp_rig *rig, const uint8_t *data, size_t n)
{
#define X(code, name, since, least, how) code,
    static const uint32_t codes[] = { NVSP_MESSAGES(X) };
#undef X
    uint8_t message[NVSP_MESSAGE_BYTES] = { 0 }, header[8 + 8 + 4 * 8] = { 0 };
    size_t length = data[1] % sizeof(message), taken = length < n - 2 ? length : n - 2;
    bool direct = (data[0] & 1) != 0;

    memcpy(message + 4, data + 2, taken < sizeof(message) - 4 ? taken : sizeof(message) - 4);
    le32_store(message, codes[(data[0] >> 1) % ARRAY_SIZE(codes)]);
    if (direct) {
        le32_store(message + 8, NVSP_NO_SECTION);
    }
    le32_store(header + 4, 1);
    le32_store(header + 8, 1 + data[1] * 48u);
    le32_store(header + 12, data[0] * 8u);
    for (unsigned i = 0; i < 4; i++) {
        le64_store(header + 16 + 8 * i, NETVSP_RIG_DATA + i);
    }
    netvsp_rig_put(rig, message, sizeof(message), direct ? header : NULL, sizeof(header), data[0]);
    return taken + 2;
}

/* An RNDIS message of the input's bytes, control or data, by a section of the send buffer. */
static size_t fuzz_rndis(struct netvsp_rig *rig, const uint8_t *data, size_t n, uint32_t channel)
{
    size_t length = data[1], taken = length < n - 2 ? length : n - 2;
    uint8_t *section = netvsp_rig_memory(rig, NETVSP_RIG_SEND);

    memcpy(section, data + 2, taken);
    if (taken >= 8) {
        section[0] &= 15;
        section[1] = section[2] = section[3] = 0;
        le32_store(section + 4, (uint32_t)taken);
    }
    (void)netvsp_rig_ask(rig, (const uint32_t[]){ NVSP_SEND_RNDIS, channel, 0, (uint32_t)taken },
                         4);
    return taken + 2;
}

/* A query or a set, with a value in its form. */
static void put_object(struct netvsp_rig *rig, bool set, uint32_t oid, const uint8_t *value,
                       size_t n, uint32_t length)
{
    uint8_t *message = netvsp_rig_memory(rig, NETVSP_RIG_SEND);

    memset(message, 0, 28 + length);
    memcpy(message + 28, value, n);
    if (length > 0) {
        rndis_value_form(oid, message + 28, length);
    }
    le32_store(message, set ? RNDIS_SET : RNDIS_QUERY);
    le32_store(message + 4, 28 + length);
    le32_store(message + 12, oid);
    le32_store(message + 16, length);
    le32_store(message + 20, 20);
    (void)netvsp_rig_ask(
        rig, (const uint32_t[]){ NVSP_SEND_RNDIS, NVSP_CHANNEL_CONTROL, 0, 28 + length }, 4);
}

/* An object that there is. */
static size_t fuzz_object(struct netvsp_rig *rig, const uint8_t *data, size_t n)
{
#define X(oid, name) oid,
    static const uint32_t queried[] = { RNDIS_OIDS_QUERIED(X) }, sets[] = { RNDIS_OIDS_SET(X) };
#undef X
    bool set = (data[1] & 128) != 0;
    uint32_t oid = set ? sets[data[1] % ARRAY_SIZE(sets)] : queried[data[1] % ARRAY_SIZE(queried)];
    uint32_t length = set ? (data[1] & 64 ? OBJECT_BYTES : 20) : 0;
    size_t taken = length < n - 2 ? length : n - 2;

    put_object(rig, set, oid, data + 2, taken, length);
    return taken + 2;
}

/* A frame of TCP or UDP over IPv4 or IPv6, of n bytes, with checksums left out. */
static void fuzz_frame(uint8_t *frame, uint32_t n, uint8_t how)
{
    static const uint8_t v4[] = { 8, 0, 0x45, 0,  0, 0, 0, 1,  0, 0, 64,
                                  6, 0, 0,    10, 0, 0, 1, 10, 0, 0, 2 };
    static const uint8_t v6[] = { 0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 6, 64 };
    bool six = (how & 1) != 0, udp = (how & 2) != 0;
    uint32_t ip = 14, l4 = ip + (six ? 40 : 20);

    memset(frame, how, n);
    memset(frame, 0xff, 6);
    if (n < l4 + 20) {
        return;
    }
    memcpy(frame + 12, six ? v6 : v4, six ? sizeof(v6) : sizeof(v4));
    frame[ip + (six ? 6 : 9)] = udp ? 17 : 6;
    be16_store(frame + ip + (six ? 4 : 2), (uint16_t)(n - (six ? l4 : ip)));
    frame[l4 + 12] = 0x50;
    if (udp) {
        be16_store(frame + l4 + 4, (uint16_t)(n - l4));
    }
}

/* A packet message with per-packet information: by a section, by pages, or its head by a section and the frame by pages. */
static size_t fuzz_data(struct netvsp_rig *rig, const uint8_t *how)
{
    enum { HEAD = 44 + 4 * 16 };
    static const uint8_t types[] = { RNDIS_PPI_CHECKSUM, RNDIS_PPI_LSO, RNDIS_PPI_VLAN,
                                     RNDIS_PPI_HASH };
    uint32_t n = how[2] * 40u, head = 44;
    uint8_t header[8 + 8 + 4 * 8] = { 0 }, message[NVSP_MESSAGE_BYTES] = { 0 };
    uint8_t *section = netvsp_rig_memory(rig, NETVSP_RIG_SEND);
    uint8_t *pages = netvsp_rig_memory(rig, NETVSP_RIG_DATA);
    uint32_t values[] = { how[3], how[3] * 16u, how[3] * 17u, how[3] };

    memset(section, 0, HEAD);
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
        if ((how[1] >> i & 1) != 0) {
            le32_store(section + head, 16);
            le32_store(section + head + 4, types[i]);
            le32_store(section + head + 8, 12);
            le32_store(section + head + 12, values[i]);
            head += 16;
        }
    }
    le32_store(section, RNDIS_PACKET);
    le32_store(section + 4, head + n);
    le32_store(section + 8, head - 8);
    le32_store(section + 12, n);
    le32_store(section + 28, head > 44 ? 36 : 0);
    le32_store(section + 32, head - 44);
    unsigned by = how[1] >> 4 & 3;
    n = by == 0 && head + n > 6144 ? 6144 - head : n;
    fuzz_frame(by == 0 ? section + head : pages + (by == 1 ? head : 0), n, how[1] >> 6);
    if (by == 1) {
        memcpy(pages, section, head);
    }
    uint32_t in_pages = by == 1 ? head + n : n, in_section = by == 0 ? head + n : head;
    le32_store(message, NVSP_SEND_RNDIS);
    le32_store(message + 8, by == 1 ? NVSP_NO_SECTION : 0);
    le32_store(message + 12, by == 1 ? 0 : in_section);
    le32_store(header + 4, 1);
    le32_store(header + 8, in_pages > 0 ? in_pages : 1);
    for (unsigned i = 0; i < 4; i++) {
        le64_store(header + 16 + 8 * i, NETVSP_RIG_DATA + i);
    }
    netvsp_rig_put(rig, message, sizeof(message), by == 0 ? NULL : header,
                   16 + 8 * ((in_pages + (uint32_t)PAGE_SIZE - 1) / (uint32_t)PAGE_SIZE), how[3]);
    return 4;
}

/* A frame for the guest, and for all: of TCP or UDP, or any bytes. */
static void fuzz_peer(struct netvsp_rig *rig, const uint8_t *data, size_t n)
{
    uint8_t bytes[60 + 255 * 5];
    uint32_t length = 60 + data[1] * 5u;

    fuzz_frame(bytes, length, data[0]);
    struct net_frame *frame = (data[0] & 16) != 0
                                  ? net_frame_of(data, (uint32_t)(n < 256 ? n : 256))
                                  : net_frame_of(bytes, length);
    if (frame != NULL) {
        memset(frame->bytes, 0xff, NET_MAC_BYTES);
        net_switch_send(&rig->peer, frame);
    }
    netvsp_rig_pass(rig);
}

/* What the host does, and what the guest does seldom. */
static void fuzz_event(struct netvsp_rig *rig, uint8_t what)
{
    const struct rig_message *message;
    struct netvsp *nv = &rig->nv;
    uint8_t rss[OBJECT_BYTES];

    switch (what % 8) {
    case 0:
        rig_close(rig->bus, rig->relid);
        break;
    case 1:
        (void)rig_teardown(rig->bus, rig->relid, 0x51);
        break;
    case 2: /* the sub-channel */
        (void)netvsp_rig_ask(rig,
                             (const uint32_t[]){ NVSP_SUBCHANNEL, NVSP_SUBCHANNEL_ALLOCATE, 1 }, 3);
        while ((message = rig_next(rig->bus)) != NULL) {
            if (le32_load(message->bytes) == VMBUS_MESSAGE_OFFER_CHANNEL &&
                le16_load(message->bytes + OFFER_SUBCHANNEL) == 1) {
                rig->sub_relid = le32_load(message->bytes + OFFER_RELID);
                (void)rig_open_at(rig->bus, rig->sub_relid, NETVSP_RIG_SUB_RINGS);
            }
        }
        memset(rss, 1, sizeof(rss)); /* every hash there is, both queues */
        memset(rss + 4, 0, 2);
        rss[8] = rss[9] = 0xff;
        put_object(rig, true, 0x00010204, rss, sizeof(rss), sizeof(rss));
        break;
    case 3:
        rig_close(rig->bus, rig->sub_relid);
        break;
    case 4:
        if (nv->vmbus.host != NULL) {
            vmbus_device_lock(&nv->vmbus);
            netvsp_leave(nv);
            vmbus_device_unlock(&nv->vmbus);
        }
        break;
    case 5:
        if (nv->port.net == NULL) {
            (void)!netvsp_plug(nv, &rig->net, NULL);
        } else {
            netvsp_unplug(nv);
        }
        break;
    case 6:
        clock_advance(&rig->clock, UINT64_C(400000000) << what / 64);
        netvsp_rig_pass(rig);
        break;
    default:
        (void)netvsp_rig_get(rig);
        break;
    }
}

static void fuzz_check(const struct netvsp_rig *rig)
{
    const struct netvsp *nv = &rig->nv;
    uint32_t n = 0;

    assert(nv->n_free <= nv->n_sections);
    for (uint32_t at = nv->n_free > 0 ? nv->first_free : NETVSP_NONE; at != NETVSP_NONE;
         at = nv->section[at].next) {
        assert(at < nv->n_sections && ++n <= nv->n_sections);
    }
    assert(n == nv->n_free);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct netvsp_rig *rig = netvsp_rig_create(2);
    size_t at = 1;

    assert(rig != NULL);
    if (size > 0 && data[0] % 4 != 0) {
        (void)netvsp_rig_up(rig);
    }
    while (at + 2 <= size) {
        const uint8_t *from = data + at;
        size_t left = size - at;
        switch (from[0] >> 5) {
        case 0:
        case 1:
            at += fuzz_packet(rig, from, left);
            break;
        case 2:
            at += (from[0] & 16) != 0 ? fuzz_object(rig, from, left)
                                      : fuzz_rndis(rig, from, left, NVSP_CHANNEL_CONTROL);
            break;
        case 3:
            at += (from[0] & 16) != 0 && left >= 4 ? fuzz_data(rig, from)
                                                   : fuzz_rndis(rig, from, left, NVSP_CHANNEL_DATA);
            break;
        case 4:
            fuzz_peer(rig, from, left);
            at += 2;
            break;
        case 5:
            netvsp_rig_complete(rig, from[1]);
            at += 2;
            break;
        case 6:
            net_port_set_link(&rig->nv.port, (from[1] & 1) != 0);
            netvsp_rig_pass(rig);
            at += 2;
            break;
        default:
            fuzz_event(rig, from[1]);
            at += 2;
            break;
        }
        netvsp_rig_forget(rig);
        fuzz_check(rig);
    }
    netvsp_rig_destroy(rig);
    return 0;
}
