/* The rows of the control socket's verbs. */
#include "frontend/monitor/control_verbs.h"

#include <stddef.h>

#include "base/compiler.h"

static const struct control_verb verbs[] = {
#define X(name, child, arguments, least, most, help) { #name, arguments, help, child, least, most },
    CONTROL_VERBS(X)
#undef X
};

const struct control_verb *control_verb(unsigned index)
{
    return index < ARRAY_SIZE(verbs) ? &verbs[index] : NULL;
}
