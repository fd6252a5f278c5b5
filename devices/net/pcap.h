/* A capture of frames as Wireshark and tcpdump read it. [libpcap file format, nanosecond magic a1b23c4d, LINKTYPE_ETHERNET] */
#ifndef DEVICES_NET_PCAP_H
#define DEVICES_NET_PCAP_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/host/sink.h"
#include "devices/net/frame.h"

enum { NET_PCAP_FILE_HEADER = 24, NET_PCAP_RECORD_HEADER = 16, NET_PCAP_SNAP = 256 << 10 };

/* Guarded by its owner's lock. */
struct net_pcap {
    struct host_sink sink;
    uint64_t epoch_ns; /* wall time of guest time 0 */
    uint64_t frames;
};

/* 0 or -errno. The file is written from its beginning. */
WARN_UNUSED int net_pcap_open(struct net_pcap *pcap, const char *path, uint64_t epoch_ns,
                              struct error *error);
void net_pcap_close(struct net_pcap *pcap);
/* The frame with its tag in place. */
void net_pcap_write(struct net_pcap *pcap, uint64_t guest_ns, const struct net_frame *frame);

#endif
