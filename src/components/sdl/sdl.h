/* The few calls of SDL 2 that a window and a speaker need. The library is loaded when one is asked
 * for: a machine without a screen needs neither it nor what it draws in. */
#ifndef TT_COMPONENTS_SDL_H
#define TT_COMPONENTS_SDL_H

#include <stdint.h>

#include "tactus/error.h"

enum {
    SDL_INIT_AUDIO_BIT = 0x10,
    SDL_INIT_VIDEO_BIT = 0x20,
    SDL_EVENT_QUIT = 0x100,
    SDL_EVENT_WINDOW = 0x200,
    SDL_WINDOW_EVENT_CLOSE = 14,
    SDL_WINDOW_RESIZABLE_BIT = 0x20,
    SDL_POS_ANY = 0x1FFF0000,
    SDL_PIXELS_IYUV = 0x56555949,
    SDL_TEXTURE_STREAMING = 1,
    SDL_YUV_FULL = 0,
    SDL_YUV_BT601 = 1,
    SDL_YUV_BT709 = 2,
    SDL_AUDIO_F32 = 0x8120 /* little endian */
};

/* Of SDL_Event's 56 bytes those that are looked at; the rest is room. */
struct sdl_event {
    uint32_t type, timestamp_ms, window_id;
    uint8_t window_event, room[115];
};

/* As SDL_AudioSpec lies in memory. */
struct sdl_audio_spec {
    int freq;
    uint16_t format;
    uint8_t channels, silence;
    uint16_t samples, padding;
    uint32_t size;
    void (*callback)(void *userdata, uint8_t *stream, int bytes);
    void *userdata;
};

struct sdl {
    int (*init)(uint32_t flags);
    void (*quit)(void);
    const char *(*get_error)(void);
    const char *(*video_driver)(void);
    int (*set_hint)(const char *name, const char *value);
    void *(*create_window)(const char *title, int x, int y, int w, int h, uint32_t flags);
    void (*destroy_window)(void *window);
    void *(*create_renderer)(void *window, int index, uint32_t flags);
    int (*set_logical_size)(void *renderer, int w, int h);
    void *(*create_texture)(void *renderer, uint32_t format, int access, int w, int h);
    int (*update_yuv)(void *texture, const void *rect, const uint8_t *y, int y_pitch,
                      const uint8_t *u, int u_pitch, const uint8_t *v, int v_pitch);
    void (*set_yuv_mode)(int mode);
    int (*clear)(void *renderer);
    int (*copy)(void *renderer, void *texture, const void *from, const void *to);
    void (*present)(void *renderer);
    int (*poll_event)(struct sdl_event *event);
    uint32_t (*open_audio)(const char *device, int is_capture, const struct sdl_audio_spec *wanted,
                           struct sdl_audio_spec *obtained, int allowed_changes);
    void (*close_audio)(uint32_t device);
    void (*pause_audio)(uint32_t device, int is_paused);
    int (*queue_audio)(uint32_t device, const void *data, uint32_t bytes);
    uint32_t (*queued_bytes)(uint32_t device);
};

/* Loads the library, once a process. 0; -ENOENT with what to install; -EINVAL: it lacks a call. */
int component_sdl_load(const struct sdl **ret, struct tt_error *err);

#endif
