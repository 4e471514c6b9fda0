// The forward pass of 3×3 filters with 16 products for a window's four sums instead of 36: Winograd's minimal filtering
// F(2×2, 3×3), Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
#pragma once
#include <optional>

#include "forward.h"

namespace {

constexpr int FREQUENCIES = 16;     // products for a window
constexpr int MOST_TILES = 6;       // windows at once against two vectors of outputs
constexpr int STRIP = 24;           // windows that are transformed before they are multiplied
constexpr Real LARGEST = 1e18;      // where a number is not below it, differences could overflow, or be NaN

inline int width_of(int vectors) { return vectors >= 2 ? 2 : 1; }

// Of each row the transformed filters: a panel of one or two vectors of outputs after the other, of each the lanes for
// each frequency and map.
struct Transformed {
    const Shape& s;
    const int lanes, set;
    Block<Real> laid, biases;
    Block<uint8_t> moderate;  // of each row: all its weights are below LARGEST

    Transformed(const Shape& s, const Real* w, const Real* bias)
        : s(s), lanes(round_up(s.outputs, LANES)), set(FREQUENCIES * s.maps * lanes),
          laid(static_cast<size_t>(s.rows) * set), biases(static_cast<size_t>(s.rows) * lanes), moderate(s.rows) {
        for (int k = 0; k < s.rows; k++) {
            bool small = true;
            for (int o = 0; o < s.outputs; o++) {
                biases[static_cast<size_t>(k) * lanes + o] = bias ? bias[k * s.outputs + o] : 0;
                for (int c = 0; c < s.maps; c++, w += 9) small &= transform(w, k, o, c);
            }
            moderate[k] = small;
        }
    }

private:
    // Write G w Gᵀ, G = (1 0 0; ½ ½ ½; ½ −½ ½; 0 0 1). Return whether the nine weights are below LARGEST.
    bool transform(const Real* w, int k, int o, int c) const {
        Real half[4][3], whole[4];
        bool small = true;
        for (int v = 0; v < 3; v++) {
            const Real above = w[v], middle = w[3 + v], below = w[6 + v];
            for (Real one : {above, middle, below}) small &= one < LARGEST && one > -LARGEST;
            half[0][v] = above, half[3][v] = below;
            half[1][v] = (above + middle + below) / 2, half[2][v] = (above - middle + below) / 2;
        }
        const int first = o / (2 * LANES) * 2, panel = width_of(lanes / LANES - first);
        Real* to = laid.get() + static_cast<size_t>(k) * set + static_cast<size_t>(first) * LANES * FREQUENCIES * s.maps
            + c * panel * LANES + o - first * LANES;
        for (int u = 0; u < 4; u++) {
            const Real *own = half[u];
            whole[0] = own[0], whole[3] = own[2];
            whole[1] = (own[0] + own[1] + own[2]) / 2, whole[2] = (own[0] - own[1] + own[2]) / 2;
            for (int v = 0; v < 4; v++, to += s.maps * panel * LANES) *to = whole[v];
        }
        return small;
    }
};

// Write the sums over the maps of pixel × weight for some windows and a panel of outputs.
template <class Tiles, class Panel>
INLINE void multiply(const Real* pixels, ptrdiff_t step, const Real* filters, int maps, Real* to, Tiles, Panel) {
    constexpr int tiles = Tiles::value, panel = Panel::value;
    Vector sum[tiles][panel] = {};
    for (int c = 0; c < maps; c++, filters += panel * LANES) {
        Vector own[panel];
        for (int v = 0; v < panel; v++) own[v] = load(filters + v * LANES);
        for (int t = 0; t < tiles; t++) {
            const auto pixel = all(pixels[t * step + c]);
            for (int v = 0; v < panel; v++) sum[t][v] += pixel * own[v];
        }
    }
    for (int t = 0; t < tiles; t++)
        for (int v = 0; v < panel; v++) store(to + (t * panel + v) * LANES, sum[t][v]);
}

// What one thread needs.
struct Winograd {
    const Frame& f;
    const Transformed& filters;
    const int step, high, tiles;  // numbers of a window's pixel; lines of windows at once, and windows
    Block<Real> frame, pixels, products;

    Winograd(const Frame& f, const Transformed& filters)
        : f(f), filters(filters), step(round_up(f.s.maps, LANES)),
          high(std::max(1, STRIP / std::max(1, f.windows_wide))), tiles(high * f.windows_wide),
          frame(f.size + LANES), pixels(static_cast<size_t>(FREQUENCIES) * tiles * step),
          products(static_cast<size_t>(FREQUENCIES) * tiles * 2 * LANES) {}

    // Put an image into the frame. Return whether all its numbers are below LARGEST.
    bool fill(const Real* x, int n, int k) {
        f.fill(frame.get(), x, n, k);
        Mask small = Mask{} - 1;
        for (size_t i = 0; i < f.size; i += LANES) {
            const Vector own = load(frame.get() + i);
            small &= (own < LARGEST) & (own > -LARGEST);
        }
        for (int lane = 0; lane < LANES; lane++)
            if (!small[lane]) return false;
        return true;
    }

    // Write Bᵀ d B for each 4×4 pixels d of lines [from, to) of windows,
    // B = (1 0 −1 0; 0 1 1 0; 0 −1 1 0; 0 1 0 −1)ᵀ.
    void transform(int from, int to) {
        const ptrdiff_t apart = static_cast<ptrdiff_t>(tiles) * step;
        Real* own = pixels.get();
        for (int i = from; i < to; i++)
            for (int j = 0; j < f.windows_wide; j++)
                for (int c = 0; c < step; c += LANES, own += LANES) {
                    const Real* at = frame.get() + f.place(i, j) + c;
                    Vector half[4][4];
                    for (int u = 0; u < 4; u++) {
                        const Real* left = at + u * f.s.maps;
                        const Vector d0 = load(left), d1 = load(left + f.line), d2 = load(left + 2 * f.line),
                                     d3 = load(left + 3 * f.line);
                        half[0][u] = d0 - d2, half[1][u] = d1 + d2, half[2][u] = d2 - d1, half[3][u] = d1 - d3;
                    }
                    for (int u = 0; u < 4; u++) {
                        Real* line = own + 4 * u * apart;
                        store(line, half[u][0] - half[u][2]);
                        store(line + apart, half[u][1] + half[u][2]);
                        store(line + 2 * apart, half[u][2] - half[u][1]);
                        store(line + 3 * apart, half[u][1] - half[u][3]);
                    }
                }
    }

    // Multiply `count` windows with a panel of outputs, at each frequency.
    void multiply_all(const Real* laid, int panel, int count) {
        const auto run = [&](auto vectors) ALWAYS {
            for (int q = 0; q < FREQUENCIES; q++, laid += f.s.maps * vectors * LANES) {
                const int passes = (count + MOST_TILES - 1) / MOST_TILES;
                for (int pass = 0, tile = 0, some; pass < passes; pass++, tile += some) {
                    some = (count - tile + passes - pass - 1) / (passes - pass);
                    const ptrdiff_t first = static_cast<ptrdiff_t>(q) * tiles + tile;
                    with_constant<MOST_TILES>(some, [&](auto number) ALWAYS {
                        multiply(pixels.get() + first * step, step, laid, f.s.maps,
                                 products.get() + first * vectors * LANES, number, vectors);
                    });
                }
            }
        };
        if (panel == 2) run(Number<2>{});
        else run(Number<1>{});
    }

    // Write the maxima of Aᵀ m A + bias for a vector of outputs and `count` windows, A = (1 1 1 0; 0 1 −1 −1)ᵀ.
    void pool(const Real* own, int panel, Vector bias, int count, Vector lowest, Vector floor, Real* y, uint8_t* at) {
        const ptrdiff_t apart = static_cast<ptrdiff_t>(tiles) * panel * LANES;
        for (int p = 0; p < count; p++, own += panel * LANES, y += filters.lanes, at += filters.lanes) {
            Vector half[2][4], sums[4];
            for (int v = 0; v < 4; v++) {
                const Real* from = own + v * apart;
                const Vector m0 = load(from), m1 = load(from + 4 * apart), m2 = load(from + 8 * apart),
                             m3 = load(from + 12 * apart);
                half[0][v] = m0 + m1 + m2, half[1][v] = m1 - m2 - m3;
            }
            for (int u = 0; u < 2; u++) {
                sums[2 * u] = half[u][0] + half[u][1] + half[u][2] + bias;
                sums[2 * u + 1] = half[u][1] - half[u][2] - half[u][3] + bias;
            }
            choose(sums, lowest, floor, y, at);
        }
    }

    // Lines [from, to) of windows of the image in the frame, for row k.
    void pool_lines(int from, int to, int k, Vector lowest, Vector floor, Real* y, uint8_t* at) {
        const int count = (to - from) * f.windows_wide;
        transform(from, to);
        const Real* laid = filters.laid.get() + static_cast<size_t>(k) * filters.set;
        const Real* biases = filters.biases.get() + static_cast<size_t>(k) * filters.lanes;
        for (int first = 0, panel; first < filters.lanes / LANES; first += panel) {
            panel = width_of(filters.lanes / LANES - first);
            multiply_all(laid, panel, count);
            laid += static_cast<size_t>(FREQUENCIES) * f.s.maps * panel * LANES;
            for (int v = 0; v < panel; v++) {
                const int lane = (first + v) * LANES;
                pool(products.get() + v * LANES, panel, load(biases + lane), count, lowest, floor, y + lane, at + lane);
            }
        }
    }
};

bool suits_winograd(const Shape& s) { return s.kernel == 3 && s.maps >= LANES && s.outputs >= LANES; }

int forward_winograd(const Shape& s, const Real* x, const Real* w, const Real* bias, Real* y, uint8_t* at) try {
    const Frame f(s);
    const Transformed filters(s, w, bias);
    const size_t own = static_cast<size_t>(f.windows) * s.outputs;
    const Vector lowest = all(s.relu == BEFORE ? 0 : LEAST), floor = all(s.relu ? 0 : LEAST);
    const bool done = over_units(s, [&](std::atomic<int>& next, int count, int parts) {
        Winograd winograd(f, filters);
        const Maxima maxima(f, filters.lanes, winograd.high);
        std::optional<Pooling> pooling;
        each_image(s, next, count, parts, [&](int n, int k) {
            const size_t to = (static_cast<size_t>(n) * s.rows + k) * own;
            if (!winograd.fill(x, n, k) || !filters.moderate[k]) {
                if (!pooling) pooling.emplace(s, w, bias, false);
                Direct(*pooling).image(x, n, k, y + to, at + to);
                return;
            }
            maxima.each(1, y + to, at + to, [&](int line, int end, Real* most, uint8_t* which) {
                winograd.pool_lines(line, end, k, lowest, floor, most, which);
            });
        });
    });
    return done ? 0 : 1;
} catch (const std::bad_alloc&) {
    return 1;
}

int forward(const Shape& s, const Real* x, const Real* w, const Real* bias, Real* y, uint8_t* at) {
    return suits_winograd(s) ? forward_winograd(s, x, w, bias, y, at) : forward_direct(s, x, w, bias, y, at);
}

}  // namespace
