#include "core/link/link_page.h"

#include "core/base/mem.h"

#include <criterion/criterion.h>

#include <string.h>

static void expect_value(const char *body, const char *name, const char *expected)
{
	char *value = link_form_value(slice_of(body), name);

	if (expected == NULL)
		cr_expect_null(value, "%s of %s", name, body);
	else
		cr_expect_str_eq(value, expected, "%s of %s", name, body);
	mem_free(value);
}

Test(link_page, a_form_gives_its_values)
{
	expect_value("value=50&reason=looked+at+it", "value", "50");
	expect_value("value=50&reason=looked+at+it", "reason", "looked at it");
	expect_value("reason=%E7%9C%8B+100%25", "reason", "看 100%");
	expect_value("reason=", "reason", "");
	expect_value("xreason=1&reasonable=2", "reason", NULL);
	expect_value("", "reason", NULL);
	expect_value("reason=1%", "reason", "1%");
	expect_value("reason=1%4", "reason", "1%4");
	expect_value("reason=%zz", "reason", "%zz");
	expect_value("&&=&reason=x", "reason", "x");
}

Test(link_page, a_form_that_is_too_long_gives_nothing)
{
	struct bytes body = BYTES_EMPTY;

	bytes_append_text(&body, "reason=x&");
	while (body.length < LINK_FORM_BYTES_MAX)
		bytes_append_char(&body, 'y');
	expect_value(body.data, "reason", "x");
	bytes_append_char(&body, 'y');
	expect_value(body.data, "reason", NULL);
	bytes_deinit(&body);
}

Test(link_page, texts_stay_texts)
{
	static const char hostile[] = "</pre><script>alert('1')</script>\"&";
	static const char *const choices[] = {"\"</option><b>\""};
	const struct link_page page = {.plan = hostile,
				       .question = hostile,
				       .incident = hostile,
				       .person = hostile,
				       .choices = choices,
				       .choice_count = 1,
				       .yes_token = "yes.\"><b>",
				       .no_token = "no.'><b>",
				       .is_yes_first = true};
	struct bytes out = BYTES_EMPTY;

	link_append_question(&page, &out);
	link_append_notice(true, hostile, hostile, &out);
	cr_expect_null(strstr(out.data, "<script"));
	cr_expect_null(strstr(out.data, "<b>"));
	cr_expect_null(strstr(out.data, "</pre><"));
	cr_expect_not_null(strstr(out.data, "&lt;/pre&gt;&lt;script&gt;alert(&#39;1&#39;)"));
	bytes_deinit(&out);
}

Test(link_page, each_button_posts_to_its_own_link)
{
	struct link_page page = {
		.plan = "p", .question = "?", .yes_token = "y.y", .no_token = "n.n"};
	struct bytes out = BYTES_EMPTY;
	const char *yes, *no;

	page.is_yes_first = true;
	link_append_question(&page, &out);
	yes = strstr(out.data, "action=\"y.y\"");
	no = strstr(out.data, "action=\"n.n\"");
	cr_assert(yes != NULL && no != NULL);
	cr_expect_lt(yes, no);
	cr_expect_not_null(strstr(yes, "<button>Approve</button>"));
	cr_expect_not_null(strstr(no, "<button>Reject</button>"));
	bytes_deinit(&out);
}
