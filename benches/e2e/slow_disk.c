/* A disk that takes so many bytes a second, for any server: preloaded, it paces what is written to files
 * whose names end in ".rdb", and the syncs of files whose names end in ".aof".
 *
 * Servers write dumps by write(2) and its kin, or by stdio, whose own system calls cannot be taken the place
 * of: so both the calls and fwrite are. A write returns when the disk would have taken it; the page cache
 * takes nothing in advance, but for a twentieth of a second. A forked child inherits everything.
 *
 * An append-only file is written into the page cache, whatever the disk does; a sync of it returns when the
 * disk would have taken all that was written.
 *
 *     SLOW_DISK_MB=100 LD_PRELOAD=slow_disk.so server
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Descriptors above this are not paced; servers open their dumps with few files open. */
#define FDS 65536
/* Bytes gathered before there is a look at the clock: stdio is called for each field of each key. */
#define GATHERED 65536

static atomic_uchar paced[FDS];
static atomic_long gathered;
/* What a disk takes while the writer is late, or has no processor, is not lost to it: up to so many ns. */
#define CREDIT 50000000LL
/* When the disk has taken everything so far, ns of the monotonic clock. */
static atomic_llong free_at;

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long ns_per_mb(void) {
    static atomic_llong cached;
    long long ns = atomic_load(&cached);
    if (ns == 0) {
        const char *rate = getenv("SLOW_DISK_MB");
        long mb = rate ? atol(rate) : 0;
        ns = mb > 0 ? 1000000000LL / mb : -1;
        atomic_store(&cached, ns);
    }
    return ns;
}

enum { FREE, WRITES, SYNCS };

static void note(int fd, const char *path) {
    size_t len = path ? strlen(path) : 0;
    const char *end = len >= 4 ? path + len - 4 : "";
    if (fd >= 0 && fd < FDS)
        atomic_store(&paced[fd], strcmp(end, ".rdb") == 0 ? WRITES : strcmp(end, ".aof") == 0 ? SYNCS : FREE);
}

static int kind_of(int fd) {
    if (fd < 0 || fd >= FDS || ns_per_mb() < 0)
        return FREE;
    return atomic_load_explicit(&paced[fd], memory_order_relaxed);
}

static void sleep_until(long long until) {
    struct timespec t = {until / 1000000000LL, until % 1000000000LL};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0) {
    }
}

static void pace(int fd, size_t bytes) {
    int kind = kind_of(fd);
    if (kind == FREE)
        return;
    long sum = atomic_fetch_add(&gathered, (long)bytes) + (long)bytes;
    if (sum < GATHERED && kind == WRITES)
        return;
    atomic_fetch_sub(&gathered, sum);
    long long now = now_ns(), from = atomic_load(&free_at), until;
    do {
        until = (from > now - CREDIT ? from : now - CREDIT) + sum * ns_per_mb() / 1000000;
    } while (!atomic_compare_exchange_weak(&free_at, &from, until));
    if (until > now && kind == WRITES)
        sleep_until(until);
}

static void pace_sync(int fd) {
    if (kind_of(fd) == SYNCS && atomic_load(&free_at) > now_ns())
        sleep_until(atomic_load(&free_at));
}

#define REAL(result, name, ...)                                                    \
    static result (*real)(__VA_ARGS__);                                            \
    if (!real)                                                                     \
        real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t write(int fd, const void *bytes, size_t n) {
    REAL(ssize_t, "write", int, const void *, size_t);
    pace(fd, n);
    return real(fd, bytes, n);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    pace(fd, n);
    return real(fd, bytes, n, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) {
    return pwrite64(fd, bytes, n, at);
}

ssize_t writev(int fd, const struct iovec *parts, int n) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    size_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += parts[i].iov_len;
    pace(fd, sum);
    return real(fd, parts, n);
}

int fsync(int fd) {
    REAL(int, "fsync", int);
    pace_sync(fd);
    return real(fd);
}

int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    pace_sync(fd);
    return real(fd);
}

size_t fwrite(const void *bytes, size_t size, size_t n, FILE *file) {
    REAL(size_t, "fwrite", const void *, size_t, size_t, FILE *);
    pace(fileno(file), size * n);
    return real(bytes, size, n, file);
}

static int mode_of(int flags, va_list rest) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;
}

int openat64(int dir, const char *path, int flags, ...) {
    REAL(int, "openat64", int, const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    int fd = real(dir, path, flags, mode_of(flags, rest));
    va_end(rest);
    note(fd, path);
    return fd;
}

int openat(int dir, const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = mode_of(flags, rest);
    va_end(rest);
    return openat64(dir, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = mode_of(flags, rest);
    va_end(rest);
    return openat64(AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = mode_of(flags, rest);
    va_end(rest);
    return openat64(AT_FDCWD, path, flags, mode);
}

FILE *fopen64(const char *path, const char *mode) {
    REAL(FILE *, "fopen64", const char *, const char *);
    FILE *file = real(path, mode);
    if (file)
        note(fileno(file), path);
    return file;
}

FILE *fopen(const char *path, const char *mode) {
    return fopen64(path, mode);
}

int close(int fd) {
    REAL(int, "close", int);
    note(fd, NULL);
    return real(fd);
}

int fclose(FILE *file) {
    REAL(int, "fclose", FILE *);
    note(fileno(file), NULL);
    return real(file);
}
