/* The network of one child in a saved state. [docs/saved-state.md] */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/vmms/network.h"
#include "partitions/vmms/worker.h"

/* ---- what the configuration says ---- */

struct text {
    char *to;
    size_t n, room; /* n == room: it did not fit */
};

static void add(struct text *text, const char *from, size_t n)
{
    if (n >= text->room - text->n) {
        text->n = text->room;
        return;
    }
    memcpy(text->to + text->n, from, n);
    text->n += n;
    text->to[text->n] = '\0';
}

/* Is this item of a --net about the uplink? */
static bool of_uplink(const char *item)
{
    return strncmp(item, "hostfwd=", 8) == 0 || strncmp(item, "restrict=", 9) == 0 ||
           strncmp(item, "ipv6=", 5) == 0;
}

/* The first word (another one, when `word` is given), and those items that are of the uplink, or those that are not. */
static void add_request(struct text *text, const char *from, const char *word, bool uplink)
{
    size_t n = strcspn(from, ",");

    add(text, word != NULL ? word : from, word != NULL ? strlen(word) : n);
    while (from[n] == ',') {
        from += n + 1;
        n = strcspn(from, ",");
        if (of_uplink(from) == uplink && strncmp(from, "slot=", 5) != 0) {
            add(text, ",", 1);
            add(text, from, n);
        }
    }
}

int network_text(struct network *network, char *to, size_t room, struct error *error)
{
    struct text text = { .to = to, .room = room };
    char slot[16];

    to[0] = '\0';
    network_reap(network);
    if (network->worker != NULL && network->uplinked) {
        add_request(&text, network->uplink_text, "uplink", true);
        add(&text, "\n", 1);
    }
    for (unsigned i = 0; network->worker != NULL && i < NETWORK_NICS; i++) {
        if (network->nic[i] != NULL) {
            int n = snprintf(slot, sizeof(slot), ",slot=%u\n", i);
            add_request(&text, network->nic[i]->text, NULL, false);
            add(&text, slot, (size_t)n);
        }
    }
    return text.n < room ? 0 : error_set(error, -E2BIG, "the adapters are too many to be saved");
}

/* ---- which adapters are on their way out ---- */

struct saved_nic {
    uint32_t slot;
    bool removed;
};

static const struct state_field nic_rows[] = {
    STATE_FIELD_MAX(struct saved_nic, slot, NETWORK_NICS - 1),
    STATE_FIELD(struct saved_nic, removed),
};
static const struct state_table nic_table = STATE_TABLE("nic", 1, struct saved_nic, nic_rows);

static bool nics_get(const void *object, struct state_cursor *cursor, void *element)
{
    const struct network *network = object;

    while (cursor->a < NETWORK_NICS && network->nic[cursor->a] == NULL) {
        cursor->a++;
    }
    if (cursor->a == NETWORK_NICS) {
        return false;
    }
    *(struct saved_nic *)element =
        (struct saved_nic){ (uint32_t)cursor->a, network->nic[cursor->a]->removed };
    cursor->a++;
    return true;
}

static int nics_put(void *object, const void *element, struct error *error)
{
    struct network *network = object;
    const struct saved_nic *saved = element;
    struct nic *nic = network->nic[saved->slot];

    if (nic == NULL) {
        return error_set(error, -EINVAL, "there is no such adapter");
    }
    if (saved->removed) {
        netvsp_unplug(&nic->netvsp);
        nic->removed = true;
    }
    return 0;
}

static const struct state_list nics_list = { &nic_table, sizeof(struct saved_nic), nics_get,
                                             nics_put };
static const struct state_field network_rows[] = { STATE_LIST_FIELD("nics", &nics_list) };
static const struct state_table network_table =
    STATE_TABLE("network", 1, struct network, network_rows);

void network_visit_adapters(struct network *network, struct state_walk *walk)
{
    if (network->worker != NULL) {
        state_visit(walk, &network_table, network, "partition.%" PRIu64 "/network",
                    network->worker->child->id);
    }
}

/* ---- switches and the uplink ---- */

static bool in_use(const struct net_switch *net)
{
    bool any = false;

    for (unsigned i = 0; net != NULL && i < NET_SWITCH_PORTS; i++) {
        any |= net->port[i] != NULL;
    }
    return any;
}

void network_visit(struct network *network, struct state_walk *walk)
{
    if (network->worker == NULL) {
        return;
    }
    uint64_t id = network->worker->child->id;
    if (network->uplinked) {
        if (walk->writer != NULL) {
            net_uplink_save(&network->uplink);
        }
        state_visit(walk, &net_uplink_saved_table, &network->uplink,
                    "partition.%" PRIu64 "/network/uplink", id);
    }
    for (unsigned i = 0; i < NETWORK_SWITCHES; i++) {
        struct net_switch *net = network->net[i];
        if (!in_use(net)) {
            continue;
        }
        if (walk->writer == NULL && walk->status == 0) {
            walk->status = net_switch_replace(net, walk->error);
        }
        state_visit(walk, &net_switch_saved_table, net, "partition.%" PRIu64 "/network/switch.%s",
                    id, net->name);
    }
}

int network_resume(struct network *network, struct error *error)
{
    network->restoring = false;
    if (network->worker == NULL || !network->uplinked || network->worker->machine->input.replay) {
        return 0;
    }
    return net_uplink_resume(&network->uplink, &network->nat, error);
}
