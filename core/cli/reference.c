#include "core/cli/reference.h"

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: tocsin reference [--write DIR | --check DIR]\n"
	"\n"
	"Prints every option of rules, plans and the site, and every name that a script may use, "
	"as "
	"a\n"
	"page in Markdown. For developers, with the root of the source tree as DIR:\n"
	"\n"
	"  --write DIR  writes docs/reference.md, lua/meta/*.lua and the std of .luacheckrc\n"
	"  --check DIR  says which of them are stale, and ends with 1 when there are any\n"
	"  --help       this text\n"
	"\n"
	"Example:\n"
	"  tocsin reference | less\n";

static const char lint_begin[] = "-- begin: made by `make reference` from lua/api/api.c\n";
static const char lint_end[] = "-- end\n";

struct writing {
	const char *root;
	bool is_check;
	unsigned stale_count;
	int code;
};

/** The whole text, owned; NULL when it cannot be read. */
static char *read_text(const char *path)
{
	FILE *file = fopen(path, "re");
	struct bytes text = BYTES_EMPTY;
	char block[4096];
	size_t count;

	if (file == NULL)
		return NULL;
	while ((count = fread(block, 1, sizeof(block), file)) > 0)
		bytes_append(&text, block, count);
	fclose(file);
	return bytes_take_text(&text);
}

static void fail(struct writing *writing, const char *path)
{
	fprintf(stderr, "reference: %s: %s\n", path, strerror(errno));
	writing->code = EXIT_FAILED;
}

static void write_text(struct writing *writing, const char *path, struct slice text)
{
	FILE *file = fopen(path, "we");

	if (file == NULL || fwrite(text.data, 1, text.length, file) != text.length ||
	    fclose(file) != 0)
		fail(writing, path);
}

/** Writes or compares one file; takes the text. */
static void settle(struct writing *writing, const char *name, struct bytes *text)
{
	char *path = mem_format("%s/%s", writing->root, name);
	char *old = read_text(path);

	if (old == NULL || slice_compare(slice_of(old), bytes_slice(text)) != 0) {
		writing->stale_count++;
		if (writing->is_check)
			printf("%s is stale: make reference\n", name);
		else
			write_text(writing, path, bytes_slice(text));
	}
	mem_free(old);
	mem_free(path);
	bytes_deinit(text);
}

/** The file with a new text between its two marks; the rest is a person's. */
static void settle_luacheck(struct writing *writing)
{
	char *path = mem_format("%s/.luacheckrc", writing->root);
	char *old = read_text(path);
	const char *begin = old != NULL ? strstr(old, lint_begin) : NULL;
	const char *end = begin != NULL ? strstr(begin, lint_end) : NULL;
	struct bytes text = BYTES_EMPTY;

	if (end == NULL) {
		fprintf(stderr, "reference: %s has not the lines \"%.*s\" and \"%.*s\"\n", path,
			(int)sizeof(lint_begin) - 2, lint_begin, (int)sizeof(lint_end) - 2,
			lint_end);
		writing->code = EXIT_FAILED;
	} else {
		bytes_append(&text, old, (size_t)(begin - old));
		bytes_append_text(&text, lint_begin);
		reference_append_luacheck(&text);
		bytes_append_text(&text, end);
		settle(writing, ".luacheckrc", &text);
	}
	mem_free(old);
	mem_free(path);
}

static int settle_all(const char *root, bool is_check)
{
	struct writing writing = {.root = root, .is_check = is_check};
	const char *modules[REFERENCE_MODULES_MAX];
	uint32_t module_count = reference_modules(modules);
	struct bytes text = BYTES_EMPTY;

	reference_append_page(&text);
	settle(&writing, "docs/reference.md", &text);
	for (uint32_t i = 0; i < module_count; i++) {
		char *name = mem_format("lua/meta/%s.lua", modules[i]);

		text = (struct bytes)BYTES_EMPTY;
		reference_append_stub(modules[i], &text);
		settle(&writing, name, &text);
		mem_free(name);
	}
	settle_luacheck(&writing);
	if (!is_check)
		fprintf(stderr, "reference: %u files changed\n", writing.stale_count);
	if (writing.code != EXIT_DONE)
		return writing.code;
	return is_check && writing.stale_count > 0 ? EXIT_FAILED : EXIT_DONE;
}

int cli_reference(int argc, char **argv)
{
	static const struct option options[] = {
		{"write", required_argument, NULL, 'w'},
		{"check", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *root = NULL;
	struct bytes page = BYTES_EMPTY;
	bool is_check = false;
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'w': root = optarg; break;
		case 'c':
			root = optarg;
			is_check = true;
			break;
		case 'h': fputs(help, stdout); return EXIT_DONE;
		default: fputs("Try 'tocsin reference --help'.\n", stderr); return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "tocsin reference: \"%s\" is not an option\n", argv[optind]);
		return EXIT_USAGE;
	}
	if (root != NULL)
		return settle_all(root, is_check);
	reference_append_page(&page);
	fwrite(page.data, 1, page.length, stdout);
	bytes_deinit(&page);
	return EXIT_DONE;
}
