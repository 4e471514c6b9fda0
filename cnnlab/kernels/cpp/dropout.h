// The factors of dropout: the hash of cnnlab/rng.py, its comparison and the choice in one pass.
#pragma once
#include "vectors.h"

namespace {

constexpr int UNITS = 1024;  // whose own hashes are kept while the rows mix theirs into them

INLINE uint32_t mix(uint32_t h) {  // lowbias32
    h = (h ^ h >> 16) * 0x7FEB352Du;
    h = (h ^ h >> 15) * 0x846CA68Bu;
    return h ^ h >> 16;
}

}  // namespace

extern "C" {
// Of each row, (rows, units): its scale where the random number of an index, from `first` on, is its limit at most,
// else 0. A key is the hash of a row's stream and step.
void dropout_factors(
    int rows, ptrdiff_t units, int32_t first, const int32_t* keys, const int32_t* limits, const Real* scales,
    Real* factors
) {
    uint32_t own[UNITS];
    for (ptrdiff_t begin = 0; begin < units; begin += UNITS) {
        const int count = units - begin < UNITS ? static_cast<int>(units - begin) : UNITS;
        for (int i = 0; i < count; i++)
            own[i] = mix((static_cast<uint32_t>(first) + static_cast<uint32_t>(begin) + i + 1) * 0x9E3779B9u);
        for (int k = 0; k < rows; k++) {
            const uint32_t key = static_cast<uint32_t>(keys[k]);
            const int32_t limit = limits[k];
            const Real scale = scales[k];
            Real* to = factors + k * units + begin;
            for (int i = 0; i < count; i++) to[i] = static_cast<int32_t>(mix(own[i] ^ key)) <= limit ? scale : 0;
        }
    }
}
}
