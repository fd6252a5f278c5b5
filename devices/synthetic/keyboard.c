/* The synthetic keyboard: protocol, strokes at a pace, ASCII as a US keyboard types it. [LINUX hyperv-keyboard.c] */
#include "devices/synthetic/keyboard.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/devices_trace.h"

enum {
    MESSAGE_PROTOCOL_REQUEST = 1,  /* u32 type, u32 version */
    MESSAGE_PROTOCOL_RESPONSE = 2, /* u32 type, u32 status: bit 0 accepted */
    MESSAGE_EVENT = 3,             /* u32 type, u16 make code, u16 0, u32 flags */
    MESSAGE_LED = 4,               /* u32 type, u16 LEDs */
    VERSION_1_0 = 0x00010000,
    ACCEPTED = 1,
    SHIFT = 0x2a,
};

/* ---- out ---- */

static void send_stroke(struct keyboard *keyboard)
{
    uint8_t message[12] = { 0 };

    le32_store(message, MESSAGE_EVENT);
    le16_store(message + 4, keyboard->code[keyboard->first]);
    le32_store(message + 8, keyboard->flags[keyboard->first]);
    keyboard->first = (keyboard->first + 1) % KEYBOARD_QUEUE;
    keyboard->n--;
    (void)vmbus_channel_send(keyboard->channel, message, sizeof(message), 0, false);
}

static void next_stroke(void *opaque, uint64_t now_ns)
{
    struct keyboard *keyboard = opaque;

    vmbus_device_lock(&keyboard->vmbus);
    if (keyboard->ready && keyboard->n > 0) {
        if (!vmbus_channel_congested(keyboard->channel)) {
            send_stroke(keyboard);
        }
        if (keyboard->n > 0) {
            timer_set(&keyboard->timer, now_ns + KEYBOARD_PACE_NS);
        }
    }
    vmbus_device_unlock(&keyboard->vmbus);
}

/* ---- in ---- */

static void request(struct keyboard *keyboard, const uint8_t *payload, uint32_t n)
{
    uint8_t answer[8] = { 0 };
    bool accepted = n >= 8 && le32_load(payload + 4) == VERSION_1_0;

    le32_store(answer, MESSAGE_PROTOCOL_RESPONSE);
    le32_store(answer + 4, accepted ? ACCEPTED : 0);
    (void)vmbus_channel_send(keyboard->channel, answer, sizeof(answer), 0, false);
    keyboard->ready = accepted;
}

static enum vmbus_taken received(struct vmbus_device *dev, struct vmbus_channel *channel,
                                 const struct vmbus_packet *packet)
{
    struct keyboard *keyboard = (struct keyboard *)dev;

    if (packet->type != VMBUS_PACKET_INBAND || packet->payload_bytes < 8) {
        vmbus_channel_break(channel, "keyboard packet", packet->payload_bytes);
        return VMBUS_TAKEN;
    }
    switch (le32_load(packet->payload)) {
    case MESSAGE_PROTOCOL_REQUEST:
        request(keyboard, packet->payload, packet->payload_bytes);
        break;
    case MESSAGE_LED:
        keyboard->leds = le16_load(packet->payload + 4);
        break;
    default:
        device_unimplemented(&dev->device, "keyboard message", le32_load(packet->payload));
        break;
    }
    if (packet->wants_completion) {
        (void)vmbus_channel_complete(channel, packet->transaction, NULL, 0);
    }
    return VMBUS_TAKEN;
}

static int opened(struct vmbus_device *dev, struct vmbus_channel *channel)
{
    struct keyboard *keyboard = (struct keyboard *)dev;

    keyboard->channel = channel;
    keyboard->ready = false;
    return 0;
}

static void closed(struct vmbus_device *dev, struct vmbus_channel *channel)
{
    struct keyboard *keyboard = (struct keyboard *)dev;

    (void)channel;
    timer_cancel(&keyboard->timer);
    keyboard->channel = NULL;
    keyboard->ready = false;
    keyboard->n = keyboard->first = 0;
}

/* ---- what is typed ---- */

/* The keys of a US keyboard by scan code from 1 on; 0: none of these characters. [IBM PC/AT, set 1] */
static const char plain[] = "\x1b"
                            "1234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0\0\0 ";
static const char shifted[] = "\0!@#$%^&*()_+\0\0QWERTYUIOP{}\0\0ASDFGHJKL:\"~\0|ZXCVBNM<>?";

/* The key's scan code; 0: none has it. */
static uint16_t key_of(char character, bool *shift)
{
    const char *at = memchr(plain, character, sizeof(plain) - 1);

    *shift = at == NULL;
    if (at != NULL) {
        return (uint16_t)(at - plain + 1);
    }
    at = memchr(shifted, character, sizeof(shifted) - 1);
    return at != NULL ? (uint16_t)(at - shifted + 1) : 0;
}

static void put(struct keyboard *keyboard, uint16_t code, uint16_t flags)
{
    uint32_t at = (keyboard->first + keyboard->n++) % KEYBOARD_QUEUE;

    keyboard->code[at] = code;
    keyboard->flags[at] = flags;
}

int keyboard_type(struct keyboard *keyboard, const char *text)
{
    uint32_t need = 0;
    bool shift;

    if (!keyboard->ready) {
        return -ENOTCONN;
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (key_of(*at, &shift) == 0) {
            return -EINVAL;
        }
        need += shift ? 4 : 2;
    }
    if (need > KEYBOARD_QUEUE - keyboard->n) {
        return -ENOBUFS;
    }
    for (; *text != '\0'; text++) {
        uint16_t code = key_of(*text, &shift);
        if (shift) {
            put(keyboard, SHIFT, 0);
        }
        put(keyboard, code, 0);
        put(keyboard, code, KEYBOARD_BREAK);
        if (shift) {
            put(keyboard, SHIFT, KEYBOARD_BREAK);
        }
    }
    if (keyboard->n > 0) {
        timer_set(&keyboard->timer, clock_now_ns(keyboard->vmbus.clock));
    }
    return 0;
}

/* ---- life ---- */

static const struct state_field state_rows[] = {
    STATE_FIELD(struct keyboard, ready),
    STATE_FIELD(struct keyboard, leds),
    STATE_TIMER_FIELD(struct keyboard, timer),
    STATE_FIELD(struct keyboard, code),
    STATE_FIELD(struct keyboard, flags),
    STATE_FIELD_MAX(struct keyboard, first, KEYBOARD_QUEUE - 1),
    STATE_FIELD_MAX(struct keyboard, n, KEYBOARD_QUEUE),
};

static int loaded(void *object, struct error *error)
{
    struct keyboard *keyboard = object;

    keyboard->channel = keyboard->vmbus.channel[0]->open ? keyboard->vmbus.channel[0] : NULL;
    return keyboard->channel != NULL || !keyboard->ready
               ? 0
               : error_set(error, -EINVAL, "agreed with nobody: the channel is closed");
}

static const struct vmbus_device_ops ops = { .open = opened, .close = closed, .packet = received };
static const struct device_type type = {
    .name = "keyboard",
    .size = sizeof(struct keyboard),
    .state = STATE_TABLE_LOADED("keyboard", 1, struct keyboard, state_rows, loaded),
};

int keyboard_init(struct keyboard *keyboard, struct clock *clock, struct trace *trace,
                  uint32_t partition)
{
    static const struct vmbus_offer offer = {
        .type = VMBUS_GUID(0xf912ad6d, 0x2b17, 0x48ea, 0xbd65, 0xf927a61c7684),
        .instance = VMBUS_GUID(0xd34b2567, 0xb9b6, 0x42b9, 0x8778, 0x0a4ec0b955bf),
        .flags = VMBUS_OFFER_ENUMERATE,
    };

    timer_init(&keyboard->timer, clock, next_stroke, keyboard);
    return vmbus_device_init(&keyboard->vmbus, &type, &ops, &offer, clock, trace, partition);
}

void keyboard_fini(struct keyboard *keyboard)
{
    if (keyboard->vmbus.device.type != NULL) {
        timer_cancel(&keyboard->timer);
        vmbus_device_fini(&keyboard->vmbus);
    }
}
