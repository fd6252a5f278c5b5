/* Adapters, switches, the user NAT and captures of one child. */
#include "partitions/vmms/network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host/time.h"
#include "devices/net/pcap.h"
#include "partitions/machine.h"
#include "partitions/partition.h"
#include "partitions/schedule.h"
#include "partitions/vmms/worker.h"

enum { QUEUES_MOST = 8 };

/* ---- switches ---- */

static struct machine *machine_of(const struct network *network)
{
    return network->worker->machine;
}

static struct net_switch *find_switch(struct network *network, const char *name,
                                      enum net_switch_kind kind, struct error *error)
{
    for (unsigned i = 0; i < NETWORK_SWITCHES; i++) {
        struct net_switch *net = network->home->net[i];
        if (net == NULL) {
            net = malloc(sizeof(*net));
            if (net == NULL) {
                break;
            }
            net_switch_init(net, name, kind, &machine_of(network)->clock);
            network->home->net[i] = net;
            return net;
        }
        if (strcmp(net->name, name) == 0) {
            return net;
        }
    }
    error_set(error, -ENOSPC, "net: at most %d switches", NETWORK_SWITCHES);
    return NULL;
}

/* ---- the uplink ---- */

static bool uplink_post(void *opaque, const uint8_t *bytes, uint32_t n)
{
    return machine_input_frame(&machine_of(opaque)->input, bytes, n);
}

static const struct net_uplink_ops uplink_ops = { .post = uplink_post };

static void input_enter(void *opaque, const uint8_t *bytes, size_t n)
{
    struct network *network = opaque;

    if (network->uplinked) {
        net_uplink_enter(&network->uplink, bytes, (uint32_t)n);
    }
}

static bool input_busy(void *opaque)
{
    struct network *network = opaque;

    return network->uplinked && network->uplink.nat != NULL && net_nat_busy(network->uplink.nat);
}

/* The first adapter of the user network brings the uplink, and its settings; others join. */
static int join_user(struct network *network, struct net_switch *net,
                     const struct network_request *request, const char *text, struct error *error)
{
    struct machine *machine = machine_of(network);
    bool is_virtual = machine->config.virtual_time;
    struct net_nat_config config = request->nat;

    if (network->uplinked) {
        return config.n_forwards == 0 && !config.restricted && !config.ipv6
                   ? 0
                   : error_set(error, -EINVAL,
                               "net user: hostfwd, restrict and ipv6 belong to the first of them");
    }
    config.clock = is_virtual ? &machine->clock : NULL;
    network->nat = config;
    network->uplink_text = strdup(text);
    int status = network->uplink_text == NULL
                     ? error_set(error, -ENOMEM, "no memory for the user network")
                     : net_uplink_init(&network->uplink, net, &config,
                                       !machine->input.replay && !network->restoring,
                                       is_virtual ? &uplink_ops : NULL, network, error);
    network->uplinked = status == 0;
    if (status != 0) {
        free(network->uplink_text);
        network->uplink_text = NULL;
        return status;
    }
    machine->input.net_opaque = network;
    machine->input.net_busy = input_busy;
    machine->input.net = input_enter;
    return status;
}

/* ---- adapters ---- */

static void free_nic(struct nic *nic)
{
    free(nic->text);
    free(nic);
}

bool network_has(const struct network *network, const struct vmbus_device *dev)
{
    for (unsigned i = 0; i < NETWORK_NICS; i++) {
        if (network->nic[i] != NULL && &network->nic[i]->netvsp.vmbus == dev) {
            return true;
        }
    }
    return false;
}

void network_reap(struct network *network)
{
    for (unsigned i = 0; i < NETWORK_NICS; i++) {
        struct nic *nic = network->nic[i];
        if (nic != NULL && nic->removed && nic->netvsp.vmbus.host == NULL) {
            worker_drop(network->worker, &nic->netvsp.vmbus);
            netvsp_fini(&nic->netvsp);
            free_nic(nic);
            network->nic[i] = NULL;
        }
    }
}

/* An adapter of a further child that was given no name is CHILD.nicN to the switch, and also nicN to the child. */
static bool named(const struct network *network, const struct net_port *port, const char *name)
{
    const char *dot = network->number > 0 ? strrchr(port->name, '.') : NULL;

    return strcmp(port->name, name) == 0 || (dot != NULL && strcmp(dot + 1, name) == 0);
}

static struct nic *find_nic(struct network *network, const char *name, struct error *error)
{
    for (unsigned i = 0; i < NETWORK_NICS; i++) {
        struct nic *nic = network->nic[i];
        if (nic != NULL && !nic->removed && named(network, &nic->netvsp.port, name)) {
            return nic;
        }
    }
    error_set(error, -ENOENT, "there is no adapter %.40s", name);
    return NULL;
}

static int make_nic(struct network *network, unsigned number, const struct network_request *request,
                    const char *text, struct net_switch *net, struct error *error)
{
    struct machine *machine = machine_of(network);
    struct nic *nic = calloc(1, sizeof(*nic));
    char name[NET_PORT_NAME];
    struct netvsp_config config = {
        .name = request->name[0] != '\0' ? request->name : name,
        .number = number,
        .mac = { 0x00, 0x15, 0x5d, (uint8_t)(network->seed >> 8), (uint8_t)network->seed,
                 (uint8_t)(NETWORK_NICS * network->number + number + 1) },
        .queues = request->queues != 0          ? request->queues
                  : network->cpus > QUEUES_MOST ? QUEUES_MOST
                                                : network->cpus,
        .mac_fixed = request->mac_fixed,
        .vlan = request->vlan,
    };

    const char *child = network->number > 0 ? network->worker->child->name : NULL;
    (void)snprintf(name, sizeof(name), "%.*s%snic%u", NET_PORT_NAME - 16,
                   child != NULL ? child : "", child != NULL ? "." : "", number);
    if (request->has_mac) {
        memcpy(config.mac, request->mac, NET_MAC_BYTES);
    }
    if (nic != NULL) {
        nic->text = strdup(text);
    }
    int status = nic == NULL || nic->text == NULL
                     ? -ENOMEM
                     : netvsp_init(&nic->netvsp, &config, &machine->clock, &machine->trace,
                                   (uint32_t)network->worker->child->id);
    if (status != 0) {
        if (nic != NULL) {
            free_nic(nic);
        }
        return error_set(error, status, "no memory for an adapter");
    }
    status = netvsp_plug(&nic->netvsp, net, error);
    if (status == 0) {
        status = worker_add(network->worker, &nic->netvsp.vmbus);
        if (status != 0) {
            error_set(error, status, "the guest has all the devices that it can have");
        }
    }
    if (status != 0) {
        netvsp_fini(&nic->netvsp);
        free_nic(nic);
        return status;
    }
    network->nic[number] = nic;
    if (request->user) {
        net_uplink_reserve(&network->home->uplink, config.mac);
    }
    return 0;
}

int network_add(struct network *network, const char *text, struct error *error)
{
    struct network_request request;
    unsigned number = 0;
    int status = network_parse(&request, text, error);

    if (status != 0 || request.none) {
        return status;
    }
    network_reap(network);
    if (request.slot >= 0) {
        number = (unsigned)request.slot;
        if (!request.uplink && network->nic[number] != NULL) {
            return error_set(error, -EEXIST, "net slot=%u: it is taken", number);
        }
    }
    while (number < NETWORK_NICS && !request.uplink && network->nic[number] != NULL) {
        number++;
    }
    if (number == NETWORK_NICS) {
        return error_set(error, -ENOSPC, "net: at most %d adapters", NETWORK_NICS);
    }
    if (request.name[0] != '\0' && find_nic(network, request.name, NULL) != NULL) {
        return error_set(error, -EEXIST, "there is an adapter %s already", request.name);
    }
    struct net_switch *net = find_switch(network, request.net,
                                         !request.user            ? NET_SWITCH_PRIVATE
                                         : request.nat.restricted ? NET_SWITCH_INTERNAL
                                                                  : NET_SWITCH_EXTERNAL,
                                         error);
    if (net == NULL) {
        return -ENOSPC;
    }
    if (request.user) {
        status = join_user(network->home, net, &request, text, error);
    }
    return status != 0 || request.uplink ? status
                                         : make_nic(network, number, &request, text, net, error);
}

int network_remove(struct network *network, const char *name, struct error *error)
{
    struct nic *nic = find_nic(network, name, error);

    if (nic == NULL) {
        return -ENOENT;
    }
    netvsp_unplug(&nic->netvsp);
    nic->removed = true;
    if (nic->netvsp.vmbus.host != NULL) {
        vmbus_device_lock(&nic->netvsp.vmbus);
        netvsp_leave(&nic->netvsp);
        vmbus_device_unlock(&nic->netvsp.vmbus);
    }
    return 0;
}

int network_link(struct network *network, const char *name, bool up, struct error *error)
{
    struct nic *nic = find_nic(network, name, error);

    if (nic == NULL) {
        return -ENOENT;
    }
    net_port_set_link(&nic->netvsp.port, up);
    return 0;
}

/* ---- captures ---- */

int network_capture(struct network *network, const char *text, struct error *error)
{
    const char *equals = strchr(text, '=');
    char name[NET_PORT_NAME];
    struct net_port *port = NULL;
    const struct machine *machine = machine_of(network);
    uint64_t epoch = machine->config.virtual_time
                         ? SCHEDULE_EPOCH_SECONDS * UINT64_C(1000000000)
                         : host_wall_ns() - clock_now_ns(&machine_of(network)->clock);

    if (equals == NULL || (size_t)(equals - text) >= sizeof(name) || equals[1] == '\0') {
        return error_set(error, -EINVAL, "pcap %.40s: say PORT=FILE, as nic0=guest.pcap", text);
    }
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = '\0';
    if (strcmp(name, "uplink") == 0 && network->home->uplinked) {
        port = &network->home->uplink.port;
    } else {
        struct nic *nic = find_nic(network, name, error);
        port = nic != NULL ? &nic->netvsp.port : NULL;
    }
    if (port == NULL) {
        return error_set(error, -ENOENT, "pcap %.40s: there is no such port", text);
    }
    struct net_pcap *capture =
        network->n_captures < NETWORK_CAPTURES ? malloc(sizeof(*capture)) : NULL;
    if (capture == NULL) {
        return error_set(error, -ENOSPC, "at most %d captures", NETWORK_CAPTURES);
    }
    int status = net_pcap_open(capture, equals + 1, epoch, error);
    if (status != 0) {
        free(capture);
        return status;
    }
    network->capture[network->n_captures++] = capture;
    net_port_set_capture(port, capture);
    return 0;
}

/* ---- life ---- */

void network_init(struct network *network, struct worker *worker, unsigned cpus, uint64_t seed,
                  bool restoring)
{
    memset(network, 0, sizeof(*network));
    network->worker = worker;
    network->home = network;
    network->cpus = cpus;
    network->seed = seed;
    network->restoring = restoring;
}

void network_fini(struct network *network)
{
    if (network->worker == NULL) {
        return;
    }
    struct machine_input *input = &machine_of(network)->input;
    if (network->uplinked) {
        input->net = NULL;
        input->net_busy = NULL;
        net_uplink_fini(&network->uplink);
    }
    for (unsigned i = 0; i < NETWORK_NICS; i++) {
        if (network->nic[i] != NULL) {
            netvsp_fini(&network->nic[i]->netvsp);
            free_nic(network->nic[i]);
        }
    }
    for (unsigned i = 0; i < NETWORK_SWITCHES; i++) {
        if (network->net[i] != NULL) {
            net_switch_fini(network->net[i]);
            free(network->net[i]);
        }
    }
    for (unsigned i = 0; i < network->n_captures; i++) {
        net_pcap_close(network->capture[i]);
        free(network->capture[i]);
    }
    free(network->uplink_text);
    network->uplink_text = NULL;
    network->worker = NULL;
}

static void describe(const struct net_port *port, struct network_port *told)
{
    *told = (struct network_port){
        .name = port->name,
        .net = port->net != NULL ? port->net->name : "",
        .kind = port->net != NULL ? net_switch_kind_name(port->net->kind) : "",
        .link = port->link,
        .counters = port->counters,
    };
    memcpy(told->mac, port->mac, NET_MAC_BYTES);
}

bool network_port(const struct network *network, unsigned index, struct network_port *told)
{
    if (network->worker == NULL) {
        return false;
    }
    for (unsigned i = 0; i < NETWORK_NICS; i++) {
        const struct nic *nic = network->nic[i];
        if (nic == NULL || nic->removed || index-- != 0) {
            continue;
        }
        describe(&nic->netvsp.port, told);
        told->nic = true;
        told->mtu = nic->netvsp.rndis.mtu;
        told->version = nic->netvsp.version;
        told->channels = nic->netvsp.n_subchannels + 1;
        return true;
    }
    if (network->uplinked && index == 0) {
        describe(&network->uplink.port, told);
        return true;
    }
    return false;
}
