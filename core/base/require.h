/** require.h - an assertion for bugs of the program, always compiled in. Input never reaches it. */
#ifndef TOCSIN_CORE_BASE_REQUIRE_H
#define TOCSIN_CORE_BASE_REQUIRE_H

#define REQUIRE(condition)                                                                         \
	((condition) ? (void)0 : require_failed(#condition, __FILE__, __LINE__, __func__))

_Noreturn void require_failed(const char *condition, const char *file, int line,
			      const char *function);

#endif
