// Opens the library that the argument names and does the calls that stand in the standard input; see test_aarch64.py.
//
// A call is the number of its function and of its arguments, then each argument: its bytes and whether they follow. Those
// that do not are room for results, which are written to the standard output; an argument of 0 bytes is a null pointer.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <memory>
#include <vector>

using P = void*;

static bool read_number(int64_t& to) { return std::fread(&to, sizeof to, 1, stdin) == 1; }
template <class T> static T value(P at) { return *static_cast<T*>(at); }

int main(int, char** words) {
    const P library = dlopen(words[1], RTLD_NOW);
    if (!library) return std::fprintf(stderr, "%s\n", dlerror()), 1;
    const char* names[] = {"conv_max_forward", "conv_max_backward", "norm_forward", "norm_backward", "dropout_factors"};
    for (int64_t which, count; read_number(which) && read_number(count);) {
        std::vector<std::unique_ptr<char[]>> kept;
        std::vector<P> p;
        std::vector<std::pair<P, size_t>> results;
        for (int64_t i = 0, bytes, follow; i < count && read_number(bytes) && read_number(follow); i++) {
            kept.push_back(bytes ? std::make_unique<char[]>(bytes) : nullptr);
            p.push_back(kept.back().get());
            if (follow && std::fread(p.back(), 1, bytes, stdin) != static_cast<size_t>(bytes)) return 2;
            if (!follow && bytes) results.emplace_back(p.back(), bytes);
        }
        const P f = dlsym(library, names[which]);
        int failed = 0;
        if (which == 0) failed = reinterpret_cast<int (*)(P, P, P, P, P, P)>(f)(p[0], p[1], p[2], p[3], p[4], p[5]);
        if (which == 1)
            failed = reinterpret_cast<int (*)(P, P, P, P, P, P, P, P)>(f)(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]);
        if (which == 2)
            failed = reinterpret_cast<int (*)(P, P, P, P, P, double, P, P, P, P)>(f)(
                p[0], p[1], p[2], p[3], p[4], value<double>(p[5]), p[6], p[7], p[8], p[9]);
        if (which == 3)
            failed = reinterpret_cast<int (*)(P, P, P, P, P, P, P, P, P, P, P, P)>(f)(
                p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11]);
        if (which == 4)
            reinterpret_cast<void (*)(int, ptrdiff_t, int32_t, P, P, P, P)>(f)(
                value<int>(p[0]), value<ptrdiff_t>(p[1]), value<int32_t>(p[2]), p[3], p[4], p[5], p[6]);
        if (failed) return 3;
        for (const auto& [at, bytes] : results) std::fwrite(at, 1, bytes, stdout);
    }
}
