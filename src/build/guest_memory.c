/* The least run time that can start a module once. */
#include "build/guest_memory.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE_BYTES = 65536, STACK_BYTES = 64 << 10 };

static const uint64_t reserved_bytes = (UINT64_C(8) << 30) + (2 << 20);
static struct guest *running; /* of this process */

static void host_trap(void *ctx, enum tt_trap trap) __attribute__((noreturn));

static void host_trap(void *ctx, enum tt_trap trap)
{
    running->over(trap, __builtin_return_address(0));
    abort();
}

static uint32_t host_grow(void *ctx, uint32_t pages)
{
    struct guest *guest = ctx;
    uint64_t more = (uint64_t)pages * PAGE_BYTES, before = guest->memory_bytes;

    if (before + more > (uint64_t)guest->module->pages_max * PAGE_BYTES ||
        mprotect(guest->memory + before, more, PROT_READ | PROT_WRITE) < 0)
        return UINT32_MAX;
    guest->memory_bytes += more;
    guest->module->resized(guest->instance, guest->memory_bytes);
    return (uint32_t)(before / PAGE_BYTES);
}

/* There are no frames yet, and whoever is asked for one says so. */
static int32_t refuse_two(void *ctx, uint32_t first, uint32_t second)
{
    return -ENOBUFS;
}

static int32_t refuse_one(void *ctx, uint32_t first)
{
    return -ENOBUFS;
}

static int32_t take_note(void *ctx, uint32_t id, int64_t value)
{
    return 0;
}

static int32_t no_kernel(void *ctx, uint32_t number, uint32_t arguments, uint32_t count)
{
    return -ENOSYS;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    const uint8_t *address = info->si_addr;
    enum tt_trap trap = TT_TRAP_STACK;

    if (number == SIGFPE)
        trap = TT_TRAP_DIVIDE;
    else if (address >= running->memory && address < running->memory + reserved_bytes)
        trap = TT_TRAP_BOUNDS;
    running->over(trap, NULL);
    abort();
}

static int take_signals(struct tt_error *err)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack = {.ss_size = STACK_BYTES, .ss_sp = malloc(STACK_BYTES)};

    if (!stack.ss_sp || sigaltstack(&stack, NULL) < 0)
        return tt_fail(err, -ENOMEM, "no memory for a signal's stack");
    for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
        (void)sigaction(numbers[n], &action, NULL);
    return 0;
}

/* What the object says of itself must be what was read in the module that it was made from. */
static bool is_as_read(const struct tt_module *module, const struct tt_wasm *wasm)
{
    return module->abi == TT_MODULE_ABI && module->size == sizeof(*module) &&
           module->pages == wasm->pages && module->pages_max == wasm->pages_max &&
           module->record_at == wasm->record_at;
}

int guest_open(const char *object, const struct tt_wasm *wasm,
               void (*over)(enum tt_trap trap, const void *address), struct guest *ret,
               struct tt_error *err)
{
    void *library = dlopen(object, RTLD_NOW | RTLD_LOCAL);
    const struct tt_module *module = library ? dlsym(library, TT_MODULE_SYMBOL) : NULL;

    if (!module)
        return tt_fail(err, -ENOEXEC, "what was built cannot be loaded: %s", dlerror());
    if (!is_as_read(module, wasm))
        return tt_fail(err, -ENOEXEC, "what was built is not what was translated");
    *ret = (struct guest){
        .module = module, .memory_bytes = (uint64_t)module->pages * PAGE_BYTES, .over = over};
    ret->host = (struct tt_module_host){.abi = TT_MODULE_ABI,
                                        .size = sizeof(ret->host),
                                        .trap = host_trap,
                                        .grow = host_grow,
                                        .frame_new = refuse_two,
                                        .frame_emit = refuse_two,
                                        .frame_keep = refuse_one,
                                        .frame_drop = refuse_one,
                                        .note = take_note,
                                        .kernel = no_kernel};
    ret->instance = calloc(1, module->instance_bytes);
    ret->memory =
        mmap(NULL, reserved_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!ret->instance || ret->memory == MAP_FAILED ||
        mprotect(ret->memory, ret->memory_bytes, PROT_READ | PROT_WRITE) < 0)
        return tt_fail(err, -ENOMEM, "no memory to try the component");
    running = ret;
    module->bind(ret->instance, ret->memory, ret->memory_bytes, &ret->host, ret);
    return take_signals(err);
}

void *guest_take(struct guest *guest, uint32_t bytes, uint32_t *used, uint32_t *ret_offset)
{
    uint32_t rounded = (bytes + 7) & ~7u, at = *used;

    if (bytes > guest->module->record_bytes || rounded > guest->module->record_bytes - at)
        return NULL;
    *used += rounded;
    *ret_offset = guest->module->record_at + at;
    return memset(guest->memory + *ret_offset, 0, bytes);
}
