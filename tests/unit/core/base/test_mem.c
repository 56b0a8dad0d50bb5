#include <criterion/criterion.h>

#include <signal.h>
#include <stdint.h>

#include "core/base/mem.h"
#include "core/base/require.h"

Test(mem, memory_is_zeroed)
{
	char *memory = mem_alloc_array(100, 3);

	for (int i = 0; i < 300; i++)
		cr_assert_eq(memory[i], 0);
	mem_free(memory);
}

Test(mem, nothing_still_has_an_address)
{
	void *memory = mem_alloc(0);

	cr_expect_not_null(memory);
	mem_free(memory);
	mem_free(NULL);
}

Test(mem, copies_end_with_nul)
{
	char *text = mem_copy_bytes("abcdef", 3);

	cr_expect_str_eq(text, "abc");
	cr_expect_null(mem_copy_text(NULL));
	mem_free(text);
	text = mem_format("%s=%d", "a", 1);
	cr_expect_str_eq(text, "a=1");
	mem_free(text);
}

Test(mem, an_array_that_overflows_ends_the_process, .signal = SIGABRT)
{
	mem_grow(NULL, SIZE_MAX / 2, 3);
}

Test(require, a_broken_promise_ends_the_process, .signal = SIGABRT)
{
	REQUIRE(1 + 1 == 3);
}
