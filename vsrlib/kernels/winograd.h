// 3x3 convolution by Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, CVPR 2016, section 4), for the CPU.
//
// Output tiles of 4x4 pixels are computed from input tiles of 6x6 in 36 multiplications per pair of channels instead of
// 144. Activations are dense float32 (H, W, C), zeros around the frame, so that all channels of a pixel lie together and
// fill the vector registers. Weights are transformed beforehand to (36, inputs, outputs). Channels are multiples of 16.
// A pixel's sum does not depend on the number of threads.
#pragma once
#include <algorithm>
#include <vector>

namespace winograd {

#ifdef __AVX512F__
constexpr int LANES = 16, WIDE = 4;  // a block of the product: 6 tiles x WIDE vectors stay in registers
#else
constexpr int LANES = 8, WIDE = 2;
#endif
constexpr int ROWS = 6, TILES = 4 * ROWS;  // tiles that are transformed together, so that they stay in the cache
typedef float vec __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

inline vec load(const float* from) { return *(const vec*)from; }
inline void store(float* to, vec value) { *(vec*)to = value; }

// One row of B^T d: input[0], input[step], ... input[5 step].
inline void transform_input(const vec* d, vec* out, int step) {
    const vec d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    const vec even = d4 - 4 * d2, odd = d3 - 4 * d1, wide = d4 - d2, far = 2 * (d3 - d1);
    out[0] = 4 * d0 - 5 * d2 + d4;
    out[step] = even + odd;
    out[2 * step] = even - odd;
    out[3 * step] = wide + far;
    out[4 * step] = wide - far;
    out[5 * step] = 4 * d1 - 5 * d3 + d5;
}

// One row of A^T m: six values to four.
inline void transform_output(const vec* m, int step, vec* out, int out_step) {
    const vec m0 = m[0], m1 = m[step], m2 = m[2 * step], m3 = m[3 * step], m4 = m[4 * step], m5 = m[5 * step];
    const vec near = m1 + m2, near_odd = m1 - m2, far = m3 + m4, far_odd = m3 - m4;
    out[0] = m0 + near + far;
    out[out_step] = near_odd + 2 * far_odd;
    out[2 * out_step] = near + 4 * far;
    out[3 * out_step] = near_odd + 8 * far_odd + m5;
}

// 6 tiles x (WIDTH vectors of outputs): m = v u, summed over the inputs.
template <int WIDTH>
inline void multiply(const float* v, const float* u, float* m, int inputs, int outputs) {
    vec sum[ROWS][WIDTH] = {};
    for (int c = 0; c < inputs; c++) {
        vec weight[WIDTH];
#pragma GCC unroll 4
        for (int n = 0; n < WIDTH; n++) weight[n] = load(u + (long)c * outputs + n * LANES);
#pragma GCC unroll 6
        for (int t = 0; t < ROWS; t++)
#pragma GCC unroll 4
            for (int n = 0; n < WIDTH; n++) sum[t][n] += v[t * inputs + c] * weight[n];
    }
#pragma GCC unroll 6
    for (int t = 0; t < ROWS; t++)
#pragma GCC unroll 4
        for (int n = 0; n < WIDTH; n++) store(m + (long)t * outputs + n * LANES, sum[t][n]);
}

inline void product(const float* v, const float* u, float* m, int inputs, int outputs) {
    for (int t = 0; t < TILES; t += ROWS) {
        int n = 0;
        for (; n + WIDE * LANES <= outputs; n += WIDE * LANES)
            multiply<WIDE>(v + t * inputs, u + n, m + t * outputs + n, inputs, outputs);
        for (; n < outputs; n += LANES) multiply<1>(v + t * inputs, u + n, m + t * outputs + n, inputs, outputs);
    }
}

struct Frame {
    int height, width, tiles_across;
    void place(int tile, int& y, int& x) const { y = tile / tiles_across * 4, x = tile % tiles_across * 4; }
};

inline void read_tile(const float* in, int channels, Frame frame, int tile, float* v, int slot) {
    int top, left;
    frame.place(tile, top, left);
    for (int c = 0; c < channels; c += LANES) {
        vec d[36];
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < 6; j++) {
                const int y = top - 1 + i, x = left - 1 + j;
                const bool inside = y >= 0 && y < frame.height && x >= 0 && x < frame.width;
                d[6 * i + j] = inside ? load(in + ((long)y * frame.width + x) * channels + c) : vec{};
            }
        for (int j = 0; j < 6; j++) transform_input(d + j, d + j, 6);
        for (int i = 0; i < 6; i++) transform_input(d + 6 * i, d + 6 * i, 1);
        for (int k = 0; k < 36; k++) store(v + ((long)k * TILES + slot) * channels + c, d[k]);
    }
}

inline void write_tile(const float* m, int slot, int channels, Frame frame, int tile, const float* bias,
                       const float* residual, bool relu, float* out) {
    int top, left;
    frame.place(tile, top, left);
    for (int c = 0; c < channels; c += LANES) {
        vec half[24], result[16];
        {
            vec product[36];
            for (int k = 0; k < 36; k++) product[k] = load(m + ((long)k * TILES + slot) * channels + c);
            for (int j = 0; j < 6; j++) transform_output(product + j, 6, half + j, 6);
        }
        for (int i = 0; i < 4; i++) transform_output(half + 6 * i, 1, result + 4 * i, 1);
        const vec constant = load(bias + c);
        for (int i = 0; i < std::min(4, frame.height - top); i++)
            for (int j = 0; j < std::min(4, frame.width - left); j++) {
                const long place = ((long)(top + i) * frame.width + left + j) * channels + c;
                vec value = result[4 * i + j] + constant;
                if (residual) value += load(residual + place);
                if (relu) value = value < 0 ? vec{} : value;  // a NaN stays one
                store(out + place, value);
            }
    }
}

// out = [relu](in * weight + bias [+ residual]); `residual` may be null, and may be `out` itself.
inline void convolve(const float* in, const float* weight, const float* bias, const float* residual, float* out,
                     int height, int width, int inputs, int outputs, bool relu, int threads) {
    const Frame frame = {height, width, (width + 3) / 4};
    const int tiles = frame.tiles_across * ((height + 3) / 4), blocks = (tiles + TILES - 1) / TILES;
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> v(36L * TILES * inputs), m(36L * TILES * outputs);
#pragma omp for schedule(dynamic)
        for (int block = 0; block < blocks; block++) {
            const int first = block * TILES, count = std::min(TILES, tiles - first);
            for (int t = 0; t < count; t++) read_tile(in, inputs, frame, first + t, v.data(), t);
            for (int k = 0; k < 36; k++)
                product(v.data() + (long)k * TILES * inputs, weight + (long)k * inputs * outputs,
                        m.data() + (long)k * TILES * outputs, inputs, outputs);
            for (int t = 0; t < count; t++)
                write_tile(m.data(), t, outputs, frame, first + t, bias, residual, relu, out);
        }
    }
}

}  // namespace winograd
