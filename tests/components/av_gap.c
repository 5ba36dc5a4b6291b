/* Pictures that never came to an encoder are missing from the stream and nowhere else: who decodes
 * it does not wait for a key picture. And the turn of frames that come at their own pace. */
#include "av_rig.h"
#include "check.h"
#include "components/raw_read/raw.h"

enum { WIDTH = 64, HEIGHT = 64 };

static struct rig encoder, decoder;
static uint32_t decoded_count, picture_bytes;
static int64_t decoded_index;
static bool is_next_lost;

static void open_both(void)
{
    struct tt_format format = {.size = sizeof(format), .kind = TT_VIDEO, .rate = {50, 1}};

    picture_bytes = tt_format_video(&format, TT_I420, WIDTH, HEIGHT);
    format.rate = (struct tt_rational){50, 1};
    rig_make(&encoder, "av.encode",
             "codec=libx264 preset=ultrafast tune=zerolatency bitrate=1M gop=250");
    rig_add_in(&encoder, "in", 0, &format, NULL);
    rig_add_out(&encoder, "out", 1);
    rig_must_start(&encoder);
    rig_make(&decoder, "av.decode", "");
    rig_join(&decoder, "in", 0, &encoder, 0);
    rig_add_out(&decoder, "out", 1);
    rig_must_start(&decoder);
    decoded_count = 0;
}

static void decode(struct tt_frame *coded, bool is_after_gap)
{
    if (is_after_gap)
        coded->flags |= TT_DISCONT; /* as the engine says of every hole in the indices */
    CHECK_INT(rig_call(&decoder, coded), 0);
    if (rig_out(&decoder, 0)->bytes == 0)
        return;
    decoded_index = rig_out(&decoder, 0)->index;
    decoded_count++;
}

static void picture(int64_t index, bool is_after_gap)
{
    static uint8_t pixels[WIDTH * HEIGHT * 2];
    struct tt_frame frame = {.data = (uintptr_t)pixels,
                             .index = index,
                             .origin_ns = index * 20000000,
                             .duration_ns = 20000000,
                             .bytes = picture_bytes,
                             .capacity = sizeof(pixels),
                             .handle = 1};

    memset(pixels, (int)(index * 3), sizeof(pixels));
    CHECK_INT(rig_call(&encoder, &frame), 0);
    CHECK(rig_out(&encoder, 0)->bytes > 0);
    if (!is_next_lost)
        decode(rig_out(&encoder, 0), is_after_gap);
    is_next_lost = false;
}

static void gap_before_the_encoder(void)
{
    open_both();
    for (int64_t n = 0; n < 10; n++)
        picture(n, false);
    for (int64_t n = 13; n < 20; n++)
        picture(n, n == 13);
    CHECK_INT(decoded_count, 17);
    CHECK_INT(decoded_index, 19);
    rig_close(&encoder);
    rig_close(&decoder);
}

/* What the encoder gave and did not come is another matter: the decoder waits. */
static void gap_behind_the_encoder(void)
{
    open_both();
    for (int64_t n = 0; n < 10; n++)
        picture(n, false);
    is_next_lost = true;
    picture(10, false);
    for (int64_t n = 11; n < 20; n++)
        picture(n, n == 11);
    CHECK_INT(decoded_count, 10);
    rig_close(&encoder);
    rig_close(&decoder);
}

static void turns(void)
{
    struct tt_rational rate = {50, 1};

    CHECK_INT(raw_turn(0, -1, rate), 0);
    CHECK_INT(raw_turn(19000000, -1, rate), 0);
    CHECK_INT(raw_turn(38000000, 0, rate), 1);
    CHECK_INT(raw_turn(16000000, 0, rate), 1);  /* a fifth of a period early: it waits */
    CHECK_INT(raw_turn(14000000, 0, rate), -1); /* more: left out */
    CHECK_INT(raw_turn(41000000, 0, rate), 2);  /* a period late: one is missing */
    CHECK_INT(raw_turn(1005000000, 0, rate), 50);
}

int main(void)
{
    RUN(gap_before_the_encoder);
    RUN(gap_behind_the_encoder);
    RUN(turns);
    return 0;
}
