// The forward pass. Outputs are lanes; up to three vectors of them, a panel, are summed at once.
#pragma once
#include <algorithm>
#include <limits>

#include "frame.h"

namespace {

constexpr int STEP = 8;       // numbers that are copied at once
constexpr Real LEAST = -std::numeric_limits<Real>::infinity();
constexpr int CACHED = 4096;  // maxima that are kept until they are copied

INLINE int panel_of(int vectors) { return vectors == 3 || vectors >= 5 ? 3 : vectors >= 2 ? 2 : 1; }

// Biases and filters, a panel after the other: of each panel the biases, then its lanes for each weight.
struct Filters {
    const Shape& s;
    const bool shared;  // all rows have the same images: the outputs of all are lanes side by side
    const int count, lanes, sets;
    Block<Real> laid;

    Filters(const Shape& s, const Real* w, const Real* bias, bool shared)
        : s(s), shared(shared), count(s.kernel * s.kernel * s.maps),
          lanes(round_up(shared ? s.rows * s.outputs : s.outputs, LANES)), sets(shared ? 1 : s.rows),
          laid(static_cast<size_t>(sets) * (count + 1) * lanes) {
        for (int k = 0; k < s.rows; k++)
            for (int o = 0; o < s.outputs; o++) lay(k, o, w, bias);
    }
    Real* set(int k) const { return laid.get() + static_cast<size_t>(k) * (count + 1) * lanes; }

private:
    void lay(int k, int o, const Real* w, const Real* bias) {
        const int area = s.kernel * s.kernel, vectors = lanes / LANES;
        const int lane = shared ? k * s.outputs + o : o;
        int first = 0, panel = panel_of(vectors);
        while (lane / LANES >= first + panel) {
            first += panel;
            panel = panel_of(vectors - first);
        }
        Real* to = set(shared ? 0 : k) + static_cast<size_t>(first) * LANES * (count + 1) + lane - first * LANES;
        const Real* from = w + (static_cast<size_t>(k) * s.outputs + o) * count;
        to[0] = bias ? bias[k * s.outputs + o] : 0;
        for (int c = 0; c < s.maps; c++)
            for (int q = 0; q < area; q++)
                to[static_cast<size_t>(q * s.maps + c + 1) * panel * LANES] = from[c * area + q];
    }
};

// Write the largest of a window's four sums and which it was. ReLU makes a sum below `lowest` 0 before the pooling, and
// what is below `floor` behind it.
INLINE void choose(const Vector* sums, Vector lowest, Vector floor, Real* y, uint8_t* at) {
    Vector chosen = sums[0];  // the number whose ReLU is the largest
    Vector most = chosen < lowest ? Vector{} : chosen;
    Mask which = {};
    for (int p = 1; p < 4; p++) {  // where ReLU is before the pooling, none but positive numbers are more
        const auto own = sums[p];
        const Mask more = (own > most) | (own != own);
        most = more ? own : most;
        chosen = more ? own : chosen;
        which = more ? Mask{} + p : which;
    }
    const Mask cut = chosen < floor;
    store(y, cut ? Vector{} : most);
    store_bytes(at, cut ? Mask{} + CUT : which);
}

// Write the maxima of `windows` neighbouring windows for `panel` vectors of outputs. The `count` weights of each output
// are at w, behind its bias, and the numbers that they meet are at x + offsets. ReLU makes a sum below
// `lowest` 0 before the pooling, and what is below `floor` behind it.
template <int panel, int windows>
INLINE void pool(
    const Real* x, const ptrdiff_t* offsets, int count, ptrdiff_t line, ptrdiff_t maps, const Real* w, Vector lowest,
    Vector floor,
    Real* y, uint8_t* at, int lanes
) {
    Vector sum[4 * windows][panel];
    for (int v = 0; v < panel; v++)
        for (int p = 0; p < 4 * windows; p++) sum[p][v] = load(w + LANES * v);  // the bias
#pragma GCC unroll 5
    for (int i = 0; i < count; i++) {
        const Real *above = x + offsets[i], *below = above + line;
        w += panel * LANES;
        Vector own[panel];
        for (int v = 0; v < panel; v++) own[v] = load(w + LANES * v);
        for (int q = 0; q < windows; q++)
            for (int p = 0; p < 4; p++) {
                const auto pixel = all((p < 2 ? above : below)[(p % 2 + 2 * q) * maps]);
                for (int v = 0; v < panel; v++) sum[4 * q + p][v] += pixel * own[v];
            }
    }
    for (int q = 0; q < windows; q++)
        for (int v = 0; v < panel; v++) {
            const Vector four[4] = {sum[4 * q][v], sum[4 * q + 1][v], sum[4 * q + 2][v], sum[4 * q + 3][v]};
            choose(four, lowest, floor, y + q * lanes + LANES * v, at + q * lanes + LANES * v);
        }
}

// What the windows of an image are multiplied with, and where.
struct Pooling {
    const Frame f;
    const Filters filters;
    Block<ptrdiff_t> offsets;

    Pooling(const Shape& s, const Real* w, const Real* bias, bool shared)
        : f(s), filters(s, w, bias, shared), offsets(filters.count) {
        const int across = s.kernel * s.maps;
        for (int i = 0; i < filters.count; i++) offsets[i] = i / across * f.line + i % across;
    }

    // Lines [from, to) of windows of a padded image against the lanes of a set of filters.
    void pool_lines(int from, int to, const Real* x, const Real* w, Real* y, uint8_t* at) const {
        const int lanes = filters.lanes, count = filters.count, maps = f.s.maps;
        const ptrdiff_t line = f.line, *places = offsets.get();
        const Vector lowest = all(f.s.relu == BEFORE ? 0 : LEAST), floor = all(f.s.relu ? 0 : LEAST);
        for (int first = 0, panel; first < lanes / LANES; first += panel) {
            panel = panel_of(lanes / LANES - first);
            const Real* own = w + static_cast<size_t>(first) * LANES * (count + 1);
            for (int i = from; i < to; i++) {
                int j = 0;
                auto along = [&](auto vectors, auto windows) ALWAYS {
                    for (; j + windows <= f.windows_wide; j += windows) {
                        const Real* corner = x + 2 * i * line + 2 * j * maps;
                        const int window = (i - from) * f.windows_wide + j;
                        const size_t to = static_cast<size_t>(window) * lanes + LANES * first;
                        pool<vectors, windows>(
                            corner, places, count, line, maps, own, lowest, floor, y + to, at + to, lanes
                        );
                    }
                };
                if (panel == 3) along(Number<3>{}, Number<1>{});
                else if (panel == 2) along(Number<2>{}, Number<1>{});
                else {
                    along(Number<1>{}, Number<2>{});
                    along(Number<1>{}, Number<1>{});
                }
            }
        }
    }
};

// Copy `outputs` of every `lanes` numbers, for each window. Copies of a fixed size are fast: what a window writes
// too much, the next one overwrites, but for the last windows, which are copied exactly.
template <class T>
__attribute__((noinline)) void take_lanes(T* to, const T* from, int windows, int outputs, int lanes) {
    const int spill = round_up(outputs, STEP), exact = windows - (spill + outputs - 1) / outputs;
    int p = 0;
    for (; p < exact; p++, to += outputs, from += lanes)
        for (int o = 0; o < outputs; o += STEP) std::memcpy(to + o, from + o, STEP * sizeof(T));
    for (; p < windows; p++, to += outputs, from += lanes) std::memcpy(to, from, outputs * sizeof(T));
}

// What one thread needs: of some lines of windows, so that they stay in the cache, the maxima until they are copied.
struct Maxima {
    const Frame& f;
    const int lanes, high;
    Block<Real> most;
    Block<uint8_t> which;

    Maxima(const Frame& f, int lanes, int high)
        : f(f), lanes(lanes), high(high), most(static_cast<size_t>(f.windows_wide) * high * lanes + STEP),
          which(static_cast<size_t>(f.windows_wide) * high * lanes + STEP) {}

    // Call pool(from, to, y, at) for lines of windows of an image; it writes all lanes. Keep those of `rows` rows.
    template <class F> void each(int rows, Real* y, uint8_t* at, F pool) const {
        const int outputs = f.s.outputs;
        const size_t own = static_cast<size_t>(f.windows) * outputs;
        for (int i = 0; i < f.windows_high; i += high) {
            const int end = std::min(i + high, f.windows_high), windows = (end - i) * f.windows_wide;
            size_t to = static_cast<size_t>(i) * f.windows_wide * outputs;
            if (rows == 1 && lanes == outputs) {
                pool(i, end, y + to, at + to);
                continue;
            }
            pool(i, end, most.get(), which.get());
            for (int row = 0; row < rows; row++, to += own) {
                take_lanes(y + to, most.get() + row * outputs, windows, outputs, lanes);
                take_lanes(at + to, which.get() + row * outputs, windows, outputs, lanes);
            }
        }
    }
};

// What one thread needs to multiply filters as they are.
struct Direct {
    const Pooling& pooling;
    const Maxima maxima;
    Block<Real> frame;

    explicit Direct(const Pooling& pooling)
        : pooling(pooling), maxima(pooling.f, pooling.filters.lanes, high(pooling)), frame(pooling.f.size) {}

    static int high(const Pooling& pooling) {
        return std::max(1, CACHED / std::max(1, pooling.f.windows_wide * pooling.filters.lanes));
    }

    // Write the maxima of image n for row k, or for all rows where they are lanes side by side.
    void image(const Real* x, int n, int k, Real* y, uint8_t* at) const {
        const Filters& filters = pooling.filters;
        const Real* own = pooling.f.image(frame.get(), x, n, k);
        maxima.each(filters.shared ? filters.s.rows : 1, y, at, [&](int from, int to, Real* most, uint8_t* which) {
            pooling.pool_lines(from, to, own, filters.set(k), most, which);
        });
    }
};

int forward_direct(const Shape& s, const Real* x, const Real* w, const Real* bias, Real* y, uint8_t* at) try {
    const Pooling pooling(s, w, bias, s.inputs == 1);
    const size_t own = static_cast<size_t>(pooling.f.windows) * s.outputs;
    Shape units = s;
    units.rows = pooling.filters.sets;
    const bool done = over_units(units, [&](std::atomic<int>& next, int count, int parts) {
        const Direct direct(pooling);
        each_image(s, next, count, parts, [&](int n, int k) {
            const size_t to = (static_cast<size_t>(n) * s.rows + k) * own;
            direct.image(x, n, k, y + to, at + to);
        });
    });
    return done ? 0 : 1;
} catch (const std::bad_alloc&) {
    return 1;
}

}  // namespace
