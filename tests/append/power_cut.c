/* A journal of what a process does to the files below a directory, for a test that cuts the power: preloaded, it writes
 * each change of a file or a name, and each sync, to another file, in their order. `power.rs` tells from that what a disk
 * may hold that had no time for more.
 *
 *     CUT_DIR=/data CUT_JOURNAL=/tmp/journal LD_PRELOAD=power_cut.so server
 *
 * A record is a head, then a path, then bytes or a second path. A change is recorded when it has been made, a sync when it
 * has ended well. Both happen under one lock, so that the order in the journal is the true one; a sync is not under it,
 * because it takes long, and tells how many records there were when it began.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, SYNC_DIRECTORY };

struct head {
    uint32_t op, path;    /* which, and the length of the path */
    uint64_t file, at;    /* the number of the file; an offset, a length, or the records before a sync */
    uint64_t bytes, ns;   /* what follows the path; when, by the monotonic clock */
};

#define FDS 65536
static uint64_t files[FDS];     /* the number of the file that is open there, if it is ours */
static unsigned char dirs[FDS]; /* it is a directory of ours */
static uint64_t records;
static int journal = -1;
static const char *ours;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(result, name, ...)                                  \
    static result (*real)(__VA_ARGS__);                          \
    if (!real)                                                   \
        real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static ssize_t plain_write(int fd, const void *bytes, size_t n) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return real(fd, bytes, n);
}

static int plain_open(const char *path, int flags, int mode) {
    REAL(int, "open64", const char *, int, ...);
    return real(path, flags, mode);
}

static void begin(void) {
    static int begun;
    if (begun)
        return;
    begun = 1;
    ours = getenv("CUT_DIR");
    const char *place = getenv("CUT_JOURNAL");
    if (ours && place)
        journal = plain_open(place, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static int is_ours(const char *path) {
    return journal >= 0 && path && strncmp(path, ours, strlen(ours)) == 0;
}

static void put(const void *bytes, size_t n) {
    while (n > 0) {
        ssize_t done = plain_write(journal, bytes, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            abort(); /* a journal with a hole proves nothing */
        bytes = (const char *)bytes + done;
        n -= done;
    }
}

/* Under the lock. */
static void record(uint32_t op, const char *path, uint64_t file, uint64_t at, const void *bytes, size_t n) {
    int before = errno;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    struct head head = {op, path ? strlen(path) : 0, file, at, n, t.tv_sec * 1000000000ULL + t.tv_nsec};
    put(&head, sizeof head);
    put(path ? path : "", head.path);
    put(bytes ? bytes : "", n);
    records++;
    errno = before;
}

static uint64_t number_of(int fd) {
    struct stat s;
    return fstat(fd, &s) == 0 ? s.st_ino : 0;
}

static int opened(int fd, int flags) {
    begin();
    if (fd < 0 || fd >= FDS || journal < 0)
        return fd;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    files[fd] = dirs[fd] = 0;
    if (n < 0)
        return fd;
    path[n] = 0;
    if (!is_ours(path))
        return fd;
    struct stat s;
    if (fstat(fd, &s) != 0)
        return fd;
    if (S_ISDIR(s.st_mode))
        dirs[fd] = 1;
    else if (S_ISREG(s.st_mode)) {
        files[fd] = s.st_ino;
        if (flags & O_CREAT && s.st_size == 0)
            record(CREATE, path, s.st_ino, 0, NULL, 0);
        else if (flags & O_TRUNC)
            record(TRUNCATE, NULL, s.st_ino, 0, NULL, 0);
    }
    return fd;
}

static int mode_of(int flags, va_list rest) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;
}

int openat64(int dir, const char *path, int flags, ...) {
    REAL(int, "openat64", int, const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    int mode = mode_of(flags, rest);
    va_end(rest);
    pthread_mutex_lock(&lock);
    int fd = opened(real(dir, path, flags, mode), flags);
    pthread_mutex_unlock(&lock);
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

int close(int fd) {
    REAL(int, "close", int);
    if (fd >= 0 && fd < FDS)
        files[fd] = dirs[fd] = 0;
    return real(fd);
}

static int is_file(int fd) {
    return journal >= 0 && fd >= 0 && fd < FDS && files[fd];
}

/* Where the next write goes. */
static uint64_t place_of(int fd) {
    struct stat s;
    if (fcntl(fd, F_GETFL) & O_APPEND)
        return fstat(fd, &s) == 0 ? (uint64_t)s.st_size : 0;
    return lseek(fd, 0, SEEK_CUR);
}

ssize_t write(int fd, const void *bytes, size_t n) {
    if (!is_file(fd))
        return plain_write(fd, bytes, n);
    pthread_mutex_lock(&lock);
    uint64_t at = place_of(fd);
    ssize_t done = plain_write(fd, bytes, n);
    if (done > 0)
        record(WRITE, NULL, files[fd], at, bytes, done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    if (!is_file(fd))
        return real(fd, parts, count);
    pthread_mutex_lock(&lock);
    uint64_t at = place_of(fd);
    ssize_t done = real(fd, parts, count), left = done;
    for (int i = 0; i < count && left > 0; i++) {
        ssize_t n = left < (ssize_t)parts[i].iov_len ? left : (ssize_t)parts[i].iov_len;
        if (n > 0)
            record(WRITE, NULL, files[fd], at, parts[i].iov_base, n);
        at += n;
        left -= n;
    }
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    if (!is_file(fd))
        return real(fd, bytes, n, at);
    pthread_mutex_lock(&lock);
    ssize_t done = real(fd, bytes, n, at);
    if (done > 0)
        record(WRITE, NULL, files[fd], at, bytes, done);
    pthread_mutex_unlock(&lock);
    return done;
}

/* What copies without showing the bytes is not there for our files: its callers have another way. */
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *put_at, size_t n, unsigned flags) {
    REAL(ssize_t, "copy_file_range", int, off64_t *, int, off64_t *, size_t, unsigned);
    if (!is_file(to))
        return real(from, at, to, put_at, n, flags);
    errno = ENOSYS;
    return -1;
}

ssize_t sendfile64(int to, int from, off64_t *at, size_t n) {
    REAL(ssize_t, "sendfile64", int, int, off64_t *, size_t);
    if (!is_file(to))
        return real(to, from, at, n);
    errno = ENOSYS;
    return -1;
}

int ftruncate64(int fd, off64_t len) {
    REAL(int, "ftruncate64", int, off64_t);
    if (!is_file(fd))
        return real(fd, len);
    pthread_mutex_lock(&lock);
    int result = real(fd, len);
    if (result == 0)
        record(TRUNCATE, NULL, files[fd], len, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int fd, off_t len) {
    return ftruncate64(fd, len);
}

static int synced(int fd, int (*real)(int)) {
    if (journal < 0 || fd < 0 || fd >= FDS || (!files[fd] && !dirs[fd]))
        return real(fd);
    pthread_mutex_lock(&lock);
    uint64_t before = records, file = number_of(fd);
    int directory = dirs[fd];
    pthread_mutex_unlock(&lock);
    int result = real(fd);
    pthread_mutex_lock(&lock);
    if (result == 0 && directory) {
        char link[64], path[4096];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof path - 1);
        if (n > 0) {
            path[n] = 0;
            record(SYNC_DIRECTORY, path, 0, before, NULL, 0);
        }
    } else if (result == 0)
        record(SYNC, NULL, file, before, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int fd) {
    REAL(int, "fsync", int);
    return synced(fd, real);
}

int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    return synced(fd, real);
}

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    pthread_mutex_lock(&lock);
    int result = real(from, to);
    if (result == 0 && is_ours(to))
        record(RENAME, from, 0, 0, to, strlen(to));
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    pthread_mutex_lock(&lock);
    int result = real(path);
    if (result == 0 && is_ours(path))
        record(UNLINK, path, 0, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
