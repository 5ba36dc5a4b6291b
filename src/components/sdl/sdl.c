/* Finds SDL 2 when a component needs it. */
#include "components/sdl/sdl.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    size_t place;
} calls[] = {
    {"SDL_Init", offsetof(struct sdl, init)},
    {"SDL_Quit", offsetof(struct sdl, quit)},
    {"SDL_GetError", offsetof(struct sdl, get_error)},
    {"SDL_GetCurrentVideoDriver", offsetof(struct sdl, video_driver)},
    {"SDL_SetHint", offsetof(struct sdl, set_hint)},
    {"SDL_CreateWindow", offsetof(struct sdl, create_window)},
    {"SDL_DestroyWindow", offsetof(struct sdl, destroy_window)},
    {"SDL_CreateRenderer", offsetof(struct sdl, create_renderer)},
    {"SDL_RenderSetLogicalSize", offsetof(struct sdl, set_logical_size)},
    {"SDL_CreateTexture", offsetof(struct sdl, create_texture)},
    {"SDL_UpdateYUVTexture", offsetof(struct sdl, update_yuv)},
    {"SDL_SetYUVConversionMode", offsetof(struct sdl, set_yuv_mode)},
    {"SDL_RenderClear", offsetof(struct sdl, clear)},
    {"SDL_RenderCopy", offsetof(struct sdl, copy)},
    {"SDL_RenderPresent", offsetof(struct sdl, present)},
    {"SDL_PollEvent", offsetof(struct sdl, poll_event)},
    {"SDL_OpenAudioDevice", offsetof(struct sdl, open_audio)},
    {"SDL_CloseAudioDevice", offsetof(struct sdl, close_audio)},
    {"SDL_PauseAudioDevice", offsetof(struct sdl, pause_audio)},
    {"SDL_QueueAudio", offsetof(struct sdl, queue_audio)},
    {"SDL_GetQueuedAudioSize", offsetof(struct sdl, queued_bytes)},
};

int component_sdl_load(const struct sdl **ret, struct tt_error *err)
{
    static struct sdl sdl;
    void *library = dlopen("libSDL2-2.0.so.0", RTLD_NOW | RTLD_LOCAL);

    if (!library)
        return tt_fail(err, -ENOENT,
                       "SDL 2 cannot be loaded (%s): install libsdl2-2.0-0 for windows and sound",
                       dlerror());
    for (size_t n = 0; n < sizeof(calls) / sizeof(calls[0]); n++) {
        void *found = dlsym(library, calls[n].name);

        if (!found)
            return tt_fail(err, -EINVAL, "this SDL 2 has no %s", calls[n].name);
        memcpy((char *)&sdl + calls[n].place, &found, sizeof(found));
    }
    *ret = &sdl;
    return 0;
}
