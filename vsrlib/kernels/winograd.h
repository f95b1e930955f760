// 3x3 convolution by Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, CVPR 2016, section 4), for the CPU.
//
// Output tiles of 4x4 pixels are computed from input tiles of 6x6 in 36 multiplications per pair of channels instead of
// 144. Activations are dense float32 (images, H, W, C), zeros around each image, so that all channels of a pixel lie
// together and fill the vector registers; the inputs may lie in several parts, whose channels follow one another.
// Weights are transformed beforehand to (36, outputs / 16, inputs, 16), the order in which the product reads them.
// Channels are multiples of 16. A pixel's sum does not depend on the number of threads.
#pragma once
#include <algorithm>
#include <vector>
#include "winograd_product.h"

namespace winograd {

constexpr int SPARE = 16;  // between the 36 planes of a transform, which else would push each other out of the cache

// One row of B^T d: six values, `step` apart, to six.
inline void transform_input(const vec* d, int step, vec* out, int out_step) {
    const vec d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    const vec even = d4 - 4 * d2, odd = d3 - 4 * d1, wide = d4 - d2, far = 2 * (d3 - d1);
    out[0] = 4 * d0 - 5 * d2 + d4;
    out[out_step] = even + odd;
    out[2 * out_step] = even - odd;
    out[3 * out_step] = wide + far;
    out[4 * out_step] = wide - far;
    out[5 * out_step] = 4 * d1 - 5 * d3 + d5;
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

// How tiles lie in images. A dilated convolution is a plain one on each of the grids of every `dilation`-th pixel.
struct Frame {
    int images, height, width, dilation, down, across;

    Frame(int images, int height, int width, int dilation)
        : images(images), height(height), width(width), dilation(dilation), down(along(height)), across(along(width)) {}
    int along(int side) const { return ((side + dilation - 1) / dilation + 3) / 4; }
    int tiles() const { return images * dilation * dilation * down * across; }

    // Number of the pixel of a tile's pixel (0, 0), and its row and column.
    long origin(int tile, int& top, int& left) const {
        const int grid = tile / (down * across);
        top = grid / dilation % dilation + tile % (down * across) / across * 4 * dilation;
        left = grid % dilation + tile % across * 4 * dilation;
        return ((long)(grid / (dilation * dilation)) * height + top) * width + left;
    }

    // The numbers of SIDE x SIDE pixels of a tile from its pixel (begin, begin), -1 for those outside the image.
    template <int SIDE>
    void pixels(int tile, int begin, long* number) const {
        int top, left;
        const long first = origin(tile, top, left) + begin * dilation * (width + 1L);
        top += begin * dilation, left += begin * dilation;
        const int reach = (SIDE - 1) * dilation;
        const bool whole = top >= 0 && left >= 0 && top + reach < height && left + reach < width;
        for (int i = 0; i < SIDE; i++)
            for (int j = 0; j < SIDE; j++) number[SIDE * i + j] = first + (i * (long)width + j) * dilation;
        if (whole) return;
        for (int i = 0; i < SIDE; i++)
            for (int j = 0; j < SIDE; j++) {
                const int y = top + i * dilation, x = left + j * dilation;
                if (y < 0 || y >= height || x < 0 || x >= width) number[SIDE * i + j] = -1;
            }
    }
};

// A part of the inputs.
struct Part {
    const float* pixels;
    int channels;
};

// Transform `count` channels of a tile: value c of position k goes to v[k plane + c].
inline void read_tile(Part in, int from, int count, const Frame& frame, int tile, float* v, long plane) {
    static const float nothing[128] = {};
    long number[36];
    const float* pixel[36];
    frame.pixels<6>(tile, -1, number);
    for (int k = 0; k < 36; k++) pixel[k] = number[k] < 0 ? nothing : in.pixels + number[k] * in.channels + from;
    for (int c = 0; c < count; c += LANES) {
        vec d[36];
#pragma GCC unroll 6
        for (int j = 0; j < 6; j++) {
            vec column[6];
#pragma GCC unroll 6
            for (int i = 0; i < 6; i++) column[i] = load(pixel[6 * i + j] + c);
            transform_input(column, 1, d + j, 6);
        }
#pragma GCC unroll 6
        for (int i = 0; i < 6; i++) {
            vec row[6];
            transform_input(d + 6 * i, 1, row, 1);
#pragma GCC unroll 6
            for (int j = 0; j < 6; j++) store(v + (6 * i + j) * plane + c, row[j]);
        }
    }
}

// What becomes of the sums.
struct Output {
    const float *bias, *residual;  // the residual may be null
    float* pixels;
    int channels;
    float slope;  // by which values below zero are multiplied: 0 for a ReLU, 1 for no activation
};

inline vec activated(vec value, float slope) {
    if (slope == 1) return value;
    const vec below = slope == 0 ? vec{} : value * slope;  // a ReLU of minus infinity is 0
    return value < 0 ? below : value;                      // a NaN stays one
}

inline void write_tile(const float* m, long plane, const Output& out, const Frame& frame, int tile) {
    long number[16];
    frame.pixels<4>(tile, 0, number);
    for (int c = 0; c < out.channels; c += LANES) {
        vec half[24], result[16];
#pragma GCC unroll 6
        for (int j = 0; j < 6; j++) {
            vec column[6];
#pragma GCC unroll 6
            for (int i = 0; i < 6; i++) column[i] = load(m + (6 * i + j) * plane + c);
            transform_output(column, 1, half + j, 6);
        }
        const vec constant = load(out.bias + c);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            transform_output(half + 6 * i, 1, result + 4 * i, 1);
#pragma GCC unroll 4
            for (int j = 0; j < 4; j++) {
                if (number[4 * i + j] < 0) continue;
                const long at = number[4 * i + j] * out.channels + c;
                vec value = result[4 * i + j] + constant;
                if (out.residual) value += load(out.residual + at);
                store(out.pixels + at, activated(value, out.slope));
            }
        }
    }
}

// The rows that the tiles from `first` to `last` will read and write. Those of a dilated convolution are scattered.
inline void look_ahead(Part in, const Output& out, const Frame& frame, int first, int last, Ahead& ahead) {
    ahead.clear(in.pixels);
    for (int tile = first; tile < last && frame.dilation == 1; tile++) {
        int top, left;
        const long origin = frame.origin(tile, top, left);
        for (int i = top > 0 ? -1 : 0; i < std::min(5, frame.height - top); i++)
            ahead.add(in.pixels + (origin + i * (long)frame.width) * in.channels);
        for (int i = 0; i < std::min(4, frame.height - top) && in.channels == out.channels; i++)
            ahead.add(out.pixels + (origin + i * (long)frame.width) * out.channels);
    }
}

// STRIDE: channels that are transformed together, for the panel of their weights to stay in the first cache.
template <int STRIDE>
inline void convolve_by(const std::vector<Part>& in, const float* weight, const Output& out, const Frame& frame,
                        int threads) {
    int inputs = 0;
    for (Part part : in) inputs += part.channels;
    const int tiles = frame.tiles(), blocks = (tiles + TILES - 1) / TILES;
    const long plane_in = TILES * STRIDE + SPARE, plane_out = (long)TILES * out.channels + SPARE;
#pragma omp parallel num_threads(threads)
    {
        // Kept between calls, as fresh memory costs as much as the transforms.
        static thread_local std::vector<float> memory;
        const size_t size = 36 * (plane_in + plane_out);
        if (memory.size() < size) memory.resize(size);
        float *v = memory.data(), *m = v + 36 * plane_in;
        Ahead ahead;
// monotonic: the OpenMP runtime that PaddlePaddle brings, of 2019, has not what g++ would call else
#pragma omp for schedule(monotonic : dynamic)
        for (int block = 0; block < blocks; block++) {
            const int first = block * TILES, count = std::min(TILES, tiles - first);
            look_ahead(in[0], out, frame, first + count, std::min(first + count + TILES, tiles), ahead);
            Channels of = {inputs, out.channels, 0, true};
            const float* u = weight;
            for (Part part : in)
                for (int from = 0; from < part.channels; from += STRIDE) {
                    of.chunk = std::min(STRIDE, part.channels - from);
                    for (int t = 0; t < count; t++)
                        read_tile(part, from, of.chunk, frame, first + t, v + t * STRIDE, plane_in);
                    for (int k = 0; k < 36; k++)
                        product<STRIDE>(v + k * plane_in, u + (long)k * inputs * out.channels, m + k * plane_out,
                                        (count + ROWS - 1) / ROWS * ROWS, of, in[0].channels, ahead);
                    u += of.chunk * PANEL, of.first = false;
                }
            for (int t = 0; t < count; t++) write_tile(m + (long)t * out.channels, plane_out, out, frame, first + t);
        }
    }
}

// out = activation(in * weight + bias [+ residual]); the residual may be the output itself.
inline void convolve(const std::vector<Part>& in, const float* weight, const Output& out, const Frame& frame,
                     int threads) {
    int widest = 0;
    for (Part part : in) widest = std::max(widest, part.channels);
    const auto by = widest <= 32 ? convolve_by<32> : widest <= 48 ? convolve_by<48> : convolve_by<128>;
    by(in, weight, out, frame, threads);
}

}  // namespace winograd
