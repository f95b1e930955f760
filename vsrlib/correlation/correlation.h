// Correlation volume of PWC-Net (Sun et al., CVPR 2018, equation 2) and its two gradients, for the CPU.
//
//   volume[b, d, y, x] = 1/C sum_c first[b, c, y, x] second[b, c, y + dy, x + dx],  d = (dy + R) (2R + 1) + (dx + R)
//
// with zeros outside the second map. Arrays are dense, float32, (B, C, H, W); the volume is (B, (2R + 1)^2, H, W).
// The gradients gather instead of scattering, so that threads never write to the same place and the result does not
// depend on their number.
#pragma once
#include <algorithm>

namespace correlation {

inline void forward(const float* first, const float* second, float* volume,
                    int batch, int channels, int height, int width, int radius) {
    const int side = 2 * radius + 1;
    const long plane = (long)height * width;
#pragma omp parallel for collapse(3)
    for (int b = 0; b < batch; b++)
        for (int d = 0; d < side * side; d++)
            for (int y = 0; y < height; y++) {
                const int dy = d / side - radius, dx = d % side - radius;
                float* out = volume + ((long)b * side * side + d) * plane + (long)y * width;
                std::fill(out, out + width, 0.0f);
                if (y + dy < 0 || y + dy >= height) continue;
                const int begin = std::max(0, -dx), end = std::min(width, width - dx);
                for (int c = 0; c < channels; c++) {
                    const float* f = first + ((long)b * channels + c) * plane + (long)y * width;
                    const float* s = second + ((long)b * channels + c) * plane + (long)(y + dy) * width + dx;
                    for (int x = begin; x < end; x++) out[x] += f[x] * s[x];
                }
                for (int x = begin; x < end; x++) out[x] /= channels;
            }
}

// Gradient for one of the maps; `other` is the other map. sign = +1: for the first map, -1: for the second,
// whose place (y, x) takes part in the volume at (y - dy, x - dx).
inline void backward(const float* gradient, const float* other, float* result,
                     int batch, int channels, int height, int width, int radius, int sign) {
    const int side = 2 * radius + 1;
    const long plane = (long)height * width;
#pragma omp parallel for collapse(3)
    for (int b = 0; b < batch; b++)
        for (int c = 0; c < channels; c++)
            for (int y = 0; y < height; y++) {
                float* out = result + ((long)b * channels + c) * plane + (long)y * width;
                std::fill(out, out + width, 0.0f);
                for (int d = 0; d < side * side; d++) {
                    const int dy = sign * (d / side - radius), dx = sign * (d % side - radius);
                    if (y + dy < 0 || y + dy >= height) continue;
                    const int begin = std::max(0, -dx), end = std::min(width, width - dx);
                    const float* o = other + ((long)b * channels + c) * plane + (long)(y + dy) * width + dx;
                    // The volume is indexed where the first map is: here for its own gradient, there for the second's.
                    const long row = sign > 0 ? (long)y * width : (long)(y + dy) * width + dx;
                    const float* g = gradient + ((long)b * side * side + d) * plane + row;
                    for (int x = begin; x < end; x++) out[x] += g[x] * o[x];
                }
                for (int x = 0; x < width; x++) out[x] /= channels;
            }
}

}  // namespace correlation
