#include "lua/host/site_scan.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/base/utf8.h"
#include "core/rule/rule.h"
#include "lua/host/convert.h"
#include "lua/host/generation.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>

/* A UTF-8 letter is any character past ASCII. */
bool site_is_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > RULE_NAME_BYTES_MAX || name[0] == '.')
		return false;
	for (size_t i = 0; i < length;) {
		unsigned char c = (unsigned char)name[i];
		size_t sequence = utf8_length(name + i, length - i);

		if (sequence == 0 || (c < 128 && !isalnum(c) && !strchr("_-.", c)))
			return false;
		i += sequence;
	}
	return true;
}

/* "12.lua" -> 12; 0 when it is not a version file's name. */
static uint32_t parse_version(const char *file)
{
	uint32_t version = 0;
	const char *at = file;

	if (*at == '0')
		return 0;
	for (; isdigit((unsigned char)*at); at++) {
		version = version * 10 + (uint32_t)(*at - '0');
		if (version > RULE_VERSION_MAX)
			return 0;
	}
	return at > file && strcmp(at, ".lua") == 0 ? version : 0;
}

static int compare_files(const void *a, const void *b)
{
	const struct site_file *left = a, *right = b;
	int order = strcmp(left->name, right->name);

	if (order != 0)
		return order;
	return left->version < right->version ? -1 : left->version > right->version;
}

static void add_file(struct site_files *out, const char *folder, const char *kind, const char *name,
		     const char *file, uint32_t version)
{
	struct site_file *item;

	if (out->count == out->capacity) {
		out->capacity = out->capacity ? 2 * out->capacity : 16;
		out->items = mem_grow(out->items, out->capacity, sizeof(*out->items));
	}
	item = &out->items[out->count++];
	item->path = mem_format("%s/%s", folder, file);
	item->script_name = mem_format("%s/%s/%s", kind, name, file);
	item->name = mem_copy_text(name);
	item->version = version;
}

static bool is_script(const char *file)
{
	const char *suffix = strrchr(file, '.');

	return file[0] != '.' && suffix && strcmp(suffix, ".lua") == 0;
}

static int scan_versions(const char *folder, const char *kind, const char *name,
			 struct site_files *out, struct report *report, struct err_note *why)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int code = 0;

	/* A link to a file, or a file where readdir() does not tell. */
	if (!dir && errno == ENOTDIR)
		return 0;
	if (!dir)
		return err_errno(why, ERR_IO, errno, "reading the folder %s", folder);
	while (code == 0 && (entry = readdir(dir))) {
		uint32_t version = parse_version(entry->d_name);

		if (!is_script(entry->d_name) || strcmp(entry->d_name, "test.lua") == 0)
			continue;
		if (out->count >= SITE_FILES_MAX) {
			code = err_set(why, ERR_FULL, "the site has more than %d files",
				       SITE_FILES_MAX);
		} else if (version > 0) {
			add_file(out, folder, kind, name, entry->d_name, version);
		} else {
			char *path = mem_format("%s/%s", folder, entry->d_name);

			report_add(report, path, 0,
				   "the file's name must be a version number from 1 to %d, like "
				   "1.lua (or test.lua)",
				   RULE_VERSION_MAX);
			mem_free(path);
		}
	}
	closedir(dir);
	return code;
}

static int scan_folder(const char *root, DIR *dir, const char *kind, struct site_files *out,
		       struct report *report, struct err_note *why)
{
	struct dirent *entry;
	int code = 0;

	while (code == 0 && (entry = readdir(dir))) {
		char *folder;

		if (entry->d_type == DT_REG && is_script(entry->d_name)) {
			folder = mem_format("%s/%s", root, entry->d_name);
			report_add(report, folder, 0,
				   "a script needs a folder with its name: %s/<name>/<version>.lua",
				   kind);
			mem_free(folder);
			continue;
		}
		if (entry->d_name[0] == '.' ||
		    (entry->d_type != DT_DIR && entry->d_type != DT_LNK &&
		     entry->d_type != DT_UNKNOWN))
			continue;
		folder = mem_format("%s/%s", root, entry->d_name);
		if (site_is_name(entry->d_name))
			code = scan_versions(folder, kind, entry->d_name, out, report, why);
		else
			report_add(
				report, folder, 0,
				"the folder's name must be 1 to %d bytes of letters, digits, '_', "
				"'-' and '.'",
				RULE_NAME_BYTES_MAX);
		mem_free(folder);
	}
	return code;
}

int site_scan(const char *site_dir, const char *kind, struct site_files *out, struct report *report,
	      struct err_note *why)
{
	char *root = mem_format("%s/%s", site_dir, kind);
	DIR *dir = opendir(root);
	int code = 0;

	if (dir) {
		code = scan_folder(root, dir, kind, out, report, why);
		closedir(dir);
	} else if (errno != ENOENT) {
		code = err_errno(why, ERR_IO, errno, "reading the folder %s", root);
	}
	mem_free(root);
	if (out->count > 0)
		qsort(out->items, out->count, sizeof(*out->items), compare_files);
	return code;
}

void site_files_deinit(struct site_files *files)
{
	for (uint32_t i = 0; i < files->count; i++) {
		mem_free(files->items[i].path);
		mem_free(files->items[i].script_name);
		mem_free(files->items[i].name);
	}
	mem_free(files->items);
	*files = (struct site_files){0};
}
