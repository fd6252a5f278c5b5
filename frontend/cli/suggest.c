/* "Did you mean": edit distance with transpositions (optimal string alignment). */
#include "frontend/cli/suggest.h"

#include <limits.h>
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

struct best {
    const char *word;
    size_t length;
    const char *name;
    unsigned distance;
};

static struct best best_of(const char *word, size_t length)
{
    return (struct best){ word, length, NULL, (unsigned)(length / 3 > 2 ? length / 3 : 2) + 1 };
}

static void consider(struct best *best, const char *name)
{
    size_t n = strlen(name);
    unsigned d = n > SUGGEST_LENGTH || best->length > SUGGEST_LENGTH
                     ? UINT_MAX
                     : distance(best->word, best->length, name, n);

    if (d < best->distance && d < n) {
        best->name = name;
        best->distance = d;
    }
}

const char *suggest_nearest(const char *word, size_t length, suggest_name name)
{
    struct best best = best_of(word, length);

    for (unsigned i = 0; name(i) != NULL; i++) {
        consider(&best, name(i));
    }
    return best.name;
}

const char *suggest_among(const char *word, size_t length, const char *const *names, size_t n)
{
    struct best best = best_of(word, length);

    for (size_t i = 0; i < n; i++) {
        consider(&best, names[i]);
    }
    return best.name;
}
