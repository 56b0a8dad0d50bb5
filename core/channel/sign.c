#include "core/channel/sign.h"

#include "core/base/mem.h"
#include "core/base/require.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <inttypes.h>
#include <limits.h>
#include <string.h>

void sign_mac(const char *key, struct slice text, unsigned char mac[SIGN_MAC_BYTES])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	size_t key_length = strlen(key);

	REQUIRE(key_length <= INT_MAX);
	REQUIRE(HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)text.data,
		     text.length, digest, &length));
	REQUIRE(length == SIGN_MAC_BYTES);
	memcpy(mac, digest, SIGN_MAC_BYTES);
}

bool sign_mac_equal(const unsigned char a[SIGN_MAC_BYTES], const unsigned char b[SIGN_MAC_BYTES])
{
	return CRYPTO_memcmp(a, b, SIGN_MAC_BYTES) == 0;
}

static void sign(const char *key, const char *text, char out[SIGN_TEXT_BYTES_MAX])
{
	unsigned char mac[SIGN_MAC_BYTES];

	sign_mac(key, slice_of(text), mac);
	EVP_EncodeBlock((unsigned char *)out, mac, SIGN_MAC_BYTES);
}

static char *time_and_secret(int64_t time, const char *secret)
{
	return mem_format("%" PRId64 "\n%s", time, secret);
}

static void free_secret(char *text)
{
	OPENSSL_cleanse(text, strlen(text));
	mem_free(text);
}

void sign_dingtalk(const char *secret, int64_t ms, char out[SIGN_TEXT_BYTES_MAX])
{
	char *text = time_and_secret(ms, secret);

	sign(secret, text, out);
	free_secret(text);
}

void sign_feishu(const char *secret, int64_t seconds, char out[SIGN_TEXT_BYTES_MAX])
{
	char *key = time_and_secret(seconds, secret);

	sign(key, "", out);
	free_secret(key);
}

void sign_append_base64(struct bytes *out, struct slice data)
{
	size_t length = (data.length + 2) / 3 * 4;

	REQUIRE(data.length <= INT_MAX / 2);
	bytes_reserve(out, length + 1);
	EVP_EncodeBlock((unsigned char *)out->data + out->length, (const unsigned char *)data.data,
			(int)data.length);
	out->length += length;
	out->data[out->length] = '\0';
}

void sign_append_percent(struct bytes *out, struct slice text)
{
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.data[i];
		bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				(c >= '0' && c <= '9') || (c != '\0' && strchr("-._~", c));

		if (is_plain)
			bytes_append_char(out, (char)c);
		else
			bytes_append_format(out, "%%%02X", c);
	}
}
