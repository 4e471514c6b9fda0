// Runs the operation once on what stands in the standard input: a Shape, then x, w, bias and the gradient of y.
// Writes y, the places of the maxima, dx, dw and db; see test_aarch64.py.
#include <cstdio>

template <class T> std::vector<T> read(size_t count) {
    std::vector<T> found(count);
    if (std::fread(found.data(), sizeof(T), count, stdin) != count) std::exit(2);
    return found;
}
template <class T> void write(const std::vector<T>& found) { std::fwrite(found.data(), sizeof(T), found.size(), stdout); }

int main() {
    const Shape s = read<Shape>(1)[0];
    const int high = (s.height + 2 * s.pad_height - s.kernel + 1) / 2, wide = (s.width + 2 * s.pad_width - s.kernel + 1) / 2;
    const size_t pixels = static_cast<size_t>(s.images) * s.height * s.width * s.maps, results = static_cast<size_t>(s.images) * s.rows * high * wide * s.outputs;
    const auto x = read<Real>(pixels * s.inputs), w = read<Real>(static_cast<size_t>(s.rows) * s.outputs * s.maps * s.kernel * s.kernel);
    const auto bias = read<Real>(static_cast<size_t>(s.rows) * s.outputs), slope = read<Real>(results);
    std::vector<Real> y(results), dx(pixels * s.rows), dw(w.size()), db(bias.size());
    std::vector<uint8_t> at(results);
    if (conv_max_forward(&s, x.data(), w.data(), bias.data(), y.data(), at.data())) return 1;
    if (conv_max_backward(&s, x.data(), w.data(), slope.data(), at.data(), dx.data(), dw.data(), db.data())) return 1;
    write(y), write(at), write(dx), write(dw), write(db);
}
