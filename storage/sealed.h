/** sealed.h - what is under the keys of one prefix, unsealed. */
#ifndef TOCSIN_STORAGE_SEALED_H
#define TOCSIN_STORAGE_SEALED_H

#include "core/base/bytes.h"

struct err_note;
struct kv;

/** The content of each value in the order of the keys, borrowed until `each` returns. Ends at the
 *  first one that is damaged: ERR_CORRUPT. */
int sealed_each(struct kv *kv, struct slice prefix, void (*each)(void *arg, struct slice content),
		void *arg, struct err_note *why);

#endif
