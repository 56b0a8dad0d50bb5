/** keyspace.h - every key layout, in one table. Integers big-endian: memcmp order is their order;
 *  of signed ones the sign bit is turned round.
 *
 *  prefix  key                                    value
 *  "P"     metric id (16), start_ms (8, signed),  panes of a start (core/window/window_rows.c)
 *            row (4)
 *  "L"     metric id (16)                         how far its panes are rolled up
 *  "s"     source name, 0, partition name, 0      position, watermark, counters
 *  "S"     source name                            counters, watermark; with 0 "d": dead letters
 *  "e"     rule name                              how far it is evaluated, and as of when
 *  "a"     rule name, 0, dimension key            alert state
 *  "y"     rule name, 0, dimension key          what a script keeps for the key, its timers
 *  "c"     rule name, 0; or with                  since when its windows are corrected; level and
 *            window end (8, signed), dimension key  value of a window before a late reading
 *  "l"     time_ms (8), alert id                  alert document (JSON): the alert log
 *  "r"     rule name                              versions and states (JSON)
 *  "p"     plan name                              versions and states (JSON)
 *  "i"     incident number (8)                    incident (JSON)
 *  "I"     incident number (8), rule|dimension    alert that joined it while it is open: fires (1)
 *  "t"     incident number (8), sequence (4)      timeline record (JSON)
 *  "R"     plan run id text                       plan run (JSON)
 *  "j"     plan run id text, 0, sequence (4)      journal record (JSON)
 *  "K"     lock name                              lease of a plan run (JSON); without a name:
 *                                                   the latest fence
 *  "D"     plan name                              when it was drilled, and done last (JSON)
 *  "x"     version hash text                      source of a kept version or run (text)
 *  "o"     target name, 0, sequence (8)           outbox row (JSON)
 *  "d"     target name, 0, sequence (8)           outbox dead letter (JSON)
 *  "M"     output name, 0, incident number (8)    message that tells of the incident (JSON)
 *  "W"     incident number (8)                    what was told of it, to whom (JSON)
 *  "T"     id of a link (16)                      when it expires: it was used
 *  "A"     sequence (8), time_ms (8)              who did what: a row of the audit log (JSON)
 *  "k"     rule name, 0, dimension key            alert that is open, and who was told of it
 *  "h"     alert id (32)                          what was decided of an alert (core/handling)
 *            time_ms (8, signed), count (4)         what happened to it later
 *  "g"     group id (32)                          group of alerts that wait for one document
 *  "G"     group id (32), sequence (4)            alert that is held in a group
 *  "q"     silence number (8)                     silence (JSON)
 *  "v"     rule name                              version that runs as its shadow
 *  "V"     rule name, 0, side (4), sequence (8)   alert of the active version or the shadow (JSON)
 *  "H"     kind (1), rule name, 0, time_ms or     what a rule's windows had (core/engine/
 *            day (8, signed) or dimension key      engine_history.h)
 *  "N"     page number (8)                        page that is held for later (JSON)
 *  "Q"     person or nothing, 0, output name, 0   when pages went that way (8 bytes each)
 *  "C"     incident number (8), chain name, 0     chain at work (JSON: core/escalation/chain_run.h)
 *  "O"     override number (8)                    who is on call instead, by command (JSON)
 *  "m"     name                                   engine-wide settings and counters
 *
 *  Every value is sealed: version byte, XXH3-64 of the rest (8 bytes), content. keyspace_unseal()
 *  refuses another version or a wrong checksum with ERR_CORRUPT. Version 1 had a row for each pane,
 *  version 2 an alert state of one bit.
 */
#ifndef TOCSIN_STORAGE_KEYSPACE_H
#define TOCSIN_STORAGE_KEYSPACE_H

#include <stdint.h>

#include "core/base/bytes.h"

struct err_note;

#define KEYSPACE_LIST(X)                                                                           \
	X(PANE, 'P')                                                                               \
	X(LEVEL, 'L')                                                                              \
	X(POSITION, 's')                                                                           \
	X(SOURCE, 'S')                                                                             \
	X(EVALUATED, 'e')                                                                          \
	X(ALERT, 'a')                                                                              \
	X(SCRIPT_KEY, 'y')                                                                         \
	X(CORRECTION, 'c')                                                                         \
	X(ALERT_LOG, 'l')                                                                          \
	X(RULE, 'r')                                                                               \
	X(PLAN, 'p')                                                                               \
	X(INCIDENT, 'i')                                                                           \
	X(INCIDENT_ALERT, 'I')                                                                     \
	X(TIMELINE, 't')                                                                           \
	X(RUN, 'R')                                                                                \
	X(JOURNAL, 'j')                                                                            \
	X(LOCK, 'K')                                                                               \
	X(DRILL, 'D')                                                                              \
	X(SCRIPT, 'x')                                                                             \
	X(OUTBOX, 'o')                                                                             \
	X(OUTBOX_DEAD, 'd')                                                                        \
	X(LEDGER, 'M')                                                                             \
	X(NEWS, 'W')                                                                               \
	X(LINK, 'T')                                                                               \
	X(AUDIT, 'A')                                                                              \
	X(OPEN_ALERT, 'k')                                                                         \
	X(FATE, 'h')                                                                               \
	X(GROUP, 'g')                                                                              \
	X(HELD, 'G')                                                                               \
	X(SILENCE, 'q')                                                                            \
	X(SHADOW, 'v')                                                                             \
	X(SHADOW_ALERT, 'V')                                                                       \
	X(HISTORY, 'H')                                                                            \
	X(PAGE, 'N')                                                                               \
	X(PAGE_USED, 'Q')                                                                          \
	X(CHAIN_RUN, 'C')                                                                          \
	X(OVERRIDE, 'O')                                                                           \
	X(META, 'm')

enum keyspace {
#define KEYSPACE_ENUM(name, letter) KEYSPACE_##name = (letter),
	KEYSPACE_LIST(KEYSPACE_ENUM)
#undef KEYSPACE_ENUM
};

/** Builders: clear `key`, write the prefix, then the parts are appended in order. */
void key_begin(struct bytes *key, enum keyspace space);
void key_add_text(struct bytes *key, const char *text); /**< text and a 0 byte; text has no 0 */
void key_add_bytes(struct bytes *key, struct slice part);
void key_add_u32(struct bytes *key, uint32_t part);
void key_add_u64(struct bytes *key, uint64_t part);
void key_add_time(struct bytes *key, int64_t ms); /**< negative times are clamped to 0 */
void key_add_signed(struct bytes *key, int64_t part);

/** Reading a key back: skips the prefix; text up to its 0 byte. */
struct byte_reader key_read(struct slice key);
struct slice key_read_text(struct byte_reader *reader);
int64_t key_read_signed(struct byte_reader *reader);

void keyspace_seal(struct bytes *out, struct slice content); /**< clears `out` first */
/** Content borrowed from `value`. */
int keyspace_unseal(struct slice value, struct slice *content, struct err_note *why);

#endif
