/* Faults at the k-th durable system call below one folder, and a record of all of them.

   Loaded with LD_PRELOAD, armed by the environment (at load, or by faults_arm() after a fork):

     FAULTS_UNDER    the folder that is watched, without links; nothing happens without it
     FAULTS_AT       which call, counted from 1; 0 or none: calls are only counted
     FAULTS_KIND     kill, tear (write the half, then kill), short (write the half), or an errno
     FAULTS_LASTING  1: every call from that one on, as a disk that stays full would do
     FAULTS_TALLY    a file of two 64-bit numbers: calls counted, faults struck
     FAULTS_LOG      a file to which every call is appended, with what it wrote
     FAULTS_POISON   the process is killed when a path that contains this text is opened

   Only calls that can fail in the given way are counted, so that every k strikes. What is written
   to standard output is recorded too: it is what the process has acknowledged by then. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum call { CREATE = 1, WRITE, SYNC, RENAME, UNLINK, TRUNCATE, LINK, MKDIR, RMDIR, OPEN, SAID };
enum way { NEVER, KILL, TEAR, SHORT, ERRNO };

static struct {
    char under[PATH_MAX];
    size_t length;
    char poison[256];
    enum way way;
    int error;
    int lasting;
    uint64_t at;
    uint64_t *tally;
    int log;
} armed = {.log = -1};

/* Held over a call and its record, so that the record has the order of the calls. */
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static int known_error(const char *name)
{
    if (!strcmp(name, "ENOSPC")) return ENOSPC;
    if (!strcmp(name, "EIO")) return EIO;
    if (!strcmp(name, "EDQUOT")) return EDQUOT;
    if (!strcmp(name, "EMFILE")) return EMFILE;
    return 0;
}

static void arm_way(void)
{
    const char *kind = setting("FAULTS_KIND"), *at = setting("FAULTS_AT");
    armed.at = at ? strtoull(at, NULL, 10) : 0;
    armed.lasting = setting("FAULTS_LASTING") != NULL;
    armed.way = NEVER;
    armed.error = 0;
    if (!kind) return;
    armed.error = known_error(kind);
    if (!strcmp(kind, "kill")) armed.way = KILL;
    else if (!strcmp(kind, "tear")) armed.way = TEAR;
    else if (!strcmp(kind, "short")) armed.way = SHORT;
    else if (armed.error) armed.way = ERRNO;
}

static int far_open(const char *path, int flags)
{
    int low = syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
    if (low < 0) return -1;
    /* Out of the way of descriptors that the program counts. */
    int high = syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, 900);
    syscall(SYS_close, low);
    return high;
}

static void unlock_in_child(void)
{
    pthread_mutex_init(&order, NULL);
}

void faults_arm(void)
{
    const char *under = setting("FAULTS_UNDER"), *poison = setting("FAULTS_POISON");
    const char *tally = setting("FAULTS_TALLY"), *log = setting("FAULTS_LOG");
    armed.length = 0;
    armed.tally = NULL;
    armed.log = -1;
    snprintf(armed.poison, sizeof armed.poison, "%s", poison ? poison : "");
    arm_way();
    if (tally) {
        int file = far_open(tally, O_RDWR);
        void *map = MAP_FAILED;
        if (file >= 0) {
            map = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            syscall(SYS_close, file);
        }
        if (map != MAP_FAILED) armed.tally = map;
    }
    if (log) armed.log = far_open(log, O_WRONLY | O_APPEND | O_CREAT);
    if (under && strlen(under) < PATH_MAX) {
        strcpy(armed.under, under);
        armed.length = strlen(under);
    }
}

__attribute__((constructor)) static void load(void)
{
    pthread_atfork(NULL, NULL, unlock_in_child);
    faults_arm();
}

/* --- where a call goes */

static int watched(const char *path)
{
    return armed.length && !strncmp(path, armed.under, armed.length) &&
           (path[armed.length] == '/' || !path[armed.length]);
}

static int path_of(int descriptor, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

static int resolve(int folder, const char *name, char *path)
{
    char start[PATH_MAX];
    if (!armed.length || !name) return 0;
    if (*name == '/') return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX && watched(path);
    if (folder == AT_FDCWD ? syscall(SYS_getcwd, start, PATH_MAX) < 0 : !path_of(folder, start))
        return 0;
    return (size_t)snprintf(path, PATH_MAX, "%s/%s", start, name) < PATH_MAX && watched(path);
}

static int resolve_open(int descriptor, char *path)
{
    return armed.length && path_of(descriptor, path) && watched(path);
}

/* --- striking */

static void die(void)
{
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    for (;;) pause();
}

static int can_fail(enum call call, int creates)
{
    if (armed.way == TEAR || armed.way == SHORT) return call == WRITE;
    if (armed.way != ERRNO) return call != OPEN;
    switch (armed.error) {
    case EMFILE: return call == CREATE || call == OPEN;
    case EIO: return call != OPEN;
    default: return call != UNLINK && call != RMDIR && call != OPEN && (call != CREATE || creates);
    }
}

/* Whether this is the call that was meant. A kill does not return. */
static int strikes(enum call call, int creates)
{
    static uint64_t mine[2];
    uint64_t *tally = armed.tally ? armed.tally : mine;
    if (!can_fail(call, creates)) return 0;
    uint64_t now = __atomic_add_fetch(&tally[0], 1, __ATOMIC_SEQ_CST);
    if (armed.way == NEVER || !armed.at || now < armed.at) return 0;
    if (now > armed.at && !armed.lasting) return 0;
    __atomic_add_fetch(&tally[1], 1, __ATOMIC_SEQ_CST);
    if (armed.way == KILL) die();
    return 1;
}

/* --- recording */

struct head {
    uint32_t call, path, other, spare;
    uint64_t offset, size;
};

static void put(const void *data, size_t size)
{
    const char *rest = data;
    while (size) {
        ssize_t done = syscall(SYS_write, armed.log, rest, size);
        if (done <= 0) return;
        rest += done;
        size -= done;
    }
}

static void record(enum call call, const char *path, const char *other, uint64_t offset,
                   const void *data, uint64_t size)
{
    struct head head = {call, strlen(path), other ? strlen(other) : 0, 0, offset, size};
    put(&head, sizeof head);
    put(path, head.path);
    if (other) put(other, head.other);
    if (data) put(data, size);
}

static void begin(void)
{
    if (armed.log >= 0) pthread_mutex_lock(&order);
}

static void end(enum call call, int done, const char *path, const char *other, uint64_t offset,
                const void *data, uint64_t size)
{
    int saved = errno;
    if (armed.log < 0) return;
    if (done) record(call, path, other, offset, data, size);
    pthread_mutex_unlock(&order);
    errno = saved;
}


#define REFUSE do { errno = armed.error ? armed.error : EIO; return -1; } while (0)

/* --- opening */

static int opened(int folder, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    int writes = flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC);
    int below = resolve(folder, name, path);
    if (*armed.poison && name && strstr(name, armed.poison)) die();
    if (!below) return syscall(SYS_openat, folder, name, flags, mode);
    if (strikes(writes ? CREATE : OPEN, flags & (O_CREAT | O_TRUNC))) REFUSE;
    if (!writes) return syscall(SYS_openat, folder, name, flags, mode);
    begin();
    struct stat before;
    int there = fstatat(AT_FDCWD, path, &before, 0) == 0;
    int result = syscall(SYS_openat, folder, name, flags, mode);
    if (result >= 0 && there && (flags & O_TRUNC) && armed.log >= 0)
        record(TRUNCATE, path, NULL, 0, NULL, 0);
    end(CREATE, result >= 0 && !there, path, NULL, 0, NULL, 0);
    return result;
}

#define MODE(flags, mode) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *name, int flags, ...)
{
    MODE(flags, mode)
    return opened(AT_FDCWD, name, flags, mode);
}

int open64(const char *name, int flags, ...)
{
    MODE(flags, mode)
    return opened(AT_FDCWD, name, flags | O_LARGEFILE, mode);
}

int openat(int folder, const char *name, int flags, ...)
{
    MODE(flags, mode)
    return opened(folder, name, flags, mode);
}

int openat64(int folder, const char *name, int flags, ...)
{
    MODE(flags, mode)
    return opened(folder, name, flags | O_LARGEFILE, mode);
}

int creat(const char *name, mode_t mode)
{
    return opened(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* --- writing */

/* The size that is to be written; -1 when the call is refused. `torn`: death follows. */
static ssize_t allowed(size_t size, int *torn)
{
    *torn = 0;
    if (!strikes(WRITE, 1)) return size;
    *torn = armed.way == TEAR;
    if (armed.way == TEAR || armed.way == SHORT) return size > 1 ? size / 2 : size;
    return -1;
}

static ssize_t said(const void *data, size_t size)
{
    begin();
    ssize_t done = syscall(SYS_write, 1, data, size);
    end(SAID, done > 0, "", NULL, 0, data, done > 0 ? done : 0);
    return done;
}

ssize_t write(int descriptor, const void *data, size_t size)
{
    char path[PATH_MAX];
    if (descriptor == 1 && armed.log >= 0) return said(data, size);
    if (!armed.length || !resolve_open(descriptor, path))
        return syscall(SYS_write, descriptor, data, size);
    int torn;
    ssize_t part = allowed(size, &torn);
    if (part < 0) REFUSE;
    begin();
    int appends = syscall(SYS_fcntl, descriptor, F_GETFL) & O_APPEND;
    off_t offset = syscall(SYS_lseek, descriptor, 0, appends ? SEEK_END : SEEK_CUR);
    ssize_t done = syscall(SYS_write, descriptor, data, part);
    end(WRITE, done > 0, path, NULL, offset, data, done > 0 ? done : 0);
    if (torn) die();
    return done;
}

ssize_t writev(int descriptor, const struct iovec *parts, int count)
{
    char path[PATH_MAX];
    if (!armed.length || !resolve_open(descriptor, path))
        return syscall(SYS_writev, descriptor, parts, count);
    ssize_t total = 0;
    for (int i = 0; i < count; i++) {
        ssize_t done = write(descriptor, parts[i].iov_base, parts[i].iov_len);
        if (done < 0) return total ? total : done;
        total += done;
        if ((size_t)done < parts[i].iov_len) break;
    }
    return total;
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset)
{
    char path[PATH_MAX];
    if (!armed.length || !resolve_open(descriptor, path))
        return syscall(SYS_pwrite64, descriptor, data, size, offset);
    int torn;
    ssize_t part = allowed(size, &torn);
    if (part < 0) REFUSE;
    begin();
    ssize_t done = syscall(SYS_pwrite64, descriptor, data, part, offset);
    end(WRITE, done > 0, path, NULL, offset, data, done > 0 ? done : 0);
    if (torn) die();
    return done;
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset)
{
    return pwrite64(descriptor, data, size, offset);
}

/* Refused, so that the program copies by writing: a copy in the kernel passes nothing to record. */
ssize_t sendfile64(int out, int in, off64_t *offset, size_t count)
{
    char path[PATH_MAX];
    if (resolve_open(out, path)) {
        errno = ENOTSOCK;
        return -1;
    }
    return syscall(SYS_sendfile, out, in, offset, count);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t count)
{
    return sendfile64(out, in, offset, count);
}

int ftruncate64(int descriptor, off64_t size)
{
    char path[PATH_MAX];
    if (!resolve_open(descriptor, path)) return syscall(SYS_ftruncate, descriptor, size);
    if (strikes(TRUNCATE, 1)) REFUSE;
    begin();
    int result = syscall(SYS_ftruncate, descriptor, size);
    end(TRUNCATE, result == 0, path, NULL, size, NULL, 0);
    return result;
}

int ftruncate(int descriptor, off_t size)
{
    return ftruncate64(descriptor, size);
}

/* --- making durable */

static int synced(int number, int descriptor)
{
    char path[PATH_MAX];
    if (!resolve_open(descriptor, path)) return syscall(number, descriptor);
    if (strikes(SYNC, 1)) REFUSE;
    begin();
    int result = syscall(number, descriptor);
    end(SYNC, result == 0, path, NULL, 0, NULL, 0);
    return result;
}

int fsync(int descriptor)
{
    return synced(SYS_fsync, descriptor);
}

int fdatasync(int descriptor)
{
    return synced(SYS_fdatasync, descriptor);
}

/* --- names */

static int renamed(int from, const char *name, int to, const char *other, unsigned flags)
{
    char path[PATH_MAX], target[PATH_MAX];
    if (!resolve(from, name, path) || !resolve(to, other, target))
        return syscall(SYS_renameat2, from, name, to, other, flags);
    if (strikes(RENAME, 1)) REFUSE;
    begin();
    int result = syscall(SYS_renameat2, from, name, to, other, flags);
    end(RENAME, result == 0, path, target, 0, NULL, 0);
    return result;
}

int rename(const char *name, const char *other)
{
    return renamed(AT_FDCWD, name, AT_FDCWD, other, 0);
}

int renameat(int from, const char *name, int to, const char *other)
{
    return renamed(from, name, to, other, 0);
}

int renameat2(int from, const char *name, int to, const char *other, unsigned flags)
{
    return renamed(from, name, to, other, flags);
}

static int unlinked(int folder, const char *name, int flags)
{
    char path[PATH_MAX];
    enum call call = flags & AT_REMOVEDIR ? RMDIR : UNLINK;
    if (!resolve(folder, name, path)) return syscall(SYS_unlinkat, folder, name, flags);
    if (strikes(call, 0)) REFUSE;
    begin();
    int result = syscall(SYS_unlinkat, folder, name, flags);
    end(call, result == 0, path, NULL, 0, NULL, 0);
    return result;
}

int unlink(const char *name)
{
    return unlinked(AT_FDCWD, name, 0);
}

int unlinkat(int folder, const char *name, int flags)
{
    return unlinked(folder, name, flags);
}

int rmdir(const char *name)
{
    return unlinked(AT_FDCWD, name, AT_REMOVEDIR);
}

int linkat(int from, const char *name, int to, const char *other, int flags)
{
    char path[PATH_MAX], target[PATH_MAX];
    if (!resolve(from, name, path) || !resolve(to, other, target))
        return syscall(SYS_linkat, from, name, to, other, flags);
    if (strikes(LINK, 1)) REFUSE;
    begin();
    int result = syscall(SYS_linkat, from, name, to, other, flags);
    end(LINK, result == 0, path, target, 0, NULL, 0);
    return result;
}

int link(const char *name, const char *other)
{
    return linkat(AT_FDCWD, name, AT_FDCWD, other, 0);
}

int mkdirat(int folder, const char *name, mode_t mode)
{
    char path[PATH_MAX];
    if (!resolve(folder, name, path)) return syscall(SYS_mkdirat, folder, name, mode);
    if (strikes(MKDIR, 1)) REFUSE;
    begin();
    int result = syscall(SYS_mkdirat, folder, name, mode);
    end(MKDIR, result == 0, path, NULL, 0, NULL, 0);
    return result;
}

int mkdir(const char *name, mode_t mode)
{
    return mkdirat(AT_FDCWD, name, mode);
}
