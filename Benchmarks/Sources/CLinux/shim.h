// What Linux has beyond Glibc's module: waiting for many sockets, exact timers, numbers of devices.

#ifndef CLINUX_SHIM_H
#define CLINUX_SHIM_H

#include <spawn.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <time.h>

// Variadic. See prctl(2): the kernel wakes the calling thread at most so many nanoseconds late.
static inline int byre_set_timer_slack(unsigned long nanoseconds) {
    return prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0);
}

// Macros. See makedev(3).
static inline unsigned byre_major(unsigned long device) { return major(device); }
static inline unsigned byre_minor(unsigned long device) { return minor(device); }

#endif
