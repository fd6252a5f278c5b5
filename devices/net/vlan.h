/* VLANs of a switch's ports: an access port belongs to one, a trunk carries several with tags. [IEEE 802.1Q 8.6] */
#ifndef DEVICES_NET_VLAN_H
#define DEVICES_NET_VLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "devices/net/frame.h"

struct net_vlan {
    bool trunk;
    uint16_t id;          /* access: the VLAN; trunk: that of untagged frames; 0: untagged */
    uint8_t allowed[512]; /* trunk: bit n of byte n/8: VLAN n */
};

/* The VLAN of a frame that came in; false: the port does not carry it. [802.1Q 8.6.1, 8.6.2] */
bool net_vlan_classify(const struct net_vlan *vlan, const struct net_frame *frame, uint16_t *id);
bool net_vlan_carries(const struct net_vlan *vlan, uint16_t id);
/* Tag the frame as the port sends it. The priority stays with a tag. */
void net_vlan_retag(const struct net_vlan *vlan, struct net_frame *frame, uint16_t id);

/* "access 5", "trunk 1,5-7 native 1", "untagged". -EINVAL with the sentence. */
WARN_UNUSED int net_vlan_parse(struct net_vlan *vlan, const char *text, struct error *error);

#endif
