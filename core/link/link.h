/** link.h - links that answer a question of a plan: one person, one answer, once, until then.
 *
 *      https://tocsin.example.com/link/<token>
 *      token = base64url(claim) "." base64url(HMAC-SHA256(secret, "tocsin link 1\n" claim))
 *      claim = 1, answer (1), expires_ms (8), then run, step, person as length (2) and bytes
 *
 *  Whoever has the link is taken for the person, so it goes only where that person alone reads.
 *  Opening it (GET) answers nothing, as programs that preview links open them too; a press of the
 *  page's button (POST) does. Which question is open, and who may answer it, the plan engine
 *  decides when the answer comes.
 *  A used link is remembered until it expires, in the batch of its answer.
 *  Owner: links_new() result owned. Threads: loop thread. Limit: LINKS_USED_MAX used links; past it
 *  the one that expires first is forgotten (its question was answered anyway).
 */
#ifndef TOCSIN_CORE_LINK_LINK_H
#define TOCSIN_CORE_LINK_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct commit;
struct err_note;
struct kv;
struct links;

enum { LINK_TEXT_BYTES_MAX = 512, LINK_TOKEN_BYTES_MAX = 2560, LINKS_USED_MAX = 10000 };
enum { LINK_ID_BYTES = 16, LINK_SECRET_BYTES_MIN = 16 };

struct link_claim {
	const char *run, *step, *person; /**< at most LINK_TEXT_BYTES_MAX each */
	bool is_yes;
	int64_t expires_ms; /**< wall */
};

/** What a token says; texts owned. */
struct link_read {
	char *run, *step, *person;
	bool is_yes;
	int64_t expires_ms;
	unsigned char id[LINK_ID_BYTES]; /**< of the signature: the same for the same claim */
};

/** Appends the token. ERR_RANGE: a text that is too long. */
int link_append_token(const char *secret, const struct link_claim *claim, struct bytes *out,
		      struct err_note *why);
/** ERR_DENIED: not signed with this secret (also: no token at all); ERR_CONFLICT: expired. */
int link_read_token(const char *secret, const char *token, int64_t now_ms, struct link_read *out,
		    struct err_note *why);
void link_read_deinit(struct link_read *read);

/** Reads the used ones. ERR_IO, ERR_CORRUPT. */
int links_new(struct links **out, struct kv *kv, struct commit *commit, struct err_note *why);
void links_free(struct links *links);
bool links_is_used(const struct links *links, const unsigned char id[LINK_ID_BYTES]);
/** In commit_batch(), with the answer. Forgets those that have expired. */
void links_use(struct links *links, const struct link_read *read, int64_t now_ms);
uint32_t links_used_count(const struct links *links);

#endif
