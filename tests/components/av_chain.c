/* The chain: what each rig gives goes to the next, until it has nothing more. */
#include "av_chain.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

struct chain {
    struct rig read, decode[2], encode[2], write;
    bool is_used[2];
    struct chain_result *result;
};

static void to_writer(struct chain *chain, uint32_t kind, const struct tt_frame *frame)
{
    struct tt_frame in[2] = {{.handle = TT_NO_FRAME}, {.handle = TT_NO_FRAME}};
    uint32_t input = kind == 1 && chain->is_used[0] ? 1 : 0;

    in[input] = *frame;
    CHECK_INT(rig_call(&chain->write, in), 0);
}

static void to_encoder(struct chain *chain, uint32_t kind, const struct tt_frame *frame)
{
    struct rig *rig = &chain->encode[kind];
    int r = rig_call(rig, frame);

    CHECK(r >= 0);
    while (rig_out(rig, 0)->bytes > 0) {
        to_writer(chain, kind, rig_out(rig, 0));
        if (r != TT_AGAIN)
            return;
        r = rig_call(rig, NULL);
    }
}

static void on_decoded(struct chain *chain, uint32_t kind, const struct tt_frame *frame)
{
    if (kind == 0 && chain->result->picture_count++ == 0)
        chain->result->first_picture_ns = frame->origin_ns;
    if (kind == 1 && chain->result->quantum_count++ == 0)
        chain->result->first_quantum_ns = frame->origin_ns;
    to_encoder(chain, kind, frame);
}

static void to_decoder(struct chain *chain, uint32_t kind, const struct tt_frame *frame)
{
    struct rig *rig = &chain->decode[kind];
    int r = rig_call(rig, frame);

    while (r >= 0 && rig_out(rig, 0)->bytes > 0) {
        on_decoded(chain, kind, rig_out(rig, 0));
        if (r != TT_AGAIN)
            return;
        r = rig_call(rig, NULL);
    }
}

static void end(struct chain *chain, uint32_t kind)
{
    struct tt_frame last = {.flags = TT_END, .handle = TT_NO_FRAME};

    to_decoder(chain, kind, &last);
    to_encoder(chain, kind, &last);
    to_writer(chain, kind, &last);
}

static void start(struct chain *chain, const struct chain_params *params)
{
    static const char *const names[] = {"video", "audio"};
    const char *encode[] = {params->video_encode, params->audio_encode};
    uint32_t output = 0;

    rig_make(&chain->read, "av.read", params->read);
    for (uint32_t n = 0; n < 2; n++)
        if ((chain->is_used[n] = encode[n] != NULL))
            rig_add_out(&chain->read, names[n], n);
    rig_must_start(&chain->read);
    rig_make(&chain->write, "av.write", params->write);
    for (uint32_t n = 0; n < 2; n++) {
        if (!chain->is_used[n])
            continue;
        rig_make(&chain->decode[n], "av.decode", "");
        rig_join(&chain->decode[n], "in", 0, &chain->read, output++);
        rig_add_out(&chain->decode[n], "out", 1);
        rig_must_start(&chain->decode[n]);
        rig_make(&chain->encode[n], "av.encode", encode[n]);
        rig_join(&chain->encode[n], "in", 0, &chain->decode[n], 0);
        rig_add_out(&chain->encode[n], "out", 1);
        rig_must_start(&chain->encode[n]);
        rig_join(&chain->write, names[n], n, &chain->encode[n], 0);
    }
    rig_must_start(&chain->write);
}

void chain_run(const struct chain_params *params, struct chain_result *ret)
{
    struct chain *chain = calloc(1, sizeof(*chain));
    bool is_end = false;

    memset(ret, 0, sizeof(*ret));
    chain->result = ret;
    start(chain, params);
    for (uint32_t packets = 0; !is_end; packets++) {
        uint32_t output = 0;
        int r = rig_call(&chain->read, NULL);

        CHECK(r == 0 || r == -EAGAIN);
        for (uint32_t n = 0; n < 2; n++) {
            const struct tt_frame *frame;

            if (!chain->is_used[n])
                continue;
            frame = rig_out(&chain->read, output++);
            if (frame->bytes > 0)
                to_decoder(chain, n, frame);
            is_end = is_end || (frame->flags & TT_END);
        }
        is_end = is_end || (params->packets_max > 0 && packets >= params->packets_max);
        if (params->pause_us > 0)
            usleep((useconds_t)params->pause_us);
    }
    for (uint32_t n = 0; n < 2; n++)
        if (chain->is_used[n])
            end(chain, n);
    memcpy(ret->notes[0], chain->read.notes, sizeof(ret->notes[0]));
    memcpy(ret->notes[1], chain->decode[0].notes, sizeof(ret->notes[0]));
    memcpy(ret->notes[2], chain->decode[1].notes, sizeof(ret->notes[0]));
    memcpy(ret->notes[3], chain->write.notes, sizeof(ret->notes[0]));
    rig_close(&chain->read);
    rig_close(&chain->write);
    for (uint32_t n = 0; n < 2; n++) {
        rig_close(&chain->decode[n]);
        rig_close(&chain->encode[n]);
    }
    free(chain);
}

int shell(char *ret, size_t bytes, const char *format, ...)
{
    char command[4096];
    size_t length = 0;
    va_list args;
    FILE *pipe;
    int status;

    va_start(args, format);
    (void)vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    pipe = popen(command, "r");
    CHECK(pipe != NULL);
    if (ret) {
        length = fread(ret, 1, bytes - 1, pipe);
        while (length > 0 && ret[length - 1] == '\n')
            length--;
        ret[length] = 0;
    }
    status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char folder[] = "/tmp/tactus-test-XXXXXX";

static void remove_folder(void)
{
    (void)shell(NULL, 0, "rm -rf '%s'", folder);
}

const char *scratch_folder(void)
{
    static bool is_made;

    if (!is_made) {
        CHECK(mkdtemp(folder) != NULL);
        is_made = true;
        if (!getenv("KEEP"))
            (void)atexit(remove_folder);
    }
    return folder;
}

bool has_ffmpeg(void)
{
    return shell(NULL, 0,
                 "ffmpeg -version > /dev/null 2>&1 && ffprobe -version > /dev/null 2>&1") == 0;
}
