/* The tables of the hypervisor's saved state. [docs/saved-state.md] */
#include "partitions/hv/saved_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "partitions/hv/hv.h"
#include "partitions/hv/memory.h"
#include "partitions/hv/port.h"
#include "partitions/hv/synic.h"
#include "partitions/hv/vp_synthetic.h"

static int cannot_be(struct error *error, const char *why)
{
    return error_set(error, -EINVAL, "%s", why);
}

/* ---- what there was ---- */

int hypervisor_restore_partition(struct hypervisor *hv, uint64_t id, uint64_t parent_id,
                                 struct error *error)
{
    struct partition *parent = hypervisor_partition(hv, parent_id);

    if (parent == NULL || id == 0 || id < hv->next_partition_id || id > UINT32_MAX ||
        partition_depth(parent) >= HV_DEPTH) {
        return cannot_be(error, "no partition can have this id or parent");
    }
    return partition_restore(hv, parent, id) == HV_STATUS_SUCCESS
               ? 0
               : error_set(error, -ENOMEM, "no memory for a partition");
}

int hypervisor_restore_vp(struct hypervisor *hv, uint64_t partition_id, uint32_t index,
                          struct error *error)
{
    struct partition *partition = hypervisor_partition(hv, partition_id);
    struct vp *vp;

    if (partition == NULL || index >= hv->config.max_vps || partition->vps[index] != NULL) {
        return cannot_be(error, "no VP can have this partition or index");
    }
    vp = hv->ops->vp_create(hv->config.ops_opaque, partition, index);
    if (vp == NULL) {
        return error_set(error, -ENOMEM, "no memory for a VP");
    }
    vp->partition = partition;
    vp->index = index;
    if (!hv_vp_init(vp)) {
        hv->ops->vp_destroy(hv->config.ops_opaque, vp);
        return cannot_be(error, "there are more VPs than the hypervisor has pages for");
    }
    partition->vps[index] = vp;
    partition->n_vps++;
    return 0;
}

/* ---- overlays ---- */

static const struct state_field overlay_rows[] = {
    STATE_FIELD(struct overlay, spa),
    STATE_FIELD(struct overlay, gpfn),
    STATE_FIELD(struct overlay, owned),
    STATE_FIELD(struct overlay, mapped),
};
static const struct state_table overlay_table =
    STATE_TABLE("overlay", 1, struct overlay, overlay_rows);

/* Its page is one of the hypervisor's. */
static bool overlay_fits(const struct overlay *overlay, const struct hypervisor *hv, bool owned)
{
    uint64_t spfn = overlay->spa >> PAGE_SHIFT;

    return overlay->owned == owned && (owned || !overlay->mapped) &&
           (!owned || ((overlay->spa & ~PAGE_MASK) == 0 && spfn >= hv->config.reserved_spfn &&
                       spfn - hv->config.reserved_spfn < hv->config.reserved_pages));
}

/* ---- who owns each page of RAM ---- */

/* Pages one behind the other of one use and owner, which the root sees one behind the other, too. */
struct page_run {
    uint64_t spfn, n_pages, root_gpfn; /* UINT64_MAX: the root sees none of them */
    uint32_t owner;
    uint8_t use, allocated;
};

static const struct state_field page_run_rows[] = {
    STATE_FIELD(struct page_run, spfn),
    STATE_FIELD(struct page_run, n_pages),
    STATE_FIELD(struct page_run, root_gpfn),
    STATE_FIELD(struct page_run, owner),
    STATE_FIELD_MAX(struct page_run, use, HV_PAGE_HYPERVISOR),
    STATE_FIELD_MAX(struct page_run, allocated, 1),
};
static const struct state_table page_run_table =
    STATE_TABLE("pages", 1, struct page_run, page_run_rows);

static bool page_follows(const struct page_run *run, const struct hv_page *page)
{
    return page->use == run->use && page->owner == run->owner &&
           page->allocated == run->allocated &&
           page->root_gpfn ==
               (run->root_gpfn == UINT64_MAX ? UINT64_MAX : run->root_gpfn + run->n_pages);
}

static bool pages_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct hypervisor *hv = object;
    struct page_run *run = element;
    uint64_t spfn = cursor->a;

    if (spfn >= hv->ram->n_pages) {
        return false;
    }
    const struct hv_page *page = &hv->pages[spfn];
    *run = (struct page_run){ spfn, 1, page->root_gpfn, page->owner, page->use, page->allocated };
    while (spfn + run->n_pages < hv->ram->n_pages &&
           page_follows(run, &hv->pages[spfn + run->n_pages])) {
        run->n_pages++;
    }
    cursor->a = spfn + run->n_pages;
    return true;
}

static int pages_put(void *object, const void *element, struct error *error)
{
    struct hypervisor *hv = object;
    const struct page_run *run = element;

    if (run->spfn >= hv->ram->n_pages || run->n_pages == 0 ||
        run->n_pages > hv->ram->n_pages - run->spfn) {
        return cannot_be(error, "lies outside the machine's memory");
    }
    for (uint64_t i = 0; i < run->n_pages; i++) {
        struct hv_page *page = &hv->pages[run->spfn + i];
        page->use = run->use;
        page->owner = run->owner;
        page->allocated = run->allocated;
        page->root_gpfn = run->root_gpfn == UINT64_MAX ? UINT64_MAX : run->root_gpfn + i;
    }
    return 0;
}

static const struct state_list pages_list = { &page_run_table, sizeof(struct page_run), pages_get,
                                              pages_put };

/* ---- partitions: memory ---- */

static const struct state_field space_run_rows[] = {
    STATE_FIELD(struct space_run, gpfn),
    STATE_FIELD(struct space_run, n_pages),
    STATE_FIELD(struct space_run, spa),
    STATE_FIELD_MAX(struct space_run, rights, SPACE_RWX),
};
static const struct state_table space_run_table =
    STATE_TABLE("run", 1, struct space_run, space_run_rows);

static bool map_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct partition *partition = object;
    struct space_run *run = element;

    run->gpfn = cursor->a;
    if (!space_run_next(&partition->space, run)) {
        return false;
    }
    cursor->a = run->gpfn + run->n_pages;
    return true;
}

static int map_put(void *object, const void *element, struct error *error)
{
    struct partition *partition = object;
    const struct space_run *run = element;
    int status = space_map(&partition->space, run->gpfn, run->spa, run->n_pages, run->rights);

    return status == 0 ? 0 : error_set(error, status, "cannot be mapped there");
}

static bool overlays_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct partition *partition = object;

    return space_overlay_at(&partition->space, cursor->a++, element);
}

static int overlays_put(void *object, const void *element, struct error *error)
{
    struct partition *partition = object;
    const struct space_run *run = element;
    int status = space_overlay_map(&partition->space, run->gpfn, run->spa, run->rights);

    return status == 0 ? 0 : error_set(error, status, "cannot be mapped there");
}

static const struct state_field pool_page_rows[] = {
    STATE_FIELD(struct pool_page, spa),
    STATE_FIELD(struct pool_page, parent_gpfn),
};
static const struct state_table pool_page_table =
    STATE_TABLE("page", 1, struct pool_page, pool_page_rows);

static bool pool_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct partition *partition = object;

    if (cursor->a >= partition->pool_total) {
        return false;
    }
    *(struct pool_page *)element = partition->pool[cursor->a++];
    return true;
}

static int pool_put(void *object, const void *element, struct error *error)
{
    struct partition *partition = object;
    const struct pool_page *page = element;

    if ((page->spa & ~PAGE_MASK) != 0 || page->spa >> PAGE_SHIFT >= partition->hv->ram->n_pages) {
        return cannot_be(error, "lies outside the machine's memory");
    }
    return hv_pool_add(partition, page->spa >> PAGE_SHIFT, page->parent_gpfn)
               ? 0
               : error_set(error, -ENOMEM, "no memory for a pool");
}

/* A pool that was made with the partition is replaced by the one that was saved. */
static uint64_t pool_total_get(const void *object)
{
    return ((const struct partition *)object)->pool_total;
}

static int pool_total_put(void *object, uint64_t value, struct error *error)
{
    struct partition *partition = object;

    partition->pool_total = 0;
    return value <= partition->hv->ram->n_pages ? 0 : cannot_be(error, "is more than all memory");
}

static const struct state_list map_list = { &space_run_table, sizeof(struct space_run), map_get,
                                            map_put };
static const struct state_list overlays_list = { &space_run_table, sizeof(struct space_run),
                                                 overlays_get, overlays_put };
static const struct state_list pool_list = { &pool_page_table, sizeof(struct pool_page), pool_get,
                                             pool_put };
static const struct state_value pool_total = { pool_total_get, pool_total_put };

/* ---- partitions: ports and connections ---- */

struct saved_port {
    uint64_t connectable; /* partition id; 0: none any more */
    uint64_t post_count;
    uint32_t id, type, sint, vp, preferred_vp;
    uint16_t base_flag, flag_count;
    uint8_t vtl;
    bool connected;
};

static const struct state_field port_rows[] = {
    STATE_FIELD(struct saved_port, connectable),
    STATE_FIELD(struct saved_port, post_count),
    STATE_FIELD(struct saved_port, id),
    STATE_FIELD_MAX(struct saved_port, type, HV_PORT_MONITOR),
    STATE_FIELD_MAX(struct saved_port, sint, HV_SINTS - 1),
    STATE_FIELD(struct saved_port, vp),
    STATE_FIELD(struct saved_port, preferred_vp),
    STATE_FIELD_MAX(struct saved_port, base_flag, HV_EVENT_FLAGS_PER_SINT - 1),
    STATE_FIELD_MAX(struct saved_port, flag_count, HV_EVENT_FLAGS_PER_SINT),
    STATE_FIELD_MAX(struct saved_port, vtl, HV_VTLS - 1),
    STATE_FIELD(struct saved_port, connected),
};
static const struct state_table port_table = STATE_TABLE("port", 1, struct saved_port, port_rows);

/* Lists have the newest first; they are given from the oldest on, and taken to the front. */
static const struct port *port_from_oldest(const struct partition *partition, uint64_t number)
{
    const struct port *port = partition->port_list;
    uint64_t n = 0;

    for (const struct port *p = port; p != NULL; p = p->next) {
        n++;
    }
    for (uint64_t i = number + 1; i < n; i++) {
        port = port->next;
    }
    return number < n ? port : NULL;
}

static bool ports_get(const void *object, struct state_cursor *cursor, void *element)
{
    struct saved_port *saved = element;
    const struct port *port = port_from_oldest(object, cursor->a++);

    if (port == NULL) {
        return false;
    }
    *saved = (struct saved_port){
        .connectable = port->connectable != NULL ? port->connectable->id : 0,
        .post_count = port->post_count,
        .id = port->id,
        .type = port->info.type,
        .sint = port->info.sint,
        .vp = port->info.vp,
        .preferred_vp = port->preferred_vp,
        .base_flag = port->info.base_flag,
        .flag_count = port->info.flag_count,
        .vtl = port->vtl,
        .connected = port->connected,
    };
    return true;
}

static int ports_put(void *object, const void *element, struct error *error)
{
    struct partition *partition = object;
    const struct saved_port *saved = element;
    struct partition *connectable = hypervisor_partition(partition->hv, saved->connectable);

    if ((saved->connectable != 0 && connectable == NULL) || saved->id >> HV_PORT_ID_BITS != 0 ||
        hv_port_find(partition, saved->id) != NULL ||
        (saved->type != HV_PORT_MESSAGE && saved->type != HV_PORT_EVENT) ||
        saved->base_flag + saved->flag_count > HV_EVENT_FLAGS_PER_SINT) {
        return cannot_be(error, "no port can be like this");
    }
    struct port *port = calloc(1, sizeof(*port));
    if (port == NULL) {
        return error_set(error, -ENOMEM, "no memory for a port");
    }
    *port = (struct port){
        .next = partition->port_list,
        .id = saved->id,
        .vtl = saved->vtl,
        .owner = partition,
        .connectable = connectable,
        .info = { .type = (enum hv_port_type)saved->type,
                  .sint = saved->sint,
                  .vp = saved->vp,
                  .base_flag = saved->base_flag,
                  .flag_count = saved->flag_count },
        .connected = saved->connected,
        .post_count = saved->post_count,
        .preferred_vp = saved->preferred_vp,
    };
    for (unsigned i = 0; i < HV_PORT_BUFFERS; i++) {
        port->buffers[i].port = port;
        port->buffers[i].next = port->free;
        port->free = &port->buffers[i];
    }
    partition->port_list = port;
    return 0;
}

static const struct state_list ports_list = { &port_table, sizeof(struct saved_port), ports_get,
                                              ports_put };

/* ---- partitions: the rest ---- */

static uint64_t intercept_target_get(const void *object)
{
    const struct partition *partition = object;

    return partition->intercept_target != NULL ? partition->intercept_target->index : UINT64_MAX;
}

static int intercept_target_put(void *object, uint64_t value, struct error *error)
{
    struct partition *partition = object;

    partition->intercept_target = NULL;
    if (value == UINT64_MAX) {
        return 0;
    }
    if (partition->parent == NULL || value >= HV_VPS || partition->parent->vps[value] == NULL) {
        return cannot_be(error, "the parent has no such VP");
    }
    partition->intercept_target = partition->parent->vps[value];
    return 0;
}

static const struct state_value intercept_target = { intercept_target_get, intercept_target_put };

static const struct state_field intercepts_rows[] = {
    STATE_FIELD(struct partition_intercepts, io),
    STATE_FIELD(struct partition_intercepts, msr),
    STATE_COUNTED_FIELD(struct partition_intercepts, cpuid, n_cpuid),
    STATE_FIELD(struct partition_intercepts, exceptions),
    STATE_FIELD(struct partition_intercepts, halt),
};
static const struct state_table intercepts_table =
    STATE_TABLE("intercepts", 1, struct partition_intercepts, intercepts_rows);

static const struct state_field partition_rows[] = {
    STATE_FIELD_MAX(struct partition, state, PARTITION_FINALIZED),
    STATE_FIELD(struct partition, privileges),
    STATE_FIELD(struct partition, create_flags),
    STATE_VALUE_FIELD("pool_total", &pool_total), /* before the pool */
    STATE_LIST_FIELD("pool", &pool_list),
    STATE_FIELD(struct partition, pool_used),
    STATE_FIELD(struct partition, map_charged),
    STATE_FIELD(struct partition, create_charged),
    STATE_FIELD(struct partition, features),
    STATE_FIELD(struct partition, properties),
    STATE_FIELD(struct partition, guest_os_id),
    STATE_FIELD(struct partition, hypercall_msr),
    STATE_FIELD(struct partition, reference_tsc_msr),
    STATE_FIELD(struct partition, tsc_invariant_control),
    STATE_FIELD(struct partition, crash),
    STATE_FIELD(struct partition, crash_control),
    { STATE_ROW(struct partition, power_off, STATE_BOOL, .element = 1, .since = 2) },
    { STATE_ROW(struct partition, reset, STATE_BOOL, .element = 1, .since = 2) },
    { STATE_ROW(struct partition, crashed, STATE_BOOL, .element = 1, .since = 2) },
    STATE_STRUCT_FIELD(struct partition, hypercall_page, &overlay_table),
    STATE_STRUCT_FIELD(struct partition, reference_tsc_page, &overlay_table),
    STATE_FIELD(struct partition, tsc_scale),
    STATE_FIELD(struct partition, tsc_offset),
    STATE_STRUCT_FIELD(struct partition, intercepts, &intercepts_table),
    STATE_VALUE_FIELD("intercept_target", &intercept_target),
    STATE_LIST_FIELD("map", &map_list),
    STATE_LIST_FIELD("overlays", &overlays_list),
    STATE_LIST_FIELD("ports", &ports_list),
};

static int partition_loaded(void *object, struct error *error)
{
    const struct partition *partition = object;

    if (!overlay_fits(&partition->hypercall_page, partition->hv, true) ||
        !overlay_fits(&partition->reference_tsc_page, partition->hv, true)) {
        return cannot_be(error, "an overlay's page is not the hypervisor's");
    }
    return partition->pool_used <= partition->pool_total
               ? 0
               : cannot_be(error, "pool_used is more than the pool has");
}

const struct state_table partition_saved_table =
    STATE_TABLE_LOADED("partition", 2, struct partition, partition_rows, partition_loaded);

/* ---- connections: of all partitions, when all ports are there ---- */

struct saved_connection {
    uint64_t owner, port_partition;
    uint32_t id, port, type;
    uint8_t vtl;
    bool attached; /* the port is still there */
};

static const struct state_field connection_rows[] = {
    STATE_FIELD(struct saved_connection, owner),
    STATE_FIELD(struct saved_connection, port_partition),
    STATE_FIELD(struct saved_connection, id),
    STATE_FIELD(struct saved_connection, port),
    STATE_FIELD_MAX(struct saved_connection, type, HV_PORT_MONITOR),
    STATE_FIELD_MAX(struct saved_connection, vtl, HV_VTLS - 1),
    STATE_FIELD(struct saved_connection, attached),
};
static const struct state_table connection_table =
    STATE_TABLE("connection", 1, struct saved_connection, connection_rows);

static const struct connection *connection_from_oldest(const struct partition *partition,
                                                       uint64_t number)
{
    const struct connection *connection = partition->connection_list;
    uint64_t n = 0;

    for (const struct connection *c = connection; c != NULL; c = c->next) {
        n++;
    }
    for (uint64_t i = number + 1; i < n; i++) {
        connection = connection->next;
    }
    return number < n ? connection : NULL;
}

static bool connections_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct hypervisor *hv = object;
    const struct connection *connection = NULL;

    while (cursor->b < hv->n_partitions) {
        connection = connection_from_oldest(hv->partitions[cursor->b], cursor->a++);
        if (connection != NULL) {
            break;
        }
        cursor->b++;
        cursor->a = 0;
    }
    if (connection == NULL) {
        return false;
    }
    *(struct saved_connection *)element = (struct saved_connection){
        .owner = connection->owner->id,
        .port_partition = connection->port_partition_id,
        .id = connection->id,
        .port = connection->port != NULL ? connection->port->id : 0,
        .type = connection->type,
        .vtl = connection->vtl,
        .attached = connection->port != NULL,
    };
    return true;
}

static int connections_put(void *object, const void *element, struct error *error)
{
    struct hypervisor *hv = object;
    const struct saved_connection *saved = element;
    struct partition *owner = hypervisor_partition(hv, saved->owner);
    struct partition *target = hypervisor_partition(hv, saved->port_partition);
    struct port *port =
        saved->attached && target != NULL ? hv_port_find(target, saved->port) : NULL;

    if (owner == NULL || saved->id >> HV_CONNECTION_ID_BITS != 0 ||
        hv_connection_find(owner, saved->id) != NULL || (saved->attached && port == NULL) ||
        (port != NULL && (uint32_t)port->info.type != saved->type)) {
        return cannot_be(error, "no connection can be like this");
    }
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        return error_set(error, -ENOMEM, "no memory for a connection");
    }
    *connection = (struct connection){
        .next = owner->connection_list,
        .id = saved->id,
        .vtl = saved->vtl,
        .owner = owner,
        .port_partition_id = saved->port_partition,
        .port = port,
        .type = (enum hv_port_type)saved->type,
    };
    owner->connection_list = connection;
    return 0;
}

static const struct state_list connections_list = { &connection_table,
                                                    sizeof(struct saved_connection),
                                                    connections_get, connections_put };

/* ---- VPs: messages that wait ---- */

enum buffer_of { BUFFER_PORT, BUFFER_TIMER, BUFFER_INTERCEPT };

/* A message in the queue of a SINT, and whose buffer it lies in. */
struct saved_message {
    uint64_t owner; /* partition id of the port, or of the VP that was intercepted */
    uint64_t origin;
    uint32_t number; /* port id; index of the timer, of the VP */
    uint32_t type;
    uint8_t of, vtl, sint, buffer, payload_size, flags;
    uint8_t payload[HV_MESSAGE_PAYLOAD_MAX];
};

static const struct state_field message_rows[] = {
    STATE_FIELD_MAX(struct saved_message, of, BUFFER_INTERCEPT),
    STATE_FIELD(struct saved_message, owner),
    STATE_FIELD(struct saved_message, number),
    STATE_FIELD_MAX(struct saved_message, buffer, HV_PORT_BUFFERS - 1),
    STATE_FIELD_MAX(struct saved_message, vtl, HV_VTLS - 1),
    STATE_FIELD_MAX(struct saved_message, sint, HV_SINTS - 1),
    STATE_FIELD(struct saved_message, origin),
    STATE_FIELD(struct saved_message, type),
    STATE_FIELD_MAX(struct saved_message, payload_size, HV_MESSAGE_PAYLOAD_MAX),
    STATE_FIELD(struct saved_message, flags),
    STATE_FIELD(struct saved_message, payload),
};
static const struct state_table message_table =
    STATE_TABLE("message", 1, struct saved_message, message_rows);

static void message_owner(const struct hv_message_buffer *buffer, struct saved_message *saved)
{
    if (buffer->port != NULL) {
        saved->of = BUFFER_PORT;
        saved->owner = buffer->port->owner->id;
        saved->number = buffer->port->id;
        saved->buffer = (uint8_t)(buffer - buffer->port->buffers);
    } else if (buffer->timer != NULL) {
        saved->of = BUFFER_TIMER;
        saved->number = buffer->timer->index;
    } else {
        const struct vp *vp = CONTAINER_OF(buffer, struct vp, intercept);
        saved->of = BUFFER_INTERCEPT;
        saved->owner = vp->partition->id;
        saved->number = vp->index;
    }
}

static bool messages_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct vp *vp = object;
    struct saved_message *saved = element;
    const struct hv_message_buffer *buffer = cursor->at;

    buffer = buffer != NULL ? buffer->next : vp->vtl[0].synic.queue[0].first;
    while (buffer == NULL && ++cursor->a < HV_VTLS * HV_SINTS) {
        buffer = vp->vtl[cursor->a / HV_SINTS].synic.queue[cursor->a % HV_SINTS].first;
    }
    cursor->at = buffer;
    if (buffer == NULL) {
        return false;
    }
    saved->vtl = (uint8_t)(cursor->a / HV_SINTS);
    saved->sint = (uint8_t)(cursor->a % HV_SINTS);
    message_owner(buffer, saved);
    saved->origin = buffer->message.origin;
    saved->type = buffer->message.type;
    saved->payload_size = buffer->message.payload_size;
    saved->flags = buffer->message.flags;
    memcpy(saved->payload, buffer->message.payload, sizeof(saved->payload));
    return true;
}

static struct hv_message_buffer *message_buffer(struct vp *vp, const struct saved_message *saved)
{
    struct partition *owner = hypervisor_partition(vp->partition->hv, saved->owner);

    if (saved->of == BUFFER_TIMER) {
        struct hv_timer *timer =
            saved->number < HV_STIMERS ? &vp->vtl[saved->vtl].timer[saved->number] : NULL;
        return timer != NULL && timer->vp != NULL ? &timer->buffer : NULL;
    }
    if (owner == NULL) {
        return NULL;
    }
    if (saved->of == BUFFER_PORT) {
        struct port *port = hv_port_find(owner, saved->number);
        return port != NULL ? &port->buffers[saved->buffer] : NULL;
    }
    struct vp *other = partition_vp(owner, saved->number);
    return other != NULL ? &other->intercept : NULL;
}

static int messages_put(void *object, const void *element, struct error *error)
{
    struct vp *vp = object;
    const struct saved_message *saved = element;
    struct hv_message_buffer *buffer = message_buffer(vp, saved);
    struct sint_queue *queue = &vp->vtl[saved->vtl].synic.queue[saved->sint];

    if (buffer == NULL || buffer->queued_vp != NULL || saved->type == HV_MESSAGE_NONE) {
        return cannot_be(error, "no message can wait in this buffer");
    }
    if (buffer->port != NULL) { /* it is in the port's free list */
        struct hv_message_buffer **link = &buffer->port->free;
        while (*link != buffer) {
            link = &(*link)->next;
        }
        *link = buffer->next;
    }
    buffer->message = (struct hv_message){ .type = saved->type,
                                           .payload_size = saved->payload_size,
                                           .flags = saved->flags,
                                           .origin = saved->origin };
    memcpy(buffer->message.payload, saved->payload, sizeof(saved->payload));
    buffer->queued_vp = vp;
    buffer->queued_vtl = saved->vtl;
    buffer->queued_sint = saved->sint;
    buffer->next = NULL;
    *(queue->last != NULL ? &queue->last->next : &queue->first) = buffer;
    queue->last = buffer;
    return 0;
}

static const struct state_list messages_list = { &message_table, sizeof(struct saved_message),
                                                 messages_get, messages_put };

/* ---- VPs: what is synthetic ---- */

static const struct state_field timer_rows[] = {
    STATE_FIELD(struct hv_timer, config),
    STATE_FIELD(struct hv_timer, count),
    STATE_FIELD(struct hv_timer, due_ref),
    STATE_TIMER_FIELD(struct hv_timer, timer),
};
static const struct state_table timer_table = STATE_TABLE("timer", 1, struct hv_timer, timer_rows);

static const struct state_field vtl_rows[] = {
    STATE_FIELD(struct vp_vtl, synic.control),
    STATE_FIELD(struct vp_vtl, synic.siefp_msr),
    STATE_FIELD(struct vp_vtl, synic.simp_msr),
    STATE_FIELD(struct vp_vtl, synic.sint),
    STATE_STRUCT_FIELD(struct vp_vtl, synic.siefp, &overlay_table),
    STATE_STRUCT_FIELD(struct vp_vtl, synic.simp, &overlay_table),
    STATE_STRUCT_FIELD(struct vp_vtl, timer, &timer_table),
    STATE_FIELD(struct vp_vtl, vp_assist_msr),
    STATE_STRUCT_FIELD(struct vp_vtl, vp_assist, &overlay_table),
};
static const struct state_table vtl_table = STATE_TABLE("vtl", 1, struct vp_vtl, vtl_rows);

static const struct state_field vp_rows[] = {
    STATE_FIELD_MAX(struct vp, active_vtl, HV_VTLS - 1),
    STATE_STRUCT_FIELD(struct vp, vtl, &vtl_table),
    STATE_FIELD(struct vp, explicit_suspend),
    STATE_FIELD(struct vp, intercept_suspend),
    STATE_FIELD(struct vp, tlb_flush_inhibit),
    STATE_FIELD(struct vp, run_time_ns),
    STATE_FIELD(struct vp, deliverability_notifications),
    STATE_LIST_FIELD("messages", &messages_list),
};

static int vp_loaded(void *object, struct error *error)
{
    const struct vp *vp = object;
    const struct hypervisor *hv = vp->partition->hv;

    for (unsigned v = 0; v < HV_VTLS; v++) {
        const struct vp_vtl *vtl = &vp->vtl[v];
        if (!overlay_fits(&vtl->synic.simp, hv, v == 0) ||
            !overlay_fits(&vtl->synic.siefp, hv, v == 0) ||
            !overlay_fits(&vtl->vp_assist, hv, v == 0)) {
            return cannot_be(error, "an overlay's page is not the hypervisor's");
        }
    }
    return 0;
}

const struct state_table vp_synthetic_saved_table =
    STATE_TABLE_LOADED("vp", 1, struct vp, vp_rows, vp_loaded);

/* ---- the hypervisor ---- */

static const struct state_field hypervisor_rows[] = {
    STATE_FIELD(struct hypervisor, next_partition_id),
    STATE_FIELD(struct hypervisor, hypercalls),
    STATE_LIST_FIELD("pages", &pages_list),
    STATE_LIST_FIELD("connections", &connections_list),
};

/* A child's map is its parent's doing: every page of it is one mapping. */
static int mappings_derive(struct hypervisor *hv, struct partition *child, struct error *error)
{
    struct space_run run = { .gpfn = 0 };

    child->mapped_pages = 0;
    for (; space_run_next(&child->space, &run); run.gpfn += run.n_pages) {
        for (uint64_t i = 0; i < run.n_pages; i++) {
            struct hv_page *page = &hv->pages[(run.spa >> PAGE_SHIFT) + i];
            struct hv_mapping *mapping = malloc(sizeof(*mapping));
            if (mapping == NULL) {
                return error_set(error, -ENOMEM, "no memory for a partition's mappings");
            }
            *mapping = (struct hv_mapping){ page->mappings, child, run.gpfn + i };
            page->mappings = mapping;
            child->mapped_pages++;
        }
    }
    return 0;
}

static int hypervisor_loaded(void *object, struct error *error)
{
    struct hypervisor *hv = object;
    int status = 0;

    for (unsigned i = 0; i < hv->n_partitions && status == 0; i++) {
        if (hv->partitions[i]->id >= hv->next_partition_id) {
            return cannot_be(error, "next_partition_id is in use");
        }
        status = hv->partitions[i] != hv->root ? mappings_derive(hv, hv->partitions[i], error) : 0;
    }
    return status;
}

const struct state_table hypervisor_saved_table =
    STATE_TABLE_LOADED("hypervisor", 1, struct hypervisor, hypervisor_rows, hypervisor_loaded);

/* ---- after a failure ---- */

/* Any page of the hypervisor's will do: what is destroyed zeroes it. */
static void overlay_mend(struct overlay *overlay, const struct hypervisor *hv, bool owned)
{
    if (!overlay_fits(overlay, hv, owned)) {
        *overlay =
            (struct overlay){ .spa = hv->config.reserved_spfn << PAGE_SHIFT, .owned = owned };
    }
}

void hypervisor_restore_failed(struct hypervisor *hv)
{
    for (unsigned i = 0; i < hv->n_partitions; i++) {
        struct partition *partition = hv->partitions[i];
        overlay_mend(&partition->hypercall_page, hv, true);
        overlay_mend(&partition->reference_tsc_page, hv, true);
        for (uint32_t v = 0; v < HV_VPS * HV_VTLS; v++) {
            struct vp *vp = partition->vps[v / HV_VTLS];
            if (vp != NULL) {
                struct vp_vtl *vtl = &vp->vtl[v % HV_VTLS];
                overlay_mend(&vtl->synic.simp, hv, v % HV_VTLS == 0);
                overlay_mend(&vtl->synic.siefp, hv, v % HV_VTLS == 0);
                overlay_mend(&vtl->vp_assist, hv, v % HV_VTLS == 0);
            }
        }
    }
}
