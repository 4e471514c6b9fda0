// Batch normalization in training, with what may be added to it and a ReLU behind, as one operation on the rows of an
// array.
//
// Where maps are large, its time is that of memory. Forward, x is read twice and y written; the outcome without ReLU is
// never written, as backward computes it again from x: y = relu(a (x − mean) + shift + added), a = scale × inverse,
// inverse = 1/√(variance + epsilon).
//
// Layouts: x, added, y and the gradients are (N, pixels, K, maps), the maps whole vectors; scale, shift and the
// statistics are (K, maps).
//
// Sums are made over parts of at most PART_NUMBERS numbers of one image, then, in double, over the parts in rising
// order: they depend on neither the number of rows, nor the row, nor the number of threads. ReLU's slope is 1 at 0,
// and NaN passes it.
#pragma once
#include <cmath>

#include "threads.h"
#include "vectors.h"

// Of one call.
struct NormShape {
    int images, pixels, rows, maps, relu, threads;
};

namespace {

constexpr int PART_NUMBERS = 4096;  // they stay in the nearest cache while they are read twice

// Where the parts of the rows are. Unit u is part u % parts of image u / parts % images of row u / parts / images.
struct Parts {
    const NormShape& s;
    const int most;  // pixels of a part
    const int parts, units;
    const ptrdiff_t pixel;  // from one to the next

    explicit Parts(const NormShape& s)
        : s(s), most(s.maps < PART_NUMBERS ? PART_NUMBERS / s.maps : 1), parts((s.pixels + most - 1) / most),
          units(s.rows * s.images * parts), pixel(static_cast<ptrdiff_t>(s.rows) * s.maps) {}
    int row(int unit) const { return unit / parts / s.images; }
    int pixels(int unit) const {
        const int rest = s.pixels - unit % parts * most;
        return rest < most ? rest : most;
    }
    ptrdiff_t start(int unit) const {
        const ptrdiff_t pixels = unit / parts % s.images * static_cast<ptrdiff_t>(s.pixels) + unit % parts * most;
        return pixels * pixel + row(unit) * s.maps;
    }

    // Call f(first map, vectors) for the maps, eight vectors at a time or fewer: memory is read in pieces that are
    // long enough to be fetched ahead. `vectors` is a constant of the compiler.
    template <class F> INLINE void each_vectors(F f) const {
        int c = 0;
        const auto take = [&](auto vectors) ALWAYS {
            for (; c + vectors * LANES <= s.maps; c += vectors * LANES) f(c, vectors);
        };
        take(Number<8>{}), take(Number<4>{}), take(Number<2>{}), take(Number<1>{});
    }
};

// What belongs to a few vectors of maps.
template <int n> struct Maps {
    Vector mean[n], factor[n], shift[n];

    INLINE Maps(const Real* mean_of, const Real* inverse, const Real* scale, const Real* shift_of, int at) {
        for (int j = 0; j < n; j++) {
            mean[j] = load(mean_of + at + j * LANES);
            factor[j] = load(scale + at + j * LANES) * load(inverse + at + j * LANES);
            shift[j] = load(shift_of + at + j * LANES);
        }
    }
    // Return the outcome without ReLU; `added` may be null.
    INLINE Vector value(int j, const Real* x, const Real* added) const {
        const Vector y = factor[j] * (load(x) - mean[j]) + shift[j];
        return added ? y + load(added) : y;
    }
};

// Write a part's mean and sum of squared differences from it, (maps) each.
void part_moments(const Parts& of, const Real* x, int pixels, Real* mean, Real* squares) {
    of.each_vectors([&](int c, auto vectors) ALWAYS {
        constexpr int n = vectors;
        Vector sum[n] = {}, square[n] = {};
        const Real* at = x + c;
        for (int p = 0; p < pixels; p++, at += of.pixel)
            for (int j = 0; j < n; j++) sum[j] += load(at + j * LANES);
        const Vector share = all(Real(1) / pixels);
        for (int j = 0; j < n; j++) sum[j] *= share;
        at = x + c;
        for (int p = 0; p < pixels; p++, at += of.pixel)
            for (int j = 0; j < n; j++) {
                const Vector difference = load(at + j * LANES) - sum[j];
                square[j] += difference * difference;
            }
        for (int j = 0; j < n; j++) {
            store(mean + c + j * LANES, sum[j]);
            store(squares + c + j * LANES, square[j]);
        }
    });
}

bool norm_forward_rows(
    const NormShape& s, const Real* x, const Real* added, const Real* scale, const Real* shift, double epsilon, Real* y,
    Real* mean, Real* variance, Real* inverse
) {
    const Parts of(s);
    const Block<Real> moments(2 * static_cast<size_t>(of.units) * s.maps);
    bool done = in_threads(s.threads, of.units, [&](int unit) {
        Real* own = moments.get() + 2 * static_cast<size_t>(unit) * s.maps;
        part_moments(of, x + of.start(unit), of.pixels(unit), own, own + s.maps);
    });
    const double count = static_cast<double>(s.images) * s.pixels;
    const Block<double> sums(2 * s.maps);
    for (int k = 0; k < s.rows; k++) {
        double *so_far = sums.get(), *squares = so_far + s.maps, seen = 0;
        std::memset(so_far, 0, 2 * s.maps * sizeof(double));
        for (int unit = k * s.images * of.parts; unit < (k + 1) * s.images * of.parts; unit++) {
            const Real* own = moments.get() + 2 * static_cast<size_t>(unit) * s.maps;
            const double more = of.pixels(unit), share = more / (seen + more), both = seen * share;
            for (int c = 0; c < s.maps; c++) {
                const double difference = own[c] - so_far[c];
                so_far[c] += difference * share;
                squares[c] += own[s.maps + c] + difference * difference * both;
            }
            seen += more;
        }
        for (int c = 0; c < s.maps; c++) {
            const int at = k * s.maps + c;
            mean[at] = static_cast<Real>(so_far[c]);
            variance[at] = static_cast<Real>(squares[c] / count);
            inverse[at] = static_cast<Real>(1 / std::sqrt(squares[c] / count + epsilon));
        }
    }
    return in_threads(s.threads, of.units, [&](int unit) {
        const ptrdiff_t start = of.start(unit);
        const int pixels = of.pixels(unit), maps = of.row(unit) * s.maps;
        of.each_vectors([&](int c, auto vectors) ALWAYS {
            constexpr int n = vectors;
            const Maps<n> own(mean, inverse, scale, shift, maps + c);
            ptrdiff_t at = start + c;
            for (int p = 0; p < pixels; p++, at += of.pixel)
                for (int j = 0; j < n; j++) {
                    const ptrdiff_t here = at + j * LANES;
                    const Vector value = own.value(j, x + here, added ? added + here : nullptr);
                    store(y + here, s.relu ? value < all(0) ? all(0) : value : value);
                }
        });
    }) && done;
}

// Where ReLU cuts, the slope that arrives ends; the others are summed, alone and times x − mean.
bool norm_backward_rows(
    const NormShape& s, const Real* x, const Real* added, const Real* scale, const Real* shift, const Real* mean,
    const Real* inverse, const Real* slope, Real* dx, Real* dadded, Real* dscale, Real* dshift
) {
    const Parts of(s);
    const Block<Real> parts(2 * static_cast<size_t>(of.units) * s.maps);
    const auto passed = [&](const auto& own, int j, ptrdiff_t here) ALWAYS {
        const Vector arrives = load(slope + here);
        return s.relu && own.value(j, x + here, added ? added + here : nullptr) < all(0) ? all(0) : arrives;
    };
    bool done = in_threads(s.threads, of.units, [&](int unit) {
        const ptrdiff_t start = of.start(unit);
        const int pixels = of.pixels(unit), maps = of.row(unit) * s.maps;
        Real* sums = parts.get() + 2 * static_cast<size_t>(unit) * s.maps;
        of.each_vectors([&](int c, auto vectors) ALWAYS {
            constexpr int n = vectors;
            const Maps<n> own(mean, inverse, scale, shift, maps + c);
            Vector sum[n] = {}, product[n] = {};
            ptrdiff_t at = start + c;
            for (int p = 0; p < pixels; p++, at += of.pixel)
                for (int j = 0; j < n; j++) {
                    const ptrdiff_t here = at + j * LANES;
                    const Vector g = passed(own, j, here);
                    sum[j] += g;
                    product[j] += g * (load(x + here) - own.mean[j]);
                    if (dadded) store(dadded + here, g);
                }
            for (int j = 0; j < n; j++) {
                store(sums + c + j * LANES, sum[j]);
                store(sums + s.maps + c + j * LANES, product[j]);
            }
        });
    });
    const double count = static_cast<double>(s.images) * s.pixels;
    const Block<double> sums(2 * s.maps);
    const Block<Real> shares(2 * static_cast<size_t>(s.rows) * s.maps);  // of dshift, and of dscale times inverse
    for (int k = 0; k < s.rows; k++) {
        std::memset(sums.get(), 0, 2 * s.maps * sizeof(double));
        for (int unit = k * s.images * of.parts; unit < (k + 1) * s.images * of.parts; unit++) {
            const Real* own = parts.get() + 2 * static_cast<size_t>(unit) * s.maps;
            for (int c = 0; c < 2 * s.maps; c++) sums[c] += own[c];
        }
        for (int c = 0; c < s.maps; c++) {
            const int at = k * s.maps + c;
            const double reciprocal = inverse[at], product = sums[s.maps + c] * reciprocal;
            dshift[at] = static_cast<Real>(sums[c]);
            dscale[at] = static_cast<Real>(product);
            shares[at] = static_cast<Real>(sums[c] / count);
            shares[s.rows * s.maps + at] = static_cast<Real>(product * reciprocal / count);
        }
    }
    return in_threads(s.threads, of.units, [&](int unit) {
        const ptrdiff_t start = of.start(unit);
        const int pixels = of.pixels(unit), maps = of.row(unit) * s.maps;
        of.each_vectors([&](int c, auto vectors) ALWAYS {
            constexpr int n = vectors;
            const Maps<n> own(mean, inverse, scale, shift, maps + c);
            Vector even[n], tilt[n];
            for (int j = 0; j < n; j++) {
                even[j] = load(shares.get() + maps + c + j * LANES);
                tilt[j] = load(shares.get() + s.rows * s.maps + maps + c + j * LANES);
            }
            ptrdiff_t at = start + c;
            for (int p = 0; p < pixels; p++, at += of.pixel)
                for (int j = 0; j < n; j++) {
                    const ptrdiff_t here = at + j * LANES;
                    const Vector g = dadded ? load(dadded + here) : passed(own, j, here);
                    const Vector difference = load(x + here) - own.mean[j];
                    store(dx + here, own.factor[j] * (g - even[j] - difference * tilt[j]));
                }
        });
    }) && done;
}

}  // namespace

// Each returns 0, or 1 where memory is short. `added` and dadded are null where nothing is added.
extern "C" {
int norm_forward(
    const NormShape* s, const Real* x, const Real* added, const Real* scale, const Real* shift, double epsilon, Real* y,
    Real* mean, Real* variance, Real* inverse
) {
    try {
        return !norm_forward_rows(*s, x, added, scale, shift, epsilon, y, mean, variance, inverse);
    } catch (const std::bad_alloc&) {
        return 1;
    }
}
int norm_backward(
    const NormShape* s, const Real* x, const Real* added, const Real* scale, const Real* shift, const Real* mean,
    const Real* inverse, const Real* slope, Real* dx, Real* dadded, Real* dscale, Real* dshift
) {
    try {
        return !norm_backward_rows(
            *s, x, added, scale, shift, mean, inverse, slope, dx, dadded, dscale, dshift
        );
    } catch (const std::bad_alloc&) {
        return 1;
    }
}
}
