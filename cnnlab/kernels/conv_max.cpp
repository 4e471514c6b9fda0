// Convolution and 2×2 max pooling as one operation on the rows of an array. Compile it once for each type of
// number, -DREAL=float or -DREAL=double.
//
// Three quarters of the gradient behind a 2×2 max pool are zeros, and the output of the convolution is needed
// only for its maxima. So the forward pass keeps the four sums of a window in registers and writes the largest
// and a byte that says which it was; the backward pass multiplies only where a gradient arrives.
//
// Layouts: x (N, X, H, W, C), C innermost, X being K, or 1 where all rows have the same images;
// w (K, O, C, k, k); bias (K, O), or null; y, at and the gradient of y (N, K, H', W', O) with
// H' = (H + 2p − k + 1) / 2, rounded down: a remainder at the edge is left out. Strides are 1 and 2.
//
// Every sum is made in an order that depends on neither the number of rows, nor the row, nor the number of
// lanes or threads: bias, then filter rows, columns and maps for y; images in parts of PART for dw and db;
// outputs in rising order for dx. A gradient of exactly 0 may be skipped, so that 0 × ∞ is 0. The largest is
// what torch takes: the first of equals, and NaN before any number.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>
#include <type_traits>
#include <vector>

struct Shape {
    int images, rows, inputs, outputs, maps, height, width, kernel, pad_height, pad_width, threads;
    ptrdiff_t image, row, line, pixel;  // of x: from one to the next, in numbers; the maps of a pixel are neighbours
};

namespace {

constexpr int BYTES = 32;      // of a vector: one register, or two where they have 16
constexpr int SUMS = 12;       // vectors of sums that stay in registers
constexpr int MOST_LINES = 8;  // of a filter, at once
constexpr int STEP = 8;        // numbers that are copied at once
constexpr int CACHED = 4096;  // maxima that are kept until they are copied
constexpr int PART = 64;  // images whose gradients are summed before the parts are

using Real = REAL;
typedef Real Vector __attribute__((vector_size(BYTES)));
typedef uint8_t Bytes __attribute__((vector_size(BYTES)));
using Mask = decltype(Vector{} < Vector{});  // whole numbers as wide as Real
constexpr int LANES = BYTES / static_cast<int>(sizeof(Real));
template <int n> using Number = std::integral_constant<int, n>;

#define ALWAYS __attribute__((always_inline))
#define INLINE inline ALWAYS

INLINE Vector load(const Real* from) {
    Vector v;
    std::memcpy(&v, from, BYTES);
    return v;
}
INLINE void store(Real* to, Vector v) { std::memcpy(to, &v, BYTES); }
INLINE Vector all(Real number) { return number - Vector{}; }

// Store the lowest byte of each whole number.
INLINE void store_bytes(uint8_t* to, Mask numbers) {
    const Bytes bytes = reinterpret_cast<Bytes>(numbers);
    if constexpr (sizeof(numbers[0]) == 4) {
        const auto low = __builtin_shufflevector(bytes, bytes, 0, 4, 8, 12, 16, 20, 24, 28);
        std::memcpy(to, &low, sizeof low);
    } else {
        const auto low = __builtin_shufflevector(bytes, bytes, 0, 8, 16, 24);
        std::memcpy(to, &low, sizeof low);
    }
}

constexpr int up(int count, int step) { return (count + step - 1) / step * step; }

// Call f with n as a constant of the compiler, 1 ≤ n ≤ most.
template <int most, class F> INLINE void with_constant(int n, F f) {
    if (n == most) f(Number<most>{});
    else if constexpr (most > 1) with_constant<most - 1>(n, f);
}

// Memory of zeros, aligned to a cache line.
template <class T> class Block {
public:
    explicit Block(size_t count) : start(static_cast<T*>(std::aligned_alloc(64, (count * sizeof(T) / 64 + 1) * 64))) {
        if (!start) throw std::bad_alloc();
        std::memset(start, 0, count * sizeof(T));
    }
    ~Block() { std::free(start); }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    T* get() const { return start; }
    T& operator[](size_t i) const { return start[i]; }

private:
    T* start;
};

// One image with its padding, and where the windows are in it.
struct Frame {
    const Shape& s;
    const int line, windows_high, windows_wide, windows;  // numbers in a line of pixels; windows
    const size_t size;

    explicit Frame(const Shape& s)
        : s(s), line((s.width + 2 * s.pad_width) * s.maps),
          windows_high((s.height + 2 * s.pad_height - s.kernel + 1) / 2),
          windows_wide((s.width + 2 * s.pad_width - s.kernel + 1) / 2), windows(windows_high * windows_wide),
          // A vector of a filter's last line may reach past the end.
          size(static_cast<size_t>(line) * (s.height + 2 * s.pad_height) + up(s.kernel * s.maps, LANES)) {}

    int place(int window) const {
        return 2 * (window / windows_wide) * line + 2 * (window % windows_wide) * s.maps;
    }
    int corner(int which) const { return (which >> 1) * line + (which & 1) * s.maps; }
    size_t line_of(int y) const { return static_cast<size_t>(y + s.pad_height) * line + s.pad_width * s.maps; }

    // Put image n of x's row k between the margins of a frame.
    void fill(Real* frame, const Real* x, int n, int k) const {
        const Real* from = x + n * s.image + k * s.row;
        for (int y = 0; y < s.height; y++, from += s.line) {
            Real* to = frame + line_of(y);
            if (s.pixel == s.maps) std::memcpy(to, from, sizeof(Real) * s.width * s.maps);
            else if (s.maps == 1) for (int i = 0; i < s.width; i++) to[i] = from[i * s.pixel];
            else for (int i = 0; i < s.width; i++) std::memcpy(to + i * s.maps, from + i * s.pixel, sizeof(Real) * s.maps);
        }
    }
    void take(Real* image, const Real* frame) const {
        const size_t pixels = static_cast<size_t>(s.width) * s.maps;
        for (int y = 0; y < s.height; y++) std::memcpy(image + y * pixels, frame + line_of(y), pixels * sizeof(Real));
    }
};

// Run work(first, last, number) for every unit, part of a row's images; the order is free.
template <class F> bool over_units(const Shape& s, F work) {
    const int parts = (s.images + PART - 1) / PART, units = s.rows * parts;
    std::atomic<int> next{0};
    std::atomic<bool> done{true};
    auto loop = [&] {
        try {
            work(next, units, parts);
        } catch (const std::bad_alloc&) {
            done = false;
        }
    };
    std::vector<std::thread> others;
    for (int i = 1; i < s.threads && i < units; i++) others.emplace_back(loop);
    loop();
    for (auto& other : others) other.join();
    return done;
}

// ---- Forward. Outputs are lanes; up to three vectors of them, a panel, are summed at once.

INLINE int panel_of(int vectors) { return vectors == 3 || vectors >= 5 ? 3 : vectors >= 2 ? 2 : 1; }

// The maxima of `windows` neighbouring windows for `panel` vectors of outputs.
template <int panel, int windows>
INLINE void pool(const Real* x, const ptrdiff_t* offsets, int count, ptrdiff_t line, ptrdiff_t maps, const Real* w, Real* y, uint8_t* at, int lanes) {
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
            auto most = sum[4 * q][v];
            Mask which = {};
            for (int p = 1; p < 4; p++) {
                const auto other = sum[4 * q + p][v];
                const Mask more = (other > most) | (other != other);
                most = more ? other : most;
                which = more ? Mask{} + p : which;
            }
            store(y + q * lanes + LANES * v, most);
            store_bytes(at + q * lanes + LANES * v, which);
        }
}

struct Filters {
    // Biases and filters, a panel after the other: of each panel the biases, then its lanes for each weight.
    const Shape& s;
    const bool shared;  // all rows have the same images: the outputs of all are lanes side by side
    const int count, lanes, sets;
    Block<Real> laid;

    Filters(const Shape& s, const Real* w, const Real* bias)
        : s(s), shared(s.inputs == 1), count(s.kernel * s.kernel * s.maps),
          lanes(up(shared ? s.rows * s.outputs : s.outputs, LANES)), sets(shared ? 1 : s.rows),
          laid(static_cast<size_t>(sets) * (count + 1) * lanes) {
            const int area = s.kernel * s.kernel;
        for (int k = 0; k < s.rows; k++)
            for (int o = 0; o < s.outputs; o++) {
                const int lane = shared ? k * s.outputs + o : o, vector = lane / LANES;
                int first = 0, panel = panel_of(lanes / LANES);
                while (vector >= first + panel) {
                    first += panel;
                    panel = panel_of(lanes / LANES - first);
                }
                Real* to = set(shared ? 0 : k) + static_cast<size_t>(first) * LANES * (count + 1) + lane - first * LANES;
                const Real* from = w + (static_cast<size_t>(k) * s.outputs + o) * count;
                to[0] = bias ? bias[k * s.outputs + o] : 0;
                for (int c = 0; c < s.maps; c++)
                    for (int q = 0; q < area; q++)
                        to[static_cast<size_t>(q * s.maps + c + 1) * panel * LANES] = from[c * area + q];
            }
    }
    Real* set(int k) const { return laid.get() + static_cast<size_t>(k) * (count + 1) * lanes; }
};

// Windows of lines [from, to) of a padded image against the lanes of a set of filters.
void pool_lines(int from, int to, const Real* x, const Frame& f, const Filters& filters, const ptrdiff_t* offsets, const Real* w, Real* y, uint8_t* at) {
    const int lanes = filters.lanes, maps = f.s.maps;
    for (int first = 0, panel; first < lanes / LANES; first += panel) {
        panel = panel_of(lanes / LANES - first);
        const Real* own = w + static_cast<size_t>(first) * LANES * (filters.count + 1);
        for (int i = from; i < to; i++) {
            int j = 0;
            auto along = [&](auto vectors, auto windows) ALWAYS {
                for (; j + windows <= f.windows_wide; j += windows) {
                    const size_t place = static_cast<size_t>((i - from) * f.windows_wide + j) * lanes + LANES * first;
                    pool<vectors, windows>(x + 2 * i * f.line + 2 * j * maps, offsets, filters.count, f.line, maps, own, y + place, at + place, lanes);
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

// Copy `outputs` of every `lanes` numbers, for each window. Copies of a fixed size are fast: what a window writes
// too much, the next one overwrites, but for the last windows, which are copied exactly.
template <class T> void take_lanes(T* to, const T* from, int windows, int outputs, int lanes) {
    const int spill = up(outputs, STEP), exact = windows - (spill + outputs - 1) / outputs;
    int p = 0;
    for (; p < exact; p++, to += outputs, from += lanes)
        for (int o = 0; o < outputs; o += STEP) std::memcpy(to + o, from + o, STEP * sizeof(T));
    for (; p < windows; p++, to += outputs, from += lanes) std::memcpy(to, from, outputs * sizeof(T));
}

int forward(const Shape& s, const Real* x, const Real* w, const Real* bias, Real* y, uint8_t* at) try {
    const Frame f(s);
    const Filters filters(s, w, bias);
    Block<ptrdiff_t> offsets(filters.count);
    for (int i = 0; i < filters.count; i++) {
        const int across = s.kernel * s.maps;
        offsets[i] = i / across * f.line + i % across;
    }
    const size_t own = static_cast<size_t>(f.windows) * s.outputs;
    Shape units = s;
    units.rows = filters.sets;
    const bool done = over_units(units, [&](std::atomic<int>& next, int count, int parts) {
        // Some lines of windows at a time, so that their maxima stay in the cache until they are copied.
        const int across = f.windows_wide * filters.lanes, high = across < CACHED ? CACHED / across : 1;
        const size_t room = static_cast<size_t>(across) * high + STEP;
        Block<Real> frame(f.size), maxima(room);
        Block<uint8_t> which(room);
        for (int unit; (unit = next++) < count;) {
            const int k = unit / parts, first = unit % parts * PART;
            for (int n = first; n < s.images && n < first + PART; n++) {
                f.fill(frame.get(), x, n, k);
                const size_t to = (static_cast<size_t>(n) * s.rows + k) * own;
                if (!filters.shared && filters.lanes == s.outputs) {
                    pool_lines(0, f.windows_high, frame.get(), f, filters, offsets.get(), filters.set(k), y + to, at + to);
                    continue;
                }
                for (int i = 0; i < f.windows_high; i += high) {
                    const int end = i + high < f.windows_high ? i + high : f.windows_high, windows = (end - i) * f.windows_wide;
                    pool_lines(i, end, frame.get(), f, filters, offsets.get(), filters.set(k), maxima.get(), which.get());
                    for (int row = 0; row < (filters.shared ? s.rows : 1); row++) {
                        const size_t place = to + row * own + static_cast<size_t>(i) * f.windows_wide * s.outputs;
                        take_lanes(y + place, maxima.get() + row * s.outputs, windows, s.outputs, filters.lanes);
                        take_lanes(at + place, which.get() + row * s.outputs, windows, s.outputs, filters.lanes);
                    }
                }
            }
        }
    });
    return done ? 0 : 1;
} catch (const std::bad_alloc&) {
    return 1;
}

// ---- Backward. Lanes are the numbers of one line of a filter, `vectors` of them.

// Call f(lines, vectors, line, vector) for blocks that cover a filter; a block's sums stay in registers.
template <class F> INLINE void over_filter(int kernel, int vectors, F f) {
    for (int vector = 0; vector < vectors;) {
        const int wide = vectors - vector < SUMS ? vectors - vector : vectors - vector < 2 * SUMS ? (vectors - vector + 1) / 2 : SUMS;
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

// Sums of gradient × pixel for the filters of one output, window after window; the next is `step` numbers on.
// Where there are few sums, neighbouring windows have their own: an addition takes longer than it takes to
// begin the next.
template <class Height, class Width>
void weigh(Real* sums, const Real* frame, int line, int length, const int* where, const Real* what, int count, ptrdiff_t step, Height, Width) {
    constexpr int height = Height::value, width = Width::value, area = height * width;
    constexpr int CHAINS = area < 3 ? 4 : area < 6 ? 2 : 1;
    Vector sum[CHAINS][height][width] = {};
    for (int u = 0; u < height; u++)
        for (int v = 0; v < width; v++) sum[0][u][v] = load(sums + u * length + v * LANES);
    const auto add = [&](int i, int chain) ALWAYS {
        const Real* from = frame + where[i * step];
        const auto slope = all(what[i * step]);
        for (int u = 0; u < height; u++)
            for (int v = 0; v < width; v++) sum[chain][u][v] += slope * load(from + u * line + v * LANES);
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

// Sums of gradient × filter at one pixel: the outputs whose maximum is there, one after the other.
template <class Height, class Width>
void spread(Real* frame, const Real* filters, int line, int length, const int* whose, const Real* what, int count, Height, Width) {
    Vector sum[Height::value][Width::value];
    {
        const Real* own = filters + whose[0];
        const auto slope = all(what[0]);
        for (int u = 0; u < Height::value; u++)
            for (int v = 0; v < Width::value; v++) sum[u][v] = slope * load(own + u * length + v * LANES);
    }
    for (int i = 1; i < count; i++) {
        const Real* own = filters + whose[i];
        const auto slope = all(what[i]);
        for (int u = 0; u < Height::value; u++)
            for (int v = 0; v < Width::value; v++) sum[u][v] += slope * load(own + u * length + v * LANES);
    }
    for (int u = 0; u < Height::value; u++)
        for (int v = 0; v < Width::value; v++) {
            Real* to = frame + u * line + v * LANES;
            store(to, load(to) + sum[u][v]);
        }
}

struct Gradients {
    const Shape& s;
    const Frame f;
    const int vectors, length, filter;  // of a filter's line; numbers in a line and in a filter, with the unused lanes
    const int parts;
    Block<Real> sums, shifts, laid;  // of each row and part: (O, filter), (O); each row's filters

    Gradients(const Shape& s, const Real* w)
        : s(s), f(s), vectors(up(s.kernel * s.maps, LANES) / LANES), length(vectors * LANES), filter(s.kernel * length),
          parts((s.images + PART - 1) / PART), sums(static_cast<size_t>(s.rows) * parts * s.outputs * filter),
          shifts(static_cast<size_t>(s.rows) * parts * s.outputs), laid(static_cast<size_t>(s.rows) * s.outputs * filter) {
        each_weight([&](size_t in_torch, size_t laid_out, size_t) { laid[laid_out] = w[in_torch]; });
    }

    // Call f(index in w, index among the laid filters, row and output).
    template <class F> void each_weight(F f) const {
        const int area = s.kernel * s.kernel;
        for (size_t r = 0; r < static_cast<size_t>(s.rows) * s.outputs; r++)
            for (int c = 0; c < s.maps; c++)
                for (int q = 0; q < area; q++)
                    f((r * s.maps + c) * area + q, r * filter + q / s.kernel * length + q % s.kernel * s.maps + c, r);
    }
    size_t part(int k, int number) const { return (static_cast<size_t>(k) * parts + number) * s.outputs; }
};

// What one thread needs for an image: lists of windows by output, and of outputs by pixel.
struct Scratch {
    const Gradients& g;
    const int pixels;
    Block<Real> frame, slope, what;
    Block<int> where, counts, place, order, first;

    explicit Scratch(const Gradients& g)
        : g(g), pixels(4 * g.f.windows), frame(g.f.size), slope(g.f.size), what(static_cast<size_t>(pixels) * g.s.outputs),
          where(static_cast<size_t>(pixels) * g.s.outputs), counts(pixels > g.s.outputs ? pixels : g.s.outputs), place(pixels),
          order(pixels), first(g.s.outputs + 2) {
        for (int p = 0; p < pixels; p++) place[p] = g.f.place(p / 4) + g.f.corner(p % 4);
    }

    // Add an image's share of dw and db: gradient (windows, O), which of each window, sums (O, filter), shifts (O).
    void add(const Real* gradient, const uint8_t* at, Real* sums, Real* shifts) {
        const int outputs = g.s.outputs, windows = g.f.windows;
        const bool few = g.vectors == 1;  // sums: to look for the zeros would take longer than to multiply
        const auto slopes = few ? gradient : what.get();
        const ptrdiff_t step = few ? outputs : 1, next = few ? 1 : windows;
        for (int o = 0; o < outputs; o++) counts[o] = few ? windows : 0;
        for (int p = 0; p < windows; p++) {
            const int above = place[4 * p], right = g.f.corner(1), below = g.f.corner(2);
            const Real* own = gradient + p * outputs;
            const uint8_t* which = at + p * outputs;
            for (int o = 0; o < outputs; o++) shifts[o] += own[o];
            if (few)
                for (int o = 0; o < outputs; o++) where[p * outputs + o] = above + (which[o] & 1) * right + (which[o] >> 1) * below;
            else
                for (int o = 0; o < outputs; o++) {
                    const int to = o * windows + counts[o];
                    where[to] = place[4 * p + which[o]];
                    what[to] = own[o];
                    counts[o] += own[o] != 0;
                }
        }
        for (int o = 0; o < outputs; o++)
            over_filter(g.s.kernel, g.vectors, [&](auto height, auto width, int line, int vector) ALWAYS {
                weigh(sums + static_cast<size_t>(o) * g.filter + line * g.length + vector * LANES,
                      frame.get() + line * g.f.line + vector * LANES, g.f.line, g.length, where.get() + o * next,
                      slopes + o * next, counts[o], step, height, width);
            });
    }

    // Put an image's dx into `slope`: filters are the row's, (O, filter).
    void spread_back(const Real* gradient, const uint8_t* at, const Real* filters) {
        const int outputs = g.s.outputs;
        std::memset(counts.get(), 0, pixels * sizeof(int));
        std::memset(slope.get(), 0, g.f.size * sizeof(Real));
        for (int p = 0; p < g.f.windows; p++)
            for (int o = 0; o < outputs; o++) {
                const Real slope_here = gradient[p * outputs + o];
                const int pixel = 4 * p + at[p * outputs + o];
                const size_t to = static_cast<size_t>(pixel) * outputs + counts[pixel];
                where[to] = o * g.filter;
                what[to] = slope_here;
                counts[pixel] += slope_here != 0;
            }
        // Pixels with equally many outputs follow each other: loops of equal length are predicted well.
        std::memset(first.get(), 0, (outputs + 2) * sizeof(int));
        for (int p = 0; p < pixels; p++) first[counts[p] + 1]++;
        for (int n = 0; n <= outputs; n++) first[n + 1] += first[n];
        const int without = first[1];
        for (int p = 0; p < pixels; p++) order[first[counts[p]]++] = p;
        over_filter(g.s.kernel, g.vectors, [&](auto height, auto width, int line, int vector) ALWAYS {
            for (int i = without; i < pixels; i++) {
                const int p = order[i];
                spread(slope.get() + place[p] + line * g.f.line + vector * LANES,
                       filters + line * g.length + vector * LANES, g.f.line, g.length, where.get() + static_cast<size_t>(p) * outputs,
                       what.get() + static_cast<size_t>(p) * outputs, counts[p], height, width);
            }
        });
    }
};

int backward(const Shape& s, const Real* x, const Real* w, const Real* gradient, const uint8_t* at, Real* dx, Real* dw, Real* db) try {
    Gradients g(s, w);
    const size_t pixels = static_cast<size_t>(s.height) * s.width * s.maps, own = static_cast<size_t>(g.f.windows) * s.outputs;
    const bool done = over_units(s, [&](std::atomic<int>& next, int count, int parts) {
        Scratch scratch(g);
        for (int unit; (unit = next++) < count;) {
            const int k = unit / parts, number = unit % parts, first = number * PART;
            const size_t part = g.part(k, number);
            for (int n = first; n < s.images && n < first + PART; n++) {
                const size_t from = (static_cast<size_t>(n) * s.rows + k) * own;
                g.f.fill(scratch.frame.get(), x, n, s.inputs == 1 ? 0 : k);
                scratch.add(gradient + from, at + from, g.sums.get() + part * g.filter, g.shifts.get() + part);
                if (!dx) continue;
                scratch.spread_back(gradient + from, at + from, g.laid.get() + static_cast<size_t>(k) * s.outputs * g.filter);
                g.f.take(dx + (static_cast<size_t>(n) * s.rows + k) * pixels, scratch.slope.get());
            }
        }
    });
    if (!done) return 1;
    g.each_weight([&](size_t in_torch, size_t laid_out, size_t r) {
        const size_t k = r / s.outputs, within = laid_out - k * s.outputs * g.filter;
        Real sum = 0;
        for (int number = 0; number < g.parts; number++) sum += g.sums[g.part(k, number) * g.filter + within];
        dw[in_torch] = sum;
    });
    if (db)
        for (int r = 0; r < s.rows * s.outputs; r++) {
            Real sum = 0;
            for (int number = 0; number < g.parts; number++) sum += g.shifts[g.part(r / s.outputs, number) + r % s.outputs];
            db[r] = sum;
        }
    return 0;
} catch (const std::bad_alloc&) {
    return 1;
}

}  // namespace

// Each returns 0, or 1 where memory is short. dx and db may be null where they are not needed.
extern "C" {
int conv_max_forward(const Shape* s, const Real* x, const Real* w, const Real* bias, Real* y, uint8_t* at) {
    return forward(*s, x, w, bias, y, at);
}
int conv_max_backward(const Shape* s, const Real* x, const Real* w, const Real* gradient, const uint8_t* at, Real* dx, Real* dw, Real* db) {
    return backward(*s, x, w, gradient, at, dx, dw, db);
}
}
