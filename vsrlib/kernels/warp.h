// The feature warp for the CPU, of maps whose channels lie together, as the Winograd convolutions take them: bilinear
// samples where the flow points, borders repeated, times a mask of one channel.
//
// Maps are dense float32 (images, H, W, C), C a multiple of 16; flow is (images, 2, H, W) in pixels, x before y; the mask
// (images, 1, H, W). Places are computed as the frameworks' `grid_sample` does from a grid normalised by (size - 1), so
// that they are the same but for rounding. A place is read once for all channels.
#pragma once
#include <algorithm>
#include <cmath>

namespace warp {

typedef float vec __attribute__((vector_size(64), aligned(4), may_alias));

// Where a place along one axis lies: between two pixels, of which the second weighs `part`.
struct Between {
    int before, after;
    float part;
};

inline Between between(float place, int side, bool align_corners) {
    const float grid = place * (2.0f / std::max(side - 1, 1)) - 1;
    const float at = align_corners ? (grid + 1) / 2 * (side - 1) : ((grid + 1) * side - 1) / 2;
    const float inside = at > 0 ? std::min(at, side - 1.0f) : 0;  // a NaN too, which is no place in memory
    const int before = (int)std::floor(inside);
    return {before, std::min(before + 1, side - 1), inside - before};
}

inline void forward(const float* in, const float* flow, const float* mask, float* out, int images, int height,
                    int width, int channels, bool align_corners, int threads) {
    const long plane = (long)height * width;
#pragma omp parallel for num_threads(threads)
    for (long row = 0; row < (long)images * height; row++) {
        const long image = row / height;
        const int y = row % height;
        const float* pixels = in + image * plane * channels;
        for (int x = 0; x < width; x++) {
            const long here = (long)y * width + x;
            const float* move = flow + image * 2 * plane + here;
            const Between across = between(x + move[0], width, align_corners);
            const Between down = between(y + move[plane], height, align_corners);
            const float seen = mask[image * plane + here];
            const float bottom = seen * down.part, top = seen * (1 - down.part);
            const float* above = pixels + (long)down.before * width * channels;
            const float* below = pixels + (long)down.after * width * channels;
            const long left = (long)across.before * channels, right = (long)across.after * channels;
            float* to = out + (image * plane + here) * channels;
            for (int c = 0; c < channels; c += 16)
                *(vec*)(to + c) = top * (1 - across.part) * *(const vec*)(above + left + c) +
                                  top * across.part * *(const vec*)(above + right + c) +
                                  bottom * (1 - across.part) * *(const vec*)(below + left + c) +
                                  bottom * across.part * *(const vec*)(below + right + c);
        }
    }
}

}  // namespace warp
