// Convolution, 2×2 max pooling and a ReLU before or behind it as one operation on the rows of an array.
//
// Three quarters of the gradient behind a 2×2 max pool are zeros, and the output of the convolution is needed only for
// its maxima. So the forward pass keeps the four sums of a window in registers and writes the largest and a byte that
// says which it was, or that ReLU cut it; the backward pass multiplies only where a gradient arrives.
//
// Layouts: x (N, X, H, W, C), C innermost, X being K, or 1 where all rows have the same images; w (K, O, C, k, k);
// bias (K, O), or null; y, at and the gradient of y (N, K, H', W', O) with H' = (H + 2p − k + 1) / 2, rounded down: a
// remainder at the edge is left out. Strides are 1 and 2.
//
// Every sum is made in an order that depends on neither the number of rows, nor the row, nor the number of threads:
// bias, then filter rows, columns and maps for y; images in parts of PART for dw and db; outputs in rising order for
// dx. A gradient of exactly 0 may be skipped, so that 0 × ∞ is 0. The largest is what torch takes: the first of
// equals, and NaN before any number. ReLU's slope is 1 at 0, and NaN passes it.
#pragma once
#include "backward.h"
#include "winograd.h"

// Each returns 0, or 1 where memory is short. dx and db may be null where they are not needed.
extern "C" {
int conv_max_forward(const Shape* s, const Real* x, const Real* w, const Real* bias, Real* y, uint8_t* at) {
    return forward(*s, x, w, bias, y, at);
}
int conv_max_backward(
    const Shape* s, const Real* x, const Real* w, const Real* gradient, const uint8_t* at, Real* dx, Real* dw, Real* db
) {
    return backward(*s, x, w, gradient, at, dx, dw, db);
}
}
