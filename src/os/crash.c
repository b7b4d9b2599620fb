/*
 * Everything in the handler is async-signal-safe: write(2), own formatting,
 * and backtrace(), whose library was loaded at installation.
 */
#include "os/crash.h"

#include <execinfo.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/ucontext.h>
#include <unistd.h>

enum { STACK_BYTES = 64 * 1024, FRAMES_MAX = 64 };

static const int caught[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* A handler can only reach what is global. */
static int report_fd = STDERR_FILENO;
static const char *report_version = "";

static void
put(const char *text)
{
    size_t size = strlen(text);

    if (write(report_fd, text, size) < 0) return;
}

static void
put_hex(const char *name, uint64_t value)
{
    char out[19] = "0x";
    int i;

    for (i = 0; i < 16; i++) {
        out[2 + i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
    }
    put(name);
    put(out);
}

static void
put_registers(const ucontext_t *context)
{
#if defined(__x86_64__)
    static const struct {
        int at;
        const char *name;
    } rows[] = {
        {REG_RAX, "\nrax "}, {REG_RBX, "  rbx "}, {REG_RCX, "  rcx "},
        {REG_RDX, "\nrdx "}, {REG_RDI, "  rdi "}, {REG_RSI, "  rsi "},
        {REG_RBP, "\nrbp "}, {REG_RSP, "  rsp "}, {REG_R8, "  r8  "},
        {REG_R9, "\nr9  "},  {REG_R10, "  r10 "}, {REG_R11, "  r11 "},
        {REG_R12, "\nr12 "}, {REG_R13, "  r13 "}, {REG_R14, "  r14 "},
        {REG_R15, "\nr15 "}, {REG_RIP, "  rip "}, {REG_EFL, "  efl "},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        put_hex(rows[i].name, (uint64_t)context->uc_mcontext.gregs[rows[i].at]);
    }
#elif defined(__aarch64__)
    size_t i;

    for (i = 0; i < 31; i++) {
        put_hex(i % 3 == 0 ? "\n" : "  ", context->uc_mcontext.regs[i]);
    }
    put_hex("\nsp  ", context->uc_mcontext.sp);
    put_hex("  pc  ", context->uc_mcontext.pc);
#else
    (void)context;
#endif
    put("\n");
}

static const char *
signal_name(int number)
{
    switch (number) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGILL: return "SIGILL";
    case SIGABRT: return "SIGABRT";
    default: return "signal";
    }
}

static void
report(int fd, int number, const siginfo_t *info, const ucontext_t *context)
{
    void *frames[FRAMES_MAX];

    report_fd = fd;
    put("\n=== Kula crash report: copy from here ===\nversion ");
    put(report_version);
    put("\n");
    put(signal_name(number));
    put_hex(" at address ", (uint64_t)(uintptr_t)info->si_addr);
    put("\n--- registers ---");
    put_registers(context);
    put("--- stack ---\n");
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), fd);
    put("=== end of the crash report ===\n");
}

/* The log may be where standard error goes. */
static bool
is_stderr(int fd)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && fstat(STDERR_FILENO, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void
on_crash(int number, siginfo_t *info, void *context)
{
    int fd = report_fd;

    report(fd, number, info, context);
    if (fd != STDOUT_FILENO && !is_stderr(fd)) {
        report(STDERR_FILENO, number, info, context);
    }
    /* SA_RESETHAND has put the default back. */
    (void)raise(number);
}

static _Thread_local char stack[STACK_BYTES];
static _Thread_local stack_t stack_before;

void
crash_thread_begin(void)
{
    stack_t alternative = {.ss_sp = stack, .ss_size = STACK_BYTES};

    (void)sigaltstack(&alternative, &stack_before);
}

void
crash_thread_end(void)
{
    /* A sanitizer has one of its own, and frees what it finds. */
    (void)sigaltstack(&stack_before, NULL);
}

void
crash_install(int fd, const char *version)
{
    struct sigaction action = {.sa_sigaction = on_crash,
                               .sa_flags =
                                   SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND};
    void *frame[1];
    size_t i;

    report_fd = fd;
    report_version = version;
    (void)backtrace(frame, 1);
    (void)sigemptyset(&action.sa_mask);
    for (i = 0; i < ARRAY_LEN(caught); i++) {
        (void)sigaction(caught[i], &action, NULL);
    }
    crash_thread_begin();
}
