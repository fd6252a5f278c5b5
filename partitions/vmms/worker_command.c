/* What users ask of a child's devices while it runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "partitions/vmms/worker.h"

enum { WORDS_MAX = 4, TEXT_MAX = 512 };

struct words {
    char text[TEXT_MAX];
    const char *word[WORDS_MAX]; /* "" behind the last */
    unsigned n;
};

static bool split(struct words *words, const char *text, size_t n)
{
    char *at = words->text;

    words->n = 0;
    for (unsigned i = 0; i < WORDS_MAX; i++) {
        words->word[i] = "";
    }
    if (n >= sizeof(words->text) || memchr(text, 0, n) != NULL) {
        return false;
    }
    memcpy(words->text, text, n);
    words->text[n] = '\0';
    for (; words->n < WORDS_MAX && at != NULL; words->n++) {
        char *end = strchr(at, '\t');
        words->word[words->n] = at;
        if (end != NULL) {
            *end++ = '\0';
        }
        at = end;
    }
    return at == NULL;
}

typedef int command(struct worker *worker, const struct words *words, struct error *error);

/* A component's status as a sentence. */
static int told(int status, const char *component, struct error *error)
{
    switch (status) {
    case 0:
        return 0;
    case -ENOTCONN:
        return error_set(error, status, "the guest does not listen to %s", component);
    case -EINVAL:
        return error_set(error, status, "a key is too long, empty, or no UTF-8");
    default:
        return error_set(error, status, "%s: too much waits for the guest", component);
    }
}

static int command_shutdown(struct worker *worker, const struct words *words, struct error *error)
{
    static const struct {
        const char *name;
        enum shutdown_kind kind;
    } kinds[] = { { "off", SHUTDOWN_POWER_OFF },
                  { "reboot", SHUTDOWN_REBOOT },
                  { "hibernate", SHUTDOWN_HIBERNATE } };
    bool force = strcmp(words->word[2], "force") == 0;

    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (strcmp(kinds[i].name, words->word[1]) == 0 && (force || words->word[2][0] == '\0')) {
            vmbus_device_lock(&worker->shutdown.ic.vmbus);
            int status = shutdown_ask(&worker->shutdown, kinds[i].kind, force);
            vmbus_device_unlock(&worker->shutdown.ic.vmbus);
            return told(status, "shutdown", error);
        }
    }
    return error_set(error, -EINVAL, "shutdown takes off, reboot or hibernate, and force");
}

static int command_timesync(struct worker *worker, const struct words *words, struct error *error)
{
    (void)words;
    vmbus_device_lock(&worker->timesync.ic.vmbus);
    int status = timesync_set(&worker->timesync);
    vmbus_device_unlock(&worker->timesync.ic.vmbus);
    return told(status, "time synchronization", error);
}

static int command_kvp_set(struct worker *worker, const struct words *words, struct error *error)
{
    vmbus_device_lock(&worker->kvp.ic.vmbus);
    int status = kvp_set(&worker->kvp, words->word[1], words->word[2]);
    vmbus_device_unlock(&worker->kvp.ic.vmbus);
    return told(status, "key-value exchange", error);
}

static int command_kvp_delete(struct worker *worker, const struct words *words, struct error *error)
{
    vmbus_device_lock(&worker->kvp.ic.vmbus);
    int status = kvp_delete(&worker->kvp, words->word[1]);
    vmbus_device_unlock(&worker->kvp.ic.vmbus);
    return told(status, "key-value exchange", error);
}

static int command_kvp_refresh(struct worker *worker, const struct words *words,
                               struct error *error)
{
    (void)words;
    vmbus_device_lock(&worker->kvp.ic.vmbus);
    int status = kvp_refresh(&worker->kvp);
    vmbus_device_unlock(&worker->kvp.ic.vmbus);
    return told(status, "key-value exchange", error);
}

/* ---- disks ---- */

static int command_disk_add(struct worker *worker, const struct words *words, struct error *error)
{
    return storage_add(&worker->storage, words->word[1], error);
}

static int command_disk_remove(struct worker *worker, const struct words *words,
                               struct error *error)
{
    char *end;
    unsigned long lun = strtoul(words->word[1], &end, 10);

    return words->word[1][0] < '0' || words->word[1][0] > '9' || *end != '\0' || lun > UINT32_MAX
               ? error_set(error, -EINVAL, "a disk is removed by the number of its LUN")
               : storage_remove(&worker->storage, (unsigned)lun, error);
}

bool worker_unescape(char *text)
{
    static const char names[] = "ntbe\\", meant[] = "\n\t\b\x1b\\";
    char *to = text;

    for (; *text != '\0'; text++) {
        char character = *text;
        if (character == '\\') {
            const char *name = *++text != '\0' ? strchr(names, *text) : NULL;
            if (name == NULL) {
                return false;
            }
            character = meant[name - names];
        }
        *to++ = character;
    }
    *to = '\0';
    return true;
}

static int command_type(struct worker *worker, const struct words *words, struct error *error)
{
    char text[TEXT_MAX];

    memcpy(text, words->word[1], strlen(words->word[1]) + 1);
    if (!worker_unescape(text)) {
        return error_set(error, -EINVAL, "type knows \\n, \\t, \\b, \\e and \\\\");
    }
    vmbus_device_lock(&worker->keyboard.vmbus);
    int status = keyboard_type(&worker->keyboard, text);
    vmbus_device_unlock(&worker->keyboard.vmbus);
    return status == -EINVAL ? error_set(error, status, "a US keyboard has no key for that")
                             : told(status, "its keyboard", error);
}

/* ---- offers ---- */

static struct vmbus_device *device_named(const struct worker *worker, const char *name)
{
    char text[VMBUS_GUID_TEXT];

    for (unsigned i = 0; i < worker->n_devices && name[0] != '\0'; i++) {
        struct vmbus_device *dev = worker->device[i];
        vmbus_guid_text(&dev->offer.instance, text);
        if (strcmp(dev->device.type->name, name) == 0 || strncmp(text, name, strlen(name)) == 0) {
            return dev;
        }
    }
    return NULL;
}

static int command_rescind(struct worker *worker, const struct words *words, struct error *error)
{
    struct vmbus_device *dev = device_named(worker, words->word[1]);

    if (dev == NULL) {
        return error_set(error, -ENOENT, "there is no device %s", words->word[1]);
    }
    if (dev->host == NULL || dev->wanted_rescind) {
        return error_set(error, -EALREADY, "%s is not offered", words->word[1]);
    }
    vmbus_device_lock(dev);
    if (network_has(&worker->network, dev)) {
        netvsp_leave((struct netvsp *)dev);
    } else {
        vmbus_device_rescind(dev);
    }
    vmbus_device_unlock(dev);
    return 0;
}

static int command_offer(struct worker *worker, const struct words *words, struct error *error)
{
    struct vmbus_device *dev = device_named(worker, words->word[1]);

    if (dev == NULL) {
        return error_set(error, -ENOENT, "there is no device %s", words->word[1]);
    }
    if (dev->host != NULL) {
        return error_set(error, -EALREADY,
                         dev->wanted_rescind ? "the guest has not let go of %s" : "%s is offered",
                         words->word[1]);
    }
    vmbus_server_add(&worker->vmbus.server, dev);
    return 0;
}

/* ---- the network ---- */

static int command_nic_add(struct worker *worker, const struct words *words, struct error *error)
{
    return network_add(&worker->network, words->word[1], error);
}

static int command_nic_remove(struct worker *worker, const struct words *words, struct error *error)
{
    return network_remove(&worker->network, words->word[1], error);
}

static int command_nic_link(struct worker *worker, const struct words *words, struct error *error)
{
    bool up = strcmp(words->word[2], "up") == 0;

    return up || strcmp(words->word[2], "down") == 0
               ? network_link(&worker->network, words->word[1], up, error)
               : error_set(error, -EINVAL, "nic link takes a name, and up or down");
}

static int command_nic_capture(struct worker *worker, const struct words *words,
                               struct error *error)
{
    return network_capture(&worker->network, words->word[1], error);
}

/* X(name, words with its name: least, most, handler) */
static const struct {
    const char *name;
    unsigned least, most;
    command *handler;
} commands[] = {
    { "shutdown", 2, 3, command_shutdown },       { "timesync", 1, 1, command_timesync },
    { "kvp-set", 3, 3, command_kvp_set },         { "kvp-delete", 2, 2, command_kvp_delete },
    { "kvp-refresh", 1, 1, command_kvp_refresh }, { "disk-add", 2, 2, command_disk_add },
    { "disk-remove", 2, 2, command_disk_remove }, { "nic-add", 2, 2, command_nic_add },
    { "nic-remove", 2, 2, command_nic_remove },   { "nic-link", 3, 3, command_nic_link },
    { "nic-capture", 2, 2, command_nic_capture }, { "type", 2, 2, command_type },
    { "rescind", 2, 2, command_rescind },         { "offer", 2, 2, command_offer },
};

int worker_command(struct worker *worker, const char *text, size_t n, struct error *error)
{
    struct words words = { .n = 0 };

    if (worker->machine == NULL) {
        return error_set(error, -ENOTCONN, "the guest is no child of the built-in parent");
    }
    if (!split(&words, text, n)) {
        return error_set(error, -EINVAL, "no command: too long");
    }
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(commands[i].name, words.word[0]) == 0) {
            return words.n < commands[i].least || words.n > commands[i].most
                       ? error_set(error, -EINVAL, "%s takes other words", commands[i].name)
                       : commands[i].handler(worker, &words, error);
        }
    }
    return error_set(error, -EINVAL, "no such command");
}
