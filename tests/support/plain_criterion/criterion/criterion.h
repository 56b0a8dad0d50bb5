/** criterion.h - the part of Criterion that our tests use, in plain C over fork().
 *  Stands in for <criterion/criterion.h> in thread sanitizer builds: Criterion's sandbox (boxfort)
 *  maps an arena at a fixed address that the sanitizer has taken, so its tests cannot start there.
 *  Each test is a forked child, as in Criterion; the last line is Criterion's synthesis.
 */
#ifndef TOCSIN_TESTS_SUPPORT_PLAIN_CRITERION_H
#define TOCSIN_TESTS_SUPPORT_PLAIN_CRITERION_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/** The options of Test() and TestSuite(), under Criterion's names. */
struct plain_options {
	void (*init)(void);
	void (*fini)(void);
	double timeout; /* seconds */
	int signal;     /* that must end the test */
	int exit_code;  /* with which the test must end */
};

struct plain_test {
	const char *suite, *name;
	void (*run)(void);
	struct plain_options options;
	struct plain_test *next;
};

struct plain_suite {
	const char *name;
	struct plain_options options;
	struct plain_suite *next;
};

/** Both stay linked until the program ends; called by constructors, before main(). */
void plain_add_test(struct plain_test *test);
void plain_add_suite(struct plain_suite *suite);

/** A claim that does not hold: the test is failed and goes on. */
void plain_fail(const char *file, int line, const char *claim, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/** Ends a failed test; its .fini runs. */
_Noreturn void plain_stop(void);

/* Names, arguments and order are Criterion's: tests compile unchanged against either. */
#define Test(suite_, name_, ...)                                                                   \
	static void suite_##_##name_##_test(void);                                                 \
	__attribute__((constructor)) static void suite_##_##name_##_add(void)                      \
	{                                                                                          \
		static struct plain_test test = {.suite = #suite_,                                 \
						 .name = #name_,                                   \
						 .run = suite_##_##name_##_test,                   \
						 .options = {__VA_ARGS__}};                        \
		plain_add_test(&test);                                                             \
	}                                                                                          \
	static void suite_##_##name_##_test(void)

#define TestSuite(suite_, ...)                                                                     \
	__attribute__((constructor)) static void suite_##_suite_add(void)                          \
	{                                                                                          \
		static struct plain_suite suite = {.name = #suite_, .options = {__VA_ARGS__}};     \
		plain_add_suite(&suite);                                                           \
	}                                                                                          \
	struct plain_suite

/* The leading blank lets the message be left out. */
#define PLAIN_EXPECT(holds, claim, ...)                                                            \
	do {                                                                                       \
		if (!(holds))                                                                      \
			plain_fail(__FILE__, __LINE__, claim, " " __VA_ARGS__);                    \
	} while (0)
#define PLAIN_ASSERT(holds, claim, ...)                                                            \
	do {                                                                                       \
		if (!(holds)) {                                                                    \
			plain_fail(__FILE__, __LINE__, claim, " " __VA_ARGS__);                    \
			plain_stop();                                                              \
		}                                                                                  \
	} while (0)

#define cr_expect(c, ...)               PLAIN_EXPECT(c, #c, __VA_ARGS__)
#define cr_expect_not(c, ...)           PLAIN_EXPECT(!(c), "not " #c, __VA_ARGS__)
#define cr_expect_null(p, ...)          PLAIN_EXPECT((p) == NULL, #p " is NULL", __VA_ARGS__)
#define cr_expect_not_null(p, ...)      PLAIN_EXPECT((p) != NULL, #p " is not NULL", __VA_ARGS__)
#define cr_expect_eq(a, b, ...)         PLAIN_EXPECT((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...)        PLAIN_EXPECT((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...)         PLAIN_EXPECT((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...)        PLAIN_EXPECT((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...)         PLAIN_EXPECT((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...)        PLAIN_EXPECT((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)     PLAIN_EXPECT(strcmp(a, b) == 0, #a " is " #b, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...)    PLAIN_EXPECT(strcmp(a, b) != 0, #a " differs", __VA_ARGS__)
#define cr_expect_str_not_empty(a, ...) PLAIN_EXPECT((a)[0] != '\0', #a " has text", __VA_ARGS__)
#define cr_expect_arr_eq(a, b, bytes, ...)                                                         \
	PLAIN_EXPECT(memcmp(a, b, bytes) == 0, #a " has the bytes of " #b, __VA_ARGS__)

#define cr_assert(c, ...)            PLAIN_ASSERT(c, #c, __VA_ARGS__)
#define cr_assert_not(c, ...)        PLAIN_ASSERT(!(c), "not " #c, __VA_ARGS__)
#define cr_assert_null(p, ...)       PLAIN_ASSERT((p) == NULL, #p " is NULL", __VA_ARGS__)
#define cr_assert_not_null(p, ...)   PLAIN_ASSERT((p) != NULL, #p " is not NULL", __VA_ARGS__)
#define cr_assert_eq(a, b, ...)      PLAIN_ASSERT((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...)     PLAIN_ASSERT((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...)      PLAIN_ASSERT((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...)     PLAIN_ASSERT((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...)      PLAIN_ASSERT((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...)     PLAIN_ASSERT((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)  PLAIN_ASSERT(strcmp(a, b) == 0, #a " is " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) PLAIN_ASSERT(strcmp(a, b) != 0, #a " differs", __VA_ARGS__)
#define cr_assert_arr_eq(a, b, bytes, ...)                                                         \
	PLAIN_ASSERT(memcmp(a, b, bytes) == 0, #a " has the bytes of " #b, __VA_ARGS__)
#define cr_assert_fail(...) PLAIN_ASSERT(false, "fails", __VA_ARGS__)
#define cr_expect_fail(...) PLAIN_EXPECT(false, "fails", __VA_ARGS__)

#define cr_log_error(...) ((void)fprintf(stderr, __VA_ARGS__), (void)fputc('\n', stderr))

#endif
