/** avx2.h - code for machines with AVX2, beside code for all: chosen at run time, in one way.
 *
 *      AVX2_FUNCTION static void walk_avx2(...) { ... }
 *      walk = avx2_is_here() ? walk_avx2 : walk_portable;
 *
 *  The attribute lets the compiler use every extension it names, so avx2_is_here() asks for each of
 *  them. lzcnt is not among them: clang 14 cannot ask for it, and on a processor without it the
 *  same bytes are another instruction, with another answer.
 *  On other machines than x86-64 there is no AVX2_FUNCTION, and the answer is no.
 */
#ifndef TOCSIN_CORE_BASE_AVX2_H
#define TOCSIN_CORE_BASE_AVX2_H

#include <stdbool.h>

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2_FUNCTION __attribute__((target("avx2,bmi,bmi2,popcnt")))

static inline bool avx2_is_here(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	       __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

#else

static inline bool avx2_is_here(void)
{
	return false;
}

#endif
#endif
