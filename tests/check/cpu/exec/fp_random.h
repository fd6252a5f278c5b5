/* Random floating-point operands with many edge cases, for tests of cpu/exec. */
#ifndef TESTS_CHECK_CPU_EXEC_FP_RANDOM_H
#define TESTS_CHECK_CPU_EXEC_FP_RANDOM_H

#include <stdint.h>

#include "cpu/x86/state.h"

enum fp_shape { FP_SHAPE_F32, FP_SHAPE_F64, FP_SHAPE_F80, FP_SHAPE_I32, FP_SHAPE_I64 };

uint64_t fp_random(uint64_t *state);
/* f32, f64 and integers sit in the significand. */
struct x87_value fp_random_value(uint64_t *state, enum fp_shape shape);
/* Distance in units in the last place; UINT64_MAX for different signs. */
uint64_t fp_distance(struct x87_value a, struct x87_value b);
/* An environment variable's number. */
unsigned long fp_env_number(const char *name, unsigned long otherwise);

#endif
