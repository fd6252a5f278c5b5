/* The disks of one child. [LINUX drivers/scsi/storvsc_drv.c for what a guest makes of them] */
#include "partitions/vmms/storage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vmms/worker.h"

/* ---- --disk ---- */

static bool spec_bool(const char *value, bool *to)
{
    *to = strcmp(value, "on") == 0;
    return *to || strcmp(value, "off") == 0;
}

static bool take_overlay(struct disk_spec *spec, const char *value)
{
    (void)snprintf(spec->overlay, sizeof(spec->overlay), "%s", value);
    return value[0] != '\0' && strlen(value) < sizeof(spec->overlay);
}

static bool take_snapshot(struct disk_spec *spec, const char *value)
{
    return spec_bool(value, &spec->snapshot);
}

static bool take_read_only(struct disk_spec *spec, const char *value)
{
    return spec_bool(value, &spec->read_only);
}

static bool take_bus(struct disk_spec *spec, const char *value)
{
    spec->ide = strcmp(value, "ide") == 0;
    return spec->ide || strcmp(value, "scsi") == 0;
}

static bool take_lun(struct disk_spec *spec, const char *value)
{
    char *end;
    unsigned long lun = strtoul(value, &end, 10);
    spec->lun = lun < STORVSP_UNITS ? (int)lun : -1;
    return value[0] >= '0' && value[0] <= '9' && *end == '\0' && spec->lun >= 0;
}

static const struct {
    const char *key;
    bool (*take)(struct disk_spec *spec, const char *value);
} spec_keys[] = {
    { "overlay", take_overlay }, { "snapshot", take_snapshot }, { "readonly", take_read_only },
    { "bus", take_bus },         { "lun", take_lun },
};

int disk_spec_parse(const char *text, struct disk_spec *spec, struct error *error)
{
    size_t n = strcspn(text, ",");
    *spec = (struct disk_spec){ .lun = -1 };
    if (n == 0 || n >= sizeof(spec->file)) {
        return error_set(error, -EINVAL, "--disk %.200s: give FILE[,overlay=FILE][,snapshot=on]",
                         text);
    }
    memcpy(spec->file, text, n);
    for (text += n; *text == ','; text += n) {
        char word[IMAGE_NAME_MAX + 16];
        text++;
        n = strcspn(text, ",");
        (void)snprintf(word, sizeof(word), "%.*s", (int)n, text);
        char *value = strchr(word, '=');
        unsigned i = 0;
        if (value != NULL) {
            *value++ = '\0';
        }
        while (i < ARRAY_SIZE(spec_keys) && strcmp(spec_keys[i].key, word) != 0) {
            i++;
        }
        if (i == ARRAY_SIZE(spec_keys) || n >= sizeof(word) || value == NULL ||
            !spec_keys[i].take(spec, value)) {
            return error_set(error, -EINVAL,
                             "--disk: '%.*s' is not known: overlay=FILE, snapshot=on, readonly=on, "
                             "bus=scsi|ide, lun=N",
                             (int)(n < 200 ? n : 200), text);
        }
    }
    if (spec->overlay[0] != '\0' && spec->snapshot) {
        return error_set(error, -EINVAL,
                         "--disk %.200s: an overlay keeps what a snapshot throws away: give one",
                         spec->file);
    }
    return 0;
}

/* ---- images ---- */

/* The overlay's parent is the file that was named. */
static int same_parent(const struct image *overlay, const struct disk_spec *spec,
                       struct error *error)
{
    char wanted[IMAGE_NAME_MAX], is[IMAGE_NAME_MAX];
    const struct image_env *env = overlay->env;
    if (overlay->parent != NULL &&
        env->absolute(env->opaque, spec->file, wanted, sizeof(wanted)) == 0 &&
        env->absolute(env->opaque, overlay->parent->file->name, is, sizeof(is)) == 0 &&
        strcmp(wanted, is) == 0) {
        return 0;
    }
    return error_set(error, -EINVAL, "--disk: %.200s is no overlay of %.200s", spec->overlay,
                     spec->file);
}

static int make_overlay(const struct disk_spec *spec, struct error *error)
{
    struct image *base;
    int code = image_open(&image_env_host, spec->file, false, &base, error);
    if (code != 0) {
        return code;
    }
    struct image_new facts = { .env = &image_env_host,
                               .size_bytes = base->size_bytes,
                               .type = IMAGE_DIFFERENCING,
                               .logical_sector = base->logical_sector,
                               .parent = base };
    code = image_create(spec->overlay, base->format, &facts, error);
    (void)image_close(base);
    return code;
}

static int open_overlay(const struct disk_spec *spec, struct image **image, struct error *error)
{
    char there[IMAGE_NAME_MAX];
    int code = image_env_host.absolute(NULL, spec->overlay, there, sizeof(there)) != 0
                   ? make_overlay(spec, error)
                   : 0;
    code = code == 0 ? image_open(&image_env_host, spec->overlay, true, image, error) : code;
    if (code == 0) {
        code = same_parent(*image, spec, error);
    }
    if (code != 0 && *image != NULL) {
        (void)image_close(*image);
        *image = NULL;
    }
    return code;
}

static int open_disk(const struct disk_spec *spec, struct image **image, struct error *error)
{
    *image = NULL;
    if (spec->overlay[0] != '\0') {
        return open_overlay(spec, image, error);
    }
    const struct image_format *format = image_format_of_name(spec->file);
    bool iso = format != NULL && strcmp(format->name, "iso") == 0;
    bool write = !spec->snapshot && !spec->read_only && !iso;
    int code = image_open(&image_env_host, spec->file, write, image, error);
    if (code != 0 || !spec->snapshot || (*image)->removable) {
        return code;
    }
    struct image *base = *image;
    *image = NULL;
    return image_open_snapshot(base, "/tmp", image, error);
}

/* ---- controllers ---- */

/* A thread of the pool has finished something: it goes on with it. */
static void help(void *opaque)
{
    clock_help(opaque);
}

/* Offer a controller, made when its first disk comes. */
static int controller(struct storage *storage, struct storvsp **storvsp, bool ide, unsigned index,
                      struct error *error)
{
    struct worker *worker = storage->worker;
    struct machine *machine = worker->machine;
    if (*storvsp != NULL) {
        return 0;
    }
    const struct storvsp_world world = { .clock = &machine->clock,
                                         .trace = &machine->trace,
                                         .partition = (uint32_t)worker->child->id,
                                         .pool = &storage->pool,
                                         .cpus = worker->child->n_vps };
    if (!storage->pool_made) {
        int status = io_pool_init(&storage->pool, error);
        if (status != 0) {
            return status;
        }
        storage->pool.after = help;
        storage->pool.after_opaque = &machine->clock;
        storage->pool_made = true;
    }
    struct storvsp *made = calloc(1, sizeof(*made));
    int code = made == NULL ? -ENOMEM : storvsp_init(made, &world, ide, index);
    if (code != 0) {
        free(made);
        return error_set(error, code, "no memory for a disk controller");
    }
    *storvsp = made;
    return 0;
}

/* Which drive or LUN a new disk gets; -1: none is free. */
static int place(const struct storage *storage, const struct disk_spec *spec)
{
    if (spec->ide) {
        for (int i = 0; i < STORAGE_IDE_DISKS; i++) {
            if (storage->ide[i] == NULL && spec->lun <= 0) {
                return i;
            }
        }
        return -1;
    }
    int lun = spec->lun >= 0 ? spec->lun : 0;
    while (spec->lun < 0 && lun < STORVSP_UNITS && storage->scsi != NULL &&
           storage->scsi->units[lun] != NULL) {
        lun++;
    }
    bool taken =
        lun == STORVSP_UNITS || (storage->scsi != NULL && storage->scsi->units[lun] != NULL);
    return taken ? -1 : lun;
}

static int remember(struct storage *storage, const struct disk_spec *spec, unsigned lun)
{
    struct storage_disk *more = realloc(storage->disks, (storage->n_disks + 1) * sizeof(*more));
    if (more == NULL) {
        return -ENOMEM;
    }
    storage->disks = more;
    struct storage_disk *disk = &more[storage->n_disks++];
    *disk = (struct storage_disk){ .ide = spec->ide, .snapshot = spec->snapshot, .lun = lun };
    memcpy(disk->file, spec->file, sizeof(disk->file));
    char at[32] = ",bus=ide";
    if (!spec->ide) {
        (void)snprintf(at, sizeof(at), ",lun=%u", lun);
    }
    (void)snprintf(disk->spec, sizeof(disk->spec), "%s%s%s%s%s%s", spec->file,
                   spec->overlay[0] != '\0' ? ",overlay=" : "", spec->overlay,
                   spec->snapshot ? ",snapshot=on" : "", spec->read_only ? ",readonly=on" : "", at);
    return 0;
}

static int attach(struct storage *storage, const struct disk_spec *spec, struct image *image,
                  struct error *error)
{
    bool drive = image->removable;
    int at = place(storage, spec);
    if (at < 0) {
        (void)image_close(image);
        return error_set(error, -EBUSY, "--disk %.200s: its LUN is taken, or there are too many",
                         spec->file);
    }
    struct storvsp **storvsp = spec->ide ? &storage->ide[at] : &storage->scsi;
    bool fresh = *storvsp == NULL;
    int code = controller(storage, storvsp, spec->ide, (unsigned)at, error);
    if (code != 0) {
        (void)image_close(image);
        return code;
    }
    vmbus_device_lock(&(*storvsp)->vmbus);
    code =
        storvsp_attach(*storvsp, spec->ide ? 0 : (unsigned)at, drive ? SCSI_DVD : SCSI_DISK, image);
    vmbus_device_unlock(&(*storvsp)->vmbus);
    code = code == 0 ? remember(storage, spec, (unsigned)at) : code;
    code = code == 0 && fresh ? worker_add(storage->worker, &(*storvsp)->vmbus) : code;
    return code == 0 ? 0 : error_set(error, code, "--disk %.200s: %s", spec->file, strerror(-code));
}

int storage_add(struct storage *storage, const char *text, struct error *error)
{
    struct disk_spec spec;
    struct image *image = NULL;
    int code = disk_spec_parse(text, &spec, error);
    code = code == 0 ? open_disk(&spec, &image, error) : code;
    return code == 0 ? attach(storage, &spec, image, error) : code;
}

int storage_remove(struct storage *storage, unsigned lun, struct error *error)
{
    if (storage->scsi == NULL || lun >= STORVSP_UNITS || storage->scsi->units[lun] == NULL) {
        return error_set(error, -ENOENT, "there is no disk at LUN %u", lun);
    }
    vmbus_device_lock(&storage->scsi->vmbus);
    int code = storvsp_detach(storage->scsi, lun);
    vmbus_device_unlock(&storage->scsi->vmbus);
    for (unsigned i = 0; i < storage->n_disks; i++) {
        if (!storage->disks[i].ide && storage->disks[i].lun == lun) {
            storage->n_disks--;
            memmove(&storage->disks[i], &storage->disks[i + 1],
                    (storage->n_disks - i) * sizeof(*storage->disks));
            break;
        }
    }
    return code == 0 ? 0
                     : error_set(error, code, "the disk at LUN %u: its last writes failed: %s", lun,
                                 strerror(-code));
}

int storage_quiesce(struct storage *storage, struct error *error)
{
    for (unsigned i = 0; i < storage->n_disks; i++) {
        if (storage->disks[i].snapshot) {
            return error_set(
                error, -ENOTSUP,
                "%.200s: a snapshot is forgotten at the end and cannot be saved: give overlay=FILE",
                storage->disks[i].file);
        }
    }
    int code = storage->scsi != NULL ? storvsp_quiesce(storage->scsi) : 0;
    for (unsigned i = 0; code == 0 && i < STORAGE_IDE_DISKS; i++) {
        code = storage->ide[i] != NULL ? storvsp_quiesce(storage->ide[i]) : 0;
    }
    return code == 0 ? 0 : error_set(error, code, "a disk cannot be written: %s", strerror(-code));
}

int storage_start(struct storage *storage, struct worker *worker, const char *const *disks,
                  unsigned n_disks, struct error *error)
{
    int code = 0;
    storage->worker = worker;
    for (unsigned i = 0; code == 0 && i < n_disks; i++) {
        code = storage_add(storage, disks[i], error);
    }
    return code;
}

static void drop(struct storvsp **storvsp)
{
    if (*storvsp != NULL) {
        (void)storvsp_fini(*storvsp);
        free(*storvsp);
        *storvsp = NULL;
    }
}

void storage_fini(struct storage *storage)
{
    if (storage->worker == NULL) {
        return;
    }
    drop(&storage->scsi);
    for (unsigned i = 0; i < STORAGE_IDE_DISKS; i++) {
        drop(&storage->ide[i]);
    }
    if (storage->pool_made) {
        io_pool_fini(&storage->pool);
        storage->pool_made = false;
    }
    free(storage->disks);
    storage->disks = NULL;
    storage->n_disks = 0;
    storage->worker = NULL;
}
