// The backward pass. Lanes are the numbers of one line of a filter, `vectors` of them.
#pragma once
#include "frame.h"

namespace {

constexpr int SUMS = 12;       // vectors of sums that stay in registers
constexpr int MOST_LINES = 8;  // of a filter, at once

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
// window's maximum, what(i) the gradient there. Where there are few sums, neighbouring windows have their own: an
// addition takes longer than it takes to begin the next.
template <class Height, class Width, class Where, class What>
void weigh(
    Real* sums, const Real* frame, int line, int length, Where where, What what, int count, Height, Width
) {
    constexpr int height = Height::value, width = Width::value, area = height * width;
    constexpr int CHAINS = area < 3 ? 4 : area < 6 ? 2 : 1;
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
void spread(
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
    const int vectors, length, filter;  // of a filter's line; numbers in a line and in a filter, with unused lanes
    const int parts;
    Block<Real> sums, shifts, laid;  // of each row and part: (O, filter), (O); each row's filters

    Gradients(const Shape& s, const Real* w)
        : s(s), f(s), vectors(round_up(s.kernel * s.maps, LANES) / LANES), length(vectors * LANES),
          filter(s.kernel * length), parts((s.images + PART - 1) / PART),
          sums(static_cast<size_t>(s.rows) * parts * s.outputs * filter),
          shifts(static_cast<size_t>(s.rows) * parts * s.outputs),
          laid(static_cast<size_t>(s.rows) * s.outputs * filter) {
        each_weight([&](size_t in_torch, size_t laid_out, size_t) { laid[laid_out] = w[in_torch]; });
    }

    // Call f(index in w, index among the laid filters, row and output).
    template <class F> void each_weight(F f) const {
        const int area = s.kernel * s.kernel;
        for (size_t r = 0; r < static_cast<size_t>(s.rows) * s.outputs; r++)
            for (int c = 0; c < s.maps; c++)
                for (int q = 0; q < area; q++) {
                    const size_t within = q / s.kernel * length + q % s.kernel * s.maps + c;
                    f((r * s.maps + c) * area + q, r * filter + within, r);
                }
    }

    size_t part(int k, int number) const { return (static_cast<size_t>(k) * parts + number) * s.outputs; }

    // Add up the parts, always in their order.
    void add_up(Real* dw, Real* db) const {
        each_weight([&](size_t in_torch, size_t laid_out, size_t r) {
            const size_t k = r / s.outputs, within = laid_out - k * s.outputs * filter;
            Real sum = 0;
            for (int number = 0; number < parts; number++) sum += sums[part(k, number) * filter + within];
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

// What one thread needs for an image: its gradient without what ReLU cut, and lists of where it is not 0.
struct Scratch {
    const Gradients& g;
    const int pixels;
    Block<Real> frame, slope, kept, what;
    Block<int> where, counts, place, order, first;

    explicit Scratch(const Gradients& g)
        : g(g), pixels(4 * g.f.windows), frame(g.f.size), slope(g.f.size),
          kept(static_cast<size_t>(g.f.windows) * g.s.outputs + LANES),
          what(static_cast<size_t>(pixels) * g.s.outputs), where(static_cast<size_t>(pixels) * g.s.outputs),
          counts(pixels), place(pixels), order(pixels), first(g.s.outputs + 2) {
        for (int p = 0; p < pixels; p++) place[p] = g.f.place(p / 4) + g.f.corner(p % 4);
    }

    // Keep an image's gradient, (windows, O), 0 where ReLU cut, and add it up in shifts, (O).
    void keep(const Real* gradient, const uint8_t* at, Real* shifts) {
        const int outputs = g.s.outputs, windows = g.f.windows, numbers = windows * outputs;
        for (int i = 0; i < numbers; i++) kept[i] = at[i] == CUT ? 0 : gradient[i];
        for (int o = 0; o < outputs; o += LANES) {
            Vector sum = {};  // its last lanes may be those of the next window, and are not read
            for (int p = 0; p < windows; p++) sum += load(kept.get() + p * outputs + o);
            for (int lane = 0; lane < LANES && o + lane < outputs; lane++) shifts[o + lane] += sum[lane];
        }
    }

    // Add an image's share of dw to sums, (O, filter): `at` is which pixel of each window was the largest.
    void weigh_back(const uint8_t* at, Real* sums) {
        const int outputs = g.s.outputs, windows = g.f.windows;
        const ptrdiff_t corner[CUT + 1] = {g.f.corner(0), g.f.corner(1), g.f.corner(2), g.f.corner(3), 0};
        for (int o = 0; o < outputs; o++, sums += g.filter) {
            const auto weigh_all = [&](auto where, auto what, int count) ALWAYS {
                over_filter(g.s.kernel, g.vectors, [&](auto height, auto width, int line, int vector) ALWAYS {
                    const int across = vector * LANES;
                    weigh(sums + line * g.length + across, frame.get() + line * g.f.line + across, g.f.line, g.length,
                          where, what, count, height, width);
                });
            };
            if (g.vectors == 1) {  // few sums: to look for the zeros would take longer than to multiply
                const uint8_t* which = at + o;
                const Real* own = kept.get() + o;
                weigh_all([&](int i) ALWAYS { return place[4 * i] + corner[which[i * outputs]]; },
                          [&](int i) ALWAYS { return own[i * outputs]; }, windows);
                continue;
            }
            int count = 0;
            for (int p = 0, i = o; p < windows; p++, i += outputs) {
                where[count] = place[4 * p] + corner[at[i]];
                what[count] = kept[i];
                count += nonzero(kept[i]);
            }
            weigh_all([&](int i) ALWAYS { return where[i]; }, [&](int i) ALWAYS { return what[i]; }, count);
        }
    }

    // Put an image's dx into `slope`: filters are the row's, (O, filter).
    void spread_back(const uint8_t* at, const Real* filters) {
        const int outputs = g.s.outputs;
        std::memset(counts.get(), 0, pixels * sizeof(int));
        std::memset(slope.get(), 0, g.f.size * sizeof(Real));
        for (int p = 0; p < g.f.windows; p++)
            for (int o = 0; o < outputs; o++) {
                const int i = p * outputs + o, pixel = 4 * p + (at[i] & 3);
                const size_t to = static_cast<size_t>(pixel) * outputs + counts[pixel];
                where[to] = o * g.filter;
                what[to] = kept[i];
                counts[pixel] += nonzero(kept[i]);
            }
        // Pixels with equally many outputs follow each other: loops of equal length are predicted well.
        std::memset(first.get(), 0, (outputs + 2) * sizeof(int));
        for (int p = 0; p < pixels; p++) first[counts[p] + 1]++;
        for (int n = 0; n <= outputs; n++) first[n + 1] += first[n];
        const int without = first[1];
        for (int p = 0; p < pixels; p++) order[first[counts[p]]++] = p;
        over_filter(g.s.kernel, g.vectors, [&](auto height, auto width, int line, int vector) ALWAYS {
            const int across = vector * LANES;
            for (int i = without; i < pixels; i++) {
                const int p = order[i];
                const size_t list = static_cast<size_t>(p) * outputs;
                spread(slope.get() + place[p] + line * g.f.line + across, filters + line * g.length + across, g.f.line,
                       g.length, where.get() + list, what.get() + list, counts[p], height, width);
            }
        });
    }
};

int backward(
    const Shape& s, const Real* x, const Real* w, const Real* gradient, const uint8_t* at, Real* dx, Real* dw, Real* db
) try {
    Gradients g(s, w);
    const size_t pixels = static_cast<size_t>(s.height) * s.width * s.maps;
    const size_t own = static_cast<size_t>(g.f.windows) * s.outputs;
    const bool done = over_units(s, [&](std::atomic<int>& next, int count, int parts) {
        Scratch scratch(g);
        for (int unit; (unit = next++) < count;) {
            const int k = unit / parts, number = unit % parts, begin = number * PART;
            const size_t part = g.part(k, number);
            for (int n = begin; n < s.images && n < begin + PART; n++) {
                const size_t image = static_cast<size_t>(n) * s.rows + k, from = image * own;
                g.f.fill(scratch.frame.get(), x, n, s.inputs == 1 ? 0 : k);
                scratch.keep(gradient + from, at + from, g.shifts.get() + part);
                scratch.weigh_back(at + from, g.sums.get() + part * g.filter);
                if (!dx) continue;
                scratch.spread_back(at + from, g.laid.get() + static_cast<size_t>(k) * s.outputs * g.filter);
                g.f.take(dx + image * pixels, scratch.slope.get());
            }
        }
    });
    if (!done) return 1;
    g.add_up(dw, db);
    return 0;
} catch (const std::bad_alloc&) {
    return 1;
}

}  // namespace
