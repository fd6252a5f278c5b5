/* What frontends ask of a guest while it runs or is held: over VMBus, of its disks and adapters. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/host/memory.h"
#include "partitions/partition.h"
#include "partitions/vmms/vmms_parts.h"

void vmms_guest(struct vmms *vmms, unsigned child, struct vmms_guest *guest)
{
    static const char *const heartbeats[] = {
        [HEARTBEAT_NONE] = "none", [HEARTBEAT_OK] = "ok", [HEARTBEAT_LOST] = "lost"
    };
    static const char *const shutdowns[] = { [SHUTDOWN_NOT_ASKED] = "not asked",
                                             [SHUTDOWN_ASKED] = "asked",
                                             [SHUTDOWN_ACCEPTED] = "accepted",
                                             [SHUTDOWN_REFUSED] = "refused" };
    struct worker *worker = &vmms->child[child].worker;

    *guest = (struct vmms_guest){ .child = worker->machine != NULL,
                                  .partition = vmms->child[child].partition->id,
                                  .over = vmms->child[child].over };
    if (!guest->child) {
        return;
    }
    debug_hold(&vmms->machine);
    guest->vmbus_major = worker->vmbus.server.version >> 16;
    guest->vmbus_minor = worker->vmbus.server.version & 0xffff;
    enum heartbeat_state heartbeat = heartbeat_state(&worker->heartbeat);
    /* A kernel that dies takes leave of VMBus first. */
    bool died = heartbeat == HEARTBEAT_NONE && worker->child->crashed;
    guest->heartbeat = heartbeats[died ? HEARTBEAT_LOST : heartbeat];
    guest->shutdown = shutdowns[worker->shutdown.state];
    guest->kvp = worker->kvp.ic.agreed;
    debug_release(&vmms->machine);
}

int vmms_kvp_each(struct vmms *vmms, unsigned child,
                  void (*each)(void *opaque, const char *pool, const char *key, const char *value),
                  void *opaque)
{
    static const char *const pools[KVP_POOLS] = { "external", "guest", "auto" };
    const struct kvp *kvp = &vmms->child[child].worker.kvp;
    int status;

    debug_hold(&vmms->machine);
    status = kvp->listed ? 0 : -ENOTCONN;
    for (const struct kvp_item *item = kvp->items; item != NULL; item = item->next) {
        each(opaque, pools[item->pool], item->key, item->value);
    }
    debug_release(&vmms->machine);
    return status;
}

bool vmms_offer(struct vmms *vmms, unsigned child, unsigned n, struct vmms_offer *offer)
{
    const struct worker *worker = &vmms->child[child].worker;

    if (n >= worker->n_devices) {
        return false;
    }
    debug_hold(&vmms->machine);
    const struct vmbus_device *dev = worker->device[n];
    *offer = (struct vmms_offer){ .name = dev->device.type->name,
                                  .offered = dev->host != NULL,
                                  .rescinded = dev->wanted_rescind,
                                  .channels = dev->n_channels };
    vmbus_guid_text(&dev->offer.instance, offer->instance);
    vmbus_guid_text(&dev->offer.type, offer->class);
    for (unsigned i = 0; i < dev->n_channels; i++) {
        const struct vmbus_counters *counters = &dev->channel[i]->counters;
        offer->open += dev->channel[i]->open;
        offer->packets_in += counters->packets_in;
        offer->packets_out += counters->packets_out;
        offer->bytes_in += counters->bytes_in;
        offer->bytes_out += counters->bytes_out;
        offer->signals_in += counters->signals_in;
        offer->signals_out += counters->signals_out;
        offer->full += counters->full;
    }
    debug_release(&vmms->machine);
    return true;
}

bool vmms_disk(struct vmms *vmms, unsigned child, unsigned n, struct vmms_disk *disk)
{
    const struct storage *storage = &vmms->child[child].worker.storage;

    debug_hold(&vmms->machine);
    bool there = n < storage->n_disks;
    if (there) {
        const struct storage_disk *from = &storage->disks[n];
        const struct storvsp *storvsp = from->ide ? storage->ide[from->lun] : storage->scsi;
        struct scsi_target *target = &storvsp->units[from->ide ? 0 : from->lun]->target;
        *disk = (struct vmms_disk){ .ide = from->ide, .lun = from->lun };
        memcpy(disk->file, from->file, sizeof(disk->file));
        host_mutex_lock(&target->lock); /* a host thread may obey an eject at this moment */
        disk->kind = target->kind == SCSI_DVD  ? target->image != NULL ? "DVD" : "empty DVD"
                     : target->image->writable ? "disk"
                                               : "read-only disk";
        disk->bytes = target->image != NULL ? target->image->size_bytes : 0;
        host_mutex_unlock(&target->lock);
    }
    debug_release(&vmms->machine);
    return there;
}

void vmms_vmbus(struct vmms *vmms, unsigned child, struct vmms_vmbus *vmbus)
{
    const struct vmbus_server *server = &vmms->child[child].worker.vmbus.server;

    debug_hold(&vmms->machine);
    *vmbus = (struct vmms_vmbus){
        .messages_in = server->counters.messages_in,
        .messages_out = server->counters.messages_out,
        .messages_bad = server->counters.messages_bad,
        .messages_lost = server->counters.messages_lost,
        .contacts = server->counters.contacts,
        .unloads = server->counters.unloads,
        .gpadls = server->n_gpadls,
        .incomplete_gpadls = server->n_incomplete,
        .gpadl_pages = server->gpadl_pages,
    };
    debug_release(&vmms->machine);
}

void vmms_memory(struct vmms *vmms, unsigned child, struct vmms_memory *memory)
{
    const struct worker *worker = &vmms->child[child].worker;
    const struct partition *partition = vmms->child[child].partition;

    debug_hold(&vmms->machine);
    *memory = (struct vmms_memory){
        .deposited_pages = partition->pool_total,
        .deposited_used = partition->pool_used,
        .parent_used = partition->parent != NULL ? partition->parent->pool_used : 0,
        .mapped_pages = partition->mapped_pages,
        .gpadls = worker->vmbus.server.n_gpadls,
        .gpadl_pages = worker->vmbus.server.gpadl_pages,
    };
    for (unsigned i = 0; i < worker->n_devices; i++) {
        const struct vmbus_device *dev = worker->device[i];
        for (unsigned j = 0; j < dev->n_channels; j++) {
            memory->channels_open += dev->channel[j]->open;
            memory->waiting_bytes += dev->channel[j]->n_waiting;
        }
    }
    debug_release(&vmms->machine);
    memory->heap_bytes = host_heap_bytes();
}

bool vmms_port(struct vmms *vmms, unsigned child, unsigned index, struct vmms_port *port)
{
    struct network_port told;
    unsigned n = 0;

    debug_hold(&vmms->machine);
    bool there = network_port(&vmms->child[child].worker.network, index, &told);
    debug_release(&vmms->machine);
    if (!there) {
        return false;
    }
    *port = (struct vmms_port){
        .name = told.name,
        .net = told.net,
        .kind = told.kind,
        .adapter = told.nic,
        .link = told.link,
        .mtu = told.mtu,
        .protocol = told.version,
        .channels = told.channels,
    };
    snprintf(port->mac, sizeof(port->mac), "%02x:%02x:%02x:%02x:%02x:%02x", told.mac[0],
             told.mac[1], told.mac[2], told.mac[3], told.mac[4], told.mac[5]);
#define X(counter_)                                                                                \
    port->counter_name[n] = #counter_;                                                             \
    port->counter[n++] = told.counters.counter_;
    NET_PORT_COUNTERS(X)
#undef X
    return true;
}
