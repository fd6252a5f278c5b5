/* Two cascaded 8259A interrupt controllers and the edge/level registers. [DS 8259A] [DS 82371SB
 * ELCR] */
#ifndef DEVICES_CHIPSET_PIC_H
#define DEVICES_CHIPSET_PIC_H

#include "devices/device.h"
#include "devices/irq.h"

enum { PIC_LINES = 16, PIC_CASCADE = 2 };

/* Attach regions[i] at these ports. */
enum { PIC_PORT_MASTER = 0x20, PIC_PORT_SLAVE = 0xa0, PIC_PORT_ELCR = 0x4d0 };
enum pic_region { PIC_REGION_MASTER, PIC_REGION_SLAVE, PIC_REGION_ELCR };

/* One 8259A. Guarded by the pic's lock. */
struct pic_chip {
    uint8_t irr, isr, imr;
    uint8_t lines; /* levels at the IR inputs */
    uint8_t elcr;  /* 1: level triggered */
    uint8_t base;  /* ICW2, bits 7:3 */
    uint8_t icw3;
    uint8_t icw4;
    uint8_t lowest;                             /* the IR with the lowest priority, 7 after ICW1 */
    uint8_t next_icw;                           /* 2, 3, 4 while initialising; 0 else */
    uint8_t single, need_icw4, level_triggered; /* ICW1 */
    uint8_t read_isr, poll, special_mask, rotate_auto; /* OCW2, OCW3 */
    uint32_t sources[8];                               /* who drives each line high */
};

struct pic {
    struct device dev;
    struct pic_chip chip[2]; /* master, slave */
    struct irq_line output;  /* INTR of the master */
    uint8_t output_level;
};

extern const struct device_type pic_device_type;

/* output: where the master's INTR pin goes; driven with the pic's lock held. */
void pic_init(struct pic *pic, struct trace *trace, uint32_t partition, struct irq_line output);

/* Sink for struct irq_line: number 0..15, any source. Any thread. Input 2 is the cascade and is
 * ignored. */
void pic_set_line(void *pic, unsigned number, unsigned source, bool level);

/* The processor's two INTA cycles: the vector, a spurious one (IRQ 7 or 15) when the request went
 * away. Any thread. */
uint8_t pic_acknowledge(struct pic *pic);

/* Is INTR high? Any thread. */
bool pic_pending(struct pic *pic);

#endif
