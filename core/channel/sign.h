/** sign.h - the signatures that robots want. HMAC-SHA256 and base64 by libcrypto.
 *
 *  DingTalk (open.dingtalk.com/document/robots/customize-robot-security-settings): key = secret,
 *  text = milliseconds LF secret; base64, then percent-encoded into the query.
 *  Feishu (open.feishu.cn/document/client-docs/bot-v3/add-custom-bot): key = seconds LF secret,
 *  text empty; base64, into the body.
 */
#ifndef TOCSIN_CORE_CHANNEL_SIGN_H
#define TOCSIN_CORE_CHANNEL_SIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

enum { SIGN_TEXT_BYTES_MAX = 64 };

/** Not percent-encoded yet. */
void sign_dingtalk(const char *secret, int64_t ms, char out[SIGN_TEXT_BYTES_MAX]);
void sign_feishu(const char *secret, int64_t seconds, char out[SIGN_TEXT_BYTES_MAX]);

enum { SIGN_MAC_BYTES = 32 };
/** HMAC-SHA256. */
void sign_mac(const char *key, struct slice text, unsigned char mac[SIGN_MAC_BYTES]);
/** Takes the same time wherever they differ. */
bool sign_mac_equal(const unsigned char a[SIGN_MAC_BYTES], const unsigned char b[SIGN_MAC_BYTES]);

void sign_append_base64(struct bytes *out, struct slice data);
/** RFC 3986: all but letters, digits and `-._~`. */
void sign_append_percent(struct bytes *out, struct slice text);

#endif
