// The forward pass. Outputs are lanes; up to three vectors of them, a panel, are summed at once.
#pragma once
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

    Filters(const Shape& s, const Real* w, const Real* bias)
        : s(s), shared(s.inputs == 1), count(s.kernel * s.kernel * s.maps),
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
            Vector chosen = sum[4 * q][v];  // the number whose ReLU is the largest
            Vector most = chosen < lowest ? Vector{} : chosen;
            Mask which = {};
            for (int p = 1; p < 4; p++) {  // where ReLU is before the pooling, none but positive numbers are more
                const auto own = sum[4 * q + p][v];
                const Mask more = (own > most) | (own != own);
                most = more ? own : most;
                chosen = more ? own : chosen;
                which = more ? Mask{} + p : which;
            }
            const Mask cut = chosen < floor;
            store(y + q * lanes + LANES * v, cut ? Vector{} : most);
            store_bytes(at + q * lanes + LANES * v, cut ? Mask{} + CUT : which);
        }
}

// What the windows of an image are multiplied with, and where.
struct Pooling {
    const Frame f;
    const Filters filters;
    Block<ptrdiff_t> offsets;

    Pooling(const Shape& s, const Real* w, const Real* bias)
        : f(s), filters(s, w, bias), offsets(filters.count) {
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

int forward(const Shape& s, const Real* x, const Real* w, const Real* bias, Real* y, uint8_t* at) try {
    const Pooling pooling(s, w, bias);
    const Frame& f = pooling.f;
    const Filters& filters = pooling.filters;
    const size_t own = static_cast<size_t>(f.windows) * s.outputs;
    Shape units = s;
    units.rows = filters.sets;
    const bool done = over_units(units, [&](std::atomic<int>& next, int count, int parts) {
        // Some lines of windows at a time, so that their maxima stay in the cache until they are copied.
        const int across = f.windows_wide * filters.lanes, high = across < CACHED ? CACHED / across : 1;
        const size_t room = static_cast<size_t>(across) * high + STEP;
        Block<Real> frame(f.size), maxima(room);
        Block<uint8_t> which(room);
        const auto image = [&](int n, int k) {
            const Real* own_image = f.image(frame.get(), x, n, k);
            const size_t to = (static_cast<size_t>(n) * s.rows + k) * own;
            if (!filters.shared && filters.lanes == s.outputs) {
                pooling.pool_lines(0, f.windows_high, own_image, filters.set(k), y + to, at + to);
                return;
            }
            for (int i = 0; i < f.windows_high; i += high) {
                const int end = i + high < f.windows_high ? i + high : f.windows_high;
                const int windows = (end - i) * f.windows_wide;
                pooling.pool_lines(i, end, own_image, filters.set(k), maxima.get(), which.get());
                for (int row = 0; row < (filters.shared ? s.rows : 1); row++) {
                    const size_t place = to + row * own + static_cast<size_t>(i) * f.windows_wide * s.outputs;
                    take_lanes(y + place, maxima.get() + row * s.outputs, windows, s.outputs, filters.lanes);
                    take_lanes(at + place, which.get() + row * s.outputs, windows, s.outputs, filters.lanes);
                }
            }
        };
        for (int unit; (unit = next++) < count;) {
            const int k = unit / parts, first = unit % parts * PART;
            for (int n = first; n < s.images && n < first + PART; n++) image(n, k);
        }
    });
    return done ? 0 : 1;
} catch (const std::bad_alloc&) {
    return 1;
}

}  // namespace
