/** impact.h - what happens to the state of a rule when another version takes over?
 *
 *      panes    counted readings of the window: kept when both versions count the same metric
 *      states   what the rule knows about each key: pending, flapping, silent, a script's own
 *      history  of a rule that is compared with its past: what windows and days had
 *      alerts   those that are firing
 *
 *  Computed from the two versions alone, so it can be told before anything changes: `check`,
 *  `reload`, and `rule activate --plan` show the same sentences. The engine does what it says
 *  (core/engine/engine_install.c; tests/integration/lifecycle compares the two).
 */
#ifndef TOCSIN_CORE_RULE_IMPACT_H
#define TOCSIN_CORE_RULE_IMPACT_H

#include <stdbool.h>
#include <stdint.h>

struct bytes;
struct config;
struct metric;
struct rule;

#define IMPACT_FATE_LIST(X) X(NONE, "none") X(KEPT, "kept") X(REBUILT, "rebuilt") X(LOST, "lost")
enum impact_fate {
#define IMPACT_FATE_ENUM(name, text) IMPACT_##name,
	IMPACT_FATE_LIST(IMPACT_FATE_ENUM)
#undef IMPACT_FATE_ENUM
};

enum { IMPACT_TEXT_BYTES_MAX = 320, IMPACT_FIRING_UNKNOWN = -1 };

struct impact_part {
	enum impact_fate fate;
	char text[IMPACT_TEXT_BYTES_MAX]; /**< why, in one sentence */
};

struct impact {
	struct impact_part panes, states, history, alerts;
	bool has_history; /**< one of the versions is compared with its past */
};

/** What is there when versions change: the site, and the active rules, which may share panes.
 *  Owner: impact_scene_open() borrows config and rules until impact_scene_close(). */
struct impact_scene {
	const struct config *config;
	struct rule *const *others; /**< may hold the rule that is replaced */
	uint32_t other_count;
	struct metric **metrics; /**< of the others; NULL: the rule does not fit the site */
};

/** Compiles the filter of each rule: once for all changes of a reload. */
void impact_scene_open(struct impact_scene *scene, const struct config *config,
		       struct rule *const *others, uint32_t other_count);
void impact_scene_close(struct impact_scene *scene);

/** `from` NULL: nothing ran. `to` NULL: nothing will run (disabled or removed). `firing_count` is
 *  that of `from`, or IMPACT_FIRING_UNKNOWN. */
void impact_compute(const struct rule *from, const struct rule *to,
		    const struct impact_scene *scene, int64_t firing_count, struct impact *out);

const char *impact_fate_name(enum impact_fate fate);

/** "panes kept: …; states rebuilt: …; alerts lost: …"; history where there is one. */
void impact_append_text(const struct impact *impact, struct bytes *out);

#endif
