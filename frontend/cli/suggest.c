/* "Did you mean": edit distance with transpositions (optimal string alignment). */
#include "frontend/cli/suggest.h"

#include <string.h>

enum { SUGGEST_LENGTH = 40 };

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned row[SUGGEST_LENGTH + 1][SUGGEST_LENGTH + 1];
    for (unsigned i = 0; i <= a_length; i++) {
        for (unsigned j = 0; j <= b_length; j++) {
            if (i == 0 || j == 0) {
                row[i][j] = i + j;
                continue;
            }
            unsigned cost = a[i - 1] != b[j - 1];
            row[i][j] = least(row[i - 1][j] + 1, row[i][j - 1] + 1, row[i - 1][j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                row[i][j] > row[i - 2][j - 2] + 1) {
                row[i][j] = row[i - 2][j - 2] + 1;
            }
        }
    }
    return row[a_length][b_length];
}

const char *suggest_nearest(const char *word, size_t length, suggest_name name)
{
    const char *best = NULL;
    unsigned best_distance = (unsigned)(length / 3 > 2 ? length / 3 : 2) + 1;
    for (unsigned i = 0; length <= SUGGEST_LENGTH && name(i) != NULL; i++) {
        const char *candidate = name(i);
        size_t n = strlen(candidate);
        if (n > SUGGEST_LENGTH) {
            continue;
        }
        unsigned d = distance(word, length, candidate, n);
        if (d < best_distance && d < n) {
            best = candidate;
            best_distance = d;
        }
    }
    return best;
}
