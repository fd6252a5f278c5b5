/* The tables of a machine's saved state, and the order of its sections. [docs/saved-state.md] */
#include "partitions/saved_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/saved_state.h"
#include "partitions/board.h"
#include "partitions/hv/hv.h"
#include "partitions/hv/saved_state.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vp.h"
#include "partitions/vp_glue.h"

_Static_assert(STATE_FILE_PAGE == PAGE_SIZE, "one page size");

/* ---- which partitions and VPs there are ---- */

struct saved_partition {
    uint64_t id, parent;
};

static const struct state_field saved_partition_rows[] = {
    STATE_FIELD(struct saved_partition, id),
    STATE_FIELD(struct saved_partition, parent),
};
static const struct state_table saved_partition_table =
    STATE_TABLE("partition", 1, struct saved_partition, saved_partition_rows);

static bool partitions_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct machine *machine = object;

    if (++cursor->a >= machine->hv.n_partitions) { /* the root is always there */
        return false;
    }
    const struct partition *partition = machine->hv.partitions[cursor->a];
    *(struct saved_partition *)element =
        (struct saved_partition){ partition->id, partition->parent->id };
    return true;
}

static int partitions_put(void *object, const void *element, struct error *error)
{
    struct machine *machine = object;
    const struct saved_partition *saved = element;

    return hypervisor_restore_partition(&machine->hv, saved->id, saved->parent, error);
}

/* Those that run guests, in the machine's order; then the root's own, when the parent is built in. */
static struct vp *vp_at(const struct machine *machine, uint64_t number)
{
    if (number < machine->n_vps) {
        return machine->vps[number];
    }
    number -= machine->n_vps;
    for (uint32_t i = 0; i < HV_VPS; i++) {
        struct vp *vp = partition_vp(machine->hv.root, i);
        if (vp != NULL && vp->is_sink && number-- == 0) {
            return vp;
        }
    }
    return NULL;
}

struct saved_vp {
    uint64_t partition;
    uint32_t index;
};

static const struct state_field saved_vp_rows[] = {
    STATE_FIELD(struct saved_vp, partition),
    STATE_FIELD(struct saved_vp, index),
};
static const struct state_table saved_vp_table =
    STATE_TABLE("vp", 1, struct saved_vp, saved_vp_rows);

static bool vps_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct machine *machine = object;

    const struct vp *vp = vp_at(machine, cursor->a++);

    if (vp == NULL) {
        return false;
    }
    *(struct saved_vp *)element = (struct saved_vp){ vp->partition->id, vp->index };
    return true;
}

static int vps_put(void *object, const void *element, struct error *error)
{
    struct machine *machine = object;
    const struct saved_vp *saved = element;

    return hypervisor_restore_vp(&machine->hv, saved->partition, saved->index, error);
}

static const struct state_list partitions_list = { &saved_partition_table,
                                                   sizeof(struct saved_partition), partitions_get,
                                                   partitions_put };
static const struct state_list vps_list = { &saved_vp_table, sizeof(struct saved_vp), vps_get,
                                            vps_put };

/* In the order in which they were made, VPs in the machine's own. */
static const struct state_field object_rows[] = {
    STATE_LIST_FIELD("partitions", &partitions_list),
    STATE_LIST_FIELD("vps", &vps_list),
};
static const struct state_table object_table =
    STATE_TABLE("objects", 1, struct machine, object_rows);

/* ---- the machine ---- */

static uint64_t clock_get(const void *object)
{
    return clock_now_ns((struct clock *)(uintptr_t) & ((const struct machine *)object)->clock);
}

static int clock_put(void *object, uint64_t value, struct error *error)
{
    (void)error;
    clock_restore(&((struct machine *)object)->clock, value);
    return 0;
}

/* Whose slice it is: its number among the machine's VPs. */
static uint64_t slice_get(const void *object)
{
    const struct machine *machine = object;

    for (unsigned i = 0; i < machine->n_vps; i++) {
        if (machine->vps[i] == machine->schedule.vp) {
            return i;
        }
    }
    return UINT64_MAX;
}

static int slice_put(void *object, uint64_t value, struct error *error)
{
    struct machine *machine = object;

    if (value != UINT64_MAX && value >= machine->n_vps) {
        return error_set(error, -EINVAL, "there is no such VP");
    }
    machine->schedule.vp = value == UINT64_MAX ? NULL : machine->vps[value];
    return 0;
}

/* Bytes of the serial port, a frame of the network or a command. */
struct saved_entry {
    uint64_t ns;
    uint8_t kind, port; /* enum machine_input_kind; of bytes of a serial port */
    uint32_t n;
    uint8_t bytes[MACHINE_INPUT_FRAME];
};

static const struct state_field entry_rows[] = {
    STATE_FIELD(struct saved_entry, ns),
    STATE_FIELD_MAX(struct saved_entry, kind, MACHINE_INPUT_COMMAND),
    { STATE_ROW(struct saved_entry, port, STATE_UINT, .element = 1, .since = 2,
                .max = MACHINE_INPUT_PORTS - 1) },
    STATE_COUNTED_FIELD(struct saved_entry, bytes, n),
};
static const struct state_table entry_table =
    STATE_TABLE("entry", 2, struct saved_entry, entry_rows);

static void entry_fill(struct saved_entry *saved, uint64_t ns, uint8_t kind, const uint8_t *bytes,
                       size_t n)
{
    saved->ns = ns;
    saved->kind = kind;
    saved->n = (uint32_t)(n < sizeof(saved->bytes) ? n : sizeof(saved->bytes));
    memcpy(saved->bytes, bytes, saved->n);
}

static uint8_t kind_of(const struct input_frame *frame)
{
    return frame->command ? MACHINE_INPUT_COMMAND : MACHINE_INPUT_NET;
}

/* What is still to enter: bytes of the first that have entered are left out. */
static bool entries_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct machine_input *input = &((const struct machine *)object)->input;
    size_t number = input->next_entry + cursor->a, entered = cursor->a == 0 ? input->entered : 0;

    if (number >= input->n_entries) {
        return false;
    }
    const struct input_entry *entry = &input->entry[number];
    if (entry->frame != NULL) {
        entry_fill(element, entry->ns, kind_of(entry->frame), entry->frame->bytes, entry->frame->n);
    } else {
        entry_fill(element, entry->ns, MACHINE_INPUT_SERIAL, entry->bytes + entered,
                   entry->n - entered);
        ((struct saved_entry *)element)->port = entry->port;
    }
    cursor->a++;
    return true;
}

static int entries_put(void *object, const void *element, struct error *error)
{
    struct machine *machine = object;
    const struct saved_entry *saved = element;

    return machine_input_add(&machine->input, saved->ns, (enum machine_input_kind)saved->kind,
                             saved->port, saved->bytes, saved->n) == 0
               ? 0
               : error_set(error, -EINVAL, "is no input, or earlier than the one before it");
}

/* Frames that came and have not entered. */
static bool frames_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct machine_input *input = &((const struct machine *)object)->input;
    const struct input_frame *frame =
        cursor->a++ == 0 ? input->first_frame : ((const struct input_frame *)cursor->at)->next;

    cursor->at = frame;
    if (frame == NULL) {
        return false;
    }
    entry_fill(element, 0, kind_of(frame), frame->bytes, frame->n);
    return true;
}

static int frames_put(void *object, const void *element, struct error *error)
{
    struct machine_input *input = &((struct machine *)object)->input;
    const struct saved_entry *saved = element;

    return saved->n != 0 && saved->kind != MACHINE_INPUT_SERIAL &&
                   machine_input_restore_waiting(input, saved->kind == MACHINE_INPUT_COMMAND,
                                                 saved->bytes, saved->n)
               ? 0
               : error_set(error, -EINVAL, "is no frame, or there are too many");
}

/* Bytes typed into serial ports but the first. */
struct saved_queue {
    uint32_t port;
    struct input_queue queue;
};

static const struct state_field queue_rows[] = {
    STATE_FIELD_MAX(struct saved_queue, port, MACHINE_INPUT_PORTS - 1),
    STATE_COUNTED_FIELD(struct saved_queue, queue.bytes, queue.n),
};
static const struct state_table queue_table =
    STATE_TABLE("queue", 1, struct saved_queue, queue_rows);

static bool queues_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct machine_input *input = &((const struct machine *)object)->input;

    while (++cursor->a < MACHINE_INPUT_PORTS) {
        if (input->queue[cursor->a].n > 0) {
            *(struct saved_queue *)element =
                (struct saved_queue){ (uint32_t)cursor->a, input->queue[cursor->a] };
            return true;
        }
    }
    return false;
}

static int queues_put(void *object, const void *element, struct error *error)
{
    const struct saved_queue *saved = element;

    (void)error;
    ((struct machine *)object)->input.queue[saved->port] = saved->queue;
    return 0;
}

static const struct state_list queues_list = { &queue_table, sizeof(struct saved_queue), queues_get,
                                               queues_put };
static const struct state_list frames_list = { &entry_table, sizeof(struct saved_entry), frames_get,
                                               frames_put };
static const struct state_value clock_value = { clock_get, clock_put };
static const struct state_value slice_value = { slice_get, slice_put };
static const struct state_list entries_list = { &entry_table, sizeof(struct saved_entry),
                                                entries_get, entries_put };

static const struct state_field machine_rows[] = {
    STATE_VALUE_FIELD("clock_ns", &clock_value),
    STATE_FIELD(struct machine, random),
    STATE_FIELD(struct machine, schedule.random),
    STATE_VALUE_FIELD("schedule.vp", &slice_value),
    STATE_FIELD(struct machine, schedule.left),
    STATE_FIELD(struct machine, schedule.ended),
    STATE_FIELD(struct machine, schedule.retired),
    STATE_FIELD(struct machine, schedule.next_state),
    STATE_FIELD(struct machine, power_off),
    STATE_FIELD(struct machine, reset),
    STATE_FIELD(struct machine, crashed),
    STATE_FIELD(struct machine, retired_by_destroyed),
    STATE_FIELD(struct machine, trace.hash.state),
    STATE_FIELD(struct machine, trace.hash.words),
    STATE_FIELD(struct machine, trace.count),
    STATE_FIELD(struct machine, input.looked),
    STATE_FIELD(struct machine, input.looked_ns),
    { .name = "input.queue", /* of the first serial port */
      .kind = STATE_COUNTED,
      .element = 1,
      .offset = offsetof(struct machine, input.queue[0].bytes),
      .size = MACHINE_INPUT_QUEUE,
      .count_offset = offsetof(struct machine, input.queue[0].n) },
    { .name = "input.queues", .kind = STATE_LIST, .list = &queues_list, .since = 2 },
    STATE_LIST_FIELD("input.frames", &frames_list),
    STATE_LIST_FIELD("input.entries", &entries_list),
    STATE_FIELD(struct machine, input.replay),
};

/* Counts that the scheduler subtracts from one another. */
static int machine_loaded(void *object, struct error *error)
{
    struct machine *machine = object;
    struct schedule *schedule = &machine->schedule;
    uint64_t every = machine->config.hash_every;

    if (machine->config.virtual_time &&
        (schedule->retired != machine_instructions(machine) ||
         schedule->next_state < schedule->retired ||
         schedule->next_state - schedule->retired > SCHEDULE_STATE_EVERY)) {
        return error_set(error, -EINVAL, "the numbers of instructions do not fit together");
    }
    if (every != 0) {
        schedule->next_prefix = schedule->retired / every * every;
        schedule->next_prefix +=
            schedule->retired == 0 || schedule->next_prefix < schedule->retired ? every : 0;
    }
    return 0;
}

static const struct state_table machine_table =
    STATE_TABLE_LOADED("machine", 2, struct machine, machine_rows, machine_loaded);

/* ---- a VP beside its processor and what is synthetic ---- */

static const struct state_field glue_rows[] = { STATE_FIELD(struct vp_glue, idle) };
static const struct state_table glue_table = STATE_TABLE("vp", 1, struct vp_glue, glue_rows);

/* ---- memory ---- */

struct dirty_run {
    uint64_t first, n_pages;
};

static const struct state_field dirty_rows[] = {
    STATE_FIELD(struct dirty_run, first),
    STATE_FIELD(struct dirty_run, n_pages),
};
static const struct state_table dirty_table = STATE_TABLE("run", 1, struct dirty_run, dirty_rows);

static bool is_dirty(const struct ram *ram, uint64_t page)
{
    return (ram_page_flags(ram, page << PAGE_SHIFT) & RAM_PAGE_DIRTY) != 0;
}

static bool dirty_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct ram *ram = object;
    struct dirty_run *run = element;

    run->first = cursor->a;
    while (run->first < ram->n_pages && !is_dirty(ram, run->first)) {
        run->first++;
    }
    while (run->first + run->n_pages < ram->n_pages && is_dirty(ram, run->first + run->n_pages)) {
        run->n_pages++;
    }
    cursor->a = run->first + run->n_pages;
    return run->n_pages != 0;
}

static int dirty_put(void *object, const void *element, struct error *error)
{
    struct ram *ram = object;
    const struct dirty_run *run = element;

    if (run->first >= ram->n_pages || run->n_pages > ram->n_pages - run->first) {
        return error_set(error, -EINVAL, "lies outside the machine's memory");
    }
    for (uint64_t page = run->first; page < run->first + run->n_pages; page++) {
        ram_page_set(ram, page << PAGE_SHIFT, RAM_PAGE_DIRTY);
    }
    return 0;
}

static const struct state_list dirty_list = { &dirty_table, sizeof(struct dirty_run), dirty_get,
                                              dirty_put };

static uint64_t n_pages_get(const void *object)
{
    return ((const struct ram *)object)->n_pages;
}

static int n_pages_put(void *object, uint64_t value, struct error *error)
{
    return value == ((const struct ram *)object)->n_pages
               ? 0
               : error_set(error, -EINVAL, "is not what the configuration makes");
}

static const struct state_value n_pages_value = { n_pages_get, n_pages_put };
static const struct state_field memory_rows[] = {
    STATE_VALUE_FIELD("n_pages", &n_pages_value),
    STATE_LIST_FIELD("dirty", &dirty_list),
};
static const struct state_table memory_table = STATE_TABLE("memory", 1, struct ram, memory_rows);

static bool page_is_zero(const uint8_t *page)
{
    uint64_t any = 0;

    for (size_t i = 0; i < PAGE_SIZE; i += 8) {
        any |= ram_load64(page + i);
    }
    return any == 0;
}

static void save_pages(const struct ram *ram, struct state_writer *writer)
{
    for (uint64_t page = 0; page < ram->n_pages;) {
        uint32_t n = 0;
        while (n < STATE_FILE_PAGES_MAX && page + n < ram->n_pages &&
               !page_is_zero(ram_host(ram, (page + n) << PAGE_SHIFT))) {
            n++;
        }
        if (n > 0) {
            state_writer_pages(writer, page, n, ram_host(ram, page << PAGE_SHIFT));
        }
        page += n > 0 ? n : 1;
    }
}

static int restore_pages(void *opaque, uint64_t first, uint32_t n, const uint8_t *bytes)
{
    struct ram *ram = opaque;

    if (first >= ram->n_pages || n > ram->n_pages - first) {
        return -EINVAL;
    }
    memcpy(ram_host(ram, first << PAGE_SHIFT), bytes, (size_t)n << PAGE_SHIFT);
    return 0;
}

/* ---- sections by name ---- */

static void visit_board(struct state_walk *walk, struct partition *partition)
{
    struct device *dev;

    for (unsigned i = 0; (dev = board_device(partition->glue, i)) != NULL; i++) {
        if (dev->type->state.fields != NULL) {
            state_visit(walk, &dev->type->state, dev, "partition.%" PRIu64 "/%s", partition->id,
                        dev->type->state.name);
        }
    }
}

static void visit_vp(struct state_walk *walk, struct vp *vp)
{
    uint64_t id = vp->partition->id;
    unsigned index = vp->index;

    state_visit(walk, &cpu_saved_table, &vp->cpu, "partition.%" PRIu64 "/vp.%u/cpu", id, index);
    state_visit(walk, &vp_synthetic_saved_table, vp, "partition.%" PRIu64 "/vp.%u/synthetic", id,
                index);
    state_visit(walk, &glue_table, vp->glue, "partition.%" PRIu64 "/vp.%u", id, index);
    state_visit(walk, &vp->lapic->dev.type->state, vp->lapic, "partition.%" PRIu64 "/vp.%u/%s", id,
                index, vp->lapic->dev.type->state.name);
}

/* ---- save and restore ---- */

void machine_forget(struct machine *machine)
{
    for (unsigned i = 0; i < machine->n_vps; i++) {
        cpu_forget(&machine->vps[i]->cpu);
    }
}

void machine_visit_objects(struct machine *machine, struct state_walk *walk)
{
    state_visit(walk, &object_table, machine, "objects");
}

/* What making the partitions left in memory. */
static void clean_memory(struct machine *machine)
{
    struct ram *ram = &machine->ram;

    memset(
        ram_host(ram, machine->config.ram_bytes - (machine->config.reserved_pages << PAGE_SHIFT)),
        0, machine->config.reserved_pages << PAGE_SHIFT);
    memset(ram->page_flags, 0, ram->n_pages * sizeof(ram->page_flags[0]));
}

void machine_visit_parts(struct machine *machine, struct state_walk *walk)
{
    if (walk->writer == NULL) {
        clean_memory(machine);
    }
    for (unsigned i = 0; i < machine->hv.n_partitions; i++) {
        struct partition *partition = machine->hv.partitions[i];
        state_visit(walk, &partition_saved_table, partition, "partition.%" PRIu64, partition->id);
        if (partition->glue != NULL) {
            visit_board(walk, partition);
        }
    }
    struct vp *vp;
    for (unsigned i = 0; (vp = vp_at(machine, i)) != NULL; i++) {
        visit_vp(walk, vp);
    }
    state_visit(walk, &hypervisor_saved_table, &machine->hv, "hypervisor");
    state_visit(walk, &memory_table, &machine->ram, "memory");
}

void machine_visit_last(struct machine *machine, struct state_walk *walk)
{
    if (walk->writer != NULL) {
        host_mutex_lock(&machine->input.lock); /* someone may type */
        state_visit(walk, &machine_table, machine, "machine");
        host_mutex_unlock(&machine->input.lock);
        save_pages(&machine->ram, walk->writer);
        return;
    }
    state_visit(walk, &machine_table, machine, "machine");
    if (walk->status == 0) {
        walk->status = state_reader_all_known(walk->reader, walk->error);
    }
    if (walk->status == 0) {
        walk->status = state_reader_pages(walk->reader, restore_pages, &machine->ram, walk->error);
    }
    if (walk->status == 0) {
        state_timers_arm(&walk->timers);
    }
}

void machine_restore_failed(struct machine *machine)
{
    hypervisor_restore_failed(&machine->hv);
    machine->schedule.vp = NULL;
}
