// Weight gradient of a depthwise convolution, channels last, f32.
//
// dw[ky][kx][c] = sum over n, y, x of dy[n][y][x][c] * in[n][y + ky - pad][x + kx - pad][c]
//
// Sixteen channels are one vector; a row of K taps stays in registers while x runs.
#include <cstring>

typedef float vec __attribute__((vector_size(64), aligned(4), may_alias));
constexpr int L = 16;

template <int K>
static void block(const float* dy, const float* in, float* dw, long n, long h, long w, long c) {
    constexpr int pad = K / 2;
    vec acc[K][K];
    std::memset(acc, 0, sizeof acc);
    for (long i = 0; i < n; i++)
        for (long y = 0; y < h; y++)
            for (int ky = 0; ky < K; ky++) {
                const long sy = y + ky - pad;
                if (sy < 0 || sy >= h) continue;
                const float* g = dy + ((i * h + y) * w) * c;
                const float* s = in + ((i * h + sy) * w) * c;
                vec row[K];
                for (int kx = 0; kx < K; kx++) row[kx] = acc[ky][kx];
                for (long x = 0; x < w; x++) {
                    const vec gx = *(const vec*)(g + x * c);
                    if (x >= pad && x + pad < w) {
                        for (int kx = 0; kx < K; kx++) row[kx] += gx * *(const vec*)(s + (x + kx - pad) * c);
                    } else {
                        for (int kx = 0; kx < K; kx++) {
                            const long sx = x + kx - pad;
                            if (sx >= 0 && sx < w) row[kx] += gx * *(const vec*)(s + sx * c);
                        }
                    }
                }
                for (int kx = 0; kx < K; kx++) acc[ky][kx] = row[kx];
            }
    for (int t = 0; t < K * K; t++) *(vec*)(dw + t * c) = acc[t / K][t % K];
}

// c is a multiple of 16; dw is [7 * 7][c].
extern "C" void depthwise7_weight_gradient(const float* dy, const float* in, float* dw, long n, long h, long w,
                                           long c) {
#pragma omp parallel for schedule(dynamic)
    for (long b = 0; b < c / L; b++) block<7>(dy + b * L, in + b * L, dw + b * L, n, h, w, c);
}
