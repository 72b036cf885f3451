/* SPDX-License-Identifier: Apache-2.0 */
/* The block server's media as files, through libfuse's low-level interface. */
#define FUSE_USE_VERSION 35
#include "server/fuse/fuse-front.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fuse_lowlevel.h>

#define FIRST_INODE 2u /* 1 is the folder */
#define WRITE_MAX   (1024u * 1024u)
#define FOREVER_S   1e9

struct yp_fuse_front {
	struct yp_server *server;
	const struct yp_media *media;
	struct fuse_session *session;
	pthread_t thread;
	pthread_mutex_t partial; /* over a sector that is read, changed and written back */
	bool mounted, running;
};

static struct yp_fuse_front *front_of(fuse_req_t request)
{
	return fuse_req_userdata(request);
}

/* The export behind an inode; NULL: it is none of ours. The default export has no name, and so no file. */
static const struct yp_export *find_export(const struct yp_fuse_front *front, fuse_ino_t inode)
{
	const struct yp_export *export;

	if (inode < FIRST_INODE || inode - FIRST_INODE >= front->media->exports_count)
		return NULL;
	export = &front->media->exports[inode - FIRST_INODE];
	return export->name[0] != '\0' ? export : NULL;
}

static bool fill_attributes(const struct yp_fuse_front *front, fuse_ino_t inode, struct stat *out)
{
	const struct yp_export *export = find_export(front, inode);

	*out = (struct stat){.st_ino = inode, .st_nlink = 1, .st_blksize = 4096};
	if (inode == FUSE_ROOT_ID) {
		out->st_mode = S_IFDIR | 0700;
		out->st_nlink = 2;
		return true;
	}
	if (export == NULL)
		return false;
	out->st_mode = S_IFREG | 0600;
	out->st_size = (off_t) export->bytes;
	out->st_blocks = (blkcnt_t)(export->bytes / 512);
	return true;
}

static void reply_error(fuse_req_t request, int r)
{
	(void)fuse_reply_err(request, -r);
}

/* ---- names and attributes ---- */

static void front_init(void *userdata, struct fuse_conn_info *connection)
{
	(void)userdata;
	connection->max_write = WRITE_MAX;
}

static void front_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	const struct yp_fuse_front *front = front_of(request);

	for (unsigned i = 0; parent == FUSE_ROOT_ID && i < front->media->exports_count; i++) {
		struct fuse_entry_param entry = {
		    .ino = FIRST_INODE + i, .attr_timeout = FOREVER_S, .entry_timeout = FOREVER_S};

		if (strcmp(front->media->exports[i].name, name) == 0 &&
		    fill_attributes(front, entry.ino, &entry.attr)) {
			(void)fuse_reply_entry(request, &entry);
			return;
		}
	}
	reply_error(request, -ENOENT);
}

static void front_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
	struct stat attributes;

	(void)file;
	if (fill_attributes(front_of(request), inode, &attributes))
		(void)fuse_reply_attr(request, &attributes, FOREVER_S);
	else
		reply_error(request, -ENOENT);
}

/* Sizes, times and modes are what they are, as of a device node. */
static void front_setattr(fuse_req_t request, fuse_ino_t inode, struct stat *wanted, int what,
			  struct fuse_file_info *file)
{
	(void)wanted;
	(void)what;
	front_getattr(request, inode, file);
}

static void front_readdir(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, struct fuse_file_info *file)
{
	const struct yp_fuse_front *front = front_of(request);
	char *buffer = malloc(size);
	size_t used = 0;

	(void)file;
	if (inode != FUSE_ROOT_ID || buffer == NULL) {
		free(buffer);
		reply_error(request, inode != FUSE_ROOT_ID ? -ENOTDIR : -ENOMEM);
		return;
	}
	for (unsigned i = (unsigned)offset; i < front->media->exports_count; i++) {
		struct stat attributes;
		size_t bytes;

		if (!fill_attributes(front, FIRST_INODE + i, &attributes))
			continue;
		bytes = fuse_add_direntry(request, buffer + used, size - used, front->media->exports[i].name,
					  &attributes, (off_t)i + 1);
		if (bytes > size - used)
			break;
		used += bytes;
	}
	(void)fuse_reply_buf(request, buffer, used);
	free(buffer);
}

/* ---- files ---- */

static struct yp_client *client_of(const struct fuse_file_info *file)
{
	return (struct yp_client *)(uintptr_t)file->fh; // NOLINT(performance-no-int-to-ptr): what open put there
}

static void front_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
	struct yp_fuse_front *front = front_of(request);
	const struct yp_export *export = find_export(front, inode);
	struct yp_client *client = malloc(sizeof *client);
	int r = export == NULL ? -EISDIR : client == NULL ? -ENOMEM : yp_server_connect(front->server, export, client);

	if (r < 0) {
		free(client);
		reply_error(request, r == -ESHUTDOWN ? -ENXIO : r);
		return;
	}
	file->fh = (uint64_t)(uintptr_t)client;
	file->direct_io = 1;
	if (fuse_reply_open(request, file) == -ENOENT)
		free(client); /* the opener is gone already: no release will come */
}

static void front_release(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
	(void)inode;
	free(client_of(file));
	reply_error(request, 0);
}

/* The whole sectors around a range. */
struct span {
	uint64_t first, bytes; /* offset and length, in whole sectors */
	bool partial;
};

static struct span span_around(uint64_t offset, uint64_t bytes)
{
	uint64_t first = offset - offset % YP_SECTOR_BYTES;
	uint64_t end = (offset + bytes + YP_SECTOR_BYTES - 1) / YP_SECTOR_BYTES * YP_SECTOR_BYTES;

	return (struct span){first, end - first, first != offset || end != offset + bytes};
}

static void front_read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t at, struct fuse_file_info *file)
{
	struct yp_fuse_front *front = front_of(request);
	const struct yp_client *client = client_of(file);
	uint64_t offset = (uint64_t)at, end = client->export->bytes;
	struct span span;
	uint8_t *buffer;
	int r;

	(void)inode;
	if (offset >= end) {
		(void)fuse_reply_buf(request, NULL, 0);
		return;
	}
	size = size < end - offset ? size : (size_t)(end - offset);
	span = span_around(offset, size);
	buffer = malloc((size_t)span.bytes);
	r = buffer == NULL ? -ENOMEM : yp_server_read(front->server, client, span.first, (uint32_t)span.bytes, buffer);
	if (r < 0)
		reply_error(request, r == -ESHUTDOWN ? -EIO : r);
	else
		(void)fuse_reply_buf(request, (const char *)buffer + (offset - span.first), size);
	free(buffer);
}

/* A write that does not begin and end with a sector: what else is in them is read before, as a page cache would do. */
static int write_partial(struct yp_fuse_front *front, const struct yp_client *client, uint64_t offset, const void *data,
			 size_t size)
{
	struct span span = span_around(offset, size);
	uint8_t *buffer = malloc((size_t)span.bytes);
	int r;

	if (buffer == NULL)
		return -ENOMEM;
	(void)pthread_mutex_lock(&front->partial);
	r = yp_server_read(front->server, client, span.first, (uint32_t)span.bytes, buffer);
	if (r == 0) {
		memcpy(buffer + (offset - span.first), data, size);
		r = yp_server_write(front->server, client, span.first, (uint32_t)span.bytes, buffer, false);
	}
	(void)pthread_mutex_unlock(&front->partial);
	free(buffer);
	return r;
}

static void front_write(fuse_req_t request, fuse_ino_t inode, const char *data, size_t size, off_t at,
			struct fuse_file_info *file)
{
	struct yp_fuse_front *front = front_of(request);
	const struct yp_client *client = client_of(file);
	uint64_t offset = (uint64_t)at, end = client->export->bytes;
	int r;

	(void)inode;
	if (offset >= end && size > 0) {
		reply_error(request, -ENOSPC);
		return;
	}
	size = size < end - offset ? size : (size_t)(end - offset);
	r = span_around(offset, size).partial
		? write_partial(front, client, offset, data, size)
		: yp_server_write(front->server, client, offset, (uint32_t)size, data, false);
	if (r == 0 && (file->flags & (O_SYNC | O_DSYNC)) != 0)
		r = yp_server_flush(front->server, client);
	if (r < 0)
		reply_error(request, r == -ESHUTDOWN ? -EIO : r);
	else
		(void)fuse_reply_write(request, size);
}

static void front_fsync(fuse_req_t request, fuse_ino_t inode, int data_only, struct fuse_file_info *file)
{
	int r = yp_server_flush(front_of(request)->server, client_of(file));

	(void)inode;
	(void)data_only;
	reply_error(request, r == -ESHUTDOWN ? -EIO : r);
}

static void front_fallocate(fuse_req_t request, fuse_ino_t inode, int mode, off_t at, off_t length,
			    struct fuse_file_info *file)
{
	struct yp_fuse_front *front = front_of(request);
	const struct yp_client *client = client_of(file);
	uint64_t offset = (uint64_t)at, bytes = (uint64_t)length;
	int r = 0;

	(void)inode;
	if (offset > client->export->bytes || bytes > client->export->bytes - offset)
		r = -ENOSPC;
	else if (offset % YP_SECTOR_BYTES != 0 || bytes % YP_SECTOR_BYTES != 0)
		r = -EOPNOTSUPP;
	/* One request has 32 bits for its length. */
	for (uint64_t done = 0; r == 0 && done < bytes;) {
		uint32_t part = (uint32_t)(bytes - done < WRITE_MAX ? bytes - done : WRITE_MAX);

		if ((mode & FALLOC_FL_ZERO_RANGE) != 0)
			r = yp_server_write(front->server, client, offset + done, part, NULL, false);
		else if ((mode & FALLOC_FL_PUNCH_HOLE) != 0)
			r = yp_server_discard(front->server, client, offset + done, part);
		done += part;
	}
	reply_error(request, r == -ESHUTDOWN ? -EIO : r);
}

static const struct fuse_lowlevel_ops operations = {
    .init = front_init,
    .lookup = front_lookup,
    .getattr = front_getattr,
    .setattr = front_setattr,
    .readdir = front_readdir,
    .open = front_open,
    .release = front_release,
    .read = front_read,
    .write = front_write,
    .fsync = front_fsync,
    .fallocate = front_fallocate,
};

/* ---- start and stop ---- */

static void *serve_requests(void *arg)
{
	struct yp_fuse_front *front = arg;

	(void)fuse_session_loop(front->session);
	return NULL;
}

static int mount_front(struct yp_fuse_front *front, const char *folder, char *detail, size_t detail_bytes)
{
	char name[] = "yankproof";
	char *words[] = {name, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, words);
	int r;

	front->session = fuse_session_new(&args, &operations, sizeof operations, front);
	fuse_opt_free_args(&args);
	if (front->session == NULL) {
		(void)snprintf(detail, detail_bytes, "libfuse cannot be started");
		return -ENOMEM;
	}
	if (fuse_session_mount(front->session, folder) != 0) {
		(void)snprintf(detail, detail_bytes,
			       "%.80s: cannot be mounted with FUSE; root and /dev/fuse are needed", folder);
		return -EPERM;
	}
	front->mounted = true;
	r = pthread_create(&front->thread, NULL, serve_requests, front);
	if (r != 0) {
		(void)snprintf(detail, detail_bytes, "no thread: %s", strerror(r));
		return -r;
	}
	front->running = true;
	return 0;
}

int yp_fuse_front_start(struct yp_server *server, const struct yp_media *media, const char *folder,
			struct yp_fuse_front **out, char *detail, size_t detail_bytes)
{
	struct yp_fuse_front *front = calloc(1, sizeof *front);
	int r;

	*detail = '\0';
	if (front == NULL)
		return -ENOMEM;
	front->server = server;
	front->media = media;
	(void)pthread_mutex_init(&front->partial, NULL);
	r = mount_front(front, folder, detail, detail_bytes);
	if (r < 0)
		yp_fuse_front_stop(front);
	else
		*out = front;
	return r;
}

void yp_fuse_front_stop(struct yp_fuse_front *front)
{
	if (front == NULL)
		return;
	if (front->running)
		fuse_session_exit(front->session);
	if (front->mounted)
		fuse_session_unmount(front->session);
	if (front->running)
		(void)pthread_join(front->thread, NULL);
	if (front->session != NULL)
		fuse_session_destroy(front->session);
	(void)pthread_mutex_destroy(&front->partial);
	free(front);
}
