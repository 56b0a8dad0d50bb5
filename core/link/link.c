#include "core/link/link.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/channel/sign.h"

#include <string.h>

enum { CLAIM_VERSION = 1 };

static const char purpose[] = "tocsin link 1\n";

/* ---- base64 for URLs ---- */

static void append_base64url(struct bytes *out, struct slice data)
{
	size_t start = out->length;

	sign_append_base64(out, data);
	while (out->length > start && out->data[out->length - 1] == '=')
		out->length--;
	out->data[out->length] = '\0';
	for (size_t i = start; i < out->length; i++)
		out->data[i] = out->data[i] == '+' ? '-' : out->data[i] == '/' ? '_' : out->data[i];
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/** Only the one form that append_base64url() gives. */
static bool read_base64url(struct slice text, struct bytes *out)
{
	uint32_t bits = 0;
	int count = 0;

	for (size_t i = 0; i < text.length; i++) {
		int value = value_of(text.data[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		bytes_append_u8(out, (uint8_t)(bits >> count & 0xff));
	}
	return count < 6 && (bits & ((UINT32_C(1) << count) - 1)) == 0;
}

/* ---- claims ---- */

static void append_text(struct bytes *out, const char *text)
{
	bytes_append_be16(out, (uint16_t)strlen(text));
	bytes_append_text(out, text);
}

static void append_claim(const struct link_claim *claim, struct bytes *out)
{
	bytes_append_u8(out, CLAIM_VERSION);
	bytes_append_u8(out, claim->is_yes);
	bytes_append_be64(out, (uint64_t)claim->expires_ms);
	append_text(out, claim->run);
	append_text(out, claim->step);
	append_text(out, claim->person);
}

static char *read_text(struct byte_reader *reader)
{
	uint16_t length = byte_reader_be16(reader);
	struct slice text = byte_reader_bytes(reader, length);

	return mem_copy_bytes(text.length > 0 ? text.data : "", text.length);
}

static bool read_claim(struct slice claim, struct link_read *out)
{
	struct byte_reader reader = byte_reader_of(claim);
	bool is_known = byte_reader_u8(&reader) == CLAIM_VERSION;

	out->is_yes = byte_reader_u8(&reader) == 1;
	out->expires_ms = (int64_t)byte_reader_be64(&reader);
	out->run = read_text(&reader);
	out->step = read_text(&reader);
	out->person = read_text(&reader);
	return is_known && !reader.has_failed && reader.left == 0;
}

static void sign(const char *secret, struct slice claim, unsigned char mac[SIGN_MAC_BYTES])
{
	struct bytes text = BYTES_EMPTY;

	bytes_append_text(&text, purpose);
	bytes_append_slice(&text, claim);
	sign_mac(secret, bytes_slice(&text), mac);
	bytes_deinit(&text);
}

int link_append_token(const char *secret, const struct link_claim *claim, struct bytes *out,
		      struct err_note *why)
{
	unsigned char mac[SIGN_MAC_BYTES];
	struct bytes text = BYTES_EMPTY;

	if (strlen(claim->run) > LINK_TEXT_BYTES_MAX || strlen(claim->step) > LINK_TEXT_BYTES_MAX ||
	    strlen(claim->person) > LINK_TEXT_BYTES_MAX)
		return err_set(why, ERR_RANGE,
			       "a link holds a run, a step and a person of at most %d bytes each",
			       LINK_TEXT_BYTES_MAX);
	append_claim(claim, &text);
	sign(secret, bytes_slice(&text), mac);
	append_base64url(out, bytes_slice(&text));
	bytes_append_char(out, '.');
	append_base64url(out, (struct slice){(const char *)mac, sizeof(mac)});
	bytes_deinit(&text);
	return 0;
}

static bool is_signed(const char *secret, struct slice claim, struct slice given,
		      unsigned char id[LINK_ID_BYTES])
{
	unsigned char mac[SIGN_MAC_BYTES];

	sign(secret, claim, mac);
	memcpy(id, mac, LINK_ID_BYTES);
	return given.length == sizeof(mac) && sign_mac_equal(mac, (const void *)given.data);
}

int link_read_token(const char *secret, const char *token, int64_t now_ms, struct link_read *out,
		    struct err_note *why)
{
	const char *point = strchr(token, '.');
	struct bytes claim = BYTES_EMPTY, mac = BYTES_EMPTY;
	struct link_read read = {0};
	bool is_good = point != NULL && strlen(token) <= LINK_TOKEN_BYTES_MAX &&
		       read_base64url((struct slice){token, (size_t)(point - token)}, &claim) &&
		       read_base64url(slice_of(point + 1), &mac);
	int code = 0;

	/* Nothing of a claim is looked at before its signature. */
	is_good = is_good && is_signed(secret, bytes_slice(&claim), bytes_slice(&mac), read.id) &&
		  read_claim(bytes_slice(&claim), &read);
	if (!is_good)
		code = err_set(why, ERR_DENIED, "this link is not one of this program");
	else if (now_ms >= read.expires_ms)
		code = err_set(why, ERR_CONFLICT, "this link has expired");
	bytes_deinit(&claim);
	bytes_deinit(&mac);
	if (code != 0)
		link_read_deinit(&read);
	else
		*out = read;
	return code;
}

void link_read_deinit(struct link_read *read)
{
	mem_free(read->run);
	mem_free(read->step);
	mem_free(read->person);
	*read = (struct link_read){0};
}
