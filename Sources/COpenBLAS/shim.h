// The types of the few OpenBLAS entry points that graft calls. The symbols come by dlopen, because the library reads
// OPENBLAS_CORETYPE when it loads and graft must choose that first. Integers are 32 bits wide (LP64 interface).
// Source: cblas.h of OpenBLAS 0.3.21.
#pragma once

typedef void (*graft_sgemm)(
    int order, int transposeA, int transposeB, int m, int n, int k, float alpha, const float *a, int lda,
    const float *b, int ldb, float beta, float *c, int ldc);
typedef void (*graft_set_threads)(int count);
typedef char *(*graft_text)(void);
