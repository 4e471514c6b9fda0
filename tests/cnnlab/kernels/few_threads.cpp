// Shares 100 units among 8 threads where the system starts only as many as the argument says; see test_few_threads.py.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <pthread.h>

#include "threads.h"

static int left;

// The program's own in place of the system's, to which it passes on what may still start.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* with, void* (*run)(void*), void* what) {
    if (left-- <= 0) return EAGAIN;
    using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
    return reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"))(thread, with, run, what);
}

int main(int, char** words) {
    left = std::atoi(words[1]);
    std::atomic<int> sum{0};
    const bool done = in_threads(8, 100, [&](int unit) { sum += unit; });
    const bool short_of_memory = !in_threads(8, 100, [&](int unit) { if (unit == 50) throw std::bad_alloc(); });
    std::printf("%d %d %d\n", done, sum.load(), short_of_memory);
}
