/* SPDX-License-Identifier: Apache-2.0 */
/* The server of an emulated board: its bundle, and its reports as marks in the write log. */
#include "emulator/host-service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUNDLE_PATH "/update.ota"
#define SETTLE_MS   2000
#define REFUSED     503

bool yp_emulator_service_report_text(const struct yp_subject_reports *reports, const char *body, char *out,
				     size_t out_bytes)
{
	struct yp_subject_report report;
	bool good = reports && reports->read(body, strlen(body), &report);
	if (good)
		(void)snprintf(out, out_bytes, "report:%s:%s:%s:%s", report.id, report.event, report.version,
			       report.reason);
	for (char *c = out; good && *c; c++) {
		if ((unsigned char)*c < 0x20)
			*c = '?';
	}
	return good;
}

/* In a thread of the origin. If the power is off the mark comes too late for this log, and is in the next cycle's world. */
static void report_taken(void *ctx, const char *body)
{
	struct yp_emulator_service *service = ctx;
	char text[200];
	if (service->store && yp_emulator_service_report_text(service->subject->reports, body, text, sizeof text) &&
	    yp_emulator_store_mark(service->store, YP_MARK_WORLD, text) != 0)
		return;
}

static int map_bundle(struct yp_emulator_service *service, const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = fstat(fd, &status) < 0 ? -errno : status.st_size > 0 ? 0 : -EINVAL;
	void *bytes = r == 0 ? mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	if (r == 0 && bytes == MAP_FAILED)
		r = -errno;
	(void)close(fd);
	if (r == 0) {
		service->bundle = bytes;
		/* As web servers make it: the same for every run with this file. */
		(void)snprintf(service->etag, sizeof service->etag, "\"%llx-%llx\"",
			       (unsigned long long)status.st_mtime, (unsigned long long)status.st_size);
		service->bundle_bytes = (size_t)status.st_size;
	}
	return r;
}

static int find_certificate(struct yp_emulator_service *service, const char *images)
{
	static const char *const dirs[] = {"", "/pki"};
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		(void)snprintf(service->certificate, sizeof service->certificate, "%s%s/tls.pem", images, dirs[i]);
		(void)snprintf(service->key, sizeof service->key, "%s%s/tls.key", images, dirs[i]);
		if (access(service->certificate, R_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

int yp_emulator_service_init(struct yp_emulator_service *service, const struct yp_subject *subject,
			     struct yp_emulator_store *store, const char *images, const struct yp_emulator_run *run,
			     char *detail, size_t detail_bytes)
{
	struct yp_network_origin_tls tls = {0};
	*service = (struct yp_emulator_service){.subject = subject, .store = store};
	int r = find_certificate(service, images);
	if (r < 0) {
		(void)snprintf(detail, detail_bytes, "%.120s/tls.pem: %s; make the images", images, strerror(-r));
		return r;
	}
	tls.certificate = service->certificate;
	tls.key = service->key;
	r = run->bundle ? map_bundle(service, run->bundle) : 0;
	if (r < 0) {
		(void)snprintf(detail, detail_bytes, "%.120s: %s", run->bundle, strerror(-r));
		return r;
	}
	r = yp_network_origin_new(&tls, &service->origin);
	if (r < 0) {
		(void)snprintf(detail, detail_bytes, "origin with %.120s: %s", service->certificate, strerror(-r));
		yp_emulator_service_deinit(service);
		return r;
	}
	if (service->bundle)
		yp_network_origin_file(service->origin, BUNDLE_PATH, service->bundle, service->bundle_bytes,
				       service->etag);
	if (run->report_down) {
		service->rule = (struct yp_network_rule){
		    .lie = YP_NETWORK_HTTP_STATUS, .path = YP_NETWORK_REPORT_PATH, .method = "POST", .arg = REFUSED};
		yp_network_origin_script(service->origin, &service->rule, 1, NULL);
	}
	yp_network_origin_on_report(service->origin, report_taken, service);
	return 0;
}

int yp_emulator_service_record(struct yp_emulator_service *service, struct yp_emulator_result *result)
{
	struct yp_network_origin_record *record = malloc(sizeof *record);
	if (!record)
		return -ENOMEM;
	yp_network_origin_settle(service->origin, SETTLE_MS);
	yp_network_origin_record(service->origin, record);
	result->requests = record->requests;
	result->bytes_served = record->body_bytes;
	result->reports = record->reports;
	for (unsigned i = 0; i < record->reports && i < YP_EMULATOR_REPORTS_MAX; i++)
		(void)snprintf(result->report[i], sizeof result->report[i], "%.*s", (int)sizeof result->report[i] - 1,
			       record->report[i]);
	free(record);
	return 0;
}

void yp_emulator_service_deinit(struct yp_emulator_service *service)
{
	yp_network_origin_free(service->origin);
	service->origin = NULL;
	if (service->bundle)
		(void)munmap(service->bundle, service->bundle_bytes);
	service->bundle = NULL;
}
