/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's clocks, and the request to stop that ends a wait early. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/monotonic-time.h"
#include "ota/linux.h"

struct ota_stop {
	int fd;
	atomic_bool requested; /* several threads may ask */
	sigset_t before;
};

int ota_stop_new(struct ota_stop **out)
{
	struct ota_stop *stop = calloc(1, sizeof(*stop));
	sigset_t set;
	int result;

	if (stop == NULL)
		return -ENOMEM;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, &stop->before) != 0) {
		result = -errno;
		free(stop);
		return result;
	}
	stop->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (stop->fd < 0) {
		result = -errno;
		(void)sigprocmask(SIG_SETMASK, &stop->before, NULL);
		free(stop);
		return result;
	}
	*out = stop;
	return 0;
}

void ota_stop_free(struct ota_stop *stop)
{
	if (stop == NULL)
		return;
	(void)close(stop->fd);
	(void)sigprocmask(SIG_SETMASK, &stop->before, NULL);
	free(stop);
}

bool ota_stop_requested(struct ota_stop *stop)
{
	struct signalfd_siginfo info;

	if (atomic_load(&stop->requested))
		return true;
	if (read(stop->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	atomic_store(&stop->requested, true);
	return true;
}

int ota_stop_fd(const struct ota_stop *stop)
{
	return stop->fd;
}

static int64_t clock_realtime_s(void *clock)
{
	struct timespec now = {0};

	(void)clock;
	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with these arguments */
	return (int64_t)now.tv_sec;
}

static int64_t clock_monotonic_ms(void *clock)
{
	(void)clock;
	return ota_monotonic_ms();
}

static int clock_sleep_ms(void *clock, uint32_t ms)
{
	struct ota_stop *stop = clock;
	struct pollfd watched = {.fd = stop->fd, .events = POLLIN};
	int64_t end_ms = ota_monotonic_ms() + ms;
	int64_t left_ms;

	for (;;) {
		if (ota_stop_requested(stop))
			return -EINTR;
		left_ms = end_ms - ota_monotonic_ms();
		if (left_ms <= 0)
			return 0;
		if (poll(&watched, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms) < 0 && errno != EINTR)
			return -errno;
	}
}

void ota_clock_linux(struct ota_stop *stop, struct ota_clock *out)
{
	static const struct ota_clock_ops ops = {
	    .realtime_s = clock_realtime_s,
	    .monotonic_ms = clock_monotonic_ms,
	    .sleep_ms = clock_sleep_ms,
	};

	out->ops = &ops;
	out->clock = stop;
}
