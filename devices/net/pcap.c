/* Capture files. [libpcap file format] */
#include "devices/net/pcap.h"

#include <string.h>

#include "base/bytes.h"

enum { ADDRESSES = 12, BUFFER = 256 };

int net_pcap_open(struct net_pcap *pcap, const char *path, uint64_t epoch_ns, struct error *error)
{
    uint8_t header[NET_PCAP_FILE_HEADER] = { 0 };

    *pcap = (struct net_pcap){ .epoch_ns = epoch_ns };
    host_sink_none(&pcap->sink);
    int status = host_sink_file(&pcap->sink, path, error);
    if (status != 0) {
        return status;
    }
    le32_store(header, 0xa1b23c4d);
    le16_store(header + 4, 2); /* version 2.4 */
    le16_store(header + 6, 4);
    le32_store(header + 16, NET_PCAP_SNAP);
    le32_store(header + 20, 1); /* LINKTYPE_ETHERNET */
    host_sink_write(&pcap->sink, header, sizeof(header));
    return 0;
}

void net_pcap_close(struct net_pcap *pcap)
{
    host_sink_close(&pcap->sink);
}

void net_pcap_write(struct net_pcap *pcap, uint64_t guest_ns, const struct net_frame *frame)
{
    uint64_t wall = pcap->epoch_ns + guest_ns;
    uint32_t n = frame->length + (frame->tagged ? NET_TAG_BYTES : 0);
    uint8_t start[BUFFER];
    uint32_t at = NET_PCAP_RECORD_HEADER;

    le32_store(start, (uint32_t)(wall / 1000000000));
    le32_store(start + 4, (uint32_t)(wall % 1000000000));
    le32_store(start + 8, n);
    le32_store(start + 12, n);
    memcpy(start + at, frame->bytes, ADDRESSES);
    at += ADDRESSES;
    if (frame->tagged) {
        net_be16_store(start + at, NET_TYPE_VLAN);
        net_be16_store(start + at + 2, frame->tag);
        at += NET_TAG_BYTES;
    }
    /* Small frames in one write. */
    uint32_t rest = frame->length - ADDRESSES;
    uint32_t first = rest < BUFFER - at ? rest : 0;
    memcpy(start + at, frame->bytes + ADDRESSES, first);
    host_sink_write(&pcap->sink, start, at + first);
    if (first == 0) {
        host_sink_write(&pcap->sink, frame->bytes + ADDRESSES, rest);
    }
    pcap->frames++;
}
