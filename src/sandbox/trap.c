/* Traps by signals and by longjmp. Compiled without _FORTIFY_SOURCE, whose longjmp refuses to leave
 * a handler's stack. */
#include "sandbox/trap.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include "sandbox/space.h"

enum {
    HANDLER_STACK_BYTES = 64 << 10,
    HEADROOM_BYTES = 64 << 10, /* for host code that a module calls, and handlers */
    GUARD_BYTES = 2 << 20,     /* below a stack, what a fault there may miss it by */
    STACK_BYTES_MAX = 64 << 20
};

/* One entry, on the stack of tt_trap_run(). */
struct visit {
    sigjmp_buf back;
    const struct tt_trap_scope *scope;
    volatile uint32_t is_inside;      /* the module's code runs, and may be ended anywhere */
    volatile uint32_t is_stop_wanted; /* it was to end while the host ran for it */
    enum tt_trap trap;
    uintptr_t code;
    uint64_t offset;
};

/* Handlers read it: it must be there without a call of the loader's. */
static _Thread_local struct {
    struct visit *volatile visit;
    uintptr_t stack_low;
    sigset_t mask;
    bool is_ready;
} self __attribute__((tls_model("initial-exec")));

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
enum { SIGNALS = sizeof signals / sizeof *signals };
static struct sigaction before[SIGNALS];

const char *tt_trap_words(enum tt_trap trap)
{
    static const char *const words[TT_TRAP_COUNT] = {
        "returned",
        "reached outside of its memory",
        "divided by zero or out of range",
        "ran into what its author holds impossible",
        "called a function that is none, or of another type",
        "used up the stack",
        "was over its time",
        "wanted more memory than its limit"};

    return (unsigned)trap < TT_TRAP_COUNT ? words[trap] : "trapped";
}

int tt_trap_errno(enum tt_trap trap)
{
    static const int codes[TT_TRAP_COUNT] = {0,        -EFAULT,    -EDOM,  -ENOTRECOVERABLE,
                                             -ENOEXEC, -EOVERFLOW, -ETIME, -ENOMEM};

    return (unsigned)trap < TT_TRAP_COUNT && trap != TT_TRAP_NONE ? codes[trap] : -EFAULT;
}

static uintptr_t code_of(const void *context)
{
    const ucontext_t *at = context;

#if defined(__x86_64__)
    return (uintptr_t)at->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)at->uc_mcontext.pc;
#else
    return 0;
#endif
}

/* Floating point as a module sees it is the same in every host. */
static uint32_t float_rules(void)
{
#ifdef __x86_64__
    return __builtin_ia32_stmxcsr();
#else
    return 0;
#endif
}

static void set_float_rules(uint32_t rules)
{
#ifdef __x86_64__
    __builtin_ia32_ldmxcsr(rules);
#else
    (void)rules;
#endif
}

static const uint32_t plain_float_rules = 0x1f80;

static void leave(struct visit *visit, enum tt_trap trap, uintptr_t code, uint64_t offset)
    __attribute__((noreturn));

static void leave(struct visit *visit, enum tt_trap trap, uintptr_t code, uint64_t offset)
{
    visit->is_inside = 0;
    visit->trap = trap;
    visit->code = code;
    visit->offset = offset;
    siglongjmp(visit->back, 1);
}

/* What a fault means for the module; TT_TRAP_NONE: it is not its own. */
static enum tt_trap judge(const struct visit *visit, int number, uintptr_t address,
                          uint64_t *ret_offset)
{
    uintptr_t memory = (uintptr_t)visit->scope->memory;

    if (number == SIGFPE)
        return TT_TRAP_DIVIDE;
    if (number == SIGILL)
        return TT_TRAP_UNREACHABLE;
    if (address >= memory && address - memory < TT_SLOT_REACH + TT_SLOT_OVERHANG) {
        *ret_offset = address - memory;
        return TT_TRAP_BOUNDS;
    }
    if (address < self.stack_low + HEADROOM_BYTES && address + GUARD_BYTES >= self.stack_low)
        return TT_TRAP_STACK;
    return TT_TRAP_NONE;
}

/* Not ours: as if we were not there. With the default action the instruction faults once more. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    for (size_t n = 0; n < SIGNALS; n++) {
        if (signals[n] != number)
            continue;
        if (before[n].sa_flags & SA_SIGINFO) {
            before[n].sa_sigaction(number, info, context);
            return;
        }
        if (before[n].sa_handler != SIG_DFL && before[n].sa_handler != SIG_IGN) {
            before[n].sa_handler(number);
            return;
        }
    }
    (void)signal(number, SIG_DFL);
    if (info->si_code <= 0) /* sent by somebody: it does not come again by itself */
        (void)raise(number);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    struct visit *visit = self.visit;
    uint64_t offset = 0;
    enum tt_trap trap = TT_TRAP_NONE;

    if (visit && visit->is_inside && info->si_code > 0)
        trap = judge(visit, number, (uintptr_t)info->si_addr, &offset);
    if (trap != TT_TRAP_NONE)
        leave(visit, trap, code_of(context), offset);
    pass_on(number, info, context);
}

int tt_trap_install(struct tt_error *err)
{
    struct sigaction action = {.sa_sigaction = on_fault,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

    for (size_t n = 0; n < SIGNALS; n++) {
        struct sigaction now;

        if (sigaction(signals[n], NULL, &now) < 0)
            return tt_fail(err, -errno, "cannot handle faults: %s", strerror(errno));
        if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_fault)
            continue;
        before[n] = now;
        if (sigaction(signals[n], &action, NULL) < 0)
            return tt_fail(err, -errno, "cannot handle faults: %s", strerror(errno));
    }
    return 0;
}

/* The first thread's stack has no size but its limit. The C library would look for it in /proc,
 * which a jail does not have. */
static int find_first_stack(void)
{
    extern void *__libc_stack_end;
    struct rlimit limit;

    if (getrlimit(RLIMIT_STACK, &limit) < 0)
        return -errno;
    if (limit.rlim_cur > STACK_BYTES_MAX)
        limit.rlim_cur = STACK_BYTES_MAX;
    self.stack_low = (uintptr_t)__libc_stack_end - limit.rlim_cur;
    return 0;
}

static int find_stack(void)
{
    pthread_attr_t attributes;
    void *low;
    size_t bytes;
    int r;

    if (getpid() == gettid())
        return find_first_stack();
    r = pthread_getattr_np(pthread_self(), &attributes);
    if (r != 0)
        return -r;
    r = pthread_attr_getstack(&attributes, &low, &bytes);
    (void)pthread_attr_destroy(&attributes);
    self.stack_low = (uintptr_t)low;
    return -r;
}

/* A fault whose signal is blocked ends the process. */
static int let_faults_in(void)
{
    sigset_t faults;

    sigemptyset(&faults);
    for (size_t n = 0; n < SIGNALS; n++)
        sigaddset(&faults, signals[n]);
    if (pthread_sigmask(SIG_UNBLOCK, &faults, NULL) != 0)
        return -EINVAL;
    return -pthread_sigmask(SIG_BLOCK, NULL, &self.mask);
}

/* Handlers need a stack when the thread's own is used up. */
int tt_trap_thread(struct tt_error *err)
{
    stack_t stack = {.ss_size = HANDLER_STACK_BYTES}, now;
    int r;

    if (self.is_ready)
        return 0;
    r = find_stack();
    if (r == 0 && sigaltstack(NULL, &now) == 0 &&
        ((now.ss_flags & SS_DISABLE) || now.ss_size < HANDLER_STACK_BYTES / 2)) {
        stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        r = stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) < 0 ? -errno : 0;
        if (r == 0) /* MAP_POPULATE leaves out what is locked as it is touched */
            (void)madvise(stack.ss_sp, stack.ss_size, MADV_POPULATE_WRITE);
    }
    if (r == 0)
        r = let_faults_in();
    if (r < 0)
        return tt_fail(err, r, "cannot make a thread ready for sandboxed code: %s", strerror(-r));
    self.is_ready = true;
    return 0;
}

static bool is_stack_left(void)
{
    return (uintptr_t)__builtin_frame_address(0) - self.stack_low > HEADROOM_BYTES;
}

static void report(const struct visit *visit, enum tt_entry entry, struct tt_trap_report *ret)
{
    const struct tt_module *module = visit->scope->module;
    uint32_t number = 0;
    const char *name = NULL;

    if (visit->code != 0 && module->name_of)
        name = module->name_of((const void *)visit->code, &number);
    *ret = (struct tt_trap_report){.trap = visit->trap,
                                   .entry = entry,
                                   .function = name ? name : "",
                                   .function_number = number,
                                   .offset = visit->offset};
}

static bool refuse(enum tt_entry entry, enum tt_trap trap, struct tt_trap_report *ret_report)
{
    *ret_report = (struct tt_trap_report){.trap = trap, .entry = entry, .function = ""};
    return false;
}

/* No local of this function changes after sigsetjmp(): what does is in the visit. */
bool tt_trap_run(const struct tt_trap_scope *scope, enum tt_entry entry, uint32_t record,
                 int32_t *ret, struct tt_trap_report *ret_report)
{
    const uint32_t rules = float_rules();
    struct visit visit;

    if (!self.is_ready && tt_trap_thread(NULL) < 0)
        return refuse(entry, TT_TRAP_MEMORY, ret_report);
    if (!is_stack_left())
        return refuse(entry, TT_TRAP_STACK, ret_report);
    visit.scope = scope;
    visit.is_inside = visit.is_stop_wanted = 0;
    if (sigsetjmp(visit.back, 0) != 0) {
        self.visit = NULL;
        set_float_rules(rules);
        report(&visit, entry, ret_report);
        return false;
    }
    self.visit = &visit;
    if (rules != plain_float_rules)
        set_float_rules(plain_float_rules);
    visit.is_inside = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (visit.is_stop_wanted)
        leave(&visit, TT_TRAP_TIME, 0, 0);
    if (entry == TT_TRAP_START)
        scope->module->start(scope->instance);
    else
        *ret = scope->module->enter(scope->instance, entry, record);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    visit.is_inside = 0;
    self.visit = NULL;
    if (rules != plain_float_rules)
        set_float_rules(rules);
    return true;
}

/* Up the stack from a call of the host to the module's own code: between the two stands what its
 * translator needs. */
struct search {
    const struct tt_module *module;
    uintptr_t code;
    uint32_t frames;
};

static _Unwind_Reason_Code look_at(struct _Unwind_Context *frame, void *ctx)
{
    const uint32_t frames_max = 16;
    struct search *search = ctx;
    uintptr_t code = (uintptr_t)_Unwind_GetIP(frame) - 1; /* of the call, not of what follows */
    uint32_t unused;

    if (search->module->name_of((const void *)code, &unused)) {
        search->code = code;
        return _URC_NORMAL_STOP;
    }
    return ++search->frames < frames_max ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

static uintptr_t find_caller(const struct visit *visit)
{
    struct search search = {.module = visit->scope->module};

    if (search.module->name_of)
        (void)_Unwind_Backtrace(look_at, &search);
    return search.code;
}

void tt_trap_now(enum tt_trap trap)
{
    struct visit *visit = self.visit;

    visit->is_inside = 0;
    leave(visit, trap, find_caller(visit), 0);
}

void tt_trap_host_begin(void)
{
    struct visit *visit = self.visit;

    if (!is_stack_left())
        tt_trap_now(TT_TRAP_STACK);
    visit->is_inside = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void tt_trap_host_end(void)
{
    struct visit *visit = self.visit;

    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    visit->is_inside = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (visit->is_stop_wanted)
        tt_trap_now(TT_TRAP_TIME);
}

/* The signal that brought us here is blocked until its handler returns, which it does not. */
bool tt_trap_stop(const void *context)
{
    struct visit *visit = self.visit;

    if (!visit)
        return false;
    if (!visit->is_inside) {
        visit->is_stop_wanted = 1;
        return true;
    }
    visit->is_inside = 0;
    (void)pthread_sigmask(SIG_SETMASK, &self.mask, NULL);
    leave(visit, TT_TRAP_TIME, context ? code_of(context) : 0, 0);
}
