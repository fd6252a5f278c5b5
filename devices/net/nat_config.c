/* The user NAT's settings as text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/net/nat.h"

/* "a.b.c.d" up to a character of `stop`. */
static bool address(const char **at, uint8_t bytes[4])
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned value = 0, digits = 0;
        for (; **at >= '0' && **at <= '9' && digits < 3; digits++, ++*at) {
            value = value * 10 + (unsigned)(**at - '0');
        }
        if (digits == 0 || value > 255 || (i < 3 && *(*at)++ != '.')) {
            return false;
        }
        bytes[i] = (uint8_t)value;
    }
    return true;
}

/* "[ADDRESS]:PORT" */
static bool address_and_port(const char **at, uint8_t bytes[4], uint16_t *port)
{
    if (**at != ':' && !address(at, bytes)) {
        return false;
    }
    if (**at != ':') {
        return false;
    }
    ++*at;
    unsigned value = 0, digits = 0;
    for (; **at >= '0' && **at <= '9' && digits < 5; digits++, ++*at) {
        value = value * 10 + (unsigned)(**at - '0');
    }
    *port = (uint16_t)value;
    return digits > 0 && value >= 1 && value <= 65535;
}

int net_nat_parse_forward(struct net_nat_forward *forward, const char *text, struct error *error)
{
    const char *at = text + 3;

    *forward = (struct net_nat_forward){ .host = { 127, 0, 0, 1 } };
    forward->udp = strncmp(text, "udp:", 4) == 0;
    bool good = forward->udp || strncmp(text, "tcp:", 4) == 0;
    /* QEMU's form with the host's address left out has two colons. */
    at += good && at[1] != ':';
    if (good && at[0] == ':' && at[1] == ':') {
        at++;
    }
    if (good) {
        good = address_and_port(&at, forward->host, &forward->host_port) && *at == '-';
        at += good;
        good = good && address_and_port(&at, forward->guest, &forward->guest_port) && *at == '\0';
    }
    return good ? 0
                : error_set(error, -EINVAL,
                            "hostfwd=%.80s: say tcp|udp:[ADDRESS]:PORT-[ADDRESS]:PORT, as "
                            "hostfwd=tcp:127.0.0.1:2222-:22",
                            text);
}

static int parse_switch(bool *to, const char *key, const char *value, struct error *error)
{
    *to = strcmp(value, "on") == 0;
    return *to || strcmp(value, "off") == 0
               ? 0
               : error_set(error, -EINVAL, "%s=%.40s: say on or off", key, value);
}

int net_nat_parse_key(struct net_nat_config *config, const char *key, const char *value,
                      struct error *error)
{
    if (strcmp(key, "restrict") == 0) {
        return parse_switch(&config->restricted, key, value, error);
    }
    if (strcmp(key, "ipv6") == 0) {
        return parse_switch(&config->ipv6, key, value, error);
    }
    if (strcmp(key, "hostfwd") == 0) {
        if (config->n_forwards == NET_NAT_FORWARDS) {
            return error_set(error, -EINVAL, "hostfwd: at most %d", NET_NAT_FORWARDS);
        }
        int status = net_nat_parse_forward(&config->forward[config->n_forwards], value, error);
        config->n_forwards += status == 0;
        return status;
    }
    return error_set(error, -ENOENT, "user has no %.40s: there are hostfwd, restrict, ipv6", key);
}
