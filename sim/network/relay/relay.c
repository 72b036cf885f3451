/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* accept4, pipe2, POLLRDHUP, nftw */
/*
 * One thread, one poll() for all: bytes from one side are buffered until the other has taken them. A fault limits
 * how far a buffer may be passed on; when that limit is reached, it strikes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "network/relay/relay-link.h"

#define RECORD_DATA   23u /* content type: application data, also the encrypted end of a handshake */
#define DRIP_PIECE_MS 20

const char *yp_network_cut_name(enum yp_network_cut cut)
{
	static const char *const names[YP_NETWORK_CUT_COUNT] = {"none",   "reset",      "close", "stall",
								"drip",   "flip",       "dark",  "offline",
								"refuse", "black-hole", "large", "every"};

	return (unsigned)cut < YP_NETWORK_CUT_COUNT ? names[cut] : "?";
}

void relay_note(struct yp_network_relay *relay, const struct relay_link *link, enum relay_side from)
{
	struct yp_network_relay_record *record = &relay->record;

	if (record->landed++ > 0)
		return;
	record->connection = link ? link->number : 0;
	record->direction = from == SERVER ? 'd' : 'u';
	record->byte = link ? link->flows[from].out : 0;
	record->at_ms = yp_network_wire_now_ms() - relay->set_ms;
}

static void drop_link(struct yp_network_relay *relay, unsigned i, bool reset)
{
	struct relay_link *link = relay->links[i];

	for (unsigned s = 0; s < 2; s++) {
		if (reset)
			yp_network_wire_reset(link->fds[s]);
		close(link->fds[s]);
	}
	free(link);
	relay->links[i] = NULL;
}

void relay_drop_all(struct yp_network_relay *relay)
{
	for (unsigned i = 0; i < YP_NETWORK_RELAY_CONNECTIONS_MAX; i++)
		if (relay->links[i])
			drop_link(relay, i, true);
}

/* The fault happens on link i, in the direction that `from` sends. The link may be gone afterwards. */
static void apply_cut(struct yp_network_relay *relay, unsigned i, enum relay_side from)
{
	struct relay_link *link = relay->links[i];
	struct relay_flow *flow = &link->flows[from];
	const struct yp_network_cut_spec *spec = &relay->spec;

	link->struck = true;
	link->flows[CLIENT].limit = link->flows[SERVER].limit = RELAY_NO_LIMIT;
	relay_note(relay, link, from);
	switch (spec->cut) {
	case YP_NETWORK_CUT_RESET:
	case YP_NETWORK_CUT_EVERY:
		drop_link(relay, i, true);
		break;
	case YP_NETWORK_CUT_CLOSE:
		drop_link(relay, i, false);
		break;
	case YP_NETWORK_CUT_STALL:
	case YP_NETWORK_CUT_LARGE:
		link->stalled = true;
		break;
	case YP_NETWORK_CUT_DRIP:
		link->drip_bytes_s = spec->arg;
		break;
	case YP_NETWORK_CUT_FLIP:
		if (flow->at < flow->size)
			flow->data[flow->at] ^= 0x20;
		break;
	case YP_NETWORK_CUT_DARK:
		relay->dark_until_ms = yp_network_wire_now_ms() + spec->arg;
		break;
	case YP_NETWORK_CUT_OFFLINE:
		relay->offline_until_ms = yp_network_wire_now_ms() + spec->arg;
		relay_drop_all(relay);
		break;
	default:
		break;
	}
}

/* Whether the fault still waits for a connection such as this one. */
static bool is_wanted(const struct yp_network_relay *relay, const struct relay_link *link)
{
	const struct yp_network_cut_spec *spec = &relay->spec;

	return spec->cut != YP_NETWORK_CUT_NONE && !link->struck &&
	       (spec->for_ever || spec->cut == YP_NETWORK_CUT_EVERY || relay->record.landed == 0) &&
	       (spec->connection == 0 || spec->connection == link->number);
}

/* Sets the limits of a link from the spec and the strike. Under the lock. */
static void set_limits(struct yp_network_relay *relay, struct relay_link *link)
{
	const struct yp_network_cut_spec *spec = &relay->spec;
	const struct relay_strike *strike = &relay->strike;

	if (!is_wanted(relay, link)) {
		link->flows[CLIENT].limit = link->flows[SERVER].limit = RELAY_NO_LIMIT;
		return;
	}
	if (spec->cut == YP_NETWORK_CUT_EVERY)
		link->flows[SERVER].limit = spec->arg;
	else if (spec->cut == YP_NETWORK_CUT_REFUSE || spec->cut == YP_NETWORK_CUT_BLACK_HOLE ||
		 spec->cut == YP_NETWORK_CUT_LARGE)
		return;
	else if (spec->place == YP_NETWORK_CUT_DOWN)
		link->flows[SERVER].limit = (uint64_t)spec->byte;
	else if (spec->place == YP_NETWORK_CUT_UP)
		link->flows[CLIENT].limit = (uint64_t)spec->byte;
	else if (spec->place == YP_NETWORK_CUT_CALL && strike->waiting &&
		 (strike->peer == 0 || strike->peer == link->peer))
		link->flows[SERVER].limit =
		    strike->down_bytes > link->flows[SERVER].out ? strike->down_bytes : link->flows[SERVER].out;
}

/* Finds the TLS record that the fault waits for, in what was read last. */
static void follow_records(const struct yp_network_relay *relay, struct relay_link *link, size_t fresh)
{
	struct relay_flow *flow = &link->flows[CLIENT];
	const struct yp_network_cut_spec *spec = &relay->spec;
	uint64_t offset = flow->in - fresh;
	const uint8_t *data = flow->data + flow->size - fresh;

	for (size_t i = 0; i < fresh;) {
		if (flow->record_left > 0) {
			size_t skip = fresh - i < flow->record_left ? fresh - i : flow->record_left;

			flow->record_left -= (uint32_t)skip;
			i += skip;
			continue;
		}
		flow->header[flow->header_got++] = data[i++];
		if (flow->header_got < RELAY_RECORD_HEADER)
			continue;
		flow->header_got = 0;
		flow->record_left = (uint32_t)flow->header[3] << 8 | flow->header[4];
		if (flow->header[0] != RECORD_DATA || ++flow->data_records != spec->record ||
		    spec->place != YP_NETWORK_CUT_RECORD || !is_wanted(relay, link))
			continue;
		flow->limit = offset + i - RELAY_RECORD_HEADER +
			      (spec->byte < 0 ? RELAY_RECORD_HEADER + flow->record_left : (uint64_t)spec->byte);
	}
}

static bool may_pass(const struct yp_network_relay *relay, const struct relay_link *link, int64_t now_ms)
{
	return !link->stalled && now_ms >= relay->dark_until_ms;
}

/* Reads from side `from`. False: the link has failed. */
static bool take_in(struct yp_network_relay *relay, unsigned i, enum relay_side from)
{
	struct relay_link *link = relay->links[i];
	struct relay_flow *flow = &link->flows[from];
	ssize_t got;

	if (flow->size == RELAY_BUFFER_BYTES || flow->ended)
		return true;
	got = recv(link->fds[from], flow->data + flow->size, RELAY_BUFFER_BYTES - flow->size, 0);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	flow->ended = got == 0;
	flow->size += (size_t)got;
	flow->in += (uint64_t)got;
	if (from == CLIENT)
		follow_records(relay, link, (size_t)got);
	if (relay->spec.cut == YP_NETWORK_CUT_LARGE && (uint64_t)got > relay->spec.arg && is_wanted(relay, link))
		apply_cut(relay, i, from);
	return true;
}

/* Passes on as much as the limit, the drip and the other side allow. False: the link has failed. */
static bool pass_on(struct yp_network_relay *relay, struct relay_link *link, enum relay_side from, int64_t now_ms)
{
	struct relay_flow *flow = &link->flows[from];
	int to = link->fds[from == CLIENT ? SERVER : CLIENT];
	size_t size = flow->size - flow->at;
	ssize_t sent;

	if (size > flow->limit - flow->out)
		size = (size_t)(flow->limit - flow->out);
	if (link->drip_bytes_s > 0 && from == SERVER) {
		size_t piece = (link->drip_bytes_s * DRIP_PIECE_MS + 999) / 1000;

		if (now_ms < link->drip_next_ms)
			return true;
		if (size > piece)
			size = piece;
		if (size > 0)
			link->drip_next_ms = now_ms + (int64_t)size * 1000 / link->drip_bytes_s;
	}
	if (size > 0) {
		sent = send(to, flow->data + flow->at, size, MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR;
		flow->at += (size_t)sent;
		flow->out += (uint64_t)sent;
		if (from == SERVER)
			relay->record.down_bytes += (uint64_t)sent;
		else
			relay->record.up_bytes += (uint64_t)sent;
	}
	if (flow->at == flow->size)
		flow->at = flow->size = 0;
	if (flow->ended && flow->size == 0 && !flow->end_sent) {
		(void)shutdown(to, SHUT_WR);
		flow->end_sent = true;
	}
	return true;
}

/* Under the lock. */
static void serve_link(struct yp_network_relay *relay, unsigned i, const short events[2], int64_t now_ms)
{
	for (unsigned from = 0; from < 2; from++) {
		struct relay_link *link = relay->links[i];

		if (!link)
			return;
		if (link->stalled) { /* only to see that the client has gone */
			if (events[CLIENT] & (POLLHUP | POLLERR | POLLRDHUP))
				drop_link(relay, i, true);
			return;
		}
		if (!may_pass(relay, link, now_ms))
			return;
		if (events[from] & POLLERR && link->flows[from].ended) {
			drop_link(relay, i, true);
			return;
		}
		/* What came before a reset is still there to be read. */
		if ((events[from] & (POLLIN | POLLHUP | POLLERR)) && !take_in(relay, i, from)) {
			drop_link(relay, i, true);
			return;
		}
		/* A flip needs the byte itself. */
		if (link->flows[from].out == link->flows[from].limit &&
		    (relay->spec.cut != YP_NETWORK_CUT_FLIP || link->flows[from].at < link->flows[from].size))
			apply_cut(relay, i, from);
		link = relay->links[i];
		if (link && !link->stalled && !pass_on(relay, link, from, now_ms)) {
			drop_link(relay, i, true);
			return;
		}
		if (link && link->flows[from].out == link->flows[from].limit && relay->spec.cut != YP_NETWORK_CUT_FLIP)
			apply_cut(relay, i, from);
	}
	if (relay->links[i] && relay->links[i]->flows[0].end_sent && relay->links[i]->flows[1].end_sent)
		drop_link(relay, i, false);
}

static void accept_link(struct yp_network_relay *relay)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	unsigned place = 0;
	struct relay_link *link;
	int yes = 1;
	int fd = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	while (place < YP_NETWORK_RELAY_CONNECTIONS_MAX && relay->links[place])
		place++;
	link = place < YP_NETWORK_RELAY_CONNECTIONS_MAX ? calloc(1, sizeof(*link)) : NULL;
	if (!link) {
		close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	link->fds[CLIENT] = fd;
	link->fds[SERVER] = yp_network_port_connect(relay->server);
	if (link->fds[SERVER] < 0 || getsockname(link->fds[SERVER], (struct sockaddr *)&address, &size) != 0) {
		if (link->fds[SERVER] >= 0)
			close(link->fds[SERVER]);
		close(fd);
		free(link);
		return;
	}
	link->peer = ntohs(address.sin_port);
	link->number = ++relay->record.connections;
	link->flows[CLIENT].limit = link->flows[SERVER].limit = RELAY_NO_LIMIT;
	if (relay->spec.cut == YP_NETWORK_CUT_EVERY)
		link->drip_bytes_s = (uint32_t)relay->spec.byte;
	relay->links[place] = link;
	set_limits(relay, link);
	/* At the first byte: at once. */
	for (unsigned from = 0; from < 2; from++)
		if (relay->links[place] && relay->links[place]->flows[from].limit == 0 &&
		    relay->spec.cut != YP_NETWORK_CUT_FLIP)
			apply_cut(relay, place, from);
}

/* Under the lock: a new spec, or a strike. */
static void apply_spec(struct yp_network_relay *relay)
{
	if (relay->changed) {
		relay->dark_until_ms = relay->offline_until_ms = 0;
		relay->set_ms = yp_network_wire_now_ms();
		/* Connections that the old fault stalled or slowed stay lost. */
		relay_drop_all(relay);
	}
	for (unsigned i = 0; i < YP_NETWORK_RELAY_CONNECTIONS_MAX; i++)
		if (relay->links[i])
			set_limits(relay, relay->links[i]);
	/* Now, whether anything is connected or not. */
	if (relay->strike.waiting && relay->strike.peer == 0 && relay->record.landed == 0 &&
	    (relay->spec.cut == YP_NETWORK_CUT_DARK || relay->spec.cut == YP_NETWORK_CUT_OFFLINE)) {
		relay_note(relay, NULL, CLIENT);
		if (relay->spec.cut == YP_NETWORK_CUT_DARK)
			relay->dark_until_ms = yp_network_wire_now_ms() + relay->spec.arg;
		else
			relay->offline_until_ms = yp_network_wire_now_ms() + relay->spec.arg;
		if (relay->spec.cut == YP_NETWORK_CUT_OFFLINE)
			relay_drop_all(relay);
	}
	if (relay->strike.peer == 0)
		relay->strike.waiting = false;
	relay->changed = false;
	relay_mind_the_door(relay, yp_network_wire_now_ms());
	pthread_cond_broadcast(&relay->applied);
}

/* Fills the list to wait for. Returns how many; *wait_ms: until something is due by itself. */
static unsigned list_events(struct yp_network_relay *relay, struct pollfd *fds, unsigned *owner, int64_t now_ms,
			    int *wait_ms)
{
	unsigned n = 0;

	*wait_ms = -1;
	if (relay->dark_until_ms > now_ms)
		*wait_ms = (int)(relay->dark_until_ms - now_ms);
	if (relay->offline_until_ms > now_ms)
		*wait_ms = (int)(relay->offline_until_ms - now_ms);
	if (relay->spec.cut == YP_NETWORK_CUT_EVERY && relay->spec.cycle_ms > 0)
		*wait_ms = (int)(relay->spec.cycle_ms - (uint32_t)((now_ms - relay->set_ms) % relay->spec.cycle_ms));
	fds[n++] = (struct pollfd){.fd = relay->wake.fds[0], .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = relay->listening_full || relay->dark_until_ms > now_ms ? -1 : relay->listener,
				   .events = POLLIN};
	for (unsigned i = 0; i < YP_NETWORK_RELAY_CONNECTIONS_MAX; i++) {
		struct relay_link *link = relay->links[i];

		if (!link)
			continue;
		for (unsigned s = 0; s < 2; s++) {
			const struct relay_flow *out = &link->flows[1 - s];
			short events = 0;
			bool dripping = link->drip_bytes_s > 0 && s == CLIENT && now_ms < link->drip_next_ms;

			if (!link->flows[s].ended && link->flows[s].size < RELAY_BUFFER_BYTES)
				events |= POLLIN;
			if (out->at < out->size && !dripping)
				events |= POLLOUT;
			if (dripping && out->at < out->size && (*wait_ms < 0 || *wait_ms > DRIP_PIECE_MS))
				*wait_ms = (int)(link->drip_next_ms - now_ms) + 1;
			if (link->stalled)
				events = s == CLIENT ? POLLRDHUP : 0;
			owner[n] = i;
			fds[n++] = (struct pollfd){
			    .fd = relay->dark_until_ms > now_ms || (link->stalled && s == SERVER) ? -1 : link->fds[s],
			    .events = events};
		}
	}
	return n;
}

static void *relay_main(void *ctx)
{
	struct yp_network_relay *relay = ctx;
	struct pollfd fds[2 + 2 * YP_NETWORK_RELAY_CONNECTIONS_MAX];
	unsigned owner[2 + 2 * YP_NETWORK_RELAY_CONNECTIONS_MAX];
	bool stopping = false;

	pthread_mutex_lock(&relay->mutex);
	while (!stopping) {
		int64_t now_ms = yp_network_wire_now_ms();
		int wait_ms;
		unsigned count;

		if (relay->changed || relay->strike.waiting)
			apply_spec(relay);
		relay_mind_the_door(relay, now_ms);
		count = list_events(relay, fds, owner, now_ms, &wait_ms);
		pthread_mutex_unlock(&relay->mutex);
		if (poll(fds, count, wait_ms) < 0 && errno != EINTR)
			return NULL;
		yp_network_wake_drain(&relay->wake);
		pthread_mutex_lock(&relay->mutex);
		if (relay->changed || relay->strike.waiting)
			apply_spec(relay);
		now_ms = yp_network_wire_now_ms();
		for (unsigned n = 2; n + 1 < count; n += 2) {
			short events[2] = {fds[n].revents, fds[n + 1].revents};

			if (relay->links[owner[n]] && relay->links[owner[n]]->fds[CLIENT] >= 0)
				serve_link(relay, owner[n], events, now_ms);
		}
		if (fds[1].fd >= 0 && fds[1].fd == relay->listener && fds[1].revents)
			accept_link(relay);
		stopping = relay->stopping;
	}
	pthread_mutex_unlock(&relay->mutex);
	return NULL;
}

static void free_relay(struct yp_network_relay *relay)
{
	relay_drop_all(relay);
	relay_close_door(relay);
	yp_network_port_close(&relay->port);
	yp_network_wake_close(&relay->wake);
	pthread_cond_destroy(&relay->applied);
	pthread_mutex_destroy(&relay->mutex);
	free(relay);
}

int yp_network_relay_new(uint16_t server, struct yp_network_relay **out)
{
	struct yp_network_relay *relay = calloc(1, sizeof(*relay));
	int result;

	if (!relay)
		return -ENOMEM;
	(void)signal(SIGPIPE, SIG_IGN);
	relay->server = server;
	relay->listener = relay->port.reserved = -1;
	relay->wake.fds[0] = relay->wake.fds[1] = -1;
	for (unsigned i = 0; i < RELAY_FILLERS_MAX; i++)
		relay->fillers[i] = -1;
	relay->set_ms = yp_network_wire_now_ms();
	pthread_mutex_init(&relay->mutex, NULL);
	pthread_cond_init(&relay->applied, NULL);
	result = yp_network_wake_open(&relay->wake);
	if (result == 0)
		result = yp_network_port_open(&relay->port);
	if (result == 0) {
		relay_mind_the_door(relay, relay->set_ms);
		result = relay->listener < 0 ? relay->listener : 0;
	}
	if (result == 0)
		result = -pthread_create(&relay->thread, NULL, relay_main, relay);
	if (result == 0)
		*out = relay;
	else
		free_relay(relay);
	return result;
}

void yp_network_relay_free(struct yp_network_relay *relay)
{
	if (!relay)
		return;
	pthread_mutex_lock(&relay->mutex);
	relay->stopping = true;
	pthread_mutex_unlock(&relay->mutex);
	yp_network_wake_up(&relay->wake);
	pthread_join(relay->thread, NULL);
	free_relay(relay);
}

uint16_t yp_network_relay_port(const struct yp_network_relay *relay)
{
	return relay->port.number;
}

void yp_network_relay_set(struct yp_network_relay *relay, const struct yp_network_cut_spec *spec)
{
	pthread_mutex_lock(&relay->mutex);
	memset(&relay->record, 0, sizeof(relay->record));
	memset(&relay->strike, 0, sizeof(relay->strike));
	relay->spec = *spec;
	relay->changed = true;
	yp_network_wake_up(&relay->wake);
	while (relay->changed)
		pthread_cond_wait(&relay->applied, &relay->mutex);
	pthread_mutex_unlock(&relay->mutex);
}

void yp_network_relay_strike(struct yp_network_relay *relay, uint16_t peer, uint64_t down_bytes)
{
	pthread_mutex_lock(&relay->mutex);
	relay->strike = (struct relay_strike){.peer = peer, .down_bytes = down_bytes, .waiting = true};
	/* The limit holds from here on in any state of the thread: nothing behind it was written yet. */
	for (unsigned i = 0; i < YP_NETWORK_RELAY_CONNECTIONS_MAX; i++)
		if (relay->links[i])
			set_limits(relay, relay->links[i]);
	yp_network_wake_up(&relay->wake);
	while (peer == 0 && relay->strike.waiting) /* "now" has happened when this returns */
		pthread_cond_wait(&relay->applied, &relay->mutex);
	pthread_mutex_unlock(&relay->mutex);
}

void yp_network_relay_server(struct yp_network_relay *relay, uint16_t server)
{
	pthread_mutex_lock(&relay->mutex);
	relay->server = server;
	pthread_mutex_unlock(&relay->mutex);
}

void yp_network_relay_record(struct yp_network_relay *relay, struct yp_network_relay_record *out)
{
	pthread_mutex_lock(&relay->mutex);
	*out = relay->record;
	pthread_mutex_unlock(&relay->mutex);
}
