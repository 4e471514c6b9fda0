// Work on units that do not depend on each other, distributed among threads.
#pragma once
#include <atomic>
#include <exception>
#include <new>
#include <thread>
#include <vector>

namespace {

// Run work(next) in up to `threads` threads: it takes units next++ until there are none. Return false where memory is
// short. Where the system starts no more threads, those that run do the work.
template <class F> bool share_units(int threads, int units, F work) {
    std::atomic<int> next{0};
    std::atomic<bool> done{true};
    auto loop = [&] {
        try {
            work(next);
        } catch (const std::bad_alloc&) {
            done = false;
        }
    };
    std::vector<std::thread> others;
    try {
        for (int i = 1; i < threads && i < units; i++) others.emplace_back(loop);
    } catch (const std::exception&) {  // it must not leave while one of them runs
    }
    loop();
    for (auto& other : others) other.join();
    return done;
}

// Call f(unit) for all units.
template <class F> bool in_threads(int threads, int units, F f) {
    return share_units(threads, units, [&](std::atomic<int>& next) {
        for (int unit; (unit = next++) < units;) f(unit);
    });
}

}  // namespace
