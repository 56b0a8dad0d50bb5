#include "core/channel/sign.h"

#include <criterion/criterion.h>

/* Expected values by Python's hmac and by `openssl dgst -sha256 -hmac`, with the algorithms that
 * the vendors print. */

Test(sign, dingtalk_signs_time_and_secret_with_the_secret)
{
	char signature[SIGN_TEXT_BYTES_MAX];
	struct bytes encoded = BYTES_EMPTY;

	sign_dingtalk("this is secret", 1577262236757, signature);
	cr_expect_str_eq(signature, "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM=");
	sign_append_percent(&encoded, slice_of(signature));
	cr_expect_str_eq(encoded.data, "hmPWwU%2B7lVdm3ZZz0r9tSfx0L4Q26jWOZr9%2BGs6EZQM%3D");
	bytes_deinit(&encoded);
}

Test(sign, feishu_signs_nothing_with_time_and_secret)
{
	char signature[SIGN_TEXT_BYTES_MAX];

	sign_feishu("demo", 1599360473, signature);
	cr_expect_str_eq(signature, "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=");
}

Test(sign, base64_has_padding_as_in_rfc_4648)
{
	static const struct {
		const char *plain, *encoded;
	} vectors[] = {{"f", "Zg=="},        {"fo", "Zm8="},        {"foo", "Zm9v"},
		       {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct bytes out = BYTES_EMPTY;

		sign_append_base64(&out, slice_of(vectors[i].plain));
		cr_expect_str_eq(out.data, vectors[i].encoded);
		bytes_deinit(&out);
	}
}

Test(sign, percent_leaves_only_unreserved_letters)
{
	struct bytes out = BYTES_EMPTY;

	sign_append_percent(&out, slice_of("aZ9-._~+/= &中"));
	cr_expect_str_eq(out.data, "aZ9-._~%2B%2F%3D%20%26%E4%B8%AD");
	bytes_deinit(&out);
}
