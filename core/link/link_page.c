#include "core/link/link_page.h"

#include <string.h>

static void escape(struct bytes *out, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&': bytes_append_text(out, "&amp;"); break;
		case '<': bytes_append_text(out, "&lt;"); break;
		case '>': bytes_append_text(out, "&gt;"); break;
		case '"': bytes_append_text(out, "&quot;"); break;
		case '\'': bytes_append_text(out, "&#39;"); break;
		default: bytes_append_char(out, *text);
		}
	}
}

static void begin(bool is_zh, const char *title, struct bytes *out)
{
	bytes_append_format(out,
			    "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">"
			    "<meta name=\"viewport\" content=\"width=device-width\">"
			    "<meta name=\"robots\" content=\"noindex\"><title>",
			    is_zh ? "zh" : "en");
	escape(out, title);
	bytes_append_text(out,
			  "</title><style>body{font:16px sans-serif;max-width:36em;margin:2em "
			  "auto;padding:0 1em}pre{white-space:pre-wrap;font:inherit;border-left:"
			  "4px solid #999;padding-left:1em}button{font:inherit;padding:.6em 2em}"
			  "form{margin:1em 0}small{color:#555}</style></head><body>\n<h1>");
	escape(out, title);
	bytes_append_text(out, "</h1>\n");
}

static void end(struct bytes *out)
{
	bytes_append_text(out, "</body></html>\n");
}

static void append_fact(struct bytes *out, const char *name, const char *text)
{
	if (text == NULL)
		return;
	bytes_append_format(out, "<p><small>%s: ", name);
	escape(out, text);
	bytes_append_text(out, "</small></p>\n");
}

static void append_choices(const struct link_page *page, struct bytes *out)
{
	bytes_append_format(out, "<p><label>%s: <select name=\"value\">",
			    page->is_zh ? "选择" : "value");
	for (uint32_t i = 0; i < page->choice_count; i++) {
		bytes_append_text(out, "<option>");
		escape(out, page->choices[i]);
		bytes_append_text(out, "</option>");
	}
	bytes_append_text(out, "</select></label></p>\n");
}

/** The address is relative, so a path before it in the site's URL does no harm. */
static void append_form(const struct link_page *page, bool is_yes, struct bytes *out)
{
	static const char *const words[2][2] = {{"Reject", "拒绝"}, {"Approve", "批准"}};

	bytes_append_text(out, "<form method=\"post\" action=\"");
	escape(out, is_yes ? page->yes_token : page->no_token);
	bytes_append_text(out, "\">\n");
	if (is_yes && page->choice_count > 0)
		append_choices(page, out);
	else if (is_yes && page->wants_value)
		bytes_append_format(
			out,
			"<p><label>%s: <input name=\"value\" required maxlength=\"1000\">"
			"</label></p>\n",
			page->is_zh ? "值" : "value");
	bytes_append_format(out,
			    "<p><label>%s: <input name=\"reason\" maxlength=\"1000\"></label></p>\n"
			    "<button>%s</button></form>\n",
			    page->is_zh ? "原因" : "reason", words[is_yes][page->is_zh]);
}

void link_append_question(const struct link_page *page, struct bytes *out)
{
	begin(page->is_zh, page->is_zh ? "等待您的审批" : "Your answer is needed", out);
	bytes_append_text(out, "<pre>");
	escape(out, page->question);
	bytes_append_text(out, "</pre>\n");
	append_fact(out, page->is_zh ? "预案" : "plan", page->plan);
	append_fact(out, page->is_zh ? "事件" : "incident", page->incident);
	append_fact(out, page->is_zh ? "审批人" : "you are", page->person);
	append_fact(out, page->is_zh ? "有效期至" : "until", page->expires);
	append_form(page, page->is_yes_first, out);
	append_form(page, !page->is_yes_first, out);
	end(out);
}

void link_append_notice(bool is_zh, const char *title, const char *text, struct bytes *out)
{
	begin(is_zh, title, out);
	bytes_append_text(out, "<p>");
	escape(out, text);
	bytes_append_text(out, "</p>\n");
	end(out);
}

/* ---- forms ---- */

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void decode(struct slice text, struct bytes *out)
{
	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];
		int high = i + 2 < text.length ? hex_of(text.data[i + 1]) : -1;
		int low = i + 2 < text.length ? hex_of(text.data[i + 2]) : -1;

		if (c == '%' && high >= 0 && low >= 0) {
			bytes_append_char(out, (char)(16 * high + low));
			i += 2;
		} else {
			bytes_append_char(out, c == '+' ? ' ' : c);
		}
	}
}

char *link_form_value(struct slice body, const char *name)
{
	size_t name_length = strlen(name), at = 0;

	while (at < body.length && body.length <= LINK_FORM_BYTES_MAX) {
		const char *pair = body.data + at;
		const char *stop = memchr(pair, '&', body.length - at);
		size_t length = stop != NULL ? (size_t)(stop - pair) : body.length - at;
		struct bytes value = BYTES_EMPTY;

		at += length + 1;
		if (length <= name_length || memcmp(pair, name, name_length) != 0 ||
		    pair[name_length] != '=')
			continue;
		decode((struct slice){pair + name_length + 1, length - name_length - 1}, &value);
		return bytes_take_text(&value);
	}
	return NULL;
}
