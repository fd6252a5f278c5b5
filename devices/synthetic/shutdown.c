/* Shutdown: one request, one answer, then the guest goes. [LINUX struct shutdown_msg_data] */
#include "devices/synthetic/shutdown.h"

#include <string.h>

#include "base/bytes.h"

enum {
    REASON = 0,
    TIMEOUT_S = 4,
    FLAGS = 8,
    MESSAGE = 12,
    BODY = 2060,
    FLAG_FORCE = 1,
    TIMEOUT = 300,
};
/* SHTDN_REASON_MAJOR_OTHER, minor maintenance, planned. [MS-RSP 2.3] */
#define REASON_PLANNED UINT32_C(0x80000001)

int shutdown_ask(struct shutdown *shutdown, enum shutdown_kind kind, bool force)
{
    static const char text[] = "The host asks this machine to shut down.";
    uint8_t body[BODY] = { 0 };

    le32_store(body + REASON, REASON_PLANNED);
    le32_store(body + TIMEOUT_S, TIMEOUT);
    le32_store(body + FLAGS, (uint32_t)kind | (force ? FLAG_FORCE : 0));
    memcpy(body + MESSAGE, text, sizeof(text));
    int status = ic_request(&shutdown->ic, body, sizeof(body));
    if (status == 0) {
        shutdown->state = SHUTDOWN_ASKED;
    }
    return status;
}

static void answered(struct ic *ic, const struct ic_answer *answer)
{
    struct shutdown *shutdown = (struct shutdown *)ic;

    if (shutdown->state == SHUTDOWN_ASKED) {
        shutdown->status = answer->status;
        shutdown->state = answer->status == IC_STATUS_OK ? SHUTDOWN_ACCEPTED : SHUTDOWN_REFUSED;
    }
}

static void agreed(struct ic *ic, uint64_t now_ns)
{
    (void)now_ns;
    ((struct shutdown *)ic)->state = SHUTDOWN_NOT_ASKED;
}

static void closed(struct ic *ic)
{
    ((struct shutdown *)ic)->state = SHUTDOWN_NOT_ASKED;
}

static const struct state_field state_rows[] = {
    STATE_STRUCT_FIELD(struct shutdown, ic, &ic_saved_table),
    STATE_FIELD_MAX(struct shutdown, state, SHUTDOWN_REFUSED),
    STATE_FIELD(struct shutdown, status),
};

static const struct ic_version versions[] = { { 3, 2 }, { 3, 1 }, { 3, 0 }, { 1, 0 } };

static const struct ic_kind kind = {
    .type = { .name = "shutdown",
              .size = sizeof(struct shutdown),
              .state = STATE_TABLE("shutdown", 1, struct shutdown, state_rows) },
    .class = VMBUS_GUID(0x0e0b6031, 0x5213, 0x4934, 0x818b, 0x38d90ced39db),
    .instance = VMBUS_GUID(0xb6650ff7, 0x33bc, 0x4840, 0x8048, 0xe0676786f393),
    .message = IC_MESSAGE_SHUTDOWN,
    .versions = versions,
    .n_versions = ARRAY_SIZE(versions),
    .agreed = agreed,
    .answered = answered,
    .closed = closed,
};

int shutdown_init(struct shutdown *shutdown, const struct ic_world *world)
{
    return ic_init(&shutdown->ic, &kind, world);
}
