#include "core/app/app_internal.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/plan/plan_engine.h"
#include "core/rule/versions.h"
#include "lua/host/generation.h"
#include "storage/script_store.h"

#include <string.h>

void app_keep_source(struct app *app, const struct versions *versions, const char *name,
		     uint32_t version, const char *source)
{
	const struct version_row *row = versions_find(versions, name, version);
	/* Versions older than those that are kept are accepted without becoming known. */
	if (row != NULL)
		script_store_put(app->scripts, row->hash, source);
}

int app_kept_source(const struct app *app, const struct versions *versions, const char *name,
		    uint32_t version, char **out)
{
	const struct version_row *row = versions_find(versions, name, version);
	struct err_note why = {{0}};
	if (row == NULL)
		return ERR_NOT_FOUND;
	int code = script_store_get(app->scripts, row->hash, out, &why);
	if (code != 0 && code != ERR_NOT_FOUND)
		log_error(STORAGE, "the kept source of %s@%u: %s", name, version, why.text);
	return code;
}

static void log_outcome(const struct report *report, const char *kind, const char *name,
			uint32_t version, int code)
{
	char text[ERR_NOTE_BYTES_MAX] = "";
	if (report->count > 0)
		finding_format(&report->findings[0], text, sizeof(text));
	if (code == 0)
		log_info(CONFIG, "%s %s@%u goes on as it was accepted", kind, name, version);
	else
		log_error(CONFIG, "%s %s@%u cannot go on as it was accepted: %s", kind, name,
			  version, text);
}

/** One kept script on its way to what it was loaded as. */
struct kept_load {
	struct kept_script script;
	char *source;
	struct report report;
};

static int load_begin(struct kept_load *load, const struct app *app,
		      const struct versions *versions, const char *name, uint32_t version)
{
	*load = (struct kept_load){0};
	int code = app_kept_source(app, versions, name, version, &load->source);
	if (code != 0)
		return code;
	load->script = (struct kept_script){name, version, load->source};
	report_init(&load->report);
	return 0;
}

/** `code` is what came of it; returned. */
static int load_end(struct kept_load *load, const char *kind, int code)
{
	log_outcome(&load->report, kind, load->script.name, load->script.version, code);
	report_deinit(&load->report);
	mem_free(load->source);
	return code;
}

int app_kept_rule(const struct app *app, struct config *config, const char *name, uint32_t version,
		  struct rule **out)
{
	struct kept_load load;
	int code = load_begin(&load, app, app->rule_versions, name, version);
	if (code != 0)
		return code;
	code = generation_rule(&load.script, config, out, &load.report);
	return load_end(&load, "rule", code);
}

int app_kept_plan(const struct app *app, struct config *config, const char *name, uint32_t version,
		  struct plan **out)
{
	struct kept_load load;
	int code = load_begin(&load, app, app->plan_versions, name, version);
	if (code != 0)
		return code;
	code = generation_plan(&load.script, config, out, &load.report);
	return load_end(&load, "plan", code);
}

static void need_version(void *arg, const char *name, const struct version_row *row)
{
	(void)name;
	script_store_need(arg, row->hash);
}

static void need_hash(void *arg, const char *hash)
{
	script_store_need(arg, hash);
}

void app_sweep_sources(struct app *app)
{
	script_store_sweep_begin(app->scripts);
	versions_each(app->rule_versions, NULL, need_version, app->scripts);
	versions_each(app->plan_versions, NULL, need_version, app->scripts);
	plan_engine_each_script(app->plans, need_hash, app->scripts);
	uint32_t count = script_store_sweep_end(app->scripts);
	if (count > 0)
		log_info(STORAGE, "%u kept sources are not needed any more", count);
}
