/* "Did you mean": the nearest of a list of names. */
#ifndef FRONTEND_CLI_SUGGEST_H
#define FRONTEND_CLI_SUGGEST_H

#include <stddef.h>

/* Names by index, NULL after the last. */
typedef const char *(*suggest_name)(unsigned index);

/* The name nearest to the first length bytes of word, or NULL when none is near. */
const char *suggest_nearest(const char *word, size_t length, suggest_name name);

/* The same for an array. */
const char *suggest_among(const char *word, size_t length, const char *const *names, size_t n);

#endif
