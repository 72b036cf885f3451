/* SPDX-License-Identifier: Apache-2.0 */
/* The relay is exact to the byte in both directions, and its record is correct. */
#include "network/relay/relay.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "network/wire.h"

#define TOTAL_BYTES 200000u
#define WAIT_MS     5000

/* Accepts connections one after the other: sends TOTAL_BYTES of a pattern, and reads until the end. */
struct talker {
	struct yp_network_port port;
	int listener;
	pthread_t thread;
	uint64_t heard; /* of the last connection */
};

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 31 + i / 253);
}

static int await(int fd, short events, int wait_ms)
{
	struct pollfd ready = {.fd = fd, .events = events};

	return poll(&ready, 1, wait_ms);
}

static void *talk(void *ctx)
{
	struct talker *talker = ctx;
	uint8_t *data = malloc(TOTAL_BYTES);

	for (size_t i = 0; i < TOTAL_BYTES; i++)
		data[i] = pattern(i);
	for (;;) {
		uint8_t in[4096];
		ssize_t got;
		int fd;

		(void)await(talker->listener, POLLIN, -1);
		fd = accept(talker->listener, NULL, NULL);
		if (fd < 0)
			break;
		__atomic_store_n(&talker->heard, 0, __ATOMIC_SEQ_CST);
		for (size_t at = 0; at < TOTAL_BYTES;) {
			ssize_t sent = send(fd, data + at, TOTAL_BYTES - at, MSG_NOSIGNAL);

			if (sent <= 0)
				break;
			at += (size_t)sent;
		}
		shutdown(fd, SHUT_WR);
		while ((got = recv(fd, in, sizeof(in), 0)) > 0)
			__atomic_add_fetch(&talker->heard, (uint64_t)got, __ATOMIC_SEQ_CST);
		close(fd);
	}
	free(data);
	return NULL;
}

struct bench {
	struct talker talker;
	struct yp_network_relay *relay;
};

static void set_up(struct bench *bench)
{
	cr_assert_eq(yp_network_port_open(&bench->talker.port), 0);
	bench->talker.listener = yp_network_port_listen(&bench->talker.port, 8);
	cr_assert_geq(bench->talker.listener, 0);
	cr_assert_eq(pthread_create(&bench->talker.thread, NULL, talk, &bench->talker), 0);
	cr_assert_eq(yp_network_relay_new(bench->talker.port.number, &bench->relay), 0);
}

static void tear_down(struct bench *bench)
{
	yp_network_relay_free(bench->relay);
	shutdown(bench->talker.listener, SHUT_RDWR);
	pthread_join(bench->talker.thread, NULL);
	close(bench->talker.listener);
	yp_network_port_close(&bench->talker.port);
}

/* What a client gets. error: 0 for a FIN, ECONNRESET ..., ETIMEDOUT for silence. */
struct got {
	uint64_t bytes, wrong, first_wrong;
	int error;
};

static struct got listen_through(const struct bench *bench, size_t say_bytes, int wait_ms)
{
	struct got got = {.first_wrong = UINT64_MAX};
	int fd = yp_network_port_connect(yp_network_relay_port(bench->relay));
	uint8_t data[4096] = {0};

	cr_assert_geq(fd, 0);
	if (await(fd, POLLOUT, wait_ms) <= 0) {
		got.error = ETIMEDOUT;
		close(fd);
		return got;
	}
	if (say_bytes > 0)
		(void)!send(fd, data, say_bytes, MSG_NOSIGNAL);
	for (;;) {
		ssize_t size;

		if (await(fd, POLLIN, wait_ms) <= 0) {
			got.error = ETIMEDOUT;
			break;
		}
		size = recv(fd, data, sizeof(data), 0);
		if (size <= 0) {
			got.error = size < 0 ? errno : 0;
			break;
		}
		for (ssize_t i = 0; i < size; i++, got.bytes++) {
			if (data[i] == pattern(got.bytes))
				continue;
			got.wrong++;
			got.first_wrong = got.first_wrong == UINT64_MAX ? got.bytes : got.first_wrong;
		}
	}
	close(fd);
	return got;
}

Test(relay, passes_everything)
{
	struct yp_network_relay_record record;
	struct bench bench;
	struct got got;

	set_up(&bench);
	got = listen_through(&bench, 0, WAIT_MS);
	cr_expect(got.bytes == TOTAL_BYTES && got.wrong == 0 && got.error == 0);
	yp_network_relay_record(bench.relay, &record);
	cr_expect(record.connections == 1 && record.landed == 0 && record.down_bytes == TOTAL_BYTES);
	tear_down(&bench);
}

/* At byte n means: n bytes came, the next did not; once means: the next connection is whole. */
Test(relay, cuts_at_the_byte)
{
	static const uint64_t at[] = {0, 1, 2, 511, 4096, 65535, 65536, 65537, 131072, TOTAL_BYTES - 1};
	static const struct {
		enum yp_network_cut cut;
		int error;
	} cuts[] = {{YP_NETWORK_CUT_RESET, ECONNRESET}, {YP_NETWORK_CUT_CLOSE, 0}, {YP_NETWORK_CUT_STALL, ETIMEDOUT}};
	struct bench bench;

	set_up(&bench);
	for (unsigned c = 0; c < 3; c++)
		for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
			struct yp_network_cut_spec spec = {
			    .cut = cuts[c].cut, .place = YP_NETWORK_CUT_DOWN, .byte = (int64_t)at[i]};
			struct yp_network_relay_record record;
			struct got got;

			yp_network_relay_set(bench.relay, &spec);
			got = listen_through(&bench, 0, spec.cut == YP_NETWORK_CUT_STALL ? 100 : WAIT_MS);
			cr_expect_eq(got.bytes, at[i], "%s at %llu: %llu bytes", yp_network_cut_name(spec.cut),
				     (unsigned long long)at[i], (unsigned long long)got.bytes);
			cr_expect_eq(got.error, cuts[c].error, "%s at %llu: %s", yp_network_cut_name(spec.cut),
				     (unsigned long long)at[i], strerror(got.error));
			yp_network_relay_record(bench.relay, &record);
			cr_expect(record.landed == 1 && record.byte == at[i] && record.direction == 'd' &&
				  record.connection == 1);
			got = listen_through(&bench, 0, WAIT_MS);
			cr_expect(got.bytes == TOTAL_BYTES && got.wrong == 0, "once");
		}
	tear_down(&bench);
}

Test(relay, flips_one_bit)
{
	static const uint64_t at[] = {0, 1, 65535, 65536, TOTAL_BYTES - 1};
	struct bench bench;

	set_up(&bench);
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct yp_network_cut_spec spec = {
		    .cut = YP_NETWORK_CUT_FLIP, .place = YP_NETWORK_CUT_DOWN, .byte = (int64_t)at[i]};
		struct got got;

		yp_network_relay_set(bench.relay, &spec);
		got = listen_through(&bench, 0, WAIT_MS);
		cr_expect(got.bytes == TOTAL_BYTES && got.wrong == 1 && got.first_wrong == at[i],
			  "at %llu: %llu wrong, first %llu", (unsigned long long)at[i], (unsigned long long)got.wrong,
			  (unsigned long long)got.first_wrong);
	}
	tear_down(&bench);
}

/* Up: the server receives exactly so many bytes. */
Test(relay, cuts_upwards)
{
	struct bench bench;

	set_up(&bench);
	for (int64_t at = 0; at < 300; at += 99) {
		struct yp_network_cut_spec spec = {.cut = YP_NETWORK_CUT_CLOSE, .place = YP_NETWORK_CUT_UP, .byte = at};
		struct yp_network_relay_record record;

		yp_network_relay_set(bench.relay, &spec);
		(void)listen_through(&bench, 300, WAIT_MS);
		yp_network_relay_record(bench.relay, &record);
		cr_expect(record.landed == 1 && record.byte == (uint64_t)at && record.direction == 'u');
		cr_expect_eq(record.up_bytes, (uint64_t)at);
	}
	tear_down(&bench);
}

Test(relay, connections)
{
	static const struct yp_network_cut_spec refuse = {.cut = YP_NETWORK_CUT_REFUSE},
						hole = {.cut = YP_NETWORK_CUT_BLACK_HOLE},
						none = {.cut = YP_NETWORK_CUT_NONE},
						every = {.cut = YP_NETWORK_CUT_EVERY, .arg = 1000};
	struct bench bench;
	struct got got;

	set_up(&bench);
	yp_network_relay_set(bench.relay, &refuse);
	got = listen_through(&bench, 0, 500);
	cr_expect(got.bytes == 0 && got.error == ECONNREFUSED, "%s", strerror(got.error));
	yp_network_relay_set(bench.relay, &hole);
	got = listen_through(&bench, 0, 300);
	cr_expect(got.bytes == 0 && got.error == ETIMEDOUT, "%s", strerror(got.error));
	yp_network_relay_set(bench.relay, &every);
	for (unsigned i = 0; i < 3; i++) {
		got = listen_through(&bench, 0, WAIT_MS);
		cr_expect(got.bytes == 1000 && got.error == ECONNRESET);
	}
	yp_network_relay_set(bench.relay, &none);
	got = listen_through(&bench, 0, WAIT_MS);
	cr_expect(got.bytes == TOTAL_BYTES && got.error == 0);
	tear_down(&bench);
}

/* A slow and a dark relay delay the bytes, and deliver all of them. */
Test(relay, takes_its_time)
{
	static const struct yp_network_cut_spec
	    drip = {.cut = YP_NETWORK_CUT_DRIP, .place = YP_NETWORK_CUT_DOWN, .byte = 100000, .arg = 200000},
	    dark = {.cut = YP_NETWORK_CUT_DARK, .place = YP_NETWORK_CUT_DOWN, .byte = 5000, .arg = 300};
	struct bench bench;
	struct got got;
	int64_t start_ms;

	set_up(&bench);
	yp_network_relay_set(bench.relay, &drip);
	start_ms = yp_network_wire_now_ms();
	got = listen_through(&bench, 0, WAIT_MS);
	cr_expect(got.bytes == TOTAL_BYTES && got.wrong == 0 && got.error == 0);
	cr_expect_geq(yp_network_wire_now_ms() - start_ms, 400);
	yp_network_relay_set(bench.relay, &dark);
	start_ms = yp_network_wire_now_ms();
	got = listen_through(&bench, 0, WAIT_MS);
	cr_expect(got.bytes == TOTAL_BYTES && got.wrong == 0 && got.error == 0);
	cr_expect_geq(yp_network_wire_now_ms() - start_ms, 290);
	tear_down(&bench);
}
