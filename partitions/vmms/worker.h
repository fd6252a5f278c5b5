/* The worker of one child under the built-in parent: its VMBus, and the synthetic devices offered there. */
#ifndef PARTITIONS_VMMS_WORKER_H
#define PARTITIONS_VMMS_WORKER_H

#include "base/compiler.h"
#include "base/error.h"
#include "base/state_file.h"
#include "devices/synthetic/heartbeat.h"
#include "devices/synthetic/keyboard.h"
#include "devices/synthetic/kvp.h"
#include "devices/synthetic/shutdown.h"
#include "devices/synthetic/timesync.h"
#include "partitions/vmbus/host.h"
#include "partitions/vmms/storage.h"
#include "partitions/vmms/network.h"

struct machine;
struct partition;

enum { WORKER_DEVICES = 64 };

struct worker {
    struct machine *machine;
    struct partition *child;
    struct vmbus_host vmbus;
    struct heartbeat heartbeat;
    struct shutdown shutdown;
    struct timesync timesync;
    struct kvp kvp;
    struct keyboard keyboard;
    struct storage storage;
    struct network network;
    struct vmbus_device *device[WORKER_DEVICES]; /* all that were added, offered or not */
    unsigned n_devices;
};

/* After the child's VPs were made: the root's VP of this number, which hears for this child alone, its ports, the
 * devices. 0 or -errno. Not moved afterwards. */
WARN_UNUSED int worker_start(struct worker *worker, struct machine *machine,
                             struct partition *child, uint32_t root_vp, struct error *error);
/* The same for a machine that is restored: the root's VP and its ports are there already. */
WARN_UNUSED int worker_restore(struct worker *worker, struct machine *machine,
                               struct partition *child, uint32_t root_vp, struct error *error);
/* Its saved state, but for the network's own; after the machine's parts. */
void worker_visit(struct worker *worker, struct state_walk *walk);
/* The name of a device whose state cannot be saved, or NULL. */
const char *worker_unsaved(const struct worker *worker);
/* Offer a device. -ENOSPC: too many. It stays the caller's, until worker_fini. */
WARN_UNUSED int worker_add(struct worker *worker, struct vmbus_device *dev);
/* The device is gone from the guest: forget it. */
void worker_drop(struct worker *worker, const struct vmbus_device *dev);
/* Before the machine goes. A zeroed one: no-op. */
void worker_fini(struct worker *worker);
/* The child was reset. */
void worker_reset(struct worker *worker);
/* Something came for its root VP. It may not have started. */
void worker_root_message(struct worker *worker, unsigned sint);

/*
 * A command, words set apart by tabs; not terminated by 0. On the machine's thread or while it stands still.
 *   shutdown off|reboot|hibernate [force]   timesync   kvp-set KEY VALUE   kvp-delete KEY   kvp-refresh
 *   disk-add SPEC   disk-remove LUN
 *   nic-add TEXT   nic-remove NAME   nic-link NAME up|down   nic-capture PORT=FILE
 *   type TEXT (with \n, \t, \b, \e, \\)
 *   rescind DEVICE   offer DEVICE           (its name, or the beginning of its instance GUID)
 * 0, or -errno with the sentence.
 */
int worker_command(struct worker *worker, const char *text, size_t n, struct error *error);

/* The escapes of `type` to characters, in place. False: there is an unknown one. */
bool worker_unescape(char *text);

#endif
