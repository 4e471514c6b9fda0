// The images of the rows, one at a time with its padding, and their distribution among threads.
#pragma once
#include "threads.h"
#include "vectors.h"

// Of one call. Distances in x are in numbers, from one to the next; the maps of a pixel are neighbours.
struct Shape {
    int images, rows, inputs, outputs, maps, height, width, kernel, pad_height, pad_width, threads;
    int relu;  // where ReLU is: 0 nowhere, BEFORE or BEHIND the pooling
    ptrdiff_t image, row, line, pixel;
};

namespace {

constexpr int PART = 64;  // images whose gradients are summed before the parts are
constexpr int BEHIND = 1, BEFORE = 2;
constexpr int CUT = 4;    // in place of which of the four was the largest, where ReLU makes it 0

// One image with its padding, and where the windows are in it.
struct Frame {
    const Shape& s;
    const int line;  // numbers in a line of pixels
    const int windows_high, windows_wide, windows;
    const size_t size;

    explicit Frame(const Shape& s)
        : s(s), line((s.width + 2 * s.pad_width) * s.maps),
          windows_high((s.height + 2 * s.pad_height - s.kernel + 1) / 2),
          windows_wide((s.width + 2 * s.pad_width - s.kernel + 1) / 2), windows(windows_high * windows_wide),
          // A vector of a filter's last line may reach past the end.
          size(static_cast<size_t>(line) * (s.height + 2 * s.pad_height) + round_up(s.kernel * s.maps, LANES)) {}

    int place(int high, int wide) const { return 2 * high * line + 2 * wide * s.maps; }
    int place(int window) const { return place(window / windows_wide, window % windows_wide); }
    int corner(int which) const { return (which >> 1) * line + (which & 1) * s.maps; }
    size_t line_of(int y) const { return static_cast<size_t>(y + s.pad_height) * line + s.pad_width * s.maps; }

    // Return where image n of row k starts; all rows may have the same one.
    const Real* start(const Real* x, int n, int k) const { return x + n * s.image + (s.inputs == 1 ? 0 : k) * s.row; }

    // Put image n of x's row k between the margins of a frame.
    void fill(Real* frame, const Real* x, int n, int k) const {
        const Real* from = start(x, n, k);
        for (int y = 0; y < s.height; y++, from += s.line) {
            Real* to = frame + line_of(y);
            if (s.pixel == s.maps) {
                std::memcpy(to, from, sizeof(Real) * s.width * s.maps);
            } else if (s.maps == 1) {
                for (int i = 0; i < s.width; i++) to[i] = from[i * s.pixel];
            } else {
                for (int i = 0; i < s.width; i++)
                    std::memcpy(to + i * s.maps, from + i * s.pixel, sizeof(Real) * s.maps);
            }
        }
    }

    // Return image n of x's row k as a frame: where it lies if it has no margins, else in `frame`. Without margins
    // nothing may be read past its end.
    const Real* image(Real* frame, const Real* x, int n, int k) const {
        if (!s.pad_height && !s.pad_width && s.pixel == s.maps && s.line == line) return start(x, n, k);
        fill(frame, x, n, k);
        return frame;
    }

    // Copy what is between the margins of a frame to an image.
    void take(Real* image, const Real* frame) const {
        const size_t pixels = static_cast<size_t>(s.width) * s.maps;
        for (int y = 0; y < s.height; y++)
            std::memcpy(image + y * pixels, frame + line_of(y), pixels * sizeof(Real));
    }
};

// Call f(n, k) for the images of the units that are taken, parts of a row each.
template <class F> void each_image(const Shape& s, std::atomic<int>& next, int count, int parts, F f) {
    for (int unit; (unit = next++) < count;) {
        const int first = unit % parts * PART;
        for (int n = first; n < s.images && n < first + PART; n++) f(n, unit / parts);
    }
}

// Run work(next, units, parts): it takes units, each a part of a row's images, until all are taken, in any order.
// Return false where memory is short.
template <class F> bool over_units(const Shape& s, F work) {
    const int parts = (s.images + PART - 1) / PART, units = s.rows * parts;
    return share_units(s.threads, units, [&](std::atomic<int>& next) { work(next, units, parts); });
}

}  // namespace
