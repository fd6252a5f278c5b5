/* What --net and nic add say. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "partitions/vmms/network.h"

enum { ITEM_BYTES = 128 };

static bool parse_mac(uint8_t mac[NET_MAC_BYTES], const char *text)
{
    unsigned b[NET_MAC_BYTES];
    int end = 0;

    if (strlen(text) != 17 ||
        sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) !=
            NET_MAC_BYTES ||
        end != 17) {
        return false;
    }
    for (unsigned i = 0; i < NET_MAC_BYTES; i++) {
        mac[i] = (uint8_t)b[i];
    }
    return !net_mac_is_multicast(mac);
}

/* Lists are written with + here, as commas part the keys: vlan=trunk 1+5-7 native 1, or vlan=5. */
static int parse_vlan(struct net_vlan *vlan, const char *value, struct error *error)
{
    char text[ITEM_BYTES];
    bool number = value[0] >= '0' && value[0] <= '9';

    (void)snprintf(text, sizeof(text), "%s%s", number ? "access " : "", value);
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '+' ? ',' : *c;
    }
    return net_vlan_parse(vlan, text, error);
}

static bool name_good(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

    return n > 0 && n < NET_PORT_NAME && name[n] == '\0';
}

static int parse_name(char to[NET_PORT_NAME], const char *key, const char *value,
                      struct error *error)
{
    if (!name_good(value)) {
        return error_set(error, -EINVAL,
                         "net %s=%.40s: a name has 1 to %d letters, digits, '-', '_' or '.'", key,
                         value, NET_PORT_NAME - 1);
    }
    memcpy(to, value, strlen(value) + 1);
    return 0;
}

static int parse_queues(unsigned *queues, const char *value, struct error *error)
{
    size_t n = strspn(value, "0123456789");

    *queues = n > 0 && n < 4 && value[n] == '\0' ? (unsigned)strtoul(value, NULL, 10) : 0;
    return *queues >= 1 && *queues <= VMBUS_CHANNELS
               ? 0
               : error_set(error, -EINVAL, "net queues=%.40s: say 1 to %d", value, VMBUS_CHANNELS);
}

static int parse_slot(int *slot, const char *value, struct error *error)
{
    *slot =
        value[0] >= '0' && value[0] < '0' + NETWORK_NICS && value[1] == '\0' ? value[0] - '0' : -1;
    return *slot >= 0
               ? 0
               : error_set(error, -EINVAL, "net slot=%.40s: say 0 to %d", value, NETWORK_NICS - 1);
}

static int not_understood(const char *item, struct error *error)
{
    return error_set(error, -EINVAL, "net %.40s: say user, switch=NAME or none, then KEY=VALUE",
                     item);
}

/* Addresses of its own making: on, or off: it has the one it was given. */
static int parse_spoof(bool *fixed, const char *value, struct error *error)
{
    *fixed = strcmp(value, "off") == 0;
    return *fixed || strcmp(value, "on") == 0
               ? 0
               : error_set(error, -EINVAL, "net spoof=%.40s: say on or off", value);
}

/* What says where the adapter is plugged in. */
static int parse_place(struct network_request *request, const char *item, const char *value,
                       struct error *error)
{
    if (value == NULL &&
        (strcmp(item, "user") == 0 || strcmp(item, "none") == 0 || strcmp(item, "uplink") == 0)) {
        request->user = item[0] == 'u';
        request->uplink = item[1] == 'p';
        request->none = !request->user;
        memcpy(request->net, "user", sizeof("user"));
        return 0;
    }
    if (value == NULL || strcmp(item, "switch") != 0) {
        return not_understood(item, error);
    }
    if (strcmp(value, "user") == 0) {
        return error_set(error, -EINVAL, "net switch=user: that is --net user");
    }
    return parse_name(request->net, item, value, error);
}

/* A key of the adapter, or of the user network. */
static int parse_key(struct network_request *request, const char *key, const char *value,
                     struct error *error)
{
    if (strcmp(key, "slot") == 0) {
        return parse_slot(&request->slot, value, error);
    }
    if (strcmp(key, "name") == 0) {
        return parse_name(request->name, key, value, error);
    }
    if (strcmp(key, "queues") == 0) {
        return parse_queues(&request->queues, value, error);
    }
    if (strcmp(key, "vlan") == 0) {
        return parse_vlan(&request->vlan, value, error);
    }
    if (strcmp(key, "spoof") == 0) {
        return parse_spoof(&request->mac_fixed, value, error);
    }
    if (strcmp(key, "mac") == 0) {
        request->has_mac = parse_mac(request->mac, value);
        return request->has_mac
                   ? 0
                   : error_set(error, -EINVAL, "net mac=%.40s: say six bytes, as 00:15:5d:00:00:01",
                               value);
    }
    int status = request->user ? net_nat_parse_key(&request->nat, key, value, error) : -ENOENT;
    return status != -ENOENT
               ? status
               : error_set(error, -EINVAL,
                           "net has no key %.40s; there are name, mac, spoof, vlan, queues, slot%s",
                           key, request->user ? ", hostfwd, restrict, ipv6" : "");
}

int network_parse(struct network_request *request, const char *text, struct error *error)
{
    bool first = true;

    memset(request, 0, sizeof(*request));
    request->slot = -1;
    for (const char *at = text; first || *at != '\0'; first = false) {
        char item[ITEM_BYTES];
        size_t n = strcspn(at, ",");
        if (n >= sizeof(item)) {
            return error_set(error, -EINVAL, "net %.40s...: too long", at);
        }
        memcpy(item, at, n);
        item[n] = '\0';
        char *value = strchr(item, '=');
        if (value != NULL) {
            *value++ = '\0';
        }
        int status = first                            ? parse_place(request, item, value, error)
                     : value == NULL || request->none ? not_understood(item, error)
                                                      : parse_key(request, item, value, error);
        if (status != 0) {
            return status;
        }
        at += n + (at[n] == ',');
    }
    return 0;
}
