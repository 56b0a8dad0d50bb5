/** banned.h - makes dangerous libc calls uncompilable. Included by the build before every file. */
#ifndef TOCSIN_CORE_BASE_BANNED_H
#define TOCSIN_CORE_BASE_BANNED_H
#ifndef __cplusplus
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#define BANNED(name, instead) name##_is_banned_use_##instead
#undef strcpy
#define strcpy(a, b) BANNED(strcpy, bytes_append)
#undef strcat
#define strcat(a, b) BANNED(strcat, bytes_append)
#undef strncpy
#define strncpy(a, b, c) BANNED(strncpy, snprintf)
#undef strncat
#define strncat(a, b, c) BANNED(strncat, bytes_append)
#undef sprintf
#define sprintf(...) BANNED(sprintf, snprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf, vsnprintf)
#undef gmtime
#define gmtime(a) BANNED(gmtime, timestamp_format)
#undef localtime
#define localtime(a) BANNED(localtime, zone_local)
#undef system
#define system(a) BANNED(system, process_start)
#undef popen
#define popen(a, b) BANNED(popen, process_start)
#endif
#endif
