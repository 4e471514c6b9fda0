// The backward pass.
#pragma once
#include "patches.h"

namespace {

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

    // Add an image's share of dw to sums, (O, filter): `at` is which pixel of each window was the largest. fetch(o)
    // has what is needed next come from memory.
    template <class F> void weigh_back(const uint8_t* at, Real* sums, F fetch) {
        const int outputs = g.s.outputs, windows = g.f.windows;
        const ptrdiff_t corner[CUT + 1] = {g.f.corner(0), g.f.corner(1), g.f.corner(2), g.f.corner(3), 0};
        for (int o = 0; o < outputs; o++, sums += g.filter) {
            fetch(o);
            if (g.vectors == 1) {
                weigh_line_vectors(at + o, kept.get() + o, corner, sums);
                continue;
            }
            int count = 0;
            for (int p = 0, i = o; p < windows; p++, i += outputs) {
                where[count] = place[4 * p] + corner[at[i]];
                what[count] = kept[i];
                count += nonzero(kept[i]);
            }
            over_filter(g.s.kernel, g.vectors, [&](auto height, auto width, int line, int vector) ALWAYS {
                const int across = vector * LANES;
                weigh<chains_of(height * width)>(
                    sums + line * g.length + across, frame.get() + line * g.f.line + across, g.f.line, g.length,
                    [&](int i) ALWAYS { return where[i]; }, [&](int i) ALWAYS { return what[i]; }, count, height, width
                );
            });
        }
    }

    // Add an image's share for one output where a line of a filter is one vector. There are few sums: to look for
    // the zeros would take longer than to multiply. The order of the sums is that of Patches.
    void weigh_line_vectors(const uint8_t* which, const Real* own, const ptrdiff_t* corner, Real* sums) {
        const int outputs = g.s.outputs;
        g.each_band([&](int begin, int end) {
            with_constant<LANES>(g.s.kernel, [&](auto kernel) ALWAYS {
                constexpr int least = round_up(kernel * kernel, LANES) / LANES;  // vectors of a filter, of one map
                with_chains<least, kernel>(g.tight, [&](auto chains) ALWAYS {
                    weigh<chains>(
                        sums, frame.get(), g.f.line, g.length,
                        [&](int i) ALWAYS { return place[4 * (begin + i)] + corner[which[(begin + i) * outputs]]; },
                        [&](int i) ALWAYS { return own[(begin + i) * outputs]; }, end - begin, kernel, Number<1>{}
                    );
                });
            });
        });
    }

    // Put an image's dx into `slope`: filters are the row's, (O, filter). fetch(window) as above.
    template <class F> void spread_back(const uint8_t* at, const Real* filters, F fetch) {
        const int outputs = g.s.outputs;
        std::memset(counts.get(), 0, pixels * sizeof(int));
        std::memset(slope.get(), 0, g.f.size * sizeof(Real));
        for (int p = 0; p < g.f.windows; p++) {
            fetch(p);
            for (int o = 0; o < outputs; o++) {
                const int i = p * outputs + o, pixel = 4 * p + (at[i] & 3);
                const size_t to = static_cast<size_t>(pixel) * outputs + counts[pixel];
                where[to] = o * g.filter;
                what[to] = kept[i];
                counts[pixel] += nonzero(kept[i]);
            }
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
    const bool packed = s.inputs == 1 && !dx && s.kernel * s.maps <= LANES;
    Gradients g(s, w, packed);
    const int outputs = s.outputs;
    const size_t pixels = static_cast<size_t>(s.height) * s.width * s.maps;
    const size_t own = static_cast<size_t>(g.f.windows) * outputs;
    // A row's image: add its share of the sums, and write its dx.
    const auto image = [&](Scratch& scratch, int n, int k) {
        const size_t image = static_cast<size_t>(n) * s.rows + k, from = image * own, part = g.part(k, n / PART);
        const int following = n + 1 < s.images ? n + 1 : n;
        const size_t then = (static_cast<size_t>(following) * s.rows + k) * own;
        const Ahead<Real> next_x(g.f.start(x, following, k), s.pixel == s.maps ? pixels : 0, outputs);
        const Ahead<Real> next_gradient(gradient + then, own, outputs);
        const Ahead<uint8_t> next_at(at + then, own, outputs);
        g.f.fill(scratch.frame.get(), x, n, k);
        g.each_band([&](int begin, int end) {
            const size_t first = begin * outputs;
            keep(scratch.kept.get() + first, g.shifts.get() + part, gradient + from + first, at + from + first,
                 end - begin, outputs);
        });
        scratch.weigh_back(at + from, g.sums.get() + part * g.filter, [&](int o) ALWAYS {
            next_x.fetch(o), next_gradient.fetch(o), next_at.fetch(o);
        });
        if (!dx) return;
        const Ahead<Real> result(dx + image * pixels, pixels, g.f.windows);
        scratch.spread_back(at + from, g.laid.get() + k * g.row(), [&](int p) ALWAYS { result.fetch(p); });
        g.f.take(dx + image * pixels, scratch.slope.get());
    };
    Shape units = s;
    if (packed) units.rows = 1;
    const bool done = over_units(units, [&](std::atomic<int>& next, int count, int parts) {
        if (packed) {
            Patches patches(g);
            each_image(s, next, count, parts, [&](int n, int) { patches.weigh_image(x, n, n / PART, gradient, at); });
        } else {
            Scratch scratch(g);
            each_image(s, next, count, parts, [&](int n, int k) { image(scratch, n, k); });
        }
    });
    if (!done) return 1;
    g.add_up(dw, db);
    return 0;
} catch (const std::bad_alloc&) {
    return 1;
}

}  // namespace
