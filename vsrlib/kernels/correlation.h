// Correlation volume of PWC-Net (Sun et al., CVPR 2018, equation 2) and its two gradients, for the CPU.
//
//   volume[b, d, y, x] = 1/C sum_c first[b, c, y, x] second[b, c, y + dy, x + dx],  d = (dy + R) (2R + 1) + (dx + R)
//
// with zeros outside the second map. Arrays are dense, float32, (B, C, H, W); the volume is (B, (2R + 1)^2, H, W).
// One block of neighbouring pixels fills a vector register; all 2R + 1 horizontal displacements of it are held in
// registers while the channels pass by. The gradients gather instead of scattering, so that threads never write to
// the same place, and every value is summed in one fixed order: the result does not depend on the number of threads.
// GCC's vector types are used (Clang has them too). R is CORRELATION_RADIUS.
#include <algorithm>
#include <cstring>
#include <vector>

namespace correlation {

constexpr int RADIUS = CORRELATION_RADIUS, SIDE = 2 * RADIUS + 1;
#ifdef __AVX512F__
// 32 registers hold the sums of two rows, and each load, which is what this waits for, then serves both; GCC would
// load twice instead.
constexpr int LANES = 16, ROWS = 2;
#define KEEP_IN_REGISTER(block) asm("" : "+v"(block))
#else
constexpr int LANES = 8, ROWS = 1;
#define KEEP_IN_REGISTER(block)
#endif
typedef float Block __attribute__((vector_size(LANES * sizeof(float))));

inline Block load(const float* from) {
    Block block;
    std::memcpy(&block, from, sizeof block);
    return block;
}

// The last block of a row may reach beyond its end.
inline void store(float* row, int x, int width, Block block) {
    if (x + LANES <= width) std::memcpy(row + x, &block, sizeof block);
    else std::memcpy(row + x, &block, (width - x) * sizeof(float));
}

// Length of a packed row: room for the displacements and the last block, and an odd number of blocks, because rows
// that lie a power of two apart would push each other out of the cache.
inline long packed_width(int width) { return (((width + 2 * RADIUS + LANES - 1) / LANES + 1) | 1) * (long)LANES; }

// Copy (B, C, H, W) to (B, H, C, packed width), each row with RADIUS zeros before it and zeros after it: no test for
// the left and right border is needed then, and one row's channels lie side by side. The memory is kept between calls,
// as fresh memory costs as much as the arithmetic; `slot` 0 or 1, since two maps are packed at a time.
inline const float* pack(int slot, const float* map, int batch, int channels, int height, int width, int threads) {
    static thread_local std::vector<float> memory[2];
    const long length = packed_width(width);
    const size_t size = (size_t)batch * height * channels * length;
    if (memory[slot].size() < size) memory[slot].resize(size);
    float* rows = memory[slot].data();
#pragma omp parallel for collapse(2) num_threads(threads)
    for (int b = 0; b < batch; b++)
        for (int y = 0; y < height; y++)
            for (int c = 0; c < channels; c++) {
                float* row = rows + (((long)b * height + y) * channels + c) * length;
                std::fill(row, row + RADIUS, 0.0f);
                std::memcpy(row + RADIUS, map + (((long)b * channels + c) * height + y) * width, width * sizeof(float));
                std::fill(row + RADIUS + width, row + length, 0.0f);
            }
    return rows;
}

inline void forward(const float* first, const float* second, float* volume,
                    int batch, int channels, int height, int width, int threads) {
    const long length = packed_width(width), line = channels * length, plane = (long)height * width;
    const float* packed_first = pack(0, first, batch, channels, height, width, threads);
    const float* packed_second = pack(1, second, batch, channels, height, width, threads);
    const float scale = 1.0f / channels;
#pragma omp parallel for collapse(2) num_threads(threads)
    for (int b = 0; b < batch; b++)
        for (int y = 0; y < height; y += ROWS)
            for (int there = y - RADIUS; there < y + ROWS + RADIUS; there++)
                for (int x = 0; x < width; x += LANES) {
                    Block sums[ROWS][SIDE] = {};
                    if (there >= 0 && there < height) {
                        const float* f[ROWS];
                        for (int r = 0; r < ROWS; r++)  // below the last row: any row, its sums are not kept
                            f[r] = packed_first + ((long)b * height + std::min(y + r, height - 1)) * line + RADIUS + x;
                        const float* s = packed_second + ((long)b * height + there) * line + x;  // at dx = -RADIUS
                        for (long c = 0; c < line; c += length) {
                            Block here[ROWS];
#pragma GCC unroll 16
                            for (int r = 0; r < ROWS; r++) here[r] = load(f[r] + c);
#pragma GCC unroll 16
                            for (int i = 0; i < SIDE; i++) {
                                Block shifted = load(s + c + i);
                                KEEP_IN_REGISTER(shifted);
#pragma GCC unroll 16
                                for (int r = 0; r < ROWS; r++) sums[r][i] += here[r] * shifted;
                            }
                        }
                    }
#pragma GCC unroll 16
                    for (int r = 0; r < ROWS; r++) {
                        const int dy = there - y - r;
                        if (y + r >= height || dy < -RADIUS || dy > RADIUS) continue;
                        float* out = volume + ((long)b * SIDE + dy + RADIUS) * SIDE * plane + (long)(y + r) * width;
#pragma GCC unroll 16
                        for (int i = 0; i < SIDE; i++) store(out + i * plane, x, width, sums[r][i] * scale);
                    }
                }
}

// Gradient for one of the maps; `other` is the other map. SIGN = +1: for the first map, -1: for the second, whose
// place (y, x) takes part in the volume at (y - dy, x - dx).
template <int SIGN>
inline void backward(const float* gradient, const float* other, float* result,
                     int batch, int channels, int height, int width, int threads) {
    const long length = packed_width(width), plane = (long)height * width;
    const float* packed_gradient = pack(0, gradient, batch, SIDE * SIDE, height, width, threads);
    const float* packed_other = pack(1, other, batch, channels, height, width, threads);
    const float scale = 1.0f / channels;
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> sums((size_t)channels * LANES);
#pragma omp for collapse(2)
        for (int b = 0; b < batch; b++)
            for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x += LANES) {
                    std::fill(sums.begin(), sums.end(), 0.0f);
                    for (int dy = -RADIUS; dy <= RADIUS; dy++) {
                        const int there = y + SIGN * dy;
                        if (there < 0 || there >= height) continue;
                        // The volume is indexed where the first map is: here for its own gradient, there for the other.
                        const long row = (long)b * height + (SIGN > 0 ? y : there);
                        const float* g = packed_gradient + (row * SIDE + dy + RADIUS) * SIDE * length + RADIUS + x;
                        Block weights[SIDE];
#pragma GCC unroll 16
                        for (int i = 0; i < SIDE; i++) weights[i] = load(g + i * length + (SIGN > 0 ? 0 : RADIUS - i));
                        const float* o = packed_other + ((long)b * height + there) * channels * length + RADIUS + x;
                        for (int c = 0; c < channels; c++, o += length) {
                            Block sum = load(&sums[(size_t)c * LANES]);
#pragma GCC unroll 16
                            for (int i = 0; i < SIDE; i++) sum += weights[i] * load(o + SIGN * (i - RADIUS));
                            std::memcpy(&sums[(size_t)c * LANES], &sum, sizeof sum);
                        }
                    }
                    for (int c = 0; c < channels; c++)
                        store(result + ((long)b * channels + c) * plane + (long)y * width, x, width,
                              load(&sums[(size_t)c * LANES]) * scale);
                }
    }
}

}  // namespace correlation
