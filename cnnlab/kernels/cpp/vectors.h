// Vectors of numbers in the compiler's own types, and memory for them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>

namespace {

constexpr int BYTES = 32;  // of a vector: one register, or two where they have 16

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

// Load as many bytes as there are lanes, as whole numbers.
INLINE Mask load_bytes(const uint8_t* from) {
    typedef std::conditional_t<sizeof(Real) == 4, uint64_t, uint32_t> Few;
    typedef Few Fews __attribute__((vector_size(BYTES)));
    Few few;
    std::memcpy(&few, from, LANES);
    const Bytes copies = reinterpret_cast<Bytes>(few - Fews{}), zero = {};
    if constexpr (sizeof(Real) == 4)
        return reinterpret_cast<Mask>(__builtin_shufflevector(copies, zero,
            0, 32, 32, 32, 1, 32, 32, 32, 2, 32, 32, 32, 3, 32, 32, 32,
            20, 32, 32, 32, 21, 32, 32, 32, 22, 32, 32, 32, 23, 32, 32, 32));
    else
        return reinterpret_cast<Mask>(__builtin_shufflevector(copies, zero,
            0, 32, 32, 32, 32, 32, 32, 32, 1, 32, 32, 32, 32, 32, 32, 32,
            18, 32, 32, 32, 32, 32, 32, 32, 19, 32, 32, 32, 32, 32, 32, 32));
}

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

// 1 unless a number is 0 or −0, without a branch.
INLINE int nonzero(Real number) {
    std::conditional_t<sizeof(Real) == 4, uint32_t, uint64_t> bits;
    std::memcpy(&bits, &number, sizeof bits);
    return (bits << 1) != 0;
}

// Advance to the next line. A compiler that sees the sum keeps an offset for every line instead, more of them
// than there are registers.
INLINE void advance(const Real*& at, ptrdiff_t line) {
    at += line;
    asm("" : "+r"(at));
}

// Numbers that will be needed soon, asked for from memory a share at a time: all at once would wait for each other.
template <class T> class Ahead {
public:
    Ahead(const T* start, size_t count, int shares)
        : start(start), count(count), share((count + shares - 1) / shares) {}
    INLINE void fetch(int i) const {
        constexpr size_t CACHE_LINE = 64;
        const size_t end = (i + 1) * share < count ? (i + 1) * share : count;
        for (size_t at = i * share; at < end; at += CACHE_LINE / sizeof(T)) __builtin_prefetch(start + at);
    }

private:
    const T* start;
    const size_t count, share;
};

constexpr int round_up(int count, int step) { return (count + step - 1) / step * step; }

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

}  // namespace
