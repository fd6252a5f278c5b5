/* The table of a saved machine's configuration. [docs/saved-state.md] */
#include "partitions/vmms/saved_config.h"

#include <errno.h>
#include <stdio.h>
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

/* X(field, since which version of the first child's table), of integers and of structs with their tables. */
#define CHILD_ROWS(FIELD, STRUCT)                                                                  \
    FIELD(memory_bytes, 1)                                                                         \
    FIELD(cpus, 1)                                                                                 \
    FIELD(guest, 1)                                                                                \
    FIELD(over, 4)                                                                                 \
    STRUCT(kernel, &text_table, 1)                                                                 \
    STRUCT(kernel_facts, &facts_table, 1)                                                          \
    STRUCT(initrd, &text_table, 1)                                                                 \
    STRUCT(initrd_facts, &facts_table, 1)                                                          \
    STRUCT(append, &text_table, 1)                                                                 \
    STRUCT(disks, &text_table, 2)                                                                  \
    STRUCT(net, &text_table, 3)

/* A field of the first child under its plain name. */
#define FIRST(field)                                                                               \
    .name = #field, .offset = offsetof(struct saved_config, child[0].field),                       \
    .size = sizeof(((struct saved_config *)0)->child[0].field)
#define FIRST_FIELD(field, since_)                                                                 \
    { FIRST(field), .since = (since_),                                                             \
      .kind = STATE_INTEGER(struct saved_config, child[0].field, STATE_BOOL, STATE_IS_UINT),       \
      .element = STATE_INTEGER(struct saved_config, child[0].field, 1, STATE_SAME) },
#define FIRST_STRUCT(field, table_, since_)                                                        \
    { FIRST(field), .since = (since_), .kind = STATE_STRUCT, .table = (table_) },

/* The machine and its first child. */
static const struct state_field config_rows[] = {
    STATE_FIELD_MAX(struct saved_config, role, VMMS_ROLE_PC),
    STATE_FIELD(struct saved_config, withheld_privileges),
    STATE_FIELD(struct saved_config, seed),
    STATE_FIELD(struct saved_config, virtual_time),
    STATE_FIELD(struct saved_config, ram_bytes),
    STATE_FIELD(struct saved_config, reserved_pages),
    STATE_FIELD(struct saved_config, features),
    STATE_STRUCT_FIELD(struct saved_config, cpu, &text_table),
    { STATE_ROW(struct saved_config, children, STATE_STRUCT, .table = &text_table, .since = 4) },
    CHILD_ROWS(FIRST_FIELD, FIRST_STRUCT){ FIRST(end), .since = 4, .kind = STATE_UINT, .element = 4,
                                           .max = VMMS_END_TRIPLE_FAULT },
};
static const struct state_table config_table =
    STATE_TABLE("config", 4, struct saved_config, config_rows);

/* Each further child. */
#define CHILD_FIELD(field, since)          STATE_FIELD(struct saved_child, field),
#define CHILD_STRUCT(field, table_, since) STATE_STRUCT_FIELD(struct saved_child, field, table_),
static const struct state_field child_rows[] = {
    CHILD_ROWS(CHILD_FIELD, CHILD_STRUCT)
        STATE_FIELD_MAX(struct saved_child, end, VMMS_END_TRIPLE_FAULT),
};
static const struct state_table child_table =
    STATE_TABLE("child", 1, struct saved_child, child_rows);

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

static int child_fill(struct saved_child *saved, const struct vmms_child *child,
                      struct error *error)
{
    int status = text_fill(&saved->kernel, child->kernel, "--kernel", error);

    status = status != 0 ? status : text_fill(&saved->initrd, child->initrd, "--initrd", error);
    status = status != 0 ? status : text_fill(&saved->append, child->append, "--append", error);
    saved->memory_bytes = child->memory_bytes;
    saved->cpus = child->cpus;
    return status;
}

int saved_config_fill(struct saved_config *saved, const struct vmms_config *config,
                      const struct machine_config *machine, struct error *error)
{
    int status = text_fill(&saved->cpu, config->cpu, "the processor model", error);

    saved->n_children = config->n_children;
    saved->children.n = 0;
    for (unsigned i = 0; i < config->n_children && status == 0; i++) {
        char *end = (char *)saved->children.bytes + saved->children.n;
        saved->children.n +=
            (uint32_t)sprintf(end, "%.*s\n", VMMS_CHILD_NAME - 1, config->child[i].name);
        if (config->child[i].name != saved->name[i]) {
            (void)snprintf(saved->name[i], VMMS_CHILD_NAME, "%s", config->child[i].name);
        }
        status = child_fill(&saved->child[i], &config->child[i], error);
    }
    saved->role = config->role;
    saved->withheld_privileges = config->withheld_privileges;
    saved->seed = config->seed;
    saved->virtual_time = config->virtual_time;
    saved->ram_bytes = machine->ram_bytes;
    saved->reserved_pages = machine->reserved_pages;
    saved->features = machine->model.features;
    return status;
}

static void section_name(const struct saved_config *saved, unsigned child,
                         char name[STATE_SECTION_NAME_MAX + 1])
{
    (void)snprintf(name, STATE_SECTION_NAME_MAX + 1, "config.%s", saved->name[child]);
}

void saved_config_write(const struct saved_config *saved, struct state_writer *writer)
{
    char name[STATE_SECTION_NAME_MAX + 1];

    state_writer_section(writer, "config", &config_table, saved);
    for (unsigned i = 1; i < saved->n_children; i++) {
        section_name(saved, i, name);
        state_writer_section(writer, name, &child_table, &saved->child[i]);
    }
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

/* An older file has one child without a name. */
static int read_names(struct saved_config *saved, struct error *error)
{
    const char *line[VMMS_CHILDREN] = { "guest" };
    unsigned n = take_lines(&saved->children, line, VMMS_CHILDREN);

    saved->n_children = n != 0 ? n : 1;
    for (unsigned i = 0; i < saved->n_children; i++) {
        if (strlen(line[i]) >= VMMS_CHILD_NAME) {
            return error_set(error, -EINVAL, "config.children: a name is too long");
        }
        memcpy(saved->name[i], line[i], strlen(line[i]) + 1);
    }
    return 0;
}

static int read_children(struct saved_config *saved, struct state_reader *reader,
                         struct error *error)
{
    char name[STATE_SECTION_NAME_MAX + 1];
    int status = read_names(saved, error);

    for (unsigned i = 1; i < saved->n_children && status == 0; i++) {
        struct state_timers none = { .n = 0 };
        section_name(saved, i, name);
        status = state_reader_section(reader, name, &child_table, &saved->child[i], &none, error);
        state_timers_fini(&none);
    }
    return status;
}

static void take_child(struct saved_config *saved, unsigned number, struct vmms_child *child)
{
    struct saved_child *from = &saved->child[number];

    child->name = saved->name[number];
    child->memory_bytes = from->memory_bytes;
    child->cpus = from->cpus;
    child->kernel = text_of(&from->kernel);
    child->initrd = text_of(&from->initrd);
    child->append = text_of(&from->append);
    child->n_disks = take_lines(&from->disks, child->disks, VMMS_DISKS_MAX);
    child->n_net = take_lines(&from->net, child->net, VMMS_NETS);
}

int saved_config_read(struct saved_config *saved, struct state_reader *reader,
                      struct vmms_config *config, struct error *error)
{
    struct state_timers none = { .n = 0 };
    int status = state_reader_section(reader, "config", &config_table, saved, &none, error);

    state_timers_fini(&none);
    status = status == 0 ? read_children(saved, reader, error) : status;
    if (status != 0) {
        return status;
    }
    config->role = (enum vmms_role)saved->role;
    config->withheld_privileges = saved->withheld_privileges;
    config->seed = saved->seed;
    config->virtual_time = saved->virtual_time;
    config->cpu = text_of(&saved->cpu);
    config->n_children = saved->n_children;
    for (unsigned i = 0; i < saved->n_children; i++) {
        take_child(saved, i, &config->child[i]);
    }
    return 0;
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
