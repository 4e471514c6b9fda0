// What both ways of the backward pass share. Lanes are the numbers of one line of a filter, `vectors` of them.
#pragma once
#include <algorithm>

#include "frame.h"

namespace {

constexpr int SUMS = 12;       // vectors of sums that stay in registers
constexpr int MOST_LINES = 8;  // of a filter, at once
constexpr int PATCHED = 4096;  // numbers of patches that are laid before they are read; see patches.h

// How many neighbouring windows have sums of their own where a window has so few: an addition takes longer than it
// takes to begin the next.
constexpr int chains_of(int sums) { return sums < 3 ? 4 : sums < 6 ? 2 : 1; }

// Call f with chains_of(sums) as a constant of the compiler, least ≤ sums ≤ most.
template <int least, int most, class F> INLINE void with_chains(int sums, F f) {
    if constexpr (chains_of(least) == chains_of(most)) f(Number<chains_of(least)>{});
    else if (sums == least) f(Number<chains_of(least)>{});
    else with_chains<least + 1, most>(sums, f);
}

// Call f(lines, vectors, line, vector) for blocks that cover a filter; a block's sums stay in registers.
template <class F> INLINE void over_filter(int kernel, int vectors, F f) {
    for (int vector = 0; vector < vectors;) {
        const int left = vectors - vector;
        const int wide = left < SUMS ? left : left < 2 * SUMS ? (left + 1) / 2 : SUMS;
        with_constant<SUMS>(wide, [&](auto width) ALWAYS {
            constexpr int most = SUMS / width < MOST_LINES ? SUMS / width : MOST_LINES;
            for (int line = 0, high; line < kernel; line += high) {
                const int passes = (kernel - line + most - 1) / most;
                high = (kernel - line + passes - 1) / passes;
                with_constant<most>(high, [&](auto height) ALWAYS { f(height, width, line, vector); });
            }
        });
        vector += wide;
    }
}

// Add gradient × pixel to the sums for the filter of one output, window after window: where(i) is the place of a
// window's maximum, what(i) the gradient there.
template <int CHAINS, class Height, class Width, class Where, class What>
INLINE void weigh(
    Real* sums, const Real* frame, int line, int length, Where where, What what, int count, Height, Width
) {
    constexpr int height = Height::value, width = Width::value;
    Vector sum[CHAINS][height][width] = {};
    for (int u = 0; u < height; u++)
        for (int v = 0; v < width; v++) sum[0][u][v] = load(sums + u * length + v * LANES);
    const auto add = [&](int i, int chain) ALWAYS {
        const Real* from = frame + where(i);
        const auto slope = all(what(i));
        for (int u = 0; u < height; u++, advance(from, line))
            for (int v = 0; v < width; v++) sum[chain][u][v] += slope * load(from + v * LANES);
    };
    int i = 0;
    for (; i + CHAINS <= count; i += CHAINS)
        for (int chain = 0; chain < CHAINS; chain++) add(i + chain, chain);
    for (; i < count; i++) add(i, 0);
    for (int u = 0; u < height; u++)
        for (int v = 0; v < width; v++) {
            for (int chain = 1; chain < CHAINS; chain++) sum[0][u][v] += sum[chain][u][v];
            store(sums + u * length + v * LANES, sum[0][u][v]);
        }
}

// Add gradient × filter at one pixel: the outputs whose maximum is there, one after the other.
template <class Height, class Width>
INLINE void spread(
    Real* frame, const Real* filters, int line, int length, const int* whose, const Real* what, int count, Height, Width
) {
    constexpr int height = Height::value, width = Width::value;
    Vector sum[height][width] = {};
    for (int i = 0; i < count; i++) {
        const Real* own = filters + whose[i];
        const auto slope = all(what[i]);
        for (int u = 0; u < height; u++, advance(own, length))
            for (int v = 0; v < width; v++) sum[u][v] += slope * load(own + v * LANES);
    }
    for (int u = 0; u < height; u++)
        for (int v = 0; v < width; v++) {
            Real* to = frame + u * line + v * LANES;
            store(to, load(to) + sum[u][v]);
        }
}

// The sums of all rows, and the filters as they are read.
struct Gradients {
    const Shape& s;
    const Frame f;
    const bool packed;                  // the lines of a filter follow each other without unused lanes between them
    const int tight;                    // vectors of a filter then
    const int vectors, length, filter;  // of a filter's line; numbers in a line and in a filter, with unused lanes
    const int high, parts;              // lines of windows whose gradients are summed before the next; parts of a row
    Block<Real> sums, shifts, laid;  // of each row and part: (O, filter), (O); each row's filters

    Gradients(const Shape& s, const Real* w, bool packed)
        : s(s), f(s), packed(packed), tight(round_up(s.kernel * s.kernel * s.maps, LANES) / LANES),
          vectors(round_up(s.kernel * s.maps, LANES) / LANES),
          length(packed ? s.kernel * s.maps : vectors * LANES), filter(round_up(s.kernel * length, LANES)),
          high(lines_at_once()), parts((s.images + PART - 1) / PART),
          sums(static_cast<size_t>(s.rows) * parts * s.outputs * filter),
          shifts(static_cast<size_t>(s.rows) * parts * s.outputs),
          laid(static_cast<size_t>(s.rows) * s.outputs * filter) {
        each_weight([&](size_t in_torch, int k, size_t within) { laid[k * row() + within] = w[in_torch]; });
    }

    // Patches are laid for some lines of windows at a time. Where each row has its own images, sums are made in the same
    // order, so that a row has the same bits beside others as alone.
    int lines_at_once() const {
        const int patches = 4 * f.windows_wide * tight * LANES;
        return vectors > 1 || !patches ? f.windows_high : std::max(1, PATCHED / patches);
    }

    // Call f(windows from, to).
    template <class F> void each_band(F f) const {
        for (int line = 0; line < this->f.windows_high; line += high) {
            const int end = std::min(line + high, this->f.windows_high);
            f(line * this->f.windows_wide, end * this->f.windows_wide);
        }
    }

    size_t row() const { return static_cast<size_t>(s.outputs) * filter; }
    size_t part(int k, int number) const { return (static_cast<size_t>(k) * parts + number) * s.outputs; }

    // Call f(index in w, row, index among the row's laid filters).
    template <class F> void each_weight(F f) const {
        size_t in_torch = 0;
        for (int k = 0; k < s.rows; k++)
            for (size_t first = 0; first < row(); first += filter)
                for (int c = 0; c < s.maps; c++)
                    for (int u = 0; u < s.kernel; u++)
                        for (int v = 0; v < s.kernel; v++) f(in_torch++, k, first + u * length + v * s.maps + c);
    }

    // Add up the parts, always in their order.
    void add_up(Real* dw, Real* db) const {
        each_weight([&](size_t in_torch, int k, size_t within) {
            const Real* own = sums.get() + k * parts * row() + within;
            Real sum = 0;
            for (int number = 0; number < parts; number++) sum += own[number * row()];
            dw[in_torch] = sum;
        });
        for (int r = 0; db && r < s.rows * s.outputs; r++) {
            Real sum = 0;
            for (int number = 0; number < parts; number++)
                sum += shifts[part(r / s.outputs, number) + r % s.outputs];
            db[r] = sum;
        }
    }
};

// Keep the gradient of some windows, (windows, O), 0 where ReLU cut, and add it up in shifts, (O). Up to LANES numbers
// behind the last of those that are kept are read.
void keep(Real* kept, Real* shifts, const Real* gradient, const uint8_t* at, int windows, int outputs) {
    const int numbers = windows * outputs;
    int i = 0;
    for (; i + LANES <= numbers; i += LANES) store(kept + i, load_bytes(at + i) == CUT ? Vector{} : load(gradient + i));
    for (; i < numbers; i++) kept[i] = at[i] == CUT ? 0 : gradient[i];
    constexpr int CHAINS = 4;
    for (int o = 0; o < outputs; o += LANES) {
        Vector sum[CHAINS] = {};  // the last lanes may be those of the next window, and are not read
        const Real* own = kept + o;
        int p = 0;
        for (; p + CHAINS <= windows; p += CHAINS)
            for (int chain = 0; chain < CHAINS; chain++, own += outputs) sum[chain] += load(own);
        for (; p < windows; p++, own += outputs) sum[0] += load(own);
        const Vector whole = (sum[0] + sum[1]) + (sum[2] + sum[3]);
        for (int lane = 0; lane < LANES && o + lane < outputs; lane++) shifts[o + lane] += whole[lane];
    }
}

}  // namespace
