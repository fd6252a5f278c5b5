/* Catches #XM of the host: keeps MXCSR as it was raised with, and lets the instruction run again
 * all masked. */
#ifndef TESTS_CHECK_CPU_EXEC_FPE_CATCH_H
#define TESTS_CHECK_CPU_EXEC_FPE_CATCH_H

#include <stdint.h>

/* x86-64 only; 0 or the errno of sigaction. */
int fpe_catch(void);
/* MXCSR of the exception since the last call, or 0. */
uint32_t fpe_take(void);

#endif
