/** check_note.h - what is no fault, but good to know before a rule runs: what it costs, and what a
 *  new version does to the state of the one before it.
 */
#ifndef TOCSIN_CORE_CLI_CHECK_NOTE_H
#define TOCSIN_CORE_CLI_CHECK_NOTE_H

struct generation;
struct report;

/** The line on which `key = …` stands first, or 1. */
int check_note_line(const char *source, const char *key);

/** Of the newest version of each rule. */
void check_note_costs(const struct generation *generation, struct report *out);

/** The newest version of each rule of `site` against the one before it, as if that one ran; of
 *  files that `checked` has as well. */
void check_note_impacts(const struct generation *site, const struct generation *checked,
			struct report *out);

#endif
