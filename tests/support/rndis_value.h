/* Values of RNDIS objects, for fuzzing: any bytes are given the form that drivers give them. */
#ifndef TESTS_SUPPORT_RNDIS_VALUE_H
#define TESTS_SUPPORT_RNDIS_VALUE_H

#include <stdint.h>

/* Make n bytes a value of the object: its type and size, numbers near those that make sense; the rest stays. */
void rndis_value_form(uint32_t oid, uint8_t *value, uint32_t n);

#endif
