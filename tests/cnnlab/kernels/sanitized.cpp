// Calls the operations with buffers of exactly the size that they may read and write; see test_sanitized.py.
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>

struct Layer {
    int images, rows, inputs, maps, outputs, kernel, pad, relu;
};

static int calls = 0;

// `number` stands in the middle of the first image; with `mixed` a pixel has the maps of all rows side by side. The last
// pixel of a window is the largest.
static void convolve(const Layer& c, Real number, bool mixed) {
    const int height = c.kernel + 1, width = c.kernel + 5;
    const int high = (height + 2 * c.pad - c.kernel + 1) / 2, wide = (width + 2 * c.pad - c.kernel + 1) / 2;
    std::vector<Real> x(c.images * c.inputs * height * width * c.maps);
    std::vector<Real> w(c.rows * c.outputs * c.maps * c.kernel * c.kernel, 1), bias(c.rows * c.outputs, 1);
    std::vector<Real> y(c.images * c.rows * high * wide * c.outputs), slope(y.size(), 1);
    std::vector<Real> dx(c.images * c.rows * height * width * c.maps), dw(w.size()), db(bias.size());
    std::vector<uint8_t> at(y.size());
    std::iota(x.begin(), x.end(), Real(1));
    if (number != 0) x[x.size() / c.images / 2] = number;
    const ptrdiff_t pixel = mixed ? c.inputs * c.maps : c.maps, line = pixel * width;
    const ptrdiff_t row = mixed ? c.maps : line * height, image = mixed ? line * height : row * c.inputs;
    const Shape shape{c.images, c.rows, c.inputs, c.outputs, c.maps, height, width, c.kernel, c.pad, c.pad, 2, c.relu,
                      image, row, line, pixel};
    const bool with_bias = calls % 5 < 2;
    if (conv_max_forward(&shape, x.data(), w.data(), with_bias ? bias.data() : nullptr, y.data(), at.data())) std::exit(1);
    for (Real* wanted : {dx.data(), static_cast<Real*>(nullptr)})
        if (conv_max_backward(&shape, x.data(), w.data(), slope.data(), at.data(), wanted, dw.data(),
                              with_bias ? db.data() : nullptr)) std::exit(1);
    calls++;
}

static void normalize(int images, int rows, int maps, int pixels, int relu, bool with_sum) {
    const size_t size = static_cast<size_t>(images) * rows * maps * pixels;
    std::vector<Real> x(size), added(size, 1), slope(size, 1), y(size), dx(size), dadded(size);
    std::vector<Real> scale(rows * maps, 1), shift(scale.size(), 1), mean(scale.size()), variance(scale.size());
    std::vector<Real> inverse(scale.size()), dscale(scale.size()), dshift(scale.size());
    std::iota(x.begin(), x.end(), Real(1));
    const NormShape shape{images, pixels, rows, maps, relu, 2};
    const Real* sum = with_sum ? added.data() : nullptr;
    if (norm_forward(&shape, x.data(), sum, scale.data(), shift.data(), 1e-5, y.data(), mean.data(), variance.data(),
                     inverse.data())) std::exit(1);
    if (norm_backward(&shape, x.data(), sum, scale.data(), shift.data(), mean.data(), inverse.data(), slope.data(),
                      dx.data(), with_sum ? dadded.data() : nullptr, dscale.data(), dshift.data())) std::exit(1);
    calls++;
}

int main() {
    constexpr Real INFINITE = std::numeric_limits<Real>::infinity(), LARGE = 1e30, NO_NUMBER = NAN;
    for (int images : {1, 3})
        for (int rows : {1, 3})
            for (int inputs = 1; inputs <= rows; inputs += 2)
                for (int maps : {1, 3, 17})
                    for (int outputs : {6, 8, 20})  // 6 are no whole vectors, as LeNet-5's
                        for (int kernel : {1, 2, 3, 4, 5})
                            for (int pad : {0, 2})
                                for (int relu : {0, BEHIND, BEFORE})
                                    convolve({images, rows, inputs, maps, outputs, kernel, pad, relu}, 0, relu == BEFORE);
    for (int images : {64, 65, 129})  // gradients are summed in parts of 64
        for (int rows : {1, 2})
            for (int inputs = 1; inputs <= rows; inputs++)
                for (int maps : {1, 8})
                    for (int kernel : {2, 3}) convolve({images, rows, inputs, maps, 9, kernel, 1, BEHIND}, 0, false);
    for (Real number : {LARGE, INFINITE, -INFINITE, NO_NUMBER})  // which Winograd's filters do not take
        for (int images : {1, 3})
            for (int relu : {0, BEHIND, BEFORE})
                for (int pad : {0, 1}) convolve({images, 2, 2, 8, 9, 3, pad, relu}, number, false);
    for (int units : {1, 1024, 1025}) {
        const std::vector<int32_t> keys{1, -1}, limits{INT32_MIN, INT32_MAX};
        const std::vector<Real> scales{1, 2};
        std::vector<Real> factors(2 * units);
        dropout_factors(2, units, INT32_MAX - units, keys.data(), limits.data(), scales.data(), factors.data());
        calls++;
    }
    for (int images : {1, 3})
        for (int rows : {1, 3})
            for (int maps : {8, 24, 136})
                for (int pixels : {1, 7, 600})
                    for (int relu : {0, 1})
                        for (bool with_sum : {false, true}) normalize(images, rows, maps, pixels, relu, with_sum);
    std::printf("%d\n", calls);
}
