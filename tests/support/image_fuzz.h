/* Fuzzing of images: valid ones that the input changes here and there, opened, read, written and opened again. */
#ifndef TESTS_SUPPORT_IMAGE_FUZZ_H
#define TESTS_SUPPORT_IMAGE_FUZZ_H

#include <stddef.h>
#include <stdint.h>

void image_fuzz_vhd(const uint8_t *data, size_t n);
void image_fuzz_vhdx(const uint8_t *data, size_t n);
/* The bytes as they are: raw, ISO, or whatever they look like. */
void image_fuzz_bytes(const uint8_t *data, size_t n);

#endif
