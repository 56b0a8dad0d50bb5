/** line_diff.h - what differs between two texts, as a unified diff that `patch` reads.
 *
 *  Myers' greedy algorithm ("An O(ND) Difference Algorithm", 1986) on lines, after what both begin
 *  and end with is cut off. Past LINE_DIFF_EDITS_MAX edits the middle is shown as replaced whole:
 *  still a right diff, only not the shortest.
 */
#ifndef TOCSIN_CORE_CLI_LINE_DIFF_H
#define TOCSIN_CORE_CLI_LINE_DIFF_H

#include <stdbool.h>

struct bytes;

enum { LINE_DIFF_EDITS_MAX = 1000, LINE_DIFF_CONTEXT = 3 };

/** Appends nothing when the texts are equal. Whether they differ. */
bool line_diff(const char *from, const char *from_label, const char *to, const char *to_label,
	       struct bytes *out);

#endif
