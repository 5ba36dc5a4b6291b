/* A component built for the sandbox and loaded, and the frames that it may see. */
#ifndef TT_TESTS_BUILD_BOXED_H
#define TT_TESTS_BUILD_BOXED_H

#include <dlfcn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "build/build.h"
#include "check.h"
#include "platform/linux/message.h"
#include "sandbox/proxy.h"

/* Before any component is loaded: memory of all its frames. */
static inline uint8_t *boxed_pool(uint64_t bytes)
{
    int fd = memfd_create("pool", MFD_CLOEXEC);
    struct tt_pool_view view = {.bytes = bytes};
    struct tt_error err = {0};

    CHECK(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
    view.memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK((void *)view.memory != MAP_FAILED);
    if (tt_proxy_windows(&view, 1, 0, &err) < 0)
        fprintf(stderr, "%s\n", err.text);
    CHECK_TEXT(err.text, "");
    return view.memory;
}

static inline void boxed_build(const char *source, const char *package_path)
{
    struct tt_build_request request = {.source = source, .output = package_path};
    struct tt_build_report report;
    struct tt_error err = {0};

    if (tt_build(&request, &report, &err) < 0)
        fprintf(stderr, "%s\n%s\n", report.says ? report.says : "", err.text);
    CHECK_TEXT(err.text, "");
    tt_build_report_fini(&report);
}

static inline const struct tt_component *boxed_load(const char *package_path)
{
    const struct tt_component *component = NULL;
    struct tt_package package;
    struct tt_error err = {0};
    char object_path[64];
    void *library;
    int fd;

    CHECK_INT(tt_package_load(package_path, &package, &err), 0);
    fd = tt_message_text_fd("module", (const char *)package.parts[TT_PART_NATIVE].data,
                            package.parts[TT_PART_NATIVE].bytes, &err);
    CHECK(fd >= 0);
    (void)snprintf(object_path, sizeof(object_path), "/proc/self/fd/%d", fd);
    library = dlopen(object_path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        fprintf(stderr, "%s\n", dlerror());
    CHECK(library != NULL);
    CHECK_INT(tt_proxy_open("./boxed.tactus", dlsym(library, TT_MODULE_SYMBOL), &component, &err),
              0);
    tt_package_fini(&package);
    return component;
}

#endif
