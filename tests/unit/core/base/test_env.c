#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/bytes.h"
#include "core/base/env.h"
#include "core/base/err.h"

static char folder[64];
static char path[96], other_path[96];

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/tocsin-test-env-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.log", folder);
	snprintf(other_path, sizeof(other_path), "%s/b.log", folder);
}

static void remove_folder(void)
{
	unlink(path);
	unlink(other_path);
	rmdir(folder);
}

static void append(const char *to, const char *text)
{
	const struct env *env = env_live();
	struct err_note why;
	int fd = -1;

	cr_assert_eq(env->ops->file_open(env->self, &fd, to, FILE_APPEND, &why), 0);
	cr_assert_eq(env->ops->file_append(env->self, fd, text, strlen(text), &why), 0);
	cr_assert_eq(env->ops->file_sync(env->self, fd, &why), 0);
	env->ops->file_close(env->self, fd);
}

static struct file_info info_of(const char *of)
{
	const struct env *env = env_live();
	struct file_info info;
	struct err_note why = {0};

	cr_assert_eq(env->ops->path_info(env->self, of, &info, &why), 0, "%s", why.text);
	return info;
}

Test(env, appends_and_reads_at_an_offset, .init = make_folder, .fini = remove_folder)
{
	const struct env *env = env_live();
	struct err_note why;
	char room[16];
	int fd = -1;

	append(path, "hello ");
	append(path, "world");
	cr_assert_eq(env->ops->file_open(env->self, &fd, path, FILE_READ, &why), 0);
	cr_expect_eq(env->ops->file_read(env->self, fd, room, sizeof(room), 6), 5);
	cr_expect_eq(memcmp(room, "world", 5), 0);
	cr_expect_eq(env->ops->file_read(env->self, fd, room, sizeof(room), 11), 0);
	env->ops->file_close(env->self, fd);
	struct stat facts;
	cr_assert_eq(stat(path, &facts), 0);
	cr_expect_eq(facts.st_mode & 0137, 0); /* at most 0640 */
}

Test(env, absent_files_are_not_found, .init = make_folder, .fini = remove_folder)
{
	const struct env *env = env_live();
	struct err_note why = {0};
	struct file_info info;
	int fd = -1;

	cr_expect_eq(env->ops->file_open(env->self, &fd, path, FILE_READ, &why), ERR_NOT_FOUND);
	cr_expect_not_null(strstr(why.text, path));
	cr_expect_eq(env->ops->path_info(env->self, path, &info, &why), ERR_NOT_FOUND);
	cr_expect_eq(fd, -1);
	cr_expect_eq(env->ops->file_open(env->self, &fd, folder, FILE_APPEND, &why), ERR_IO);
}

Test(env, identity_survives_rename_and_truncate, .init = make_folder, .fini = remove_folder)
{
	append(path, "data");
	struct file_info before = info_of(path);
	cr_assert_eq(rename(path, other_path), 0);
	cr_assert_eq(truncate(other_path, 0), 0);
	struct file_info after = info_of(other_path);
	cr_expect_str_eq(before.identity, after.identity);
	cr_expect_eq(before.size_bytes, 4);
	cr_expect_eq(after.size_bytes, 0);
	cr_expect(after.is_regular);
}

Test(env, identity_is_new_after_delete_and_create, .init = make_folder, .fini = remove_folder)
{
	for (int i = 0; i < 20; i++) {
		append(path, "data");
		struct file_info before = info_of(path);
		cr_assert_eq(unlink(path), 0);
		append(path, "data");
		struct file_info after = info_of(path);
		cr_expect_str_neq(before.identity, after.identity);
		cr_assert_eq(unlink(path), 0);
	}
}

Test(env, open_file_and_path_have_one_identity, .init = make_folder, .fini = remove_folder)
{
	const struct env *env = env_live();
	struct file_info opened;
	struct err_note why;
	int fd = -1;

	append(path, "x");
	cr_assert_eq(env->ops->file_open(env->self, &fd, path, FILE_READ, &why), 0);
	cr_assert_eq(env->ops->file_info(env->self, fd, &opened, &why), 0);
	cr_expect_str_eq(opened.identity, info_of(path).identity);
	env->ops->file_close(env->self, fd);
	cr_expect_not(info_of(folder).is_regular);
	cr_expect_eq(env->ops->file_info(env->self, -1, &opened, &why), ERR_IO);
}

static void join(void *arg, const char *found)
{
	bytes_append_format(arg, "%s ", strrchr(found, '/') + 1);
}

Test(env, glob_is_sorted_and_may_be_empty, .init = make_folder, .fini = remove_folder)
{
	const struct env *env = env_live();
	struct bytes names = BYTES_EMPTY;
	struct err_note why;
	char pattern[96];

	append(other_path, "");
	append(path, "");
	snprintf(pattern, sizeof(pattern), "%s/*.log", folder);
	cr_expect_eq(env->ops->glob(env->self, pattern, join, &names, &why), 0);
	cr_expect_str_eq(names.data, "a.log b.log ");
	bytes_clear(&names);
	snprintf(pattern, sizeof(pattern), "%s/*.txt", folder);
	cr_expect_eq(env->ops->glob(env->self, pattern, join, &names, &why), 0);
	cr_expect_eq(names.length, 0);
	bytes_deinit(&names);
}

Test(env, clocks_and_random)
{
	const struct env *env = env_live();
	unsigned char a[16] = {0}, b[16] = {0};
	int64_t before = env_mono_ms(env);

	cr_expect_leq(llabs(env_wall_ms(env) / 1000 - (int64_t)time(NULL)), 2);
	cr_expect_geq(env_mono_ms(env), before);
	env_random(env, a, sizeof(a));
	env_random(env, b, sizeof(b));
	cr_expect_neq(memcmp(a, b, sizeof(a)), 0);
}
