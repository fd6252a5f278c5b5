/* verdite image: tables of its verbs and options, and what they do. [MS-VHDX, VHD 1.0] */
#include "frontend/image/image_command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/block/image_convert.h"

enum { IMAGE_DONE = 0, IMAGE_FAILED = 1, IMAGE_USAGE = 2, IMAGE_WORDS = 2 };

struct image_request {
    const char *words[IMAGE_WORDS];
    const struct image_format *format; /* NULL: by the file's name */
    int type;                          /* enum image_type; -1: not said */
    const char *parent;
    uint64_t block_bytes, sector_bytes;
    bool repair;
};

static bool parse_size(const char *text, uint64_t *bytes)
{
    static const char units[] = "KMGT";
    char *end;
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    const char *unit = *end == '\0' ? NULL : strchr(units, *end);
    unsigned shift = unit == NULL ? 0 : 10 * (unsigned)(unit - units + 1);
    *bytes = (uint64_t)number << shift;
    return errno == 0 && (*end == '\0' || (unit != NULL && end[1] == '\0')) &&
           *bytes >> shift == number;
}

static bool parse_type(struct image_request *request, const char *value)
{
    for (request->type = IMAGE_DIFFERENCING; request->type >= 0; request->type--) {
        if (strcmp(value, image_type_name((enum image_type)request->type)) == 0) {
            return true;
        }
    }
    return false;
}

static bool parse_format(struct image_request *request, const char *value)
{
    request->format = image_format_named(value);
    return request->format != NULL;
}

static bool parse_parent(struct image_request *request, const char *value)
{
    request->parent = value;
    return true;
}

static bool parse_block(struct image_request *request, const char *value)
{
    return parse_size(value, &request->block_bytes) && request->block_bytes <= UINT32_MAX;
}

static bool parse_sector(struct image_request *request, const char *value)
{
    return parse_size(value, &request->sector_bytes) && request->sector_bytes <= UINT32_MAX;
}

static bool parse_repair(struct image_request *request, const char *value)
{
    (void)value;
    request->repair = true;
    return true;
}

/* clang-format off */
static const struct {
    const char *name, *argument, *help;
    bool (*parse)(struct image_request *request, const char *value);
} image_options[] = {
    { "type", "fixed|dynamic|differencing", "All space taken now, or as it is needed, or only what differs from the parent. Default: dynamic; fixed for raw; differencing with --parent.", parse_type },
    { "parent", "FILE", "The image that a differencing one differs from. It must not be written to any more.", parse_parent },
    { "format", "raw|vhd|vhdx", "The format, when the file's name does not tell: .raw .img .vhd .vhdx.", parse_format },
    { "block", "SIZE", "How much a dynamic or differencing image takes at a time.", parse_block },
    { "sector", "512|4096", "The guest's sectors. Default: 512.", parse_sector },
    { "repair", NULL, "With check: open for writing, so that a log is replayed and lost footers are put back.", parse_repair },
};
/* clang-format on */

static int image_say(const struct error *error)
{
    (void)fprintf(stderr, "verdite: %s\n", error->text);
    return IMAGE_FAILED;
}

static int image_usage(const char *what, const char *word)
{
    (void)fprintf(stderr, "verdite: image: %s%s%s; see verdite --help\n", what,
                  *word == '\0' ? "" : " ", word);
    return IMAGE_USAGE;
}

/* Make `name` of that size, with its parent. */
static int image_make(const struct image_request *request, const char *name, uint64_t size,
                      uint32_t sector)
{
    struct error error = { "" };
    struct image *parent = NULL;
    const struct image_format *format =
        request->format != NULL ? request->format : image_format_of_name(name);
    if (format == NULL) {
        return image_usage("say the --format of", name);
    }
    int type = request->type >= 0             ? request->type
               : request->parent != NULL      ? IMAGE_DIFFERENCING
               : !strcmp(format->name, "raw") ? IMAGE_FIXED
                                              : IMAGE_DYNAMIC;
    if ((type == IMAGE_DIFFERENCING) != (request->parent != NULL)) {
        return image_usage("a differencing image, and no other, has a --parent:", name);
    }
    if (!strcmp(format->name, "raw") && type == IMAGE_DYNAMIC) {
        return image_usage("a raw image is fixed:", name);
    }
    if (request->parent != NULL &&
        image_open(&image_env_host, request->parent, false, &parent, &error) != 0) {
        return image_say(&error);
    }
    struct image_new facts = { .env = &image_env_host,
                               .size_bytes =
                                   size != 0 || parent == NULL ? size : parent->size_bytes,
                               .type = (enum image_type)type,
                               .logical_sector = request->sector_bytes != 0
                                                     ? (uint32_t)request->sector_bytes
                                                 : parent != NULL ? parent->logical_sector
                                                                  : sector,
                               .block_bytes = (uint32_t)request->block_bytes,
                               .parent = parent };
    int code = image_create(name, format, &facts, &error);
    (void)image_close(parent);
    return code == 0 ? IMAGE_DONE : image_say(&error);
}

static int verb_create(const struct image_request *request)
{
    uint64_t size = 0;
    if (request->words[1] == NULL && request->parent == NULL) {
        return image_usage("create: give a size, as 10G", "");
    }
    if (request->words[1] != NULL && !parse_size(request->words[1], &size)) {
        return image_usage("create: give a size as 512M or 10G, not", request->words[1]);
    }
    return image_make(request, request->words[0], size, 0);
}

static int verb_convert(const struct image_request *request)
{
    struct error error = { "" };
    struct image *from, *to;
    const char *name = request->words[1];
    if (image_open(&image_env_host, request->words[0], false, &from, &error) != 0) {
        return image_say(&error);
    }
    uint64_t size = (from->size_bytes + IMAGE_SECTOR - 1) / IMAGE_SECTOR * IMAGE_SECTOR;
    const struct image_format *format =
        request->format != NULL ? request->format : image_format_of_name(name);
    bool vhdx = format != NULL && strcmp(format->name, "vhdx") == 0;
    int status = image_make(request, name, size, vhdx && from->logical_sector == 4096 ? 4096 : 0);
    if (status == IMAGE_DONE) {
        int code = image_open(&image_env_host, name, true, &to, &error);
        code = code == 0 ? image_copy(from, to, &error) : code;
        if (code == 0 && image_close(to) != 0) {
            code = error_set(&error, -EIO, "%s: could not be written", name);
        } else if (code != 0 && to != NULL) {
            (void)image_close(to);
        }
        if (code != 0) {
            (void)image_env_host.remove(NULL, name);
            status = image_say(&error);
        }
    }
    (void)image_close(from);
    return status;
}

static void image_show(const struct image *image)
{
    static const char units[] = " KMGT";
    char id[GUID_TEXT_SIZE];
    unsigned unit = 0;
    uint64_t n = image->size_bytes;
    while (n % 1024 == 0 && unit + 1 < sizeof(units) - 1) {
        n /= 1024;
        unit++;
    }
    struct image_geometry geometry = image_geometry(image->size_bytes);
    guid_print(&image->id, id);
    (void)printf("file: %s\nformat: %s\ntype: %s\nsize: %" PRIu64 " bytes", image->file->name,
                 image->format->name, image_type_name(image->type), image->size_bytes);
    (void)(unit > 0 ? printf(" (%" PRIu64 "%c)\n", n, units[unit]) : printf("\n"));
    (void)printf("sectors: %u bytes, %u on the medium\ngeometry: %u/%u/%u\n", image->logical_sector,
                 image->physical_sector, geometry.cylinders, geometry.heads, geometry.sectors);
    if (image->block_bytes != 0) {
        (void)printf("block: %u bytes\n", image->block_bytes);
    }
    if (!guid_is_zero(&image->id)) {
        (void)printf("id: %s\n", id);
    }
    (void)printf("file size: %" PRIu64 " bytes\n", image->file->size_bytes);
}

static int verb_info(const struct image_request *request)
{
    struct error error = { "" };
    struct image *image;
    if (image_open(&image_env_host, request->words[0], false, &image, &error) != 0) {
        return image_say(&error);
    }
    for (const struct image *i = image; i != NULL; i = i->parent) {
        (void)(i == image ? 0 : printf("\nits parent\n"));
        image_show(i);
    }
    (void)image_close(image);
    return IMAGE_DONE;
}

static void check_line(void *opaque, const char *text)
{
    (void)opaque;
    (void)puts(text);
}

static int verb_check(const struct image_request *request)
{
    struct error error = { "" };
    struct image *image;
    struct image_report report = { .line = check_line };
    if (image_open(&image_env_host, request->words[0], request->repair, &image, &error) != 0) {
        return image_say(&error);
    }
    image_check(image, &report);
    int code = image_close(image);
    (void)printf("%u errors, %u warnings, %" PRIu64 " bytes not used\n", report.errors,
                 report.warnings, report.leaked_bytes);
    return code == 0 && report.errors == 0 ? IMAGE_DONE : IMAGE_FAILED;
}

static int verb_compare(const struct image_request *request)
{
    struct error error = { "" };
    struct image *a = NULL, *b = NULL;
    uint64_t differ = 0;
    int code = image_open(&image_env_host, request->words[0], false, &a, &error);
    code = code == 0 ? image_open(&image_env_host, request->words[1], false, &b, &error) : code;
    code = code == 0 ? image_compare(a, b, &differ, &error) : code;
    (void)image_close(a);
    (void)image_close(b);
    if (code != 0) {
        return image_say(&error);
    }
    if (differ != UINT64_MAX) {
        (void)printf("they differ at byte %" PRIu64 "\n", differ);
        return IMAGE_FAILED;
    }
    (void)puts("same content");
    return IMAGE_DONE;
}

/* clang-format off */
static const struct {
    const char *name, *arguments, *help;
    unsigned least_words, most_words;
    int (*run)(const struct image_request *request);
} image_verbs[] = {
    { "create", "FILE SIZE", "Make an empty image.", 1, 2, verb_create },
    { "convert", "FROM TO", "Copy an image into a new one of another format or type.", 2, 2, verb_convert },
    { "info", "FILE", "Show what an image and its parents are.", 1, 1, verb_info },
    { "check", "FILE", "Look for damage. Exit code 1 when there is some.", 1, 1, verb_check },
    { "compare", "FILE FILE", "Whether two images hold the same disk. Exit code 1 when not.", 2, 2, verb_compare },
};
/* clang-format on */

const char *image_command_verb(unsigned index, const char **help)
{
    *help = index < ARRAY_SIZE(image_verbs) ? image_verbs[index].help : NULL;
    return index < ARRAY_SIZE(image_verbs) ? image_verbs[index].name : NULL;
}

const char *image_command_option(unsigned index, const char **help)
{
    *help = index < ARRAY_SIZE(image_options) ? image_options[index].help : NULL;
    return index < ARRAY_SIZE(image_options) ? image_options[index].name : NULL;
}

/* The option at argv[*i], with its value. 0 or IMAGE_USAGE. */
static int take_option(struct image_request *request, int argc, char **argv, int *i)
{
    const char *name = argv[*i] + 2;
    size_t length = strcspn(name, "=");
    for (unsigned n = 0; n < ARRAY_SIZE(image_options); n++) {
        if (strlen(image_options[n].name) != length ||
            strncmp(image_options[n].name, name, length) != 0) {
            continue;
        }
        const char *value = name[length] == '=' ? name + length + 1 : NULL;
        if (image_options[n].argument != NULL && value == NULL) {
            value = *i + 1 < argc ? argv[++*i] : "";
        }
        return image_options[n].parse(request, value) ? 0 : image_usage("wrong value of", argv[*i]);
    }
    return image_usage("unknown option", argv[*i]);
}

int image_command(int argc, char **argv)
{
    struct image_request request = { .type = -1 };
    unsigned verb = 0, words = 0;
    while (verb < ARRAY_SIZE(image_verbs) &&
           (argc == 0 || strcmp(argv[0], image_verbs[verb].name) != 0)) {
        verb++;
    }
    if (verb == ARRAY_SIZE(image_verbs)) {
        return image_usage(argc == 0 ? "say what to do: create, convert, info, check, compare"
                                     : "unknown verb",
                           argc == 0 ? "" : argv[0]);
    }
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0) {
            int status = take_option(&request, argc, argv, &i);
            if (status != 0) {
                return status;
            }
        } else if (words == image_verbs[verb].most_words) {
            return image_usage("too much:", argv[i]);
        } else {
            request.words[words++] = argv[i];
        }
    }
    if (words < image_verbs[verb].least_words) {
        return image_usage(image_verbs[verb].name, image_verbs[verb].arguments);
    }
    return image_verbs[verb].run(&request);
}
