// The products of `winograd.h`: tiles x inputs times inputs x outputs, at each of the 36 positions.
//
// All sums of a block of tiles and outputs stay in registers. What the next block will need is fetched meanwhile: its
// weights, which come from the last cache, and the pixels of the next tiles, which come from memory.
#pragma once

namespace winograd {

#ifdef __AVX512F__
constexpr int LANES = 16;
// GCC would broadcast from memory for each product, and wait for the loads.
#define IN_REGISTER(value) asm("" : "+v"(value))
#else
constexpr int LANES = 8;
#define IN_REGISTER(value)
#endif
constexpr int PANEL = 16;  // outputs whose weights lie together
constexpr int ROWS = 12;   // blocks of the product take this many tiles, or half of them
constexpr int TILES = 24;  // tiles that are transformed together, a multiple of each block's: they stay in the second cache
typedef float vec __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

inline vec load(const float* from) { return *(const vec*)from; }
inline void store(float* to, vec value) { *(vec*)to = value; }

// The channels of a convolution's weights and transforms, and which of them a product takes.
struct Channels {
    int inputs, outputs;
    int chunk;   // inputs of this product
    bool first;  // whether they are the first: else their sum is added to that of those before
    long panel() const { return (long)inputs * PANEL; }
};

// Stretches of memory that will be needed: rows of four pixels. Each product fetches a part of one.
struct Ahead {
    static constexpr int MOST = 10;  // stretches of a tile
    const float* stretch[MOST * TILES];
    int count, at, part;

    void clear(const float* anywhere) { stretch[0] = anywhere, count = at = part = 0; }
    void add(const float* pixels) { stretch[count++] = pixels; }
    // The next 4 x chunk values of a stretch of 4 x channels; when all have been fetched, the first ones again.
    const float* next(int chunk, int channels) {
        if (at >= count) return stretch[0];
        const float* found = stretch[at] + 4 * part;
        part += chunk;
        if (part >= channels) part = 0, at++;
        return found;
    }
};

// HEIGHT tiles x PANELS panels of outputs: m = [m +] v u, summed over the inputs of the chunk; a tile's inputs lie
// STRIDE apart from the next one's. Not inlined: between other variables GCC does not keep all sums in registers.
template <int STRIDE, int HEIGHT, int PANELS>
__attribute__((noinline)) void multiply(const float* v, const float* u, const float* next_u, const float* ahead,
                                        float* m, Channels of) {
    constexpr int WIDTH = PANELS * PANEL / LANES, EACH = PANEL / LANES;
    vec sum[HEIGHT][WIDTH] = {};
    if (!of.first)
#pragma GCC unroll 12
        for (int t = 0; t < HEIGHT; t++)
#pragma GCC unroll 4
            for (int n = 0; n < WIDTH; n++) sum[t][n] = load(m + (long)t * of.outputs + n * LANES);
    for (int c = 0; c < of.chunk; c++) {
        __builtin_prefetch(next_u + c * PANEL, 0, 2);
        __builtin_prefetch(ahead + c * 4, 0, 2);
        vec weight[WIDTH];
#pragma GCC unroll 4
        for (int n = 0; n < WIDTH; n++) weight[n] = load(u + n / EACH * of.panel() + c * PANEL + n % EACH * LANES);
#pragma GCC unroll 12
        for (int t = 0; t < HEIGHT; t++) {
            vec value = v[t * STRIDE + c] - vec{};  // in all lanes
            IN_REGISTER(value);
#pragma GCC unroll 4
            for (int n = 0; n < WIDTH; n++) sum[t][n] += value * weight[n];
        }
    }
#pragma GCC unroll 12
    for (int t = 0; t < HEIGHT; t++)
#pragma GCC unroll 4
        for (int n = 0; n < WIDTH; n++) store(m + (long)t * of.outputs + n * LANES, sum[t][n]);
}

template <int STRIDE, int HEIGHT, int PANELS>
inline void multiply_all(const float* v, const float* u, float* m, int tiles, Channels of, int channels,
                         Ahead& ahead) {
    for (int t = 0; t < tiles; t += HEIGHT) {
        const float* next_u = u + (PANELS + t / HEIGHT) * of.panel();  // a panel with each block
        multiply<STRIDE, HEIGHT, PANELS>(v + t * STRIDE, u, next_u, ahead.next(of.chunk, channels),
                                         m + (long)t * of.outputs, of);
    }
}

// v (tiles, STRIDE) times u (outputs / 16, inputs, 16), of which it takes a chunk of the inputs: m (tiles, outputs).
// `tiles` is a multiple of ROWS. As many outputs at a time as registers can hold the sums of.
template <int STRIDE>
inline void product(const float* v, const float* u, float* m, int tiles, Channels of, int channels, Ahead& ahead) {
    int n = 0;
#ifdef __AVX512F__
    for (; n + 4 * PANEL <= of.outputs; n += 4 * PANEL, u += 4 * of.panel())
        multiply_all<STRIDE, ROWS / 2, 4>(v, u, m + n, tiles, of, channels, ahead);
    for (; n + 3 * PANEL <= of.outputs; n += 3 * PANEL, u += 3 * of.panel())
        multiply_all<STRIDE, 8, 3>(v, u, m + n, tiles, of, channels, ahead);
    for (; n + 2 * PANEL <= of.outputs; n += 2 * PANEL, u += 2 * of.panel())
        multiply_all<STRIDE, ROWS, 2>(v, u, m + n, tiles, of, channels, ahead);
    constexpr int HEIGHT = ROWS;
#else
    constexpr int HEIGHT = ROWS / 2;
#endif
    for (; n < of.outputs; n += PANEL, u += of.panel())
        multiply_all<STRIDE, HEIGHT, 1>(v, u, m + n, tiles, of, channels, ahead);
}

}  // namespace winograd
