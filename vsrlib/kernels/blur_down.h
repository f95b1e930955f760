// Blur with borders repeated, keeping one pixel of SCALE x SCALE, and its two gradients, for the CPU.
//
//   out[b, c, y, x] = sum_ij kernel[b, i, j] image[b, c, SCALE y + i - REACH, SCALE x + j - REACH]
//
// Arrays are dense, float32: image (B, C, H, W), kernel (B, SIZE, SIZE), out (B, C, ceil(H / SCALE), ceil(W / SCALE)).
// A row of the image is first dealt out by column modulo SCALE (its phases), so that neighbouring outputs read
// neighbouring values and fill a vector register. Nothing but a few rows is ever copied. The image's gradient gathers
// instead of scattering, and the kernel's is summed from parts of a fixed size in a fixed order, so that no result
// depends on the number of threads. GCC's vector types are used (Clang has them too).
#include <algorithm>
#include <cstring>
#include <vector>

namespace blur {

constexpr int SIZE = BLUR_SIZE, SCALE = BLUR_SCALE, REACH = SIZE / 2;
constexpr int TAPS = (SIZE + SCALE - 1) / SCALE;  // of one phase along a row, at most
constexpr int ROWS = 8, READ = (ROWS - 1) * SCALE + SIZE;  // output rows computed together, and image rows they read
#ifdef __AVX512F__
constexpr int LANES = 16;
#else
constexpr int LANES = 8;
#endif
typedef float vec __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

inline vec load(const float* from) { return *(const vec*)from; }

struct Shape {
    int batch, channels, height, width;
    int rows() const { return (height + SCALE - 1) / SCALE; }
    int columns() const { return (width + SCALE - 1) / SCALE; }
    int planes() const { return batch * channels; }
    int tiles() const { return (rows() + ROWS - 1) / ROWS; }
    long image() const { return (long)height * width; }
    long out() const { return (long)rows() * columns(); }
    // Of a phase, or of an output row: room for whole vectors and for the taps on both sides.
    int length() const { return (columns() + LANES - 1) / LANES * LANES + LANES + 2 * TAPS; }
};

// One row of the image, with its borders repeated, as SCALE phases: phases[p][m] = row[SCALE m + p - REACH].
inline void deal(const float* __restrict__ row, int width, int length, float* __restrict__ phases) {
    const int first = (REACH + SCALE - 1) / SCALE, last = std::max(first, (width + REACH) / SCALE);  // whole inside
    const float* from = row + SCALE * first - REACH;
    for (int m = first; m < last; m++)
        for (int p = 0; p < SCALE; p++) phases[p * length + m] = from[SCALE * (m - first) + p];
    for (int m = 0; m < length; m = m + 1 == first ? last : m + 1)
        for (int p = 0; p < SCALE; p++)
            phases[p * length + m] = row[std::min(std::max(SCALE * m + p - REACH, 0), width - 1)];
}

// The image rows that ROWS output rows from `y` on read, dealt out.
inline void deal_tile(const float* image, const Shape& shape, int y, float* tile) {
    for (int r = 0; r < READ; r++) {
        const int row = std::min(std::max(SCALE * y + r - REACH, 0), shape.height - 1);
        deal(image + (long)row * shape.width, shape.width, shape.length(), tile + (long)r * SCALE * shape.length());
    }
}

inline void forward(const float* image, const float* kernel, float* out, Shape shape, int threads) {
    const int length = shape.length(), columns = shape.columns();
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> tile((size_t)READ * SCALE * length);
#pragma omp for collapse(2)
        for (int plane = 0; plane < shape.planes(); plane++)
            for (int t = 0; t < shape.tiles(); t++) {
                deal_tile(image + plane * shape.image(), shape, t * ROWS, tile.data());
                const float* weights = kernel + (long)(plane / shape.channels) * SIZE * SIZE;
                for (int x = 0; x < columns; x += LANES) {
                    vec sums[ROWS] = {};
                    for (int i = 0; i < SIZE; i++)
                        for (int j = 0; j < SIZE; j++) {
                            const float* from = tile.data() + (long)(i * SCALE + j % SCALE) * length + j / SCALE + x;
#pragma GCC unroll 8
                            for (int r = 0; r < ROWS; r++)
                                sums[r] += weights[i * SIZE + j] * load(from + (long)r * SCALE * SCALE * length);
                        }
                    for (int r = 0; r < std::min(ROWS, shape.rows() - t * ROWS); r++)
                        std::memcpy(out + plane * shape.out() + (long)(t * ROWS + r) * columns + x, &sums[r],
                                    std::min(LANES, columns - x) * sizeof(float));
                }
            }
    }
}

// Rows begin to end of an output plane, each with TAPS zeros before it and zeros after it.
inline void pad(const float* plane, const Shape& shape, int begin, int end, float* rows) {
    for (int y = begin; y < end; y++, rows += shape.length()) {
        std::fill(rows, rows + shape.length(), 0.0f);
        std::memcpy(rows + TAPS, plane + (long)y * shape.columns(), shape.columns() * sizeof(float));
    }
}

inline void backward_kernel(const float* gradient, const float* image, float* result, Shape shape, int threads) {
    const int length = shape.length(), cells = SIZE * SIZE, tiles = shape.channels * shape.tiles();
    std::vector<double> parts((size_t)shape.batch * tiles * cells);
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> tile((size_t)READ * SCALE * length), padded((size_t)ROWS * length);
#pragma omp for collapse(2)
        for (int plane = 0; plane < shape.planes(); plane++)
            for (int t = 0; t < shape.tiles(); t++) {
                const int y = t * ROWS, count = std::min(ROWS, shape.rows() - y);
                deal_tile(image + plane * shape.image(), shape, y, tile.data());
                pad(gradient + plane * shape.out(), shape, y, y + count, padded.data());
                double* part = &parts[((size_t)plane * shape.tiles() + t) * cells];
                for (int i = 0; i < SIZE; i++) {
                    vec sums[SIZE] = {};
                    for (int r = 0; r < count; r++)
                        for (int x = 0; x < shape.columns(); x += LANES) {
                            const vec here = load(&padded[(size_t)r * length + TAPS + x]);
                            const float* from = tile.data() + (long)(r * SCALE + i) * SCALE * length + x;
#pragma GCC unroll 16
                            for (int j = 0; j < SIZE; j++)
                                sums[j] += here * load(from + j % SCALE * length + j / SCALE);
                        }
                    for (int j = 0; j < SIZE; j++)
                        for (int lane = 0; lane < LANES; lane++) part[i * SIZE + j] += sums[j][lane];
                }
            }
    }
    for (int b = 0; b < shape.batch; b++)
        for (int cell = 0; cell < cells; cell++) {
            double sum = 0;
            for (int t = 0; t < tiles; t++) sum += parts[((size_t)b * tiles + t) * cells + cell];
            result[b * cells + cell] = sum;
        }
}

// Adds what reached row `r` of the padded image, as phases; `padded` holds the gradient's rows from `begin` to `end`.
inline void gather(const float* padded, int begin, int end, const float* weights, const Shape& shape, int r,
                   float* phases) {
    const int length = shape.length();
    for (int y = std::max(begin, (r - SIZE + SCALE) / SCALE); y < end && SCALE * y <= r; y++) {
        const float* from = padded + (long)(y - begin) * length + TAPS;
        const float* tap = weights + (r - SCALE * y) * SIZE;
        for (int m = 0; m < shape.columns() + TAPS; m += LANES) {
            vec around[TAPS];
#pragma GCC unroll 16
            for (int n = 0; n < TAPS; n++) around[n] = load(from + m - n);
#pragma GCC unroll 16
            for (int p = 0; p < SCALE; p++) {
                vec sum = load(phases + p * length + m);
#pragma GCC unroll 16
                for (int j = p; j < SIZE; j += SCALE) sum += tap[j] * around[j / SCALE];
                *(vec*)(phases + p * length + m) = sum;
            }
        }
    }
}

inline void backward_image(const float* gradient, const float* kernel, float* result, Shape shape, int threads) {
    const int length = shape.length(), height = shape.height, width = shape.width, step = ROWS * SCALE;
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> padded((size_t)(ROWS + 3 * TAPS + 2) * length), phases((size_t)SCALE * length);
        std::vector<float> row(phases.size());
#pragma omp for collapse(2)
        for (int plane = 0; plane < shape.planes(); plane++)
            for (int top = 0; top < height; top += step) {
                const int bottom = std::min(top + step, height);
                const int begin = top ? std::max(0, top + REACH - SIZE + SCALE) / SCALE : 0;
                const int end = std::min((bottom + 2 * REACH) / SCALE + 1, shape.rows());
                pad(gradient + plane * shape.out(), shape, begin, end, padded.data());
                const float* weights = kernel + (long)(plane / shape.channels) * SIZE * SIZE;
                for (int y = top; y < bottom; y++) {
                    std::fill(phases.begin(), phases.end(), 0.0f);
                    // The first and the last row stand for those that repeat them as well.
                    for (int r = y ? y + REACH : 0; r <= (y + 1 < height ? y + REACH : y + 2 * REACH); r++)
                        gather(padded.data(), begin, end, weights, shape, r, phases.data());
                    for (int m = 0; m < length; m++)
                        for (int p = 0; p < SCALE; p++) row[SCALE * m + p] = phases[p * length + m];
                    float* to = result + plane * shape.image() + (long)y * width;
                    std::memcpy(to, &row[REACH], width * sizeof(float));
                    for (int x = 0; x < REACH; x++) to[0] += row[x], to[width - 1] += row[REACH + width + x];
                }
            }
    }
}

}  // namespace blur
