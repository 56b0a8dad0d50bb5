#include "core/filter/regex.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { JIT_STACK_BYTES_MIN = 32 * 1024, JIT_STACK_BYTES_MAX = 512 * 1024 };

struct regex {
	pcre2_code *code;
};

struct regex_matcher {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack; /**< NULL where the system has no JIT */
	uint64_t limits_hit;
};

int regex_compile(struct regex **out, struct slice pattern, struct err_note *why)
{
	/* A pattern must not switch UTF on by itself: log text is any bytes. */
	uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP;
	struct regex *regex;
	pcre2_code *code;
	PCRE2_SIZE offset;
	int number;

	code = pcre2_compile((PCRE2_SPTR)(pattern.length > 0 ? pattern.data : ""), pattern.length,
			     options, &number, &offset, NULL);
	if (code == NULL) {
		char reason[160];

		pcre2_get_error_message(number, (PCRE2_UCHAR *)reason, sizeof(reason));
		return err_set(why, ERR_INVALID, "the regex is wrong at its byte %zu: %s",
			       (size_t)offset + 1, reason);
	}
	/* Refused where memory cannot be made executable; then the interpreter matches. */
	(void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
	regex = mem_alloc(sizeof(*regex));
	regex->code = code;
	*out = regex;
	return 0;
}

void regex_free(struct regex *regex)
{
	if (regex == NULL)
		return;
	pcre2_code_free(regex->code);
	mem_free(regex);
}

struct regex_matcher *regex_matcher_new(void)
{
	struct regex_matcher *matcher = mem_alloc(sizeof(*matcher));

	/* One pair: where the whole matched. Groups are never asked for. */
	matcher->data = pcre2_match_data_create(1, NULL);
	matcher->context = pcre2_match_context_create(NULL);
	REQUIRE(matcher->data != NULL && matcher->context != NULL);
	pcre2_set_match_limit(matcher->context, REGEX_MATCH_LIMIT);
	pcre2_set_heap_limit(matcher->context, REGEX_HEAP_KIB_MAX);
	matcher->stack = pcre2_jit_stack_create(JIT_STACK_BYTES_MIN, JIT_STACK_BYTES_MAX, NULL);
	if (matcher->stack != NULL)
		pcre2_jit_stack_assign(matcher->context, NULL, matcher->stack);
	return matcher;
}

void regex_matcher_free(struct regex_matcher *matcher)
{
	if (matcher == NULL)
		return;
	pcre2_jit_stack_free(matcher->stack);
	pcre2_match_context_free(matcher->context);
	pcre2_match_data_free(matcher->data);
	mem_free(matcher);
}

bool regex_match(const struct regex *regex, struct slice text, struct regex_matcher *matcher)
{
	int answer = pcre2_match(regex->code, (PCRE2_SPTR)(text.length > 0 ? text.data : ""),
				 text.length, 0, 0, matcher->data, matcher->context);

	/* The rest are the limits on steps, depth, heap and JIT stack. */
	if (answer < 0 && answer != PCRE2_ERROR_NOMATCH)
		matcher->limits_hit++;
	return answer >= 0;
}

uint64_t regex_matcher_limits_hit(const struct regex_matcher *matcher)
{
	return matcher->limits_hit;
}
