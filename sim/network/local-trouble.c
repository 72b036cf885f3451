/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* MNT_DETACH, waitid */
/* The troubles of a device: each is made, shown to have happened, and taken away again. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "network/network-run.h"

#define WORDS_MAX       12u
#define MEMORY_GOOD_KIB 131072u /* the command runs in it */
#define MEMORY_BAD_KIB  8192u   /* it does not even start */
#define MEMORY_STEP_KIB 64u
#define MEMORY_LESS_KIB 256u /* below what just does: threads make the border unsharp */
#define DESCRIPTORS     7u   /* standard streams, signals, lock; not two slots */
#define BOOTS_MAX       8u
#define FILE_MODE       0700

/* Power, hook and health check: each refuses as long as the file "refuse" exists, and records its call. */
static const char handler[] = "#!/bin/sh\n"
			      "dir=${0%/*}\n"
			      "[ -e \"$dir/refuse\" ] || dir=${dir%/*}\n"
			      "[ -e \"$dir/refuse\" ] || exit 0\n"
			      "echo no >>\"$dir/said-no\"\n"
			      "[ ! -e \"$dir/hang\" ] || sleep 30\n"
			      "exit 1\n";

/* RAUC's interface; every answer names a slot that does not exist. */
static const char backend[] = "#!/bin/sh\n"
			      "echo \"$1\" >>\"${0%/*}/said-no\"\n"
			      "echo C\n";

static const char *path_of(const struct yp_network_case_run *run, const char *name,
			   char out[YP_NETWORK_DEVICE_PATH * 2])
{
	(void)snprintf(out, YP_NETWORK_DEVICE_PATH * 2, "%s/%s", run->net->device.dir, name);
	return out;
}

static bool file_exists(const struct yp_network_case_run *run, const char *name)
{
	char path[YP_NETWORK_DEVICE_PATH * 2];

	return access(path_of(run, name, path), F_OK) == 0;
}

static void remove_file(const struct yp_network_case_run *run, const char *name)
{
	char path[YP_NETWORK_DEVICE_PATH * 2];

	(void)unlink(path_of(run, name, path));
}

static int put_program(const struct yp_network_case_run *run, const char *name, const char *text)
{
	char path[YP_NETWORK_DEVICE_PATH * 2];
	int result = yp_network_device_store(&run->net->device, name, text, strlen(text));

	return result == 0 && chmod(path_of(run, name, path), FILE_MODE) != 0 ? -errno : result;
}

/* A tool of the machine, without its output. True if it ended with 0. */
static bool run_tool(const char *words)
{
	char text[YP_NETWORK_DEVICE_PATH * 5];
	char *argv[WORDS_MAX + 1] = {NULL};
	char *const environment[] = {(char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, NULL};
	posix_spawn_file_actions_t actions;
	char *save = NULL;
	unsigned count = 0;
	int status = -1, result;
	pid_t pid = -1;

	(void)snprintf(text, sizeof(text), "%s", words);
	for (char *word = strtok_r(text, " ", &save); word && count < WORDS_MAX; word = strtok_r(NULL, " ", &save))
		argv[count++] = word;
	if (!argv[0] || posix_spawn_file_actions_init(&actions) != 0)
		return false;
	(void)posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	(void)posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	result = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	while (result == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return result == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int skip_case(struct yp_network_case_run *run, const char *why)
{
	run->out->outcome.verdict = YP_SKIP;
	(void)snprintf(run->out->outcome.text, sizeof(run->out->outcome.text), "%s", why);
	return 1;
}

static int mount_target(struct yp_network_case_run *run)
{
	char slot[YP_NETWORK_DEVICE_PATH * 2], point[YP_NETWORK_DEVICE_PATH * 2], words[YP_NETWORK_DEVICE_PATH * 5];

	(void)path_of(run, "a", slot);
	(void)path_of(run, "mounted", point);
	if (mkdir(point, FILE_MODE) != 0 && errno != EEXIST)
		return -errno;
	(void)snprintf(words, sizeof(words), "mkfs.ext4 -q -F %s", slot);
	if (!run_tool(words))
		return skip_case(run, "no mkfs.ext4 to make something that can be mounted");
	(void)snprintf(words, sizeof(words), "mount -o loop,ro %s %s", slot, point);
	return run_tool(words) ? 0 : skip_case(run, "mounting a slot needs root and loop devices");
}

/* As the kernel does it with a file system that has an error. In the mount namespace of this case alone. */
static int freeze_state(struct yp_network_case_run *run)
{
	char path[YP_NETWORK_DEVICE_PATH * 2];

	(void)path_of(run, "state", path);
	if (mount(path, path, NULL, MS_BIND, NULL) != 0)
		return skip_case(run, "making a file read-only needs root");
	return mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0 ? 0 : -errno;
}

static bool is_frozen(const struct yp_network_case_run *run)
{
	char path[YP_NETWORK_DEVICE_PATH * 2];

	return access(path_of(run, "state", path), W_OK) != 0 && errno == EROFS;
}

/* The copy that holds is the one that stays: its counter is larger (a device this young has not wrapped). */
static int name_one_copy(const struct yp_network_case_run *run)
{
	size_t size_bytes = 0;
	uint8_t *raw = yp_network_device_load(&run->net->device, "env", &size_bytes);
	int result = raw && size_bytes >= (size_t)2 * YP_NETWORK_DEVICE_ENV_BYTES ? 0 : -EIO;

	if (result == 0)
		result = yp_network_device_env_config(&run->net->device, raw[YP_NETWORK_DEVICE_ENV_BYTES + 4] > raw[4]);
	free(raw);
	return result;
}

/* A mount point is on another device than the directory that it lies in. */
static bool is_mounted(const struct yp_network_case_run *run)
{
	char point[YP_NETWORK_DEVICE_PATH * 2];
	struct stat inside, outside;

	return stat(path_of(run, "mounted", point), &inside) == 0 && stat(run->net->device.dir, &outside) == 0 &&
	       inside.st_dev != outside.st_dev;
}

static int begin_handler(struct yp_network_case_run *run)
{
	remove_file(run, "said-no");
	return put_program(run, "handler", handler) != 0 ? -EIO : put_program(run, "refuse", "");
}

static int begin_health(struct yp_network_case_run *run, bool hang)
{
	char path[YP_NETWORK_DEVICE_PATH * 2];
	int result = begin_handler(run);

	if (result == 0 && mkdir(path_of(run, "health", path), FILE_MODE) != 0 && errno != EEXIST)
		result = -errno;
	if (result == 0)
		result = put_program(run, "health/check", handler);
	if (result == 0 && hang)
		result = put_program(run, "hang", "");
	run->net->device.health = true;
	return result;
}

static int begin_backend(struct yp_network_case_run *run)
{
	remove_file(run, "said-no");
	run->net->device.custom = true;
	return put_program(run, "backend", backend);
}

static int begin_link(struct yp_network_case_run *run)
{
	char link[YP_NETWORK_DEVICE_PATH * 2], target[YP_NETWORK_DEVICE_PATH * 2];

	remove_file(run, "lock");
	remove_file(run, "elsewhere");
	return symlink(path_of(run, "elsewhere", target), path_of(run, "lock", link)) == 0 ? 0 : -errno;
}

int yp_network_trouble_begin(struct yp_network_case_run *run)
{
	switch (run->c->trouble) {
	case YP_NETWORK_POWER_LOW:
		run->net->device.power_handler = true;
		return begin_handler(run);
	case YP_NETWORK_HOOK_REFUSES:
		run->net->device.install_hook = true;
		return begin_handler(run);
	case YP_NETWORK_MOUNTED:
		return mount_target(run);
	case YP_NETWORK_STATE_READ_ONLY:
		return freeze_state(run);
	case YP_NETWORK_ENV_SINGLE:
		return name_one_copy(run);
	case YP_NETWORK_BACKEND_LIES:
		return begin_backend(run);
	case YP_NETWORK_LOCK_LINKED:
		return begin_link(run);
	case YP_NETWORK_HEALTH_FAILS:
		return begin_health(run, false);
	case YP_NETWORK_HEALTH_HANGS:
		return begin_health(run, true);
	case YP_NETWORK_DESCRIPTORS_SHORT:
		(void)snprintf(run->net->device.wrapper, sizeof(run->net->device.wrapper), "prlimit --nofile=%u --",
			       DESCRIPTORS);
		return 0;
	default:
		return 0;
	}
}

static void note_landing(struct yp_network_case_run *run, const char *text)
{
	(void)snprintf(run->out->landing, sizeof(run->out->landing), "%s", text);
}

/* ---- memory ---- */

static int run_limited(struct yp_network_case_run *run, const char *install, unsigned kib,
		       struct yp_network_device_run *out)
{
	struct yp_network_device *device = &run->net->device;
	int result = yp_network_configure(run, true);

	(void)snprintf(device->wrapper, sizeof(device->wrapper), "prlimit --as=%llu --",
		       (unsigned long long)kib * 1024);
	return result != 0 ? result : yp_network_command(run, install, out);
}

/* The needed amount is found by bisection: it differs between builds and libraries. */
static int run_short_of_memory(struct yp_network_case_run *run, const char *install)
{
	unsigned good = MEMORY_GOOD_KIB, bad = MEMORY_BAD_KIB;
	int result = run_limited(run, install, good, &run->next);

	if (result == 0 && run->next.status != 0)
		return skip_case(run, "the command takes more address space than any device has (a sanitizer's build)");
	while (result == 0 && good - bad > MEMORY_STEP_KIB) {
		unsigned middle = bad + (good - bad) / 2;

		result = run_limited(run, install, middle, &run->next);
		if (run->next.status == 0)
			good = middle;
		else
			bad = middle;
	}
	bad = good - MEMORY_LESS_KIB;
	yp_network_relay_set(run->relay, &run->c->cut); /* only what follows is counted */
	if (result == 0)
		result = run_limited(run, install, bad, &run->first);
	run->troubled = run->first.status != 0;
	(void)snprintf(run->out->landing, sizeof(run->out->landing), "address space of %u KiB; %u KiB are enough", bad,
		       good);
	return result;
}

/* ---- two installers ---- */

struct rivals {
	struct yp_network_case_run *run;
	const char *install;
	pid_t first;
	bool met, locked;
	int result;
};

static bool lock_is_held(const struct yp_network_case_run *run)
{
	char path[YP_NETWORK_DEVICE_PATH * 2];
	int fd = open(path_of(run, "lock", path), O_RDWR | O_CLOEXEC);
	bool held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return held;
}

/* While it streams, the first one is stopped, so that the second always meets it. */
static void meet_rival(void *ctx, const char *line)
{
	struct rivals *rivals = ctx;
	struct yp_network_case_run *run = rivals->run;
	const struct yp_subject *subject = run->net->device.subject;
	siginfo_t info;
	char step[16];

	if (rivals->met || !yp_subject_match(subject->messages->step, line, step, sizeof(step)) ||
	    strcmp(step, subject->steps->stream) != 0)
		return;
	rivals->met = true;
	if (kill(run->next.pid, SIGSTOP) != 0 ||
	    waitid(P_PID, (id_t)run->next.pid, &info, WSTOPPED | WEXITED | WNOWAIT) != 0)
		return;
	rivals->locked = info.si_code == CLD_STOPPED && lock_is_held(run);
	rivals->result = yp_network_command(run, rivals->install, &run->first);
	(void)kill(run->next.pid, SIGCONT);
}

static int run_rivals(struct yp_network_case_run *run, const char *install)
{
	struct rivals rivals = {.run = run, .install = install};
	struct yp_network_device_watch watch = {.line = meet_rival, .ctx = &rivals, .deadline_ms = 30000};
	int result = yp_network_device_run(&run->net->device, install, &watch, &run->next);

	run->troubled = rivals.locked;
	(void)snprintf(run->out->landing, sizeof(run->out->landing), "the first is held still at %s, with the lock",
		       run->net->device.subject->steps->stream);
	if (result == 0 && rivals.result == 0 &&
	    strcmp(run->next.reason, run->net->device.subject->messages->success) != 0)
		(void)yp_network_fail(run, YP_I6, "the first installer does not win: %.90s", run->next.line);
	return result != 0 ? result : rivals.result;
}

/* ---- trials ---- */

static int read_trial(struct yp_network_case_run *run, bool *out)
{
	struct yp_network_device_env env;
	int result = yp_network_device_env_read(&run->net->device, &env);

	*out = env.boot.trial;
	return result;
}

/* Installs and starts what is to be tried. */
static int begin_trial(struct yp_network_case_run *run, const char *install)
{
	bool trial = false;
	int result = yp_network_command(run, install, &run->next);

	if (result == 0 && run->next.status != 0)
		(void)yp_network_fail(run, YP_I6, "the install before the trial: %.90s", run->next.line);
	if (result == 0)
		result = yp_network_device_boot(&run->net->device);
	if (result == 0)
		result = yp_network_configure(run, false);
	if (result == 0)
		result = read_trial(run, &trial);
	run->troubled = trial && strcmp(run->net->device.booted, "A") == 0;
	return result;
}

static int run_mark_bad(struct yp_network_case_run *run, const char *install)
{
	int result = begin_trial(run, install);

	if (result == 0)
		result = yp_network_command(run, run->net->device.subject->commands->rollback, &run->next);
	if (result == 0 && run->next.status != 0)
		(void)yp_network_fail(run, YP_I5, "what the operator asked for is done, but: %.90s", run->next.line);
	note_landing(run, "an operator, during the trial");
	return result != 0 ? result : yp_network_boot_and_resume(run, &run->first);
}

static int run_health(struct yp_network_case_run *run, const char *install)
{
	int result = begin_trial(run, install);

	if (result == 0)
		result = yp_network_command(run, run->net->device.subject->commands->resume, &run->next);
	if (result == 0 && !strstr(run->c->reasons, run->next.reason))
		(void)yp_network_fail(run, YP_I5, "the trial ends otherwise: %.90s", run->next.line);
	run->troubled = run->troubled && file_exists(run, "said-no");
	note_landing(run, "the check ran, during the trial");
	return result != 0 ? result : yp_network_boot_and_resume(run, &run->first);
}

static int run_boots_cut(struct yp_network_case_run *run, const char *install)
{
	struct yp_network_device *device = &run->net->device;
	int result = begin_trial(run, install);
	unsigned boots = 1;

	for (; result == 0 && boots < BOOTS_MAX && strcmp(device->booted, "A") == 0; boots++)
		result = yp_network_device_boot(device);
	if (result == 0)
		result = yp_network_configure(run, false);
	(void)snprintf(run->out->landing, sizeof(run->out->landing), "%u starts, the updater in none of the trial's",
		       boots);
	return result != 0 ? result : yp_network_command(run, run->net->device.subject->commands->resume, &run->first);
}

static int run_commit_twice(struct yp_network_case_run *run, const char *install)
{
	bool trial = true;
	int result = begin_trial(run, install);
	bool tried = run->troubled;

	if (result == 0)
		result = yp_network_command(run, run->net->device.subject->commands->commit, &run->next);
	if (result == 0 && run->next.status != 0)
		(void)yp_network_fail(run, YP_I6, "the first commit: %.90s", run->next.line);
	if (result == 0)
		result = read_trial(run, &trial);
	run->troubled = tried && !trial;
	note_landing(run, "after a commit that ended the trial");
	return result != 0 ? result : yp_network_command(run, run->net->device.subject->commands->commit, &run->first);
}

static int run_no_trial(struct yp_network_case_run *run)
{
	bool trial = true;
	int result = read_trial(run, &trial);

	run->troubled = !trial;
	note_landing(run, "nothing is on trial");
	return result != 0 ? result
			   : yp_network_command(run, run->net->device.subject->commands->rollback, &run->first);
}

/* ---- */

static int run_plain(struct yp_network_case_run *run, const char *install)
{
	int result = yp_network_command(run, install, &run->first);

	switch (run->c->trouble) {
	case YP_NETWORK_MOUNTED:
		run->troubled = is_mounted(run);
		note_landing(run, "the target is mounted, before and after");
		break;
	case YP_NETWORK_STATE_READ_ONLY:
		run->troubled = is_frozen(run);
		note_landing(run, "the state is read-only");
		break;
	case YP_NETWORK_ENV_SINGLE:
		run->troubled = run->first.status != 0;
		note_landing(run, "fw_env.config names one copy");
		break;
	case YP_NETWORK_LOCK_LINKED:
		run->troubled = file_exists(run, "lock") == file_exists(run, "elsewhere");
		note_landing(run, "the lock is a link to a file that is not there");
		if (file_exists(run, "elsewhere"))
			(void)yp_network_fail(run, YP_I3, "the link was followed: a file was made elsewhere");
		break;
	case YP_NETWORK_DESCRIPTORS_SHORT:
		run->troubled = strstr(run->first.output, strerror(EMFILE)) != NULL;
		(void)snprintf(run->out->landing, sizeof(run->out->landing), "at most %u descriptors", DESCRIPTORS);
		break;
	default:
		run->troubled = file_exists(run, "said-no");
		note_landing(run, run->c->trouble == YP_NETWORK_BACKEND_LIES ? "the back-end was asked"
									     : "the handler said no");
		break;
	}
	return result;
}

int yp_network_trouble_run(struct yp_network_case_run *run, const char *install)
{
	switch (run->c->trouble) {
	case YP_NETWORK_MEMORY_SHORT:
		return run_short_of_memory(run, install);
	case YP_NETWORK_TWO_INSTALLERS:
		return run_rivals(run, install);
	case YP_NETWORK_MARK_BAD:
		return run_mark_bad(run, install);
	case YP_NETWORK_HEALTH_FAILS:
	case YP_NETWORK_HEALTH_HANGS:
		return run_health(run, install);
	case YP_NETWORK_BOOTS_CUT:
		return run_boots_cut(run, install);
	case YP_NETWORK_COMMIT_TWICE:
		return run_commit_twice(run, install);
	case YP_NETWORK_NO_TRIAL:
		return run_no_trial(run);
	case YP_NETWORK_HERD:
		return yp_network_herd_run(run);
	default:
		return run_plain(run, install);
	}
}

int yp_network_trouble_heal(struct yp_network_case_run *run)
{
	char path[YP_NETWORK_DEVICE_PATH * 2];

	if (run->c->trouble == YP_NETWORK_TROUBLE_NONE)
		return 0;
	run->net->device.wrapper[0] = '\0';
	remove_file(run, "refuse");
	remove_file(run, "hang");
	if (run->c->trouble == YP_NETWORK_LOCK_LINKED)
		remove_file(run, "lock");
	if (run->c->trouble == YP_NETWORK_BACKEND_LIES) {
		run->net->device.custom = false;
	}
	if (run->c->trouble == YP_NETWORK_ENV_SINGLE)
		return yp_network_device_env_config(&run->net->device, -1);
	if (run->c->trouble == YP_NETWORK_STATE_READ_ONLY && umount2(path_of(run, "state", path), 0) != 0)
		return -errno;
	if (run->c->trouble == YP_NETWORK_MOUNTED && umount2(path_of(run, "mounted", path), 0) != 0)
		return -errno;
	return 0;
}

void yp_network_trouble_end(struct yp_network_case_run *run)
{
	struct yp_network_device *device = &run->net->device;
	char path[YP_NETWORK_DEVICE_PATH * 2];

	if (run->c->trouble == YP_NETWORK_TROUBLE_NONE)
		return;
	if (run->c->trouble == YP_NETWORK_MOUNTED && is_mounted(run))
		(void)umount2(path_of(run, "mounted", path), MNT_DETACH);
	if (run->c->trouble == YP_NETWORK_STATE_READ_ONLY && is_frozen(run))
		(void)umount2(path_of(run, "state", path), MNT_DETACH);
	if (run->c->trouble == YP_NETWORK_ENV_SINGLE && yp_network_device_env_config(device, -1) != 0)
		run->out->outcome.verdict = YP_ERROR;
	device->wrapper[0] = '\0';
	device->power_handler = device->install_hook = false;
	device->health = false;
	device->custom = false;
	remove_file(run, "refuse");
	remove_file(run, "hang");
	remove_file(run, "said-no");
	if (run->c->trouble == YP_NETWORK_LOCK_LINKED)
		remove_file(run, "lock");
}
