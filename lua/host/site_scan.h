/** site_scan.h - which rule and plan files a site has: <kind>/<name>/<version>.lua, sorted by
 *  name and version. */
#ifndef TOCSIN_LUA_HOST_SITE_SCAN_H
#define TOCSIN_LUA_HOST_SITE_SCAN_H

#include <stdbool.h>
#include <stdint.h>

struct err_note;
struct report;

struct site_file {
	char *path;        /**< as the user would write it: "<site>/rules/x/1.lua" */
	char *script_name; /**< "rules/x/1.lua" */
	char *name;
	uint32_t version;
};

struct site_files {
	struct site_file *items;
	uint32_t count, capacity;
};

/** Adds the files under <site>/<kind> ("rules", "plans"). Names that cannot be are reported;
 *  test.lua, hidden
 *  files and files that are not .lua are left alone. A site without the folder has no such files.
 *  ERR_IO; ERR_FULL past SITE_FILES_MAX. */
int site_scan(const char *site_dir, const char *kind, struct site_files *out, struct report *report,
	      struct err_note *why);
void site_files_deinit(struct site_files *files);

/** What the folder of a rule or plan may be called: 1 to 64 bytes of letters, digits, `_ - .` and
 *  UTF-8 letters, no leading dot. */
bool site_is_name(const char *name);

#endif
