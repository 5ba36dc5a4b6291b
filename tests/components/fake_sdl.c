/* An SDL 2 that shows nothing and remembers what it was asked: for video.preview without a screen.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "components/sdl/sdl.h"

/* The test reads and sets these. */
extern int fake_presented, fake_windows, fake_width, fake_has_screen, fake_close_at;
extern uint8_t fake_luma[4];
int fake_presented, fake_windows, fake_width, fake_has_screen = 1, fake_close_at = -1;
uint8_t fake_luma[4];

#define CALL(type, name, ...)                                                                      \
    type name(__VA_ARGS__);                                                                        \
    type name(__VA_ARGS__)

CALL(int, SDL_Init, uint32_t flags)
{
    return fake_has_screen ? 0 : -1;
}

CALL(void, SDL_Quit, void)
{
}

CALL(const char *, SDL_GetError, void)
{
    return "no screen in this test";
}

CALL(const char *, SDL_GetCurrentVideoDriver, void)
{
    return fake_has_screen == 2 ? "offscreen" : "x11";
}

CALL(int, SDL_SetHint, const char *name, const char *value)
{
    return 1;
}

CALL(void *, SDL_CreateWindow, const char *title, int x, int y, int w, int h, uint32_t flags)
{
    fake_windows++;
    fake_width = w;
    return &fake_windows;
}

CALL(void, SDL_DestroyWindow, void *window)
{
    fake_windows--;
}

CALL(void *, SDL_CreateRenderer, void *window, int index, uint32_t flags)
{
    return &fake_presented;
}

CALL(int, SDL_RenderSetLogicalSize, void *renderer, int w, int h)
{
    return 0;
}

CALL(void *, SDL_CreateTexture, void *renderer, uint32_t format, int access, int w, int h)
{
    return format == SDL_PIXELS_IYUV ? fake_luma : NULL;
}

CALL(int, SDL_UpdateYUVTexture, void *texture, const void *rect, const uint8_t *y, int y_pitch,
     const uint8_t *u, int u_pitch, const uint8_t *v, int v_pitch)
{
    memcpy(fake_luma, y, sizeof(fake_luma));
    return 0;
}

CALL(void, SDL_SetYUVConversionMode, int mode)
{
}

CALL(int, SDL_RenderClear, void *renderer)
{
    return 0;
}

CALL(int, SDL_RenderCopy, void *renderer, void *texture, const void *from, const void *to)
{
    return 0;
}

CALL(void, SDL_RenderPresent, void *renderer)
{
    fake_presented++;
}

CALL(int, SDL_PollEvent, struct sdl_event *event)
{
    if (fake_presented != fake_close_at)
        return 0;
    fake_close_at = -1;
    *event = (struct sdl_event){.type = SDL_EVENT_WINDOW, .window_event = SDL_WINDOW_EVENT_CLOSE};
    return 1;
}

CALL(uint32_t, SDL_OpenAudioDevice, const char *device, int is_capture,
     const struct sdl_audio_spec *wanted, struct sdl_audio_spec *obtained, int changes)
{
    return 0;
}

CALL(void, SDL_CloseAudioDevice, uint32_t device)
{
}

CALL(void, SDL_PauseAudioDevice, uint32_t device, int is_paused)
{
}

CALL(int, SDL_QueueAudio, uint32_t device, const void *data, uint32_t bytes)
{
    return -1;
}

CALL(uint32_t, SDL_GetQueuedAudioSize, uint32_t device)
{
    return 0;
}
