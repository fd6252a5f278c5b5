/* Compiler extensions, gathered: hints, attributes and the few macros every room uses. */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#define LIKELY(x)        __builtin_expect(!!(x), 1)
#define UNLIKELY(x)      __builtin_expect(!!(x), 0)
#define ALWAYS_INLINE    __attribute__((always_inline)) inline
#define NOINLINE         __attribute__((noinline))
#define COLD             __attribute__((cold, noinline))
#define NORETURN         __attribute__((noreturn))
#define WARN_UNUSED      __attribute__((warn_unused_result))
#define UNUSED           __attribute__((unused))
#define PRINTF(fmt, va)  __attribute__((format(printf, fmt, va)))

/* Two words in one host vector register, where there is one. */
typedef uint64_t uint64x2 __attribute__((vector_size(16)));

/* 1 in a build that ThreadSanitizer watches. */
#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif
#ifndef THREAD_SANITIZER
#define THREAD_SANITIZER 0
#endif

#endif
