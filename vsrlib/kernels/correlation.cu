// Correlation volume of PWC-Net (Sun et al., CVPR 2018, equation 2) and its two gradients, for CUDA.
//
//   volume[b, d, y, x] = 1/C sum_c first[b, c, y, x] second[b, c, y + dy, x + dx],  d = (dy + R) (2R + 1) + (dx + R)
//
// with zeros outside the second map. Arrays are dense, float32, (B, C, H, W); the volume is (B, (2R + 1)^2, H, W).
// A block of threads is BLOCK_X x BLOCK_Y pixels; it shares the rows it needs of the other map, with a margin of R to
// either side and CHUNK channels at a time. The gradients gather: nothing is added by more than one thread, and every
// value is summed in one fixed order. `correlation.py` gives R, the sizes and the grid; `KERNEL` may be defined beforehand.
#ifndef KERNEL
#define KERNEL extern "C" __global__
#endif

namespace correlation {

constexpr int RADIUS = CORRELATION_RADIUS, SIDE = 2 * RADIUS + 1, REACH = BLOCK_X + 2 * RADIUS;

// Fill the shared tile with rows `row` = y + dy of CHUNK channels from `channel` on; zeros outside the map.
__device__ inline void share(float (&tile)[CHUNK][BLOCK_Y][REACH], const float* map, int channel, int dy,
                             int channels, int height, int width) {
    for (int i = threadIdx.y * BLOCK_X + threadIdx.x; i < CHUNK * BLOCK_Y * REACH; i += BLOCK_X * BLOCK_Y) {
        const int c = channel + i / (BLOCK_Y * REACH);
        const int row = (int)blockIdx.y * BLOCK_Y + i / REACH % BLOCK_Y + dy;
        const int column = (int)blockIdx.x * BLOCK_X + i % REACH - RADIUS;
        const bool inside = c < channels && row >= 0 && row < height && column >= 0 && column < width;
        tile[i / (BLOCK_Y * REACH)][i / REACH % BLOCK_Y][i % REACH] =
            inside ? map[((long long)c * height + row) * width + column] : 0.0f;
    }
}

// One map's gradient: SIGN = +1 for the first map, -1 for the second, whose place (y, x) takes part in the volume at
// (y - dy, x - dx); `other` is the other map. A thread sums CHUNK channels of its pixel.
template <int SIGN>
__device__ inline void gather(const float* gradient, const float* other, float* result,
                              int channels, int height, int width) {
    __shared__ float tile[CHUNK][BLOCK_Y][REACH];
    const int column = threadIdx.x, line = threadIdx.y;
    const int x = blockIdx.x * BLOCK_X + column, y = blockIdx.y * BLOCK_Y + line;
    const int chunks = (channels + CHUNK - 1) / CHUNK;
    const int b = blockIdx.z / chunks, channel = blockIdx.z % chunks * CHUNK;
    const long long plane = (long long)height * width;
    const float* volume = gradient + (long long)b * SIDE * SIDE * plane;
    float sums[CHUNK] = {};
    for (int dy = -RADIUS; dy <= RADIUS; dy++) {
        __syncthreads();  // the tile of the last displacement has been read
        share(tile, other + b * channels * plane, channel, SIGN * dy, channels, height, width);
        __syncthreads();
#pragma unroll
        for (int dx = -RADIUS; dx <= RADIUS; dx++) {
            // The volume is indexed where the first map is: here for its own gradient, there for the other's.
            const int v = SIGN > 0 ? y : y - dy, u = SIGN > 0 ? x : x - dx;
            const long long place = ((dy + RADIUS) * SIDE + dx + RADIUS) * plane + (long long)v * width + u;
            const float weight = v >= 0 && v < height && u >= 0 && u < width ? volume[place] : 0.0f;
#pragma unroll
            for (int c = 0; c < CHUNK; c++) sums[c] += weight * tile[c][line][column + RADIUS + SIGN * dx];
        }
    }
    if (x >= width || y >= height) return;
    for (int c = 0; c < CHUNK && channel + c < channels; c++)
        result[((long long)b * channels + channel + c) * plane + (long long)y * width + x] = sums[c] / channels;
}

}  // namespace correlation

// Grid: x and y cover the pixels; z is batch times vertical displacement.
KERNEL void correlation_forward(const float* first, const float* second, float* volume,
                                int channels, int height, int width) {
    using namespace correlation;
    __shared__ float tile[CHUNK][BLOCK_Y][REACH];
    const int column = threadIdx.x, line = threadIdx.y;
    const int x = blockIdx.x * BLOCK_X + column, y = blockIdx.y * BLOCK_Y + line;
    const int b = blockIdx.z / SIDE, dy = (int)blockIdx.z % SIDE - RADIUS;
    const long long plane = (long long)height * width, place = (long long)y * width + x;
    const bool inside = x < width && y < height;
    float sums[SIDE] = {};
    for (int channel = 0; channel < channels; channel += CHUNK) {
        __syncthreads();  // the last channels' tile has been read
        share(tile, second + b * channels * plane, channel, dy, channels, height, width);
        __syncthreads();
        for (int c = 0; c < CHUNK; c++) {
            // Beyond the last channel the tile is zero, and the first map must not be read.
            const bool real = inside && channel + c < channels;
            const float here = real ? first[((long long)b * channels + channel + c) * plane + place] : 0.0f;
#pragma unroll
            for (int i = 0; i < SIDE; i++) sums[i] += here * tile[c][line][column + i];
        }
    }
    if (!inside) return;
    for (int i = 0; i < SIDE; i++)
        volume[(((long long)b * SIDE + dy + RADIUS) * SIDE + i) * plane + place] = sums[i] / channels;
}

// Grid of both gradients: x and y cover the pixels; z is batch times chunks of channels.
KERNEL void correlation_backward_first(const float* gradient, const float* second, float* result,
                                       int channels, int height, int width) {
    correlation::gather<1>(gradient, second, result, channels, height, width);
}

KERNEL void correlation_backward_second(const float* gradient, const float* first, float* result,
                                        int channels, int height, int width) {
    correlation::gather<-1>(gradient, first, result, channels, height, width);
}
