#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

#include "core/base/arena.h"

Test(arena, everything_is_aligned_and_apart)
{
	struct arena arena;
	char *parts[500];

	arena_init(&arena);
	for (size_t i = 0; i < 500; i++) {
		parts[i] = arena_alloc(&arena, i);
		cr_assert_eq((uintptr_t)parts[i] % 16, 0);
		memset(parts[i], (int)(i & 0xFF), i);
	}
	for (size_t i = 0; i < 500; i++)
		for (size_t j = 0; j < i; j++)
			cr_assert_eq((unsigned char)parts[i][j], i & 0xFF);
	arena_deinit(&arena);
}

Test(arena, reset_keeps_its_blocks)
{
	struct arena arena;

	arena_init(&arena);
	char *first = arena_alloc(&arena, 100);
	arena_alloc(&arena, 100000);
	arena_alloc(&arena, 5000);
	struct arena_block *block = arena.first;
	for (int round = 0; round < 10; round++) {
		arena_reset(&arena);
		cr_expect_eq(arena.used_bytes, 0);
		cr_expect_eq(arena_alloc(&arena, 100), first);
		arena_alloc(&arena, 100000);
		arena_alloc(&arena, 5000);
		cr_expect_eq(arena.first, block);
	}
	arena_deinit(&arena);
	cr_expect_null(arena.first);
}

Test(arena, large_request_after_small_ones)
{
	struct arena arena;

	arena_init(&arena);
	arena_alloc(&arena, 1);
	char *large = arena_zalloc(&arena, 5 << 20);
	for (size_t i = 0; i < 5 << 20; i += 4096)
		cr_assert_eq(large[i], 0);
	arena_deinit(&arena);
}

Test(arena, copies_end_with_nul)
{
	struct arena arena;
	char text[700];

	arena_init(&arena);
	cr_expect_str_eq(arena_copy(&arena, "abcdef", 3), "abc");
	cr_expect_str_eq(arena_copy(&arena, NULL, 0), "");
	cr_expect_str_eq(arena_copy_text(&arena, "text"), "text");
	cr_expect_null(arena_copy_text(&arena, NULL));
	cr_expect_str_eq(arena_format(&arena, "%s-%d", "m", 7), "m-7");
	memset(text, 'z', sizeof(text));
	for (int length = 253; length <= 258; length++)
		cr_expect_eq(strlen(arena_format(&arena, "%.*s", length, text)), (size_t)length);
	arena_deinit(&arena);
}
