#include "storage/kv_rocksdb_room.h"

#include "core/base/log.h"
#include "core/base/mem.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static void make_ballast(struct kv_room *room)
{
	int fd = open(room->ballast_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);

	if (fd < 0)
		return;
	/* Real blocks: a sparse file would free nothing when it is deleted. */
	room->has_ballast = posix_fallocate(fd, 0, KV_ROOM_BALLAST_BYTES) == 0;
	close(fd);
	if (!room->has_ballast)
		(void)unlink(room->ballast_path);
}

static void drop_ballast(struct kv_room *room)
{
	if (unlink(room->ballast_path) != 0)
		return;
	room->has_ballast = false;
	log_warn(STORAGE, "disk full: ballast \"%s\" deleted to let the store go on",
		 room->ballast_path);
}

static void look(struct kv_room *room, int64_t now_ms)
{
	struct statvfs facts;
	uint64_t free_bytes;
	bool had_room = room->has_room;

	room->checked_ms = now_ms;
	/* Not known is not full: a wrong "no" would stop all input for ever. */
	room->has_room = true;
	if (statvfs(room->directory, &facts) != 0)
		return;
	free_bytes = (uint64_t)facts.f_bavail * facts.f_frsize;
	room->has_room = free_bytes >= room->free_bytes_min;
	if (had_room != room->has_room)
		log_warn(STORAGE, "disk of \"%s\": %" PRIu64 " bytes free, %s", room->directory,
			 free_bytes,
			 room->has_room ? "input may go on" : "too little: input must wait");
	if (free_bytes < KV_ROOM_BALLAST_BYTES)
		drop_ballast(room);
	else if (!room->has_ballast && room->has_room &&
		 free_bytes - KV_ROOM_BALLAST_BYTES >= room->free_bytes_min)
		make_ballast(room);
}

static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return mem_copy_text(".");
	return slash == path ? mem_copy_text("/") : mem_copy_bytes(path, (size_t)(slash - path));
}

void kv_room_init(struct kv_room *room, const char *store_path, uint64_t free_bytes_min,
		  int64_t now_ms)
{
	*room = (struct kv_room){
		.directory = parent_of(store_path),
		.ballast_path = mem_format("%s.ballast", store_path),
		.free_bytes_min = free_bytes_min ? free_bytes_min : KV_ROOM_FREE_BYTES_DEFAULT,
		.has_room = true,
	};
	pthread_mutex_init(&room->lock, NULL);
	room->has_ballast = access(room->ballast_path, F_OK) == 0;
	look(room, now_ms);
}

void kv_room_deinit(struct kv_room *room)
{
	pthread_mutex_destroy(&room->lock);
	mem_free(room->directory);
	mem_free(room->ballast_path);
}

bool kv_room_check(struct kv_room *room, int64_t now_ms)
{
	bool has_room;

	pthread_mutex_lock(&room->lock);
	if (now_ms - room->checked_ms >= KV_ROOM_CHECK_MS)
		look(room, now_ms);
	has_room = room->has_room;
	pthread_mutex_unlock(&room->lock);
	return has_room;
}
