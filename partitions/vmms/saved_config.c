/* The table of a saved machine's configuration. [docs/saved-state.md] */
#include "partitions/vmms/saved_config.h"

#include <errno.h>
#include <string.h>

#include "partitions/machine.h"
#include "partitions/vmms/vmms.h"

static const struct state_field text_rows[] = {
    STATE_COUNTED_FIELD(struct saved_text, bytes, n),
};

/* It must be one string, with room for its end. */
static int text_loaded(void *object, struct error *error)
{
    const struct saved_text *text = object;

    return text->n < sizeof(text->bytes) && memchr(text->bytes, 0, text->n) == NULL
               ? 0
               : error_set(error, -EINVAL, "is no text");
}

static const struct state_table text_table =
    STATE_TABLE_LOADED("text", 1, struct saved_text, text_rows, text_loaded);

static const struct state_field facts_rows[] = {
    STATE_FIELD(struct boot_file_facts, bytes),
    STATE_FIELD(struct boot_file_facts, crc),
};
static const struct state_table facts_table =
    STATE_TABLE("file", 1, struct boot_file_facts, facts_rows);

static const struct state_field config_rows[] = {
    STATE_FIELD(struct saved_config, memory_bytes),
    STATE_FIELD(struct saved_config, cpus),
    STATE_FIELD_MAX(struct saved_config, role, VMMS_ROLE_PC),
    STATE_FIELD(struct saved_config, withheld_privileges),
    STATE_FIELD(struct saved_config, seed),
    STATE_FIELD(struct saved_config, virtual_time),
    STATE_FIELD(struct saved_config, guest),
    STATE_FIELD(struct saved_config, ram_bytes),
    STATE_FIELD(struct saved_config, reserved_pages),
    STATE_FIELD(struct saved_config, features),
    STATE_STRUCT_FIELD(struct saved_config, cpu, &text_table),
    STATE_STRUCT_FIELD(struct saved_config, kernel, &text_table),
    STATE_STRUCT_FIELD(struct saved_config, kernel_facts, &facts_table),
    STATE_STRUCT_FIELD(struct saved_config, initrd, &text_table),
    STATE_STRUCT_FIELD(struct saved_config, initrd_facts, &facts_table),
    STATE_STRUCT_FIELD(struct saved_config, append, &text_table),
    { STATE_ROW(struct saved_config, disks, STATE_STRUCT, .table = &text_table, .since = 2) },
    { STATE_ROW(struct saved_config, net, STATE_STRUCT, .table = &text_table, .since = 3) },
};
static const struct state_table config_table =
    STATE_TABLE("config", 3, struct saved_config, config_rows);

static int text_fill(struct saved_text *text, const char *from, const char *what,
                     struct error *error)
{
    size_t n = from != NULL ? strlen(from) : 0;

    if (n >= sizeof(text->bytes)) {
        return error_set(error, -E2BIG, "%s is too long to be saved", what);
    }
    if (n > 0 && (const uint8_t *)from != text->bytes) {
        memcpy(text->bytes, from, n);
    }
    text->n = (uint32_t)n;
    text->bytes[n] = 0;
    return 0;
}

static const char *text_of(const struct saved_text *text)
{
    return text->n != 0 ? (const char *)text->bytes : NULL;
}

int saved_config_fill(struct saved_config *saved, const struct vmms_config *config, uint64_t guest,
                      const struct machine_config *machine, struct error *error)
{
    const struct vmms_child *child = &config->child[0];
    int status = text_fill(&saved->cpu, config->cpu, "the processor model", error);

    status = status != 0 ? status : text_fill(&saved->kernel, child->kernel, "--kernel", error);
    status = status != 0 ? status : text_fill(&saved->initrd, child->initrd, "--initrd", error);
    status = status != 0 ? status : text_fill(&saved->append, child->append, "--append", error);
    saved->memory_bytes = child->memory_bytes;
    saved->cpus = child->cpus;
    saved->role = config->role;
    saved->withheld_privileges = config->withheld_privileges;
    saved->seed = config->seed;
    saved->virtual_time = config->virtual_time;
    saved->guest = guest;
    saved->ram_bytes = machine->ram_bytes;
    saved->reserved_pages = machine->reserved_pages;
    saved->features = machine->model.features;
    return status;
}

void saved_config_write(const struct saved_config *saved, struct state_writer *writer)
{
    state_writer_section(writer, "config", &config_table, saved);
}

/* A line each; the text is cut up. Returns how many. */
static unsigned take_lines(struct saved_text *text, const char **line, unsigned most)
{
    char *at = (char *)text->bytes;
    unsigned n = 0;

    while (*at != '\0' && n < most) {
        char *end = at + strcspn(at, "\n");
        line[n++] = at;
        at = *end == '\0' ? end : end + 1;
        *end = '\0';
    }
    return n;
}

int saved_config_read(struct saved_config *saved, struct state_reader *reader,
                      struct vmms_config *config, struct error *error)
{
    struct vmms_child *child = &config->child[0];
    struct state_timers none = { .n = 0 };
    int status = state_reader_section(reader, "config", &config_table, saved, &none, error);

    state_timers_fini(&none);
    child->memory_bytes = saved->memory_bytes;
    child->cpus = saved->cpus;
    config->role = (enum vmms_role)saved->role;
    config->withheld_privileges = saved->withheld_privileges;
    config->seed = saved->seed;
    config->virtual_time = saved->virtual_time;
    config->cpu = text_of(&saved->cpu);
    child->kernel = text_of(&saved->kernel);
    child->initrd = text_of(&saved->initrd);
    child->append = text_of(&saved->append);
    child->n_disks = take_lines(&saved->disks, child->disks, VMMS_DISKS_MAX);
    child->n_net = take_lines(&saved->net, child->net, VMMS_NETS);
    return status;
}

int saved_config_check(const struct saved_config *saved, const struct machine_config *machine,
                       const char *path, struct error *error)
{
    const char *field = saved->ram_bytes != machine->ram_bytes             ? "ram_bytes"
                        : saved->reserved_pages != machine->reserved_pages ? "reserved_pages"
                        : saved->features != machine->model.features       ? "features"
                                                                           : NULL;

    return field == NULL ? 0
                         : error_set(error, -EINVAL,
                                     "%s: config.%s: this verdite makes another machine of the "
                                     "same configuration",
                                     path, field);
}

bool saved_config_same_file(const struct boot_file_facts *saved, const struct boot_file_facts *now)
{
    return saved->bytes == now->bytes && saved->crc == now->crc;
}
