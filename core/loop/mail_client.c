#include "core/loop/mail_client.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/loop/http_client_internal.h"

#include <string.h>

static bool is_one_word(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f || *text == '<' || *text == '>')
			return false;
	return true;
}

static int vet(const struct mail_call_options *options, struct err_note *why)
{
	bool is_good = strncmp(options->url, "smtp://", 7) == 0 ||
		       strncmp(options->url, "smtps://", 8) == 0;

	if (!is_good || !is_one_word(options->url))
		return err_set(why, ERR_INVALID, "this is not an smtp or smtps URL");
	is_good = is_one_word(options->from) && options->to[0] != NULL;
	for (const char *const *to = options->to; *to != NULL; to++)
		is_good = is_good && is_one_word(*to);
	if (!is_good)
		return err_set(why, ERR_INVALID, "an address of the mail has blanks or brackets");
	return 0;
}

static size_t on_upload(char *data, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;
	size_t length = call->upload.length - call->uploaded;

	if (length > size * count)
		length = size * count;
	if (length > 0)
		memcpy(data, call->upload.data + call->uploaded, length);
	call->uploaded += length;
	return length;
}

static void append_address(struct curl_slist **list, const char *address)
{
	char *bracketed = mem_format("<%s>", address);

	*list = curl_slist_append(*list, bracketed);
	mem_free(bracketed);
}

static void set_options(struct http_call *call, const struct mail_call_options *options)
{
	CURL *easy = call->easy;
	char *from = mem_format("<%s>", options->from);

	curl_easy_setopt(easy, CURLOPT_URL, options->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(easy, CURLOPT_USE_SSL,
			 options->has_tls ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_NONE);
	if (options->user != NULL) {
		curl_easy_setopt(easy, CURLOPT_USERNAME, options->user);
		curl_easy_setopt(easy, CURLOPT_PASSWORD,
				 options->password != NULL ? options->password : "");
	}
	curl_easy_setopt(easy, CURLOPT_MAIL_FROM, from);
	for (const char *const *to = options->to; *to != NULL; to++)
		append_address(&call->recipients, *to);
	curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, call->recipients);
	curl_easy_setopt(easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
	bytes_append_slice(&call->upload, options->text);
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload);
	curl_easy_setopt(easy, CURLOPT_READDATA, call);
	mem_free(from);
}

int mail_call_start(struct http_call **out, struct http_client *client,
		    const struct mail_call_options *options,
		    void (*on_done)(void *arg, const struct http_result *result), void *arg,
		    struct err_note *why)
{
	const struct http_call_limits limits = {options->connect_ms, options->total_ms, 0};
	struct http_call *call = NULL;
	int code = vet(options, why);

	if (code == 0)
		code = http_call_new(&call, client, &limits, on_done, arg, why);
	if (code != 0)
		return code;
	set_options(call, options);
	code = http_call_launch(call, why);
	if (code == 0)
		*out = call;
	return code;
}
