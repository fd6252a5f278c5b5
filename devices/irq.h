/* Interrupt wires between devices. A line is a sink with a number; levels of several sources are OR'ed by the sink. */
#ifndef DEVICES_IRQ_H
#define DEVICES_IRQ_H

#include <stdbool.h>
#include <stdint.h>

/* The far end of a wire. `set` only posts: it never calls back into the device that drives the line. */
struct irq_line {
    void (*set)(void *sink, unsigned number, unsigned source, bool level);
    void *sink;
    unsigned number; /* input of the sink */
    unsigned source; /* which of the drivers that share the line this is, 0..31 */
};

static inline void irq_line_set(const struct irq_line *line, bool level)
{
    if (line->set != 0) {
        line->set(line->sink, line->number, line->source, level);
    }
}

/* A message-signalled interrupt, and what routes it to local APICs. [SDM 3A 10.11] */
struct msi_message {
    uint64_t address;
    uint32_t data;
};

struct msi_router {
    void (*send)(void *opaque, struct msi_message message);
    void *opaque;
};

#endif
