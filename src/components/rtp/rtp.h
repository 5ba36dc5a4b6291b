/* RTP headers and L16 samples (RFC 3550, RFC 3551, RFC 3190): pure functions over bytes that a
 * stranger sent. */
#ifndef TT_COMPONENTS_RTP_H
#define TT_COMPONENTS_RTP_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RTP_HEADER_BYTES = 12, /* as we write it: without contributing sources or an extension */
    RTP_PACKET_BYTES_MAX = 65507,
    RTP_TYPE_MAX = 127
};

struct rtp_packet {
    uint32_t timestamp, ssrc;
    uint16_t sequence;
    uint8_t payload_type;
    bool is_marked;
    uint32_t payload_offset, payload_bytes; /* inside the packet, whatever it claims */
};

/* True when these bytes are an RTP packet of version 2 whose header, extension and padding lie
 * inside it; RTCP that came to the same port (RFC 5761) is none. *ret is untouched otherwise. */
bool rtp_parse(const uint8_t *data, uint32_t bytes, struct rtp_packet *ret);

/* Writes the 12 bytes of a header; payload_offset and payload_bytes are not looked at. */
void rtp_build(const struct rtp_packet *packet, uint8_t *ret);

/* Full numbers of 16- and 32-bit ones that wrap: the one nearest to `near`. */
int64_t rtp_unwrap16(uint16_t value, int64_t near);
int64_t rtp_unwrap32(uint32_t value, int64_t near);

/* One sample of L16, and back: rounded, cut at full scale. */
static inline float rtp_sample(const uint8_t *data)
{
    return (float)(int16_t)(uint16_t)(data[0] << 8 | data[1]) * (1.0f / 32768);
}

static inline void rtp_put_sample(uint8_t *data, float sample)
{
    float scaled = sample * 32768;
    int32_t value;

    scaled = scaled > 32767 ? 32767 : scaled;
    scaled = scaled >= -32768 ? scaled : -32768; /* not a number becomes this, too */
    value = (int32_t)(scaled < 0 ? scaled - 0.5f : scaled + 0.5f);
    value = value > 32767 ? 32767 : value < -32768 ? -32768 : value;
    data[0] = (uint8_t)((uint32_t)value >> 8);
    data[1] = (uint8_t)value;
}

#endif
