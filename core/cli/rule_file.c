#include "core/cli/rule_file.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/cli/big_stack.h"
#include "core/cli/cli.h"
#include "core/cli/remote.h"
#include "core/cli/rule_template.h"
#include "core/rule/rule.h"
#include "lua/host/generation.h"
#include "lua/host/loader.h"
#include "lua/host/site_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* One new version in the making. */
struct making {
	const struct remote *remote;
	const char *site_dir, *name;
	bool may_begin;
	char *newest; /* path of the version that is copied; NULL: there is none */
	uint32_t newest_version;
	uint32_t version;
	struct bytes text;
	char *path;
};

/** What the words themselves make impossible is wrong use. */
static int fail(int code, const struct err_note *why)
{
	fprintf(stderr, "tocsin rule: %s\n", why->text);
	return code == ERR_INVALID || code == ERR_CONFLICT ? EXIT_USAGE : EXIT_FAILED;
}

static int find_newest(struct making *making, struct err_note *why)
{
	struct site_files files = {0};
	struct report report;
	int code;

	report_init(&report);
	code = site_scan(making->site_dir, "rules", &files, &report, why);
	for (uint32_t i = 0; code == 0 && i < files.count; i++) {
		const struct site_file *file = &files.items[i];

		if (strcmp(file->name, making->name) != 0 || file->version < making->newest_version)
			continue;
		mem_free(making->newest);
		making->newest = mem_copy_text(file->path);
		making->newest_version = file->version;
	}
	site_files_deinit(&files);
	report_deinit(&report);
	return code;
}

/** A running daemon may remember a newer version whose file is gone: its number is not used again.
 *  Without a daemon the files alone decide. */
static uint32_t newest_known(const struct making *making)
{
	json_t *history = remote_try(making->remote, "rule.history",
				     json_pack("{s:s}", "name", making->name));
	uint32_t newest = making->newest_version;
	size_t index;
	const json_t *row;

	json_array_foreach(history, index, row)
	{
		json_int_t version = json_integer_value(json_object_get(row, "version"));

		if (version > newest && version <= RULE_VERSION_MAX)
			newest = (uint32_t)version;
	}
	json_decref(history);
	return newest;
}

static int copy_newest(struct making *making, struct err_note *why)
{
	char *source = NULL;
	size_t bytes = 0;
	int code = loader_read_file(making->newest, &source, &bytes, why);

	if (code == 0)
		bytes_append(&making->text, source, bytes);
	mem_free(source);
	return code;
}

/** The site's names make the template ready to run; a faulty site is not this command's matter. */
static int fill_template(struct making *making, struct err_note *why)
{
	static const char *const no_rules[] = {"tocsin.lua"};
	const char *type = making->remote->type != NULL ? making->remote->type : "count";
	struct generation *generation = NULL;
	int code = generation_load(&generation, making->site_dir, no_rules, 1, why);

	if (code == 0)
		code = rule_template_append(type, generation->config, &making->text, why);
	generation_free(generation);
	return code;
}

static int make_folder(const char *path, struct err_note *why)
{
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		return 0;
	return err_errno(why, ERR_IO, errno, "cannot make the folder %s", path);
}

static int write_all(int file, const struct bytes *text, const char *path, struct err_note *why)
{
	size_t done = 0;

	while (done < text->length) {
		ssize_t count = write(file, text->data + done, text->length - done);

		if (count < 0 && errno != EINTR)
			return err_errno(why, ERR_IO, errno, "cannot write %s", path);
		done += count > 0 ? (size_t)count : 0;
	}
	return 0;
}

/** The file appears whole, and never in place of another: a reload may read at any time. */
static int write_file(const struct making *making, struct err_note *why)
{
	char *hidden = mem_format("%s/rules/%s/.%u.lua.new", making->site_dir, making->name,
				  making->version);
	int file = open(hidden, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int code = file < 0 ? err_errno(why, ERR_IO, errno, "cannot write %s", hidden)
			    : write_all(file, &making->text, hidden, why);

	if (file >= 0 && close(file) != 0 && code == 0)
		code = err_errno(why, ERR_IO, errno, "cannot write %s", hidden);
	if (code == 0 && link(hidden, making->path) != 0)
		code = err_errno(why, errno == EEXIST ? ERR_EXISTS : ERR_IO, errno,
				 "cannot make %s", making->path);
	unlink(hidden);
	mem_free(hidden);
	return code;
}

static int make_file(struct making *making, struct err_note *why)
{
	char *rules = mem_format("%s/rules", making->site_dir);
	char *folder = mem_format("%s/%s", rules, making->name);
	int code = make_folder(rules, why);

	if (code == 0)
		code = make_folder(folder, why);
	making->path = mem_format("%s/%u.lua", folder, making->version);
	if (code == 0)
		code = write_file(making, why);
	mem_free(rules);
	mem_free(folder);
	return code;
}

/** EDITOR is a command line of the user's own shell, as everywhere. */
static int edit(const char *path)
{
	const char *editor = getenv("VISUAL") != NULL ? getenv("VISUAL") : getenv("EDITOR");
	char *command = mem_format("%s \"$1\"", editor != NULL ? editor : "vi");
	char *const words[] = {"sh", "-c", command, "sh", (char *)path, NULL};
	int status = 0, code = EXIT_DONE;
	pid_t child;

	if (posix_spawnp(&child, "sh", NULL, NULL, words, environ) != 0 ||
	    waitpid(child, &status, 0) != child || status != 0) {
		fprintf(stderr, "tocsin rule: the editor failed: %s %s\n",
			editor != NULL ? editor : "vi", path);
		code = EXIT_FAILED;
	}
	mem_free(command);
	return code;
}

static int check_words(const struct making *making, struct err_note *why)
{
	if (!site_is_name(making->name))
		return err_set(why, ERR_INVALID,
			       "\"%.100s\" cannot be a rule's name: 1 to %d bytes of letters, "
			       "digits, '_', '-' and '.'",
			       making->name, RULE_NAME_BYTES_MAX);
	if (making->newest == NULL && !making->may_begin)
		return err_set(
			why, ERR_NOT_FOUND,
			"%s has no rule \"%.100s\" to edit; tocsin rule new %.100s begins one",
			making->site_dir, making->name, making->name);
	if (making->newest != NULL && making->remote->type != NULL)
		return err_set(why, ERR_CONFLICT,
			       "%.100s is there already, and the type of a rule cannot change: "
			       "leave --type out for its next version, or take another name",
			       making->name);
	if (making->version > RULE_VERSION_MAX)
		return err_set(why, ERR_FULL, "%.100s has had %d versions; no more are possible",
			       making->name, RULE_VERSION_MAX);
	return 0;
}

static void say_next(const struct making *making)
{
	puts(making->path);
	if (making->newest != NULL)
		fprintf(stderr, "copied from version %u", making->newest_version);
	else
		fputs("made from the template", stderr);
	fprintf(stderr,
		"; it runs after: tocsin check --site %s rules/%s/%u.lua, tocsin reload --wait\n",
		making->site_dir, making->name, making->version);
}

static int run(void *arg)
{
	struct making *making = arg;
	struct err_note why = {{0}};
	int code = find_newest(making, &why);

	making->version = code == 0 ? newest_known(making) + 1 : 0;
	if (code == 0)
		code = check_words(making, &why);
	if (code == 0)
		code = making->newest != NULL ? copy_newest(making, &why)
					      : fill_template(making, &why);
	if (code == 0)
		code = make_file(making, &why);
	if (code != 0)
		return fail(code, &why);
	say_next(making);
	if (!making->remote->has_editor)
		return EXIT_DONE;
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		return edit(making->path);
	fputs("--editor needs a terminal: the file is not opened\n", stderr);
	return EXIT_DONE;
}

int cli_rule_file(const struct remote *remote, const char *name, bool may_begin)
{
	struct making making = {
		.remote = remote,
		.site_dir = remote->site_dir != NULL ? remote->site_dir : CLI_SITE_DEFAULT,
		.name = name,
		.may_begin = may_begin,
	};
	int code = cli_on_big_stack(run, &making);

	mem_free(making.newest);
	mem_free(making.path);
	bytes_deinit(&making.text);
	return code;
}
