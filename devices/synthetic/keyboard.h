/* The synthetic keyboard: keys as scan codes of set 1. [LINUX drivers/input/serio/hyperv-keyboard.c] */
#ifndef DEVICES_SYNTHETIC_KEYBOARD_H
#define DEVICES_SYNTHETIC_KEYBOARD_H

#include "devices/vmbus/channel.h"

enum { KEYBOARD_QUEUE = 2048, KEYBOARD_PACE_NS = 2000000 };

/* A key goes down or up. */
struct keyboard_stroke {
    uint16_t code;  /* make code */
    uint16_t flags; /* KEYBOARD_* */
};

/* As the protocol has them. */
enum { KEYBOARD_BREAK = 1u << 1, KEYBOARD_E0 = 1u << 2, KEYBOARD_E1 = 1u << 3 };

struct keyboard {
    struct vmbus_device vmbus;     /* first */
    struct vmbus_channel *channel; /* NULL: closed */
    bool ready;                    /* the guest's driver agreed on the protocol */
    uint32_t leds;                 /* as the guest set them last */
    struct timer timer;            /* the next stroke goes */
    uint16_t code[KEYBOARD_QUEUE], flags[KEYBOARD_QUEUE]; /* oldest at `first` */
    uint32_t first, n;
};

WARN_UNUSED int keyboard_init(struct keyboard *keyboard, struct clock *clock, struct trace *trace,
                              uint32_t partition);
void keyboard_fini(struct keyboard *keyboard);

/* With the device locked. Queue what a US keyboard types: ASCII, with newline as Enter, 27 as Escape, 8 as Backspace, tab.
 * -EINVAL: a character that no key has; -ENOBUFS: nothing was queued; -ENOTCONN: the guest has no driver. */
int keyboard_type(struct keyboard *keyboard, const char *text);

#endif
