/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one case: the fault, the judgement, and the same update without it. */
#define _GNU_SOURCE /* pipe2 */
#include "network/network-run.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "network/wire.h"

#define DEADLINE_S      5u
#define RUN_DEADLINE_MS 20000 /* beyond the configured deadline */
#define SETTLE_MS       2000
#define RECOVERIES_MAX  8u
#define POLLS_MAX       2u
#define UPDATE_PATH     "/update.ota"
#define ETAG_UPDATE     "\"v2\""

/* ---- servers ---- */

static const char *zoo_path(const struct yp_network *net, const char *name, const char *end,
			    char out[YP_NETWORK_DEVICE_PATH * 2])
{
	(void)snprintf(out, YP_NETWORK_DEVICE_PATH * 2, "%s/%s.%s", net->device.zoo, name, end);
	return out;
}

static void add_files(const struct yp_network *net, struct yp_network_origin *origin)
{
	static const struct {
		const char *path, *etag;
		enum yp_network_file data;
	} files[] = {
	    {UPDATE_PATH, ETAG_UPDATE, YP_NETWORK_FILE_UPDATE}, {"/stale.ota", "\"v0.9\"", YP_NETWORK_FILE_STALE},
	    {"/other.ota", "\"v2.1\"", YP_NETWORK_FILE_OTHER},  {"/evil.ota", "\"v6.6\"", YP_NETWORK_FILE_EVIL},
	    {"/copy.ota", ETAG_UPDATE, YP_NETWORK_FILE_UPDATE}, {"/running.ota", "\"v1\"", YP_NETWORK_FILE_RUNNING}};

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		yp_network_origin_file(origin, files[i].path, net->bundles[files[i].data].data,
				       net->bundles[files[i].data].size_bytes, files[i].etag);
}

static int open_origin(const struct yp_network *net, const struct yp_network_tls *tls, struct yp_network_origin **out)
{
	char certificate[YP_NETWORK_DEVICE_PATH * 2], key[YP_NETWORK_DEVICE_PATH * 2];
	char later[YP_NETWORK_DEVICE_PATH * 2], later_key[YP_NETWORK_DEVICE_PATH * 2],
	    client_ca[YP_NETWORK_DEVICE_PATH * 2];
	struct yp_network_origin_tls options = {.certificate = zoo_path(net, tls->server, "pem", certificate),
						.key = zoo_path(net, tls->server, "key", key),
						.ciphers = tls->ciphers,
						.version_max = tls->version_max,
						.stall = tls->stall};
	int result;

	if (tls->later) {
		options.certificate_later = zoo_path(net, tls->later, "pem", later);
		options.key_later = zoo_path(net, tls->later, "key", later_key);
	}
	if (tls->client_wanted)
		options.client_ca = zoo_path(net, "tls-root", "pem", client_ca);
	result = yp_network_origin_new(&options, out);
	if (result == 0)
		add_files(net, *out);
	return result;
}

/* ---- the case ---- */

static uint64_t resolve_offset(const struct yp_network *net, uint64_t at)
{
	uint64_t region, offset;

	if (at < YP_NETWORK_AT_BASE || at == UINT64_MAX)
		return at;
	at -= YP_NETWORK_AT_BASE;
	region = at >> 40;
	offset = at & ((UINT64_C(1) << 40) - 1);
	return yp_network_region_at(&net->reference, (enum yp_network_region)region) + offset - (UINT64_C(1) << 32);
}

/* Puts the relay's port for {port}. */
static void put_port(const struct yp_network_case_run *run, const char *text, char out[256])
{
	const char *at = strstr(text, "{port}");

	if (at)
		(void)snprintf(out, 256, "%.*s%u%s", (int)(at - text), text, yp_network_relay_port(run->relay), at + 6);
	else
		(void)snprintf(out, 256, "%s", text);
}

static void strike_relay(void *ctx, uint16_t peer, uint64_t wire_bytes)
{
	struct yp_network_case_run *run = ctx;

	yp_network_relay_strike(run->relay, peer, wire_bytes);
}

/* Puts rules, mark and cut in force. */
static void set_fault(struct yp_network_case_run *run)
{
	const struct yp_network_case *c = run->c;
	unsigned count = 0;

	for (unsigned i = 0; i < 2 && c->rules[i].lie != YP_NETWORK_HTTP_TRUTH; i++, count++) {
		run->rules[i] = c->rules[i];
		run->rules[i].from = resolve_offset(run->net, c->rules[i].from);
		run->rules[i].to = resolve_offset(run->net, c->rules[i].to);
		run->rules[i].arg = resolve_offset(run->net, c->rules[i].arg);
		if (c->rules[i].text) {
			put_port(run, c->rules[i].text, run->text[i]);
			run->rules[i].text = run->text[i];
		}
	}
	run->mark = c->mark;
	run->mark.offset_bytes = resolve_offset(run->net, c->mark.offset_bytes);
	run->mark.path = c->mark.path ? c->mark.path : UPDATE_PATH;
	run->mark.reached = strike_relay;
	run->mark.ctx = run;
	yp_network_origin_script(run->origin, run->rules, count,
				 c->mark.kind != YP_NETWORK_MARK_NONE ? &run->mark : NULL);
	yp_network_relay_set(run->relay, &c->cut);
	if (run->names)
		yp_network_names_script(run->names, c->names.lie, c->names.arg, c->names.times);
}

static void read_records(struct yp_network_case_run *run)
{
	if (run->origin)
		yp_network_origin_record(run->origin, &run->record[0]);
	if (run->honest)
		yp_network_origin_record(run->honest, &run->record[1]);
}

/* Whether the fault has happened, by the logs of relay, origin and name server. */
static bool has_landed(struct yp_network_case_run *run)
{
	const struct yp_network_case *c = run->c;
	const struct yp_network_origin_record *record = &run->record[0];
	const struct yp_network_tls *tls = &c->tls;

	if (c->trouble != YP_NETWORK_TROUBLE_NONE && !(run->first_over && run->troubled))
		return false;
	if (run->proxy) {
		yp_network_origin_record(run->proxy, &run->record[0]);
		if (run->record[0].told[0] == 0)
			return false;
	}
	yp_network_origin_record(run->origin, &run->record[0]);
	yp_network_relay_record(run->relay, &run->cut);
	if (c->cut.cut != YP_NETWORK_CUT_NONE && run->cut.landed == 0)
		return false;
	if (c->rules[0].lie != YP_NETWORK_HTTP_TRUTH && record->told[0] + record->told[1] == 0)
		return false;
	if ((tls->server || tls->client_wanted || tls->ciphers || tls->version_max || tls->stall) &&
	    record->connections == 0)
		return false;
	if (tls->later && record->connections < 2)
		return false;
	if (c->names.lie != YP_NETWORK_NAMES_TRUTH && yp_network_names_told(run->names) == 0)
		return false;
	return true;
}

static void describe_landing(struct yp_network_case_run *run)
{
	struct yp_network_result *out = run->out;
	const struct yp_network_origin_record *record = &run->record[0];
	int used = 0;

	if (run->c->trouble != YP_NETWORK_TROUBLE_NONE)
		return; /* said where it was made */
	if (run->cut.landed > 0 && run->cut.connection > 0)
		used = snprintf(out->landing, sizeof(out->landing), "%s at byte %llu %s of connection %u, %u times ",
				yp_network_cut_name(run->c->cut.cut), (unsigned long long)run->cut.byte,
				run->cut.direction == 'd' ? "down" : "up", run->cut.connection, run->cut.landed);
	else if (run->cut.landed > 0)
		used =
		    snprintf(out->landing, sizeof(out->landing), "%s in force ", yp_network_cut_name(run->c->cut.cut));
	if (record->told[0] + record->told[1] > 0)
		used += snprintf(out->landing + used, sizeof(out->landing) - (size_t)used, "%s told %u times ",
				 yp_network_http_lie_name(run->c->rules[0].lie), record->told[0] + record->told[1]);
	if (run->names && yp_network_names_told(run->names) > 0)
		used += snprintf(out->landing + used, sizeof(out->landing) - (size_t)used, "%u lookups lied to ",
				 yp_network_names_told(run->names));
	if (run->c->percent_max > 0)
		used +=
		    snprintf(out->landing + used, sizeof(out->landing) - (size_t)used, "%.1f %% of the bundle passed ",
			     (double)run->cut.down_bytes * 100 / (double)run->net->reference.bundle_bytes);
	if (run->c->tls.server || run->c->tls.stall)
		(void)snprintf(out->landing + used, sizeof(out->landing) - (size_t)used, "%u of %u handshakes done",
			       record->handshakes, record->connections);
}

static uint64_t count_passed(struct yp_network_case_run *run)
{
	struct yp_network_relay_record now;

	yp_network_relay_record(run->relay, &now);
	return now.down_bytes;
}

static void on_line(void *ctx, const char *line)
{
	struct yp_network_case_run *run = ctx;
	char step[16];

	if (!yp_subject_match(run->net->device.subject->messages->step, line, step, sizeof(step)))
		return;
	if (run->has_landed)
		run->steps_since++;
	if (run->c->step && strcmp(step, run->c->step) == 0)
		yp_network_relay_strike(run->relay, 0, 0);
}

static bool kill_now(void *ctx)
{
	struct yp_network_case_run *run = ctx;

	if (!run->has_landed) {
		run->has_landed = has_landed(run);
		run->bytes_then = count_passed(run);
	}
	if (run->killed || !run->has_landed)
		return false;
	if (run->kill.kind == 's')
		run->killed = run->steps_since >= run->kill.n;
	else
		run->killed = count_passed(run) >= run->bytes_then + (uint64_t)run->kill.n * 1024;
	return run->killed;
}

int yp_network_command(struct yp_network_case_run *run, const char *words, struct yp_network_device_run *out)
{
	char proxy[64];
	struct yp_network_device_watch watch = {.line = on_line,
						.kill_now = run->kill.kind != 0 && !run->killed ? kill_now : NULL,
						.ctx = run,
						.deadline_ms = (int)run->c->deadline_s * 1000 + RUN_DEADLINE_MS};

	if (run->proxy) {
		(void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", yp_network_origin_port(run->proxy));
		watch.proxy = proxy;
	}
	return yp_network_device_run(&run->net->device, words, &watch, out);
}

static const char *host_of(const struct yp_network_case *c)
{
	return c->names.wanted ? "update.test" : "localhost";
}

int yp_network_configure(struct yp_network_case_run *run, bool fresh)
{
	const struct yp_network_case *c = run->c;
	const struct yp_network_limits limits = {.connect_timeout_s = 1,
						 .low_speed_time_s = 1,
						 .low_speed_bytes = 256,
						 .deadline_s = c->deadline_s ? c->deadline_s : DEADLINE_S,
						 .retry_delay_ms = c->delay_ms ? c->delay_ms : 1,
						 .fetch_attempts = c->attempts ? c->attempts : 3,
						 .client = c->tls.client};
	char server[64];

	(void)snprintf(server, sizeof(server), "https://%s:%u", host_of(c), yp_network_relay_port(run->relay));
	return fresh ? yp_network_device_fresh(&run->net->device, server, &limits)
		     : yp_network_device_configure(&run->net->device, server, &limits);
}

static int open_proxy(struct yp_network_case_run *run)
{
	const struct yp_network_rule rule = {.lie = YP_NETWORK_HTTP_STATUS, .method = "CONNECT", .arg = run->c->proxy};
	int result = yp_network_origin_new(NULL, &run->proxy);

	if (result == 0)
		yp_network_origin_script(run->proxy, &rule, 1, NULL);
	return result;
}

static int open_servers(struct yp_network_case_run *run)
{
	const struct yp_network_tls good = {.server = run->c->names.wanted ? "named" : "tls"};
	struct yp_network_tls tls = run->c->tls;
	int result;

	if (!tls.server)
		tls.server = good.server;
	result = open_origin(run->net, &tls, &run->origin);
	if (result == 0)
		result = open_origin(run->net, &good, &run->honest);
	if (result == 0 && run->c->proxy != 0)
		result = open_proxy(run);
	if (result == 0)
		result = yp_network_relay_new(yp_network_origin_port(run->c->in_report ? run->honest : run->origin),
					      &run->relay);
	return result;
}

static bool has_succeeded(const struct yp_network_case_run *run, const struct yp_network_device_run *command)
{
	return strcmp(command->reason, run->net->device.subject->messages->success) == 0;
}

/* Reboots and lets the device do what it does at every start. */
int yp_network_boot_and_resume(struct yp_network_case_run *run, struct yp_network_device_run *out)
{
	int result = yp_network_device_boot(&run->net->device);

	if (result == 0)
		result = yp_network_configure(run, false);
	return result != 0 ? result : yp_network_command(run, run->net->device.subject->commands->resume, out);
}

/* The run with the fault, up to its judgement. */
static int run_first(struct yp_network_case_run *run)
{
	char words[300];
	int result = yp_network_configure(run, true);

	if (result == 0 && run->c->trouble != YP_NETWORK_TROUBLE_NONE)
		result = yp_network_trouble_begin(run);
	if (result == 0 && run->c->trouble != YP_NETWORK_TROUBLE_NONE)
		result = yp_network_configure(run, false);
	if (result != 0)
		return result;
	run->slot_before = yp_network_device_load(&run->net->device, "a", &run->slot_bytes);
	run->env_before = yp_network_device_load(&run->net->device, "env", &run->env_bytes);
	if ((!run->slot_before || !run->env_before))
		result = -EIO;
	if (run->c->url)
		put_port(run, run->c->url, run->url);
	else
		(void)snprintf(run->url, sizeof(run->url), "https://%s:%u%s", host_of(run->c),
			       yp_network_relay_port(run->relay), UPDATE_PATH);
	if (result == 0)
		result = yp_network_device_install_words(&run->net->device, run->url, words, sizeof(words));
	if (run->c->in_report && result == 0) {
		result = yp_network_command(run, words, &run->next);
		if (result == 0 && !has_succeeded(run, &run->next))
			return yp_network_fail(run, YP_I6, "the install before the report: %.90s", run->next.line), 0;
	}
	if (result != 0)
		return result;
	yp_network_relay_server(run->relay, yp_network_origin_port(run->origin));
	set_fault(run);
	if (run->c->trouble != YP_NETWORK_TROUBLE_NONE)
		return yp_network_trouble_run(run, words);
	return run->c->in_report ? yp_network_boot_and_resume(run, &run->first)
				 : yp_network_command(run, words, &run->first);
}

static bool is_success(const struct yp_network_case_run *run, const char *body)
{
	struct yp_subject_report report;

	return run->net->device.subject->reports->read(body, strlen(body), &report) &&
	       strcmp(report.event, "success") == 0;
}

/* Has the server received the report? If it could not be sent on a busy machine, it waits for the next poll. */
static bool success_told(struct yp_network_case_run *run)
{
	read_records(run);
	for (unsigned r = 0; r < 2; r++)
		for (unsigned i = 0; i < run->record[r].reports && i < YP_NETWORK_REPORTS_MAX; i++)
			if (is_success(run, run->record[r].report[i]))
				return true;
	return false;
}

/* Removes the fault: a correct server, and a relay that changes nothing. */
static int run_rest(struct yp_network_case_run *run)
{
	static const struct yp_network_cut_spec none = {.cut = YP_NETWORK_CUT_NONE};
	const struct yp_subject_commands *commands = run->net->device.subject->commands;
	struct yp_network_device_env env;
	bool check = false;
	unsigned polls = 0; /* with only a report left to send */
	int result = yp_network_trouble_heal(run);

	yp_network_relay_server(run->relay, yp_network_origin_port(run->honest));
	yp_network_origin_free(run->proxy);
	run->proxy = NULL;
	if (run->names)
		yp_network_names_script(run->names, YP_NETWORK_NAMES_TRUTH, 0, 0);
	yp_network_relay_set(run->relay, &none);
	run->has_landed = true; /* what is to come follows the fault */
	run->bytes_then = 0;
	/* On a busy machine all may have come before it was seen that enough had: then the power goes at the next step.
	 */
	if (run->kill.kind == 'b' && !run->killed && has_succeeded(run, &run->first)) {
		run->kill = (struct yp_network_kill){.kind = 's', .n = 1};
		run->steps_since = 0;
	}
	/* A device that starts, resumes, polls: as its services do it. Bounded: a good network needs two rounds. */
	for (unsigned i = 0; i < RECOVERIES_MAX && result == 0; i++) {
		result = check ? yp_network_command(run, commands->poll, &run->next)
			       : yp_network_boot_and_resume(run, &run->next);
		if (result != 0 || run->next.timed_out)
			break;
		if (run->next.killed) {
			check = false;
			continue;
		}
		if (run->next.status != 0)
			return yp_network_fail(run, YP_I6, "without the fault: %.120s", run->next.line), 0;
		result = yp_network_device_env_read(&run->net->device, &env);
		if (!env.boot.trial && env.boot.slot == 'A' && strcmp(run->net->device.booted, "A") == 0 &&
		    (success_told(run) || polls++ == POLLS_MAX))
			break;
		check = !env.boot.trial;
	}
	if (run->next.timed_out)
		(void)yp_network_fail(run, YP_I7, "without the fault the command does not end");
	return result;
}

static void finish_result(struct yp_network_case_run *run)
{
	struct yp_network_result *out = run->out;

	if (run->honest)
		yp_network_origin_settle(run->honest, SETTLE_MS);
	read_records(run);
	yp_network_relay_record(run->relay, &run->rest);
	out->bytes_all = out->bytes + run->rest.down_bytes;
	if (out->outcome.verdict == YP_FAIL)
		return;
	if (!out->landed) {
		out->outcome.verdict = YP_MISS;
		(void)snprintf(out->outcome.text, sizeof(out->outcome.text), "the fault did not happen");
	} else if (run->kill.kind != 0 && !run->killed) {
		out->outcome.verdict = YP_MISS;
		(void)snprintf(out->outcome.text, sizeof(out->outcome.text), "all was done before the power went");
	}
}

static unsigned count_gets(const struct yp_network_origin_record *record)
{
	unsigned gets = 0;

	for (unsigned i = 0; i < record->requests && i < YP_NETWORK_REQUESTS_MAX; i++)
		gets += strcmp(record->request[i].method, "GET") == 0;
	return gets;
}

static int run_case(struct yp_network_case_run *run)
{
	struct yp_network_result *out = run->out;
	int64_t start_ms = yp_network_wire_now_ms();
	int result = open_servers(run);

	if (result == 0)
		result = run_first(run);
	run->first_over = true;
	if (result > 0)
		return 0; /* it cannot be had here, and the outcome says so */
	if (result == 0 && out->outcome.verdict != YP_FAIL) {
		yp_network_origin_settle(run->origin, SETTLE_MS);
		out->landed = has_landed(run);
		out->status = run->first.status;
		out->requests = count_gets(&run->record[0]);
		out->bytes = run->cut.down_bytes;
		out->ms = run->first.ms;
		(void)snprintf(out->reason, sizeof(out->reason), "%s", run->first.reason);
		describe_landing(run);
		if (yp_network_judge_first(run))
			result = run_rest(run);
	}
	if (run->relay)
		finish_result(run);
	if (result == 0 && out->outcome.verdict == YP_PASS)
		(void)yp_network_judge_end(run);
	out->ms_all = yp_network_wire_now_ms() - start_ms;
	return result;
}

static int run_here(struct yp_network *net, const struct yp_network_case *c, struct yp_network_kill kill,
		    struct yp_network_names *names, struct yp_network_result *out)
{
	struct yp_network_case_run *run = calloc(1, sizeof(*run));
	int result;

	if (!run)
		return -ENOMEM;
	run->net = net;
	run->c = c;
	run->out = out;
	run->kill = kill;
	run->names = names;
	result = run_case(run);
	yp_network_trouble_end(run);
	yp_network_relay_free(run->relay);
	yp_network_origin_free(run->origin);
	yp_network_origin_free(run->honest);
	yp_network_origin_free(run->proxy);
	free(run->slot_before);
	free(run->env_before);
	free(run);
	return result;
}

static int skip_result(struct yp_network_result *out, const char *reason)
{
	out->outcome.verdict = YP_SKIP;
	(void)snprintf(out->outcome.text, sizeof(out->outcome.text), "%s", reason);
	return 0;
}

/* In a process of its own, which leaves for its namespaces before it starts a thread. */
static int run_isolated(struct yp_network *net, const struct yp_network_case *c, struct yp_network_kill kill,
			struct yp_network_result *out)
{
	struct yp_network_names *names = NULL;
	char reason[160] = "";
	int result = yp_network_names_isolate(net->device.dir, reason, sizeof(reason));

	if (result != 0)
		return skip_result(out, reason);
	if (c->netem && yp_network_names_impair(c->netem, reason, sizeof(reason)) != 0)
		return skip_result(out, reason);
	if (c->names.wanted)
		result = yp_network_names_new(&names);
	if (result == 0)
		result = run_here(net, c, kill, names, out);
	yp_network_names_free(names);
	return result;
}

struct parcel {
	int result;
	struct yp_network_result out;
};

static int run_apart(struct yp_network *net, const struct yp_network_case *c, struct yp_network_kill kill,
		     struct yp_network_result *out)
{
	struct parcel *parcel = calloc(1, sizeof(*parcel));
	int fds[2];
	pid_t pid;
	bool whole;

	if (!parcel)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC) != 0) {
		free(parcel);
		return -errno;
	}
	pid = fork();
	if (pid == 0) {
		parcel->out = *out;
		parcel->result = run_isolated(net, c, kill, &parcel->out);
		_exit(write(fds[1], parcel, sizeof(*parcel)) == (ssize_t)sizeof(*parcel) ? 0 : 1);
	}
	close(fds[1]);
	/* Below PIPE_BUF it comes whole or not at all. */
	whole = pid > 0 && read(fds[0], parcel, sizeof(*parcel)) == (ssize_t)sizeof(*parcel);
	close(fds[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (whole)
		*out = parcel->out;
	int result = whole ? parcel->result : -ECHILD;
	free(parcel);
	return result;
}

int yp_network_run_case(struct yp_network *net, const struct yp_network_case *c, struct yp_network_kill kill,
			struct yp_network_result *out)
{
	memset(out, 0, sizeof(*out));
	out->bytes_honest =
	    net->reference.body_bytes ? net->reference.body_bytes : net->bundles[YP_NETWORK_FILE_UPDATE].size_bytes;
	(void)snprintf(out->catalogue, sizeof(out->catalogue), "%s", c->catalogue);
	(void)snprintf(out->expected, sizeof(out->expected), "%s %s", yp_network_class_name(c->class), c->reasons);
	(void)snprintf(out->outcome.label, sizeof(out->outcome.label), "%s", yp_network_class_name(c->class));
	if (c->skip)
		return skip_result(out, c->skip);
	return c->names.wanted || c->netem || c->trouble == YP_NETWORK_MOUNTED ||
		       c->trouble == YP_NETWORK_STATE_READ_ONLY
		   ? run_apart(net, c, kill, out)
		   : run_here(net, c, kill, NULL, out);
}
