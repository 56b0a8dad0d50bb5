#include "core/plan/fill.h"

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/plan/plan_json.h"

#include <criterion/criterion.h>

#include <string.h>

struct filled {
	const char *shape, *names, *json;
};

Test(fill, a_value_stays_a_value)
{
	static const struct filled cases[] = {
		{"{\"a\":\"{title}\"}", "{\"title\":\"x\\\",\\\"b\\\":\\\"y\"}",
		 "{\"a\":\"x\\\",\\\"b\\\":\\\"y\"}"},
		{"[\"no {title}!\",{\"b\":[\"{n}\"]}]", "{\"title\":\"t\",\"n\":7}",
		 "[\"no t!\",{\"b\":[7]}]"},
		{"\"{n} and {yes} {none}.\"", "{\"n\":1.5,\"yes\":true}", "\"1.5 and true .\""},
		{"\"{list}\"", "{\"list\":[1,2]}", "[1,2]"},
		{"[1,true,null,\"{ x }\",\"{X}\",\"{x\",\"{}\"]", "{\"x\":\"bad\"}",
		 "[1,true,null,\"{ x }\",\"{X}\",\"{x\",\"{}\"]"},
		{"\"{title}\"", "{\"title\":\"{title}\"}", "\"{title}\""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *shape = plan_json_parse(cases[i].shape);
		json_t *names = plan_json_parse(cases[i].names);
		json_t *made = fill_json(shape, names);
		char *text = plan_json_text(made);
		cr_expect_str_eq(text, cases[i].json);
		mem_free(text);
		json_decref(made);
		json_decref(names);
		json_decref(shape);
	}
}

Test(fill, a_url_has_its_values_encoded)
{
	json_t *names = plan_json_parse("{\"key\":\"a b&c=d/é\",\"n\":7}");
	struct bytes url = BYTES_EMPTY;
	fill_url("https://t.example/{n}?q={key}&{none}", names, &url);
	cr_expect_str_eq(url.data, "https://t.example/7?q=a%20b%26c%3Dd%2F%C3%A9&");
	bytes_deinit(&url);
	json_decref(names);
}

Test(fill, the_first_name_that_is_missing_is_told)
{
	json_t *shape = plan_json_parse("{\"a\":[\"{x}\",{\"b\":\"to {y}\"}]}");
	json_t *all = plan_json_parse("{\"x\":1,\"y\":2}"), *one = plan_json_parse("{\"x\":1}");
	char missing[FILL_NAME_BYTES_MAX];
	cr_expect(fill_is_complete(shape, all, missing));
	cr_expect(!fill_is_complete(shape, one, missing));
	cr_expect_str_eq(missing, "y");
	json_decref(shape);
	json_decref(all);
	json_decref(one);
}

struct path {
	const char *answer, *path, *found; /* NULL: nothing */
};

Test(fill, a_path_leads_through_tables_and_lists)
{
	static const struct path cases[] = {
		{"{\"id\":\"A-1\"}", "id", "A-1"},
		{"{\"data\":{\"issues\":[{\"key\":5},{\"key\":6}]}}", "data.issues.2.key", "6"},
		{"{\"data\":[]}", "data.1.id", NULL},
		{"{\"data\":[1]}", "data.0", NULL},
		{"{\"data\":[1]}", "data.2", NULL},
		{"{\"id\":null}", "id", NULL},
		{"{\"id\":{\"x\":1}}", "id", NULL},
		{"[]", "id", NULL},
		{"\"x\"", "id", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *answer = plan_json_parse(cases[i].answer);
		char *found = fill_path(answer, cases[i].path);
		cr_expect_eq(found == NULL, cases[i].found == NULL, "%s", cases[i].answer);
		if (found && cases[i].found)
			cr_expect_str_eq(found, cases[i].found);
		mem_free(found);
		json_decref(answer);
	}
	cr_expect_null(fill_path(NULL, "id"));
}
