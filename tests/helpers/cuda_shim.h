// Enough of CUDA to run correlation.cu on a CPU: a block's threads are real threads, blocks follow each other.
// C++14, so that Jittor can compile it too.
#include <pthread.h>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
typedef int cudaError_t;
static const cudaError_t cudaSuccess = 0;
static cudaError_t cudaGetLastError() { return cudaSuccess; }
static const char* cudaGetErrorString(cudaError_t) { return ""; }

static thread_local dim3 threadIdx;
static thread_local dim3 blockIdx;
static pthread_barrier_t shim_barrier;

#define __global__
#define __device__
#define __shared__ static  // one block at a time
static void __syncthreads() { pthread_barrier_wait(&shim_barrier); }

static void shim_launch(dim3 grid, dim3 block, const std::function<void()>& kernel) {
    pthread_barrier_init(&shim_barrier, nullptr, block.x * block.y * block.z);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < block.x * block.y * block.z; i++)
        threads.emplace_back([=] {
            threadIdx = dim3(i % block.x, i / block.x % block.y, i / block.x / block.y);
            for (unsigned j = 0; j < grid.x * grid.y * grid.z; j++) {
                blockIdx = dim3(j % grid.x, j / grid.x % grid.y, j / grid.x / grid.y);
                kernel();
                __syncthreads();
            }
        });
    for (auto& thread : threads) thread.join();
    pthread_barrier_destroy(&shim_barrier);
}
