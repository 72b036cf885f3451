/* SPDX-License-Identifier: Apache-2.0 */
/* The name server: RFC 1035, as much of it as one question of one type needs. */
#include "network/server/name-server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "network/wire.h"

#define PORT           53
#define PACKET_BYTES   512u
#define HEADER_BYTES   12u
#define TYPE_A         1u
#define TYPE_AAAA      28u
#define RCODE_SERVFAIL 2u
#define RCODE_NXDOMAIN 3u

struct yp_network_names {
	int fd;
	struct yp_network_wake wake;
	pthread_t thread;
	pthread_mutex_t mutex; /* all below */
	bool stopping;
	enum yp_network_names_lie lie;
	uint32_t arg;
	unsigned times, told;
};

/* Where the question ends, or 0. *type: of the requested address. */
static size_t read_question(const uint8_t *packet, size_t size, unsigned *type)
{
	size_t at = HEADER_BYTES;

	if (size < HEADER_BYTES || packet[4] != 0 || packet[5] != 1)
		return 0;
	while (at < size && packet[at] != 0)
		at += packet[at] + 1u;
	if (at + 5 > size)
		return 0;
	*type = (unsigned)packet[at + 1] << 8 | packet[at + 2];
	return at + 5;
}

static size_t add_address(uint8_t *packet, size_t at, unsigned type, const uint8_t *address, size_t address_bytes)
{
	/* The name by pointer to the question, type, class IN, no time to live. */
	const uint8_t record[] = {0xc0, HEADER_BYTES, 0, (uint8_t)type, 0, 1, 0, 0, 0, 0, 0, (uint8_t)address_bytes};

	memcpy(packet + at, record, sizeof(record));
	memcpy(packet + at + sizeof(record), address, address_bytes);
	packet[7] = 1;
	return at + sizeof(record) + address_bytes;
}

/* Makes the answer in place. Returns its size; 0: none. */
static size_t write_answer(uint8_t packet[PACKET_BYTES], size_t size, enum yp_network_names_lie lie)
{
	static const uint8_t here[4] = {127, 0, 0, 1}, elsewhere[4] = {127, 9, 9, 9};
	static const uint8_t here6[16] = {[15] = 1};
	unsigned type = 0;
	size_t end = read_question(packet, size, &type);

	if (end == 0 || end + 28 > PACKET_BYTES || lie == YP_NETWORK_NAMES_SILENT)
		return 0;
	packet[2] = 0x85; /* answer, authoritative, recursion was desired */
	packet[3] = 0x80;
	memset(packet + 6, 0, 6);
	switch (lie) {
	case YP_NETWORK_NAMES_NXDOMAIN:
		packet[3] |= RCODE_NXDOMAIN;
		return end;
	case YP_NETWORK_NAMES_SERVFAIL:
		packet[3] |= RCODE_SERVFAIL;
		return end;
	case YP_NETWORK_NAMES_EMPTY:
		return end;
	case YP_NETWORK_NAMES_GARBAGE:
		memset(packet + 2, 0xa5, end - 2);
		return end;
	default:
		break;
	}
	if (type == TYPE_A)
		return add_address(packet, end, type, lie == YP_NETWORK_NAMES_ELSEWHERE ? elsewhere : here, 4);
	if (type == TYPE_AAAA && lie == YP_NETWORK_NAMES_IPV6)
		return add_address(packet, end, type, here6, 16);
	return end;
}

static void serve_names(struct yp_network_names *names)
{
	uint8_t packet[PACKET_BYTES];
	struct sockaddr_in from;
	socklen_t from_size = sizeof(from);
	ssize_t size = recvfrom(names->fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_size);
	enum yp_network_names_lie lie;
	struct pollfd stop = {.fd = names->wake.fds[0], .events = POLLIN};
	uint32_t wait_ms;

	if (size <= 0)
		return;
	pthread_mutex_lock(&names->mutex);
	lie = names->times == 0 || names->told < names->times ? names->lie : YP_NETWORK_NAMES_TRUTH;
	names->told += lie != YP_NETWORK_NAMES_TRUTH;
	wait_ms = lie == YP_NETWORK_NAMES_SLOW ? names->arg : 0;
	pthread_mutex_unlock(&names->mutex);
	if (wait_ms > 0)
		(void)poll(&stop, 1, (int)wait_ms);
	size = (ssize_t)write_answer(packet, (size_t)size, lie);
	if (size > 0)
		(void)sendto(names->fd, packet, (size_t)size, 0, (struct sockaddr *)&from, from_size);
}

static void *names_main(void *ctx)
{
	struct yp_network_names *names = ctx;
	bool stopping = false;

	while (!stopping) {
		struct pollfd fds[2] = {{.fd = names->wake.fds[0], .events = POLLIN},
					{.fd = names->fd, .events = POLLIN}};

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			yp_network_wake_drain(&names->wake);
		if (fds[1].revents)
			serve_names(names);
		pthread_mutex_lock(&names->mutex);
		stopping = names->stopping;
		pthread_mutex_unlock(&names->mutex);
	}
	return NULL;
}

static void free_names(struct yp_network_names *names)
{
	if (names->fd >= 0)
		close(names->fd);
	yp_network_wake_close(&names->wake);
	pthread_mutex_destroy(&names->mutex);
	free(names);
}

int yp_network_names_new(struct yp_network_names **out)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(PORT)};
	struct yp_network_names *names = calloc(1, sizeof(*names));
	int result;

	if (!names)
		return -ENOMEM;
	names->wake.fds[0] = names->wake.fds[1] = -1;
	pthread_mutex_init(&names->mutex, NULL);
	names->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	result = names->fd < 0 || bind(names->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ? -errno : 0;
	if (result == 0)
		result = yp_network_wake_open(&names->wake);
	if (result == 0)
		result = -pthread_create(&names->thread, NULL, names_main, names);
	if (result == 0)
		*out = names;
	else
		free_names(names);
	return result;
}

void yp_network_names_free(struct yp_network_names *names)
{
	if (!names)
		return;
	pthread_mutex_lock(&names->mutex);
	names->stopping = true;
	pthread_mutex_unlock(&names->mutex);
	yp_network_wake_up(&names->wake);
	pthread_join(names->thread, NULL);
	free_names(names);
}

void yp_network_names_script(struct yp_network_names *names, enum yp_network_names_lie lie, uint32_t arg,
			     unsigned times)
{
	pthread_mutex_lock(&names->mutex);
	names->lie = lie;
	names->arg = arg;
	names->times = times;
	names->told = 0;
	pthread_mutex_unlock(&names->mutex);
	yp_network_wake_up(&names->wake);
}

unsigned yp_network_names_told(struct yp_network_names *names)
{
	unsigned told;

	pthread_mutex_lock(&names->mutex);
	told = names->told;
	pthread_mutex_unlock(&names->mutex);
	return told;
}
