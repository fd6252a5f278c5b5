/* A small writer of ACPI Machine Language: names, integers, packages, devices, resource templates.
 * [ACPI 20] */
#ifndef DEVICES_FIRMWARE_AML_H
#define DEVICES_FIRMWARE_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AML_DEPTH = 8 };

/* Writes into the caller's buffer; too small a buffer only sets `full`. Names are paths as in ASL:
 * "\\_SB.VMOD". */
struct aml {
    uint8_t *out;
    size_t size, n;
    bool full;
    unsigned depth;
    size_t open[AML_DEPTH]; /* where the package length of each open object goes */
    size_t resources;       /* where the size of the open resource template goes */
};

void aml_init(struct aml *aml, uint8_t *out, size_t size);

/* Objects that hold others: each begin needs its end. */
void aml_scope_begin(struct aml *aml, const char *path);
void aml_device_begin(struct aml *aml, const char *path);
void aml_end(struct aml *aml);

/* Name (path, value). */
void aml_name_integer(struct aml *aml, const char *path, uint64_t value);
void aml_name_string(struct aml *aml, const char *path, const char *text);
void aml_name_eisa_id(struct aml *aml, const char *path, const char *id); /* "PNP0501" */
void aml_name_package(struct aml *aml, const char *path, const uint8_t *values, unsigned n);

/* Name (path, ResourceTemplate () { ... }). [ACPI 6.4] */
void aml_resources_begin(struct aml *aml, const char *path);
void aml_resource_io(struct aml *aml, uint16_t port, uint8_t length);
void aml_resource_irq(struct aml *aml, unsigned irq);
void aml_resource_memory_window(struct aml *aml, uint64_t base,
                                uint64_t length); /* QWordMemory, producer */
void aml_resources_end(struct aml *aml);

#endif
