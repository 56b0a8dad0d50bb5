#include "core/cli/check_format.h"

#include <string.h>

static const char *const format_names[] = {
#define CHECK_FORMAT_NAME(name, text) [CHECK_FORMAT_##name] = (text),
	CHECK_FORMAT_LIST(CHECK_FORMAT_NAME)
#undef CHECK_FORMAT_NAME
};

static const struct {
	const char *id, *level, *help;
} kinds[] = {
#define CHECK_KIND_ROW(name, id, level, help) [CHECK_KIND_##name] = {(id), (level), (help)},
	CHECK_KIND_LIST(CHECK_KIND_ROW)
#undef CHECK_KIND_ROW
};

int check_format_parse(const char *text)
{
	for (size_t i = 0; i < sizeof(format_names) / sizeof(format_names[0]); i++)
		if (strcmp(format_names[i], text) == 0)
			return (int)i;
	return -1;
}

const char *check_kind_id(enum check_kind kind)
{
	return kinds[kind].id;
}

const char *check_kind_level(enum check_kind kind)
{
	return kinds[kind].level;
}

const char *check_kind_help(enum check_kind kind)
{
	return kinds[kind].help;
}

void check_print(const struct check_result *result, enum check_format format)
{
	switch (format) {
	case CHECK_FORMAT_PLAIN: check_print_plain(result); break;
	case CHECK_FORMAT_JSON: check_print_json(result); break;
	case CHECK_FORMAT_SARIF: check_print_sarif(result); break;
	case CHECK_FORMAT_JUNIT: check_print_junit(result); break;
	}
}
