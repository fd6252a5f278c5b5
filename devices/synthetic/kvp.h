/* The key-value component: what the guest says of itself, and what the host tells it. [LINUX drivers/hv/hv_kvp.c;
 * include/uapi/linux/hyperv.h struct hv_kvp_msg]
 *
 * The host keeps a copy of the guest's pools: it lists them when the guest's daemon has come, and then now and again. What is to
 * be set or deleted waits in a queue; one request is under way at a time.
 */
#ifndef DEVICES_SYNTHETIC_KVP_H
#define DEVICES_SYNTHETIC_KVP_H

#include "devices/synthetic/ic.h"

enum {
    KVP_KEY_BYTES = 512 * 2, /* UTF-8, with the final 0 */
    KVP_VALUE_BYTES = 2048 * 2,
    KVP_PERIOD_S = 15,
    KVP_ITEMS_MAX = 256, /* of one pool */
    KVP_WRITES_MAX = 64,
};

/* X(code, NAME, whether the host asks for it). [LINUX include/uapi/linux/hyperv.h enum hv_kvp_exchg_op] */
#define KVP_OPERATIONS(X)                                                                          \
    X(0, GET, never)                                                                               \
    X(1, SET, done)                                                                                \
    X(2, DELETE, done)                                                                             \
    X(3, ENUMERATE, done)                                                                          \
    X(4, GET_IP_INFO, never)                                                                       \
    X(5, SET_IP_INFO, never)

enum kvp_operation {
#define X(code, name, state) KVP_##name = code,
    KVP_OPERATIONS(X)
#undef X
};

enum kvp_pool { KVP_POOL_EXTERNAL = 0, KVP_POOL_GUEST = 1, KVP_POOL_AUTO = 2, KVP_POOLS = 3 };

struct kvp_item {
    struct kvp_item *next;
    enum kvp_pool pool;
    bool delete; /* of those that wait to be written */
    char *value; /* behind the key */
    char key[];
};

struct kvp {
    struct ic ic;                     /* first */
    struct kvp_item *items, *listing; /* what the guest holds; what is being listed anew */
    struct kvp_item *writes;          /* oldest first */
    unsigned n_writes;
    bool busy; /* a request is under way */
    uint8_t busy_operation;
    enum kvp_pool pool; /* of the listing */
    uint32_t index;
    bool list_wanted, listed; /* listed: `items` is whole */
    uint64_t failed;          /* writes that the guest refused */
};

WARN_UNUSED int kvp_init(struct kvp *kvp, const struct ic_world *world);
void kvp_fini(struct kvp *kvp);

/* -ENOTCONN: there is no daemon in the guest; -EINVAL: too long, or no UTF-8; -ENOBUFS; -ENOMEM. */
int kvp_set(struct kvp *kvp, const char *key, const char *value);
int kvp_delete(struct kvp *kvp, const char *key);
/* List the pools anew, soon. */
int kvp_refresh(struct kvp *kvp);

#endif
