/* VLANs of ports: settings, and what they do with tags. [IEEE 802.1Q 8.6] */
#include "devices/net/vlan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TAG_VLAN = 0xfff, TAG_PRIORITY = 0xe000 };

static bool allowed(const struct net_vlan *vlan, uint16_t id)
{
    return (vlan->allowed[id / 8] >> id % 8 & 1) != 0;
}

bool net_vlan_classify(const struct net_vlan *vlan, const struct net_frame *frame, uint16_t *id)
{
    uint16_t tag = frame->tagged ? frame->tag & TAG_VLAN : 0; /* 0: a priority only */

    if (!vlan->trunk) {
        *id = vlan->id;
        return tag == 0;
    }
    *id = tag != 0 ? tag : vlan->id;
    return *id == vlan->id || (*id <= NET_VLAN_MAX && allowed(vlan, *id));
}

bool net_vlan_carries(const struct net_vlan *vlan, uint16_t id)
{
    return vlan->id == id || (vlan->trunk && id != 0 && allowed(vlan, id));
}

void net_vlan_retag(const struct net_vlan *vlan, struct net_frame *frame, uint16_t id)
{
    uint16_t priority = frame->tagged ? frame->tag & TAG_PRIORITY : 0;

    frame->tagged = vlan->trunk && id != vlan->id;
    frame->tag = frame->tagged ? (uint16_t)(priority | id) : 0;
}

/* ---- settings as text ---- */

static bool number(const char **at, uint16_t *id)
{
    char *end;
    unsigned long value = **at >= '0' && **at <= '9' ? strtoul(*at, &end, 10) : 0;

    if (value < 1 || value > NET_VLAN_MAX) {
        return false;
    }
    *at = end;
    *id = (uint16_t)value;
    return true;
}

/* "1,5-7" */
static bool list(const char **at, struct net_vlan *vlan)
{
    do {
        uint16_t from, to;
        *at += **at == ',';
        if (!number(at, &from)) {
            return false;
        }
        to = from;
        if (**at == '-') {
            ++*at;
            if (!number(at, &to) || to < from) {
                return false;
            }
        }
        for (unsigned i = from; i <= to; i++) {
            vlan->allowed[i / 8] = (uint8_t)(vlan->allowed[i / 8] | 1u << i % 8);
        }
    } while (**at == ',');
    return true;
}

static bool word(const char **at, const char *expected)
{
    size_t n = strlen(expected);

    if (strncmp(*at, expected, n) != 0) {
        return false;
    }
    *at += n;
    return true;
}

int net_vlan_parse(struct net_vlan *vlan, const char *text, struct error *error)
{
    const char *at = text;
    bool good = false;

    memset(vlan, 0, sizeof(*vlan));
    if (word(&at, "untagged")) {
        good = true;
    } else if (word(&at, "access ")) {
        good = number(&at, &vlan->id);
    } else if (word(&at, "trunk ")) {
        vlan->trunk = true;
        good = list(&at, vlan) && (!word(&at, " native ") || number(&at, &vlan->id));
    }
    return good && *at == '\0'
               ? 0
               : error_set(error, -EINVAL,
                           "vlan '%.40s': say untagged, access ID, or trunk LIST [native ID], as "
                           "trunk 1,5-7 native 1; an ID is 1 to %d",
                           text, NET_VLAN_MAX);
}
