/* Taking RTP headers apart, and putting them together. */
#include "components/rtp/rtp.h"

enum { RTCP_FIRST = 64, RTCP_LAST = 95 }; /* payload types that RTCP's packet types look like */

static uint32_t read16(const uint8_t *data)
{
    return (uint32_t)data[0] << 8 | data[1];
}

static uint32_t read32(const uint8_t *data)
{
    return read16(data) << 16 | read16(data + 2);
}

static void write16(uint8_t *data, uint32_t value)
{
    data[0] = (uint8_t)(value >> 8);
    data[1] = (uint8_t)value;
}

static void write32(uint8_t *data, uint32_t value)
{
    write16(data, value >> 16);
    write16(data + 2, value);
}

bool rtp_parse(const uint8_t *data, uint32_t bytes, struct rtp_packet *ret)
{
    uint32_t offset = RTP_HEADER_BYTES, padding = 0;

    if (bytes < RTP_HEADER_BYTES || bytes > RTP_PACKET_BYTES_MAX || data[0] >> 6 != 2)
        return false;
    if ((data[1] & 0x7f) >= RTCP_FIRST && (data[1] & 0x7f) <= RTCP_LAST)
        return false;
    offset += 4 * (uint32_t)(data[0] & 0x0f);
    if ((data[0] & 0x10) != 0) {
        if (offset + 4 > bytes)
            return false;
        offset += 4 + 4 * read16(data + offset + 2);
    }
    if ((data[0] & 0x20) != 0) {
        padding = data[bytes - 1];
        if (padding == 0)
            return false;
    }
    if (offset + padding > bytes)
        return false;
    *ret = (struct rtp_packet){.timestamp = read32(data + 4),
                               .ssrc = read32(data + 8),
                               .sequence = (uint16_t)read16(data + 2),
                               .payload_type = data[1] & 0x7f,
                               .is_marked = (data[1] & 0x80) != 0,
                               .payload_offset = offset,
                               .payload_bytes = bytes - offset - padding};
    return true;
}

void rtp_build(const struct rtp_packet *packet, uint8_t *ret)
{
    ret[0] = 0x80;
    ret[1] = (uint8_t)((packet->is_marked ? 0x80 : 0) | (packet->payload_type & 0x7f));
    write16(ret + 2, packet->sequence);
    write32(ret + 4, packet->timestamp);
    write32(ret + 8, packet->ssrc);
}

int64_t rtp_unwrap16(uint16_t value, int64_t near)
{
    return near + (int16_t)(uint16_t)(value - (uint64_t)near);
}

int64_t rtp_unwrap32(uint32_t value, int64_t near)
{
    return near + (int32_t)(uint32_t)(value - (uint64_t)near);
}
