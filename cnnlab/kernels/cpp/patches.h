// The gradient of short filters where all rows have the same images: no pixel's numbers are gathered twice.
#pragma once
#include "gradients.h"

namespace {

// What one thread needs where all rows have the same images and a line of a filter is one vector: of some lines of
// windows the patch of each pixel, the numbers that a filter meets there, side by side. They serve all rows.
struct Patches {
    const Gradients& g;
    const int windows;  // at once
    Block<Real> frame, laid, kept;

    explicit Patches(const Gradients& g)
        : g(g), windows(std::min(g.high, g.f.windows_high) * g.f.windows_wide), frame(g.f.size),
          laid(static_cast<size_t>(windows) * 4 * g.filter + LANES),
          kept(static_cast<size_t>(windows) * g.s.outputs + LANES) {}

    // Copy the patches of windows [begin, end) of the image in the frame. A line's unused lanes reach into what is
    // written after it.
    void lay(int begin, int end) {
        Real* to = laid.get();
        for (int line = begin / g.f.windows_wide; line < end / g.f.windows_wide; line++)
            for (int p = 0; p < 4 * g.f.windows_wide; p++, to += g.filter) {
                const Real* from = frame.get() + g.f.place(line, p / 4) + g.f.corner(p % 4);
                for (int u = 0; u < g.s.kernel; u++, advance(from, g.f.line)) store(to + u * g.length, load(from));
            }
    }

    // Add what `count` windows bring to a row's sums, (O, filter), and shifts, (O). The next row's follow at `next`.
    void weigh_row(const Real* gradient, const uint8_t* at, int count, size_t next, Real* sums, Real* shifts) {
        const int outputs = g.s.outputs, numbers = count * outputs;
        Ahead<Real>(gradient + next, numbers, 1).fetch(0);
        Ahead<uint8_t>(at + next, numbers, 1).fetch(0);
        keep(kept.get(), shifts, gradient, at, count, outputs);
        for (int o = 0; o < outputs; o++, sums += g.filter) {
            const uint8_t* which = at + o;
            const Real* own = kept.get() + o;
            with_constant<LANES>(g.tight, [&](auto vectors) ALWAYS {
                weigh<chains_of(vectors)>(
                    sums, laid.get(), 0, 0,
                    [&](int i) ALWAYS { return (4 * i + (which[i * outputs] & 3)) * vectors * LANES; },
                    [&](int i) ALWAYS { return own[i * outputs]; }, count, Number<1>{}, vectors
                );
            });
        }
    }

    // Add an image's share of all rows' sums and shifts.
    void weigh_image(const Real* x, int n, int number, const Real* gradient, const uint8_t* at) {
        const size_t own = static_cast<size_t>(g.f.windows) * g.s.outputs;
        g.f.fill(frame.get(), x, n, 0);
        g.each_band([&](int begin, int end) {
            lay(begin, end);
            for (int k = 0; k < g.s.rows; k++) {
                const size_t from = (static_cast<size_t>(n) * g.s.rows + k) * own + begin * g.s.outputs;
                const size_t part = g.part(k, number), next = k + 1 < g.s.rows ? own : 0;
                weigh_row(
                    gradient + from, at + from, end - begin, next, g.sums.get() + part * g.filter, g.shifts.get() + part
                );
            }
        });
    }
};

}  // namespace
