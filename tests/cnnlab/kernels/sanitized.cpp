// Calls the operations with buffers of exactly the size that it may read and write; see test_sanitized.py.
#include <cstdio>
#include <numeric>

int main() {
    int calls = 0;
    for (int images : {1, 3})
        for (int rows : {1, 3})
            for (int inputs = 1; inputs <= rows; inputs += 2)
                for (int maps : {1, 3, 17})
                    for (int outputs : {8, 20})
                        for (int kernel : {1, 3, 5})
                            for (int pad : {0, 2})
                                for (int relu : {0, BEHIND, BEFORE}) {
                                const int height = kernel + 1, width = kernel + 5;
                                const int high = (height + 2 * pad - kernel + 1) / 2, wide = (width + 2 * pad - kernel + 1) / 2;
                                std::vector<Real> x(images * inputs * height * width * maps, 1), w(rows * outputs * maps * kernel * kernel, 1);
                                std::vector<Real> bias(rows * outputs, 1), y(images * rows * high * wide * outputs), slope(y.size(), 1);
                                std::vector<Real> dx(images * rows * height * width * maps), dw(w.size()), db(bias.size());
                                std::vector<uint8_t> at(y.size());
                                std::iota(x.begin(), x.end(), Real(1));  // the last pixel of a window is the largest
                                const ptrdiff_t pixel = maps, line = pixel * width, row = line * height, image = row * inputs;
                                const Shape shape{images, rows, inputs, outputs, maps, height, width, kernel, pad, pad, 2, relu, image, row, line, pixel};
                                if (conv_max_forward(&shape, x.data(), w.data(), bias.data(), y.data(), at.data())) return 1;
                                if (conv_max_backward(&shape, x.data(), w.data(), slope.data(), at.data(), dx.data(), dw.data(), db.data())) return 1;
                                if (conv_max_backward(&shape, x.data(), w.data(), slope.data(), at.data(), nullptr, dw.data(), db.data())) return 1;
                                calls++;
                            }
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
                for (int pixels : {1, 7, 600}) {
                        const size_t size = static_cast<size_t>(images) * rows * maps * pixels;
                        std::vector<Real> x(size), added(size, 1), slope(size, 1), y(size), dx(size), dadded(size);
                        std::vector<Real> scale(rows * maps, 1), shift(scale.size(), 1), mean(scale.size()), variance(scale.size());
                        std::vector<Real> inverse(scale.size()), dscale(scale.size()), dshift(scale.size());
                        std::iota(x.begin(), x.end(), Real(1));
                        const NormShape shape{images, pixels, rows, maps, 1, 2};
                        for (const Real* more : {static_cast<const Real*>(nullptr), static_cast<const Real*>(added.data())}) {
                            if (norm_forward(&shape, x.data(), more, scale.data(), shift.data(), 1e-5, y.data(), mean.data(), variance.data(), inverse.data())) return 1;
                            if (norm_backward(&shape, x.data(), more, scale.data(), shift.data(), mean.data(), inverse.data(), slope.data(), dx.data(), more ? dadded.data() : nullptr, dscale.data(), dshift.data())) return 1;
                            calls++;
                        }
                    }
    std::printf("%d\n", calls);
}
