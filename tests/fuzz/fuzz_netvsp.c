/* Fuzz target: any NVSP packets of a guest, in any order, with frames for it, links and closing between. [LINUX drivers/net/hyperv] */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/support/netvsp_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
            at += fuzz_rndis(rig, from, left, NVSP_CHANNEL_CONTROL);
            break;
        case 3:
            at += fuzz_rndis(rig, from, left, NVSP_CHANNEL_DATA);
            break;
        case 4: { /* a frame for the guest */
            struct net_frame *frame = net_frame_of(from, (uint32_t)(left < 256 ? left : 256));
            if (frame != NULL) {
                memset(frame->bytes, 0xff, NET_MAC_BYTES);
                net_switch_send(&rig->peer, frame);
            }
            netvsp_rig_pass(rig);
            at += 2;
            break;
        }
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
            if (from[1] % 8 == 0) {
                rig_close(rig->bus, rig->relid);
            } else if (from[1] % 8 == 1) {
                (void)rig_teardown(rig->bus, rig->relid, 0x51);
            } else {
                (void)netvsp_rig_get(rig);
            }
            at += 2;
            break;
        }
        netvsp_rig_forget(rig);
        fuzz_check(rig);
    }
    netvsp_rig_destroy(rig);
    return 0;
}
