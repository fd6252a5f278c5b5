/* Names of statuses. [TLFS HV_STATUS] */
#include "partitions/hv/status.h"

const char *hv_status_name(hv_status_t status)
{
    switch (status) {
#define X(number, name)                                                                            \
    case number:                                                                                   \
        return #name;
        HV_STATUSES(X)
#undef X
    default:
        return "?";
    }
}
