/* The machine as a tree of JSON objects. */
#include "frontend/monitor/inspect.h"

#ifdef HAVE_JANSSON
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "frontend/monitor/gdb_packet.h"
#include "partitions/debug_registers.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vp.h"

static json_t *hex(uint64_t value)
{
    return json_sprintf("0x%" PRIx64, value);
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static void put_numbered(json_t *object, uint64_t key, json_t *value)
{
    char name[24];

    (void)snprintf(name, sizeof(name), "%" PRIu64, key);
    json_object_set_new(object, name, value);
}

static json_t *registers(struct vp *vp)
{
    json_t *object = json_object();

    for (unsigned i = 0; i < debug_register_n; i++) {
        const struct debug_register *reg = &debug_registers[i];
        uint8_t value[DEBUG_REGISTER_BYTES];
        char digits[2 * DEBUG_REGISTER_BYTES + 3] = "0x";
        if (!(reg->layouts & DEBUG_LAYOUT_64)) {
            continue;
        }
        debug_register_read(vp, reg, value);
        for (unsigned byte = reg->bits / 8; byte > 0; byte--) {
            gdb_hex(digits + strlen(digits), &value[byte - 1], 1);
        }
        json_object_set_new(object, reg->name, json_string(digits));
    }
    return object;
}

static json_t *synic(const struct vp *vp, unsigned vtl)
{
    const struct synic *s = &vp->vtl[vtl].synic;
    json_t *object = json_object(), *sints = json_object();

    json_object_set_new(object, "scontrol", hex(s->control));
    json_object_set_new(object, "simp", hex(s->simp_msr));
    json_object_set_new(object, "siefp", hex(s->siefp_msr));
    for (unsigned i = 0; i < HV_SINTS; i++) {
        json_t *sint = json_object();
        unsigned waiting = 0;
        json_object_set_new(sint, "value", hex(s->sint[i]));
        json_object_set_new(sint, "vector", number(s->sint[i] & 0xff));
        json_object_set_new(sint, "masked", json_boolean(s->sint[i] >> 16 & 1));
        json_object_set_new(sint, "auto_eoi", json_boolean(s->sint[i] >> 17 & 1));
        waiting = s->queue[i].first != NULL;
        json_object_set_new(sint, "messages_wait", json_boolean(waiting));
        put_numbered(sints, i, sint);
    }
    json_object_set_new(object, "sints", sints);
    return object;
}

static json_t *timers(const struct vp *vp, unsigned vtl)
{
    json_t *object = json_object();

    for (unsigned i = 0; i < HV_STIMERS; i++) {
        const struct hv_timer *timer = &vp->vtl[vtl].timer[i];
        json_t *row = json_object();
        json_object_set_new(row, "config", hex(timer->config));
        json_object_set_new(row, "count", hex(timer->count));
        json_object_set_new(row, "armed", json_boolean(timer->timer.armed));
        json_object_set_new(row, "deadline_ns",
                            timer->timer.armed ? number(timer->timer.deadline_ns) : json_null());
        put_numbered(object, i, row);
    }
    return object;
}

static json_t *vp_tree(struct vp *vp)
{
    static const char *const activities[] = {
        [ACTIVITY_RUNNING] = "running",
        [ACTIVITY_HALTED] = "halted",
        [ACTIVITY_WAIT_FOR_SIPI] = "waits for SIPI",
        [ACTIVITY_SHUTDOWN] = "shutdown",
    };
    json_t *object = json_object();
    const char *activity = vp->is_sink ? "no guest" : activities[vp->cpu.core.state.activity & 3];

    json_object_set_new(object, "activity", json_string(activity));
    json_object_set_new(object, "explicit_suspend", json_boolean(vp->explicit_suspend));
    json_object_set_new(object, "intercept_suspend", json_boolean(vp->intercept_suspend));
    json_object_set_new(object, "mode_bits", number(debug_bits(vp)));
    json_object_set_new(object, "cpl", number(vp->cpu.core.cpl));
    json_object_set_new(object, "instructions", number(vp->cpu.core.retired));
    json_object_set_new(object, "active_vtl", number(vp->active_vtl));
    if (!vp->is_sink) {
        json_object_set_new(object, "registers", registers(vp));
    }
    json_object_set_new(object, "synic", synic(vp, vp->active_vtl));
    json_object_set_new(object, "timers", timers(vp, vp->active_vtl));
    return object;
}

/* ---- GPA maps ---- */

/* What makes neighbouring pages one range: RAM at consecutive addresses may lie anywhere. */
struct run {
    uint64_t first;
    struct space_page page;
};

static void add_run(json_t *array, const struct run *run, uint64_t end)
{
    const struct space_page *page = &run->page;
    json_t *row;

    if (page->kind != SPACE_RAM) {
        return;
    }
    row = json_object();
    json_object_set_new(row, "first", hex(run->first << PAGE_SHIFT));
    json_object_set_new(row, "last", hex((end << PAGE_SHIFT) - 1));
    json_object_set_new(row, "rights",
                        json_sprintf("%s%s%s", page->rights & SPACE_READ ? "r" : "-",
                                     page->rights & SPACE_WRITE ? "w" : "-",
                                     page->rights & SPACE_EXEC ? "x" : "-"));
    json_object_set_new(row, "overlay", json_boolean(page->overlay));
    json_array_append_new(array, row);
}

static void scan(json_t *array, const struct space *space, uint64_t from, uint64_t to)
{
    struct run run = { from, { .kind = SPACE_UNMAPPED } };

    for (uint64_t gpfn = from; gpfn < to; gpfn++) {
        struct space_page page = space_lookup(space, gpfn << PAGE_SHIFT);
        if (page.kind != run.page.kind || page.rights != run.page.rights ||
            page.overlay != run.page.overlay) {
            add_run(array, &run, gpfn);
            run = (struct run){ gpfn, page };
        }
    }
    add_run(array, &run, to);
}

/* RAM lies below 4 GiB, or from there on: at most as much as the machine has. */
static json_t *gpa_map(const struct machine *machine, const struct partition *partition)
{
    json_t *array = json_array();
    uint64_t four_gib = UINT64_C(1) << (32 - PAGE_SHIFT);

    scan(array, &partition->space, 0, four_gib);
    scan(array, &partition->space, four_gib, four_gib + (machine->config.ram_bytes >> PAGE_SHIFT));
    return array;
}

/* ---- partitions and the machine ---- */

static json_t *partition_tree(const struct machine *machine, const struct partition *p)
{
    static const char *const states[] = {
        [PARTITION_UNINITIALIZED] = "uninitialized",
        [PARTITION_ACTIVE] = "active",
        [PARTITION_FINALIZING] = "finalizing",
        [PARTITION_FINALIZED] = "finalized",
    };
    json_t *object = json_object(), *vps = json_object(), *crash = json_array();

    if (p->name != NULL) {
        json_object_set_new(object, "name", json_string(p->name));
    }
    json_object_set_new(object, "crashed", json_boolean(p->crashed));
    json_object_set_new(object, "parent", p->parent != NULL ? number(p->parent->id) : json_null());
    json_object_set_new(object, "state", json_string(states[p->state & 3]));
    json_object_set_new(object, "privileges", hex(p->privileges));
    json_object_set_new(object, "guest_os_id", hex(p->guest_os_id));
    json_object_set_new(object, "hypercall_msr", hex(p->hypercall_msr));
    json_object_set_new(object, "reference_tsc_msr", hex(p->reference_tsc_msr));
    for (unsigned i = 0; i < CRASH_REGISTERS; i++) {
        json_array_append_new(crash, hex(p->crash[i]));
    }
    json_object_set_new(object, "crash", crash);
    json_object_set_new(object, "pool_pages", number(p->pool_total));
    json_object_set_new(object, "pool_used", number(p->pool_used));
    json_object_set_new(object, "mapped_pages", number(p->mapped_pages));
    for (unsigned i = 0; i < HV_VPS; i++) {
        if (p->vps[i] != NULL) {
            put_numbered(vps, p->vps[i]->index, vp_tree(p->vps[i]));
        }
    }
    json_object_set_new(object, "vps", vps);
    json_object_set_new(object, "gpa_map", gpa_map(machine, p));
    return object;
}

static json_t *machine_tree(struct machine *machine)
{
    json_t *object = json_object();

    json_object_set_new(object, "memory_bytes", number(machine->config.ram_bytes));
    json_object_set_new(object, "hypervisor", json_boolean(machine->config.hypervisor));
    json_object_set_new(object, "instructions", number(machine_instructions(machine)));
    json_object_set_new(object, "guest_time_ns", number(clock_now_ns(&machine->clock)));
    json_object_set_new(object, "hypercalls", number(machine->hv.hypercalls));
    json_object_set_new(object, "crashed", json_boolean(machine->crashed));
    return object;
}

static json_t *whole_tree(struct machine *machine)
{
    json_t *object = json_object(), *partitions = json_object();

    for (unsigned i = 0; i < machine->hv.n_partitions; i++) {
        const struct partition *p = machine->hv.partitions[i];
        if (p != NULL) {
            put_numbered(partitions, p->id, partition_tree(machine, p));
        }
    }
    json_object_set_new(object, "machine", machine_tree(machine));
    json_object_set_new(object, "partitions", partitions);
    return object;
}

struct json_t *inspect(struct machine *machine, const char *path)
{
    json_t *tree = whole_tree(machine), *at = tree;
    char key[64];

    path = path != NULL ? path : "";
    for (path += strspn(path, "/"); *path != '\0' && at != NULL; path += strspn(path, "/")) {
        size_t n = strcspn(path, "/");
        if (n >= sizeof(key)) {
            at = NULL;
            break;
        }
        memcpy(key, path, n);
        key[n] = '\0';
        at = json_object_get(at, key);
        path += n;
    }
    json_incref(at);
    json_decref(tree);
    return at;
}
#endif
