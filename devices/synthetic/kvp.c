/* Key-value exchange: requests one at a time, lists of pools, texts in UTF-16. [LINUX include/uapi/linux/hyperv.h] */
#include "devices/synthetic/kvp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/synthetic/utf16.h"

enum {
    TYPE_TEXT = 1,

    /* u8 operation, u8 pool, u16 0; then by operation:
     *   set:       u32 type, u32 key bytes, u32 value bytes, key[512], value[2048]
     *   delete:    u32 key bytes, key[512]
     *   enumerate: u32 index, then as set; so is its answer */
    POOL = 1,
    OPERATION_BODY = 4,
    KEY_MAX = 512,
    VALUE_MAX = 2048,
    DATA_TYPE = 0,
    DATA_KEY_BYTES = 4,
    DATA_VALUE_BYTES = 8,
    DATA_KEY = 12,
    DATA_VALUE = DATA_KEY + KEY_MAX,
    DATA = DATA_VALUE + VALUE_MAX,
    BODY = OPERATION_BODY + 4 + DATA,
    DELETE_KEY = 4,
};

static struct kvp_item *item_make(enum kvp_pool pool, const char *key, const char *value)
{
    size_t n_key = strlen(key) + 1, n_value = strlen(value) + 1;
    struct kvp_item *item = calloc(1, sizeof(*item) + n_key + n_value);

    if (item != NULL) {
        item->pool = pool;
        memcpy(item->key, key, n_key);
        item->value = item->key + n_key;
        memcpy(item->value, value, n_value);
    }
    return item;
}

static void items_drop(struct kvp_item **list)
{
    while (*list != NULL) {
        struct kvp_item *item = *list;
        *list = item->next;
        free(item);
    }
}

static void item_append(struct kvp_item **list, struct kvp_item *item)
{
    while (*list != NULL) {
        list = &(*list)->next;
    }
    item->next = NULL;
    *list = item;
}

/* ---- requests ---- */

static void request_list(struct kvp *kvp)
{
    uint8_t body[BODY] = { 0 };

    body[0] = kvp->busy_operation = KVP_ENUMERATE;
    body[POOL] = (uint8_t)kvp->pool;
    le32_store(body + OPERATION_BODY, kvp->index);
    kvp->busy = ic_request(&kvp->ic, body, sizeof(body)) == 0;
}

static void request_write(struct kvp *kvp)
{
    struct kvp_item *item = kvp->writes;
    uint8_t body[BODY] = { 0 }, *data = body + OPERATION_BODY;
    uint32_t n_key, n_value = 0;

    kvp->writes = item->next;
    kvp->n_writes--;
    body[0] = kvp->busy_operation = item->delete ? KVP_DELETE : KVP_SET;
    body[POOL] = (uint8_t)item->pool;
    if (item->delete) {
        (void)utf16_from_utf8(item->key, data + DELETE_KEY, KEY_MAX, &n_key);
        le32_store(data, n_key);
    } else {
        (void)utf16_from_utf8(item->key, data + DATA_KEY, KEY_MAX, &n_key);
        (void)utf16_from_utf8(item->value, data + DATA_VALUE, VALUE_MAX, &n_value);
        le32_store(data + DATA_TYPE, TYPE_TEXT);
        le32_store(data + DATA_KEY_BYTES, n_key);
        le32_store(data + DATA_VALUE_BYTES, n_value);
    }
    free(item);
    kvp->list_wanted = true;
    kvp->busy = ic_request(&kvp->ic, body, sizeof(body)) == 0;
}

/* The next thing to do, when nothing is under way. */
static void proceed(struct kvp *kvp)
{
    if (kvp->busy || !kvp->ic.agreed) {
        return;
    }
    if (kvp->writes != NULL) {
        request_write(kvp);
    } else if (kvp->list_wanted) {
        kvp->list_wanted = false;
        items_drop(&kvp->listing);
        kvp->pool = KVP_POOL_EXTERNAL;
        kvp->index = 0;
        request_list(kvp);
    }
}

/* ---- answers ---- */

/* One item of the answer; false: it makes no sense, skip it. */
static bool item_listed(struct kvp *kvp, const struct ic_answer *answer)
{
    const uint8_t *data = answer->body + OPERATION_BODY + 4;
    char key[KVP_KEY_BYTES], value[KVP_VALUE_BYTES];
    struct kvp_item *item;

    if (answer->n < BODY || le32_load(data + DATA_KEY_BYTES) > KEY_MAX ||
        le32_load(data + DATA_VALUE_BYTES) > VALUE_MAX ||
        le32_load(data + DATA_TYPE) != TYPE_TEXT) {
        return false;
    }
    utf16_to_utf8(data + DATA_KEY, le32_load(data + DATA_KEY_BYTES), key, sizeof(key));
    utf16_to_utf8(data + DATA_VALUE, le32_load(data + DATA_VALUE_BYTES), value, sizeof(value));
    item = item_make(kvp->pool, key, value);
    if (item != NULL) {
        item_append(&kvp->listing, item);
    }
    return item != NULL;
}

static void list_answered(struct kvp *kvp, const struct ic_answer *answer)
{
    if (answer->status == IC_STATUS_OK && kvp->index < KVP_ITEMS_MAX) {
        (void)item_listed(kvp, answer);
        kvp->index++;
        request_list(kvp);
        return;
    }
    kvp->index = 0;
    kvp->pool++;
    if (kvp->pool < KVP_POOLS) {
        request_list(kvp);
        return;
    }
    kvp->pool = KVP_POOL_EXTERNAL;
    items_drop(&kvp->items);
    kvp->items = kvp->listing;
    kvp->listing = NULL;
    kvp->listed = true;
}

static void answered(struct ic *ic, const struct ic_answer *answer)
{
    struct kvp *kvp = (struct kvp *)ic;

    if (!kvp->busy || answer->transaction != ic->transaction) {
        return;
    }
    kvp->busy = false;
    if (kvp->busy_operation == KVP_ENUMERATE) {
        list_answered(kvp, answer);
    } else {
        kvp->failed += answer->status != IC_STATUS_OK;
    }
    proceed(kvp);
}

static void tick(struct ic *ic, uint64_t now_ns)
{
    struct kvp *kvp = (struct kvp *)ic;

    kvp->list_wanted = true;
    proceed(kvp);
    ic_tick_at(ic, now_ns + KVP_PERIOD_S * UINT64_C(1000000000));
}

static void closed(struct ic *ic)
{
    struct kvp *kvp = (struct kvp *)ic;

    items_drop(&kvp->items);
    items_drop(&kvp->listing);
    items_drop(&kvp->writes);
    kvp->n_writes = 0;
    kvp->busy = kvp->listed = kvp->list_wanted = false;
}

/* ---- the host's side ---- */

static int write_wanted(struct kvp *kvp, const char *key, const char *value, bool delete)
{
    uint8_t units[VALUE_MAX];
    uint32_t n;
    struct kvp_item *item;

    if (!kvp->ic.agreed) {
        return -ENOTCONN;
    }
    if (kvp->n_writes == KVP_WRITES_MAX) {
        return -ENOBUFS;
    }
    if (key[0] == '\0' || !utf16_from_utf8(key, units, KEY_MAX, &n) ||
        !utf16_from_utf8(value, units, VALUE_MAX, &n)) {
        return -EINVAL;
    }
    item = item_make(KVP_POOL_EXTERNAL, key, value);
    if (item == NULL) {
        return -ENOMEM;
    }
    item->delete = delete;
    item_append(&kvp->writes, item);
    kvp->n_writes++;
    proceed(kvp);
    return 0;
}

int kvp_set(struct kvp *kvp, const char *key, const char *value)
{
    return write_wanted(kvp, key, value, false);
}

int kvp_delete(struct kvp *kvp, const char *key)
{
    return write_wanted(kvp, key, "", true);
}

int kvp_refresh(struct kvp *kvp)
{
    if (!kvp->ic.agreed) {
        return -ENOTCONN;
    }
    kvp->list_wanted = true;
    proceed(kvp);
    return 0;
}

/* ---- saved state ---- */

/* An item of one of the three lists. */
struct saved_item {
    uint8_t list, pool;
    bool delete;
    uint32_t n_key, n_value;
    uint8_t key[KVP_KEY_BYTES], value[KVP_VALUE_BYTES];
};

static const struct state_field item_rows[] = {
    STATE_FIELD_MAX(struct saved_item, list, 2),
    STATE_FIELD_MAX(struct saved_item, pool, KVP_POOLS - 1),
    STATE_FIELD(struct saved_item, delete),
    STATE_COUNTED_FIELD(struct saved_item, key, n_key),
    STATE_COUNTED_FIELD(struct saved_item, value, n_value),
};
static const struct state_table item_table = STATE_TABLE("item", 1, struct saved_item, item_rows);

static bool items_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct kvp *kvp = object;
    const struct kvp_item *const lists[] = { kvp->items, kvp->listing, kvp->writes };
    const struct kvp_item *item = cursor->at;
    struct saved_item *saved = element;

    item = item != NULL ? item->next : cursor->b == 0 ? lists[0] : NULL;
    cursor->b = 1;
    while (item == NULL && ++cursor->a < ARRAY_SIZE(lists)) {
        item = lists[cursor->a];
    }
    cursor->at = item;
    if (item == NULL) {
        return false;
    }
    size_t n_key = strlen(item->key), n_value = strlen(item->value);
    saved->list = (uint8_t)cursor->a;
    saved->pool = (uint8_t)item->pool;
    saved->delete = item->delete;
    saved->n_key = (uint32_t)(n_key < KVP_KEY_BYTES ? n_key : KVP_KEY_BYTES - 1);
    saved->n_value = (uint32_t)(n_value < KVP_VALUE_BYTES ? n_value : KVP_VALUE_BYTES - 1);
    memcpy(saved->key, item->key, saved->n_key);
    memcpy(saved->value, item->value, saved->n_value);
    return true;
}

static int items_put(void *object, const void *element, struct error *error)
{
    struct kvp *kvp = object;
    struct kvp_item **const lists[] = { &kvp->items, &kvp->listing, &kvp->writes };
    const struct saved_item *saved = element;

    /* The bytes behind the counted ones are 0. */
    if (saved->n_key >= KVP_KEY_BYTES || saved->n_value >= KVP_VALUE_BYTES ||
        (saved->list == 2 && kvp->n_writes == KVP_WRITES_MAX)) {
        return error_set(error, -EINVAL, "no item can be like this");
    }
    struct kvp_item *item =
        item_make((enum kvp_pool)saved->pool, (const char *)saved->key, (const char *)saved->value);
    if (item == NULL) {
        return error_set(error, -ENOMEM, "no memory for items");
    }
    item->delete = saved->delete;
    item_append(lists[saved->list], item);
    kvp->n_writes += saved->list == 2;
    return 0;
}

static const struct state_list items_list = { &item_table, sizeof(struct saved_item), items_get,
                                              items_put };

static const struct state_field state_rows[] = {
    STATE_STRUCT_FIELD(struct kvp, ic, &ic_saved_table),
    STATE_LIST_FIELD("items", &items_list),
    STATE_FIELD(struct kvp, busy),
    STATE_FIELD(struct kvp, busy_operation),
    STATE_FIELD_MAX(struct kvp, pool, KVP_POOLS - 1),
    STATE_FIELD(struct kvp, index),
    STATE_FIELD(struct kvp, list_wanted),
    STATE_FIELD(struct kvp, listed),
    STATE_FIELD(struct kvp, failed),
};

static const struct ic_version versions[] = { { 4, 0 }, { 3, 0 }, { 1, 0 } };

static const struct ic_kind kind = {
    .type = { .name = "kvp",
              .size = sizeof(struct kvp),
              .state = STATE_TABLE("kvp", 1, struct kvp, state_rows) },
    .class = VMBUS_GUID(0xa9a0f4e7, 0x5a45, 0x4d96, 0xb827, 0x8a841e8c03e6),
    .instance = VMBUS_GUID(0x242ff919, 0x07db, 0x4180, 0x9c2e, 0xb86cb68c8c55),
    .message = IC_MESSAGE_KVP,
    .versions = versions,
    .n_versions = ARRAY_SIZE(versions),
    .agreed = tick,
    .answered = answered,
    .tick = tick,
    .closed = closed,
};

int kvp_init(struct kvp *kvp, const struct ic_world *world)
{
    return ic_init(&kvp->ic, &kind, world);
}

void kvp_fini(struct kvp *kvp)
{
    if (kvp->ic.kind != NULL) {
        closed(&kvp->ic);
        ic_fini(&kvp->ic);
    }
}
