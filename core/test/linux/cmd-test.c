/* SPDX-License-Identifier: Apache-2.0 */
/* The command as a process, on a device made of files: what a run does to the media, what it says, how it ends. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/linux/cmd-lab.h"

#define EXPECT_RUN(lab, status, words)                                                                                 \
	do {                                                                                                           \
		int got = cmd_lab_run(lab, words);                                                                     \
		cr_assert_eq(got, status, "%s: %d\n%s", words, got, (lab)->out);                                       \
	} while (0)
#define EXPECT_SAYS(lab, text) cr_assert(strstr((lab)->out, text) != NULL, "no \"%s\" in\n%s", text, (lab)->out)

static int run_on(struct cmd_lab *lab, const char *words, const char *name)
{
	char line[1024];

	(void)snprintf(line, sizeof(line), "%s %s/%s", words, lab->dir, name);
	return cmd_lab_run(lab, line);
}

static bool file_exists(const struct cmd_lab *lab, const char *name)
{
	struct stat status;

	return stat(cmd_lab_path(lab, name), &status) == 0;
}

/*
 * Invariant: install, reboot, resume leads to the new version, committed, whole in both images; each step in between
 * says what is true, and the run that has nothing to do says so and writes nothing.
 */
Test(cmd, install_reboot_commit)
{
	struct cmd_lab lab;

	cmd_lab_init(&lab);
	cmd_lab_bundle(&lab, "1.ota", "1.0", 10);
	cr_assert_eq(run_on(&lab, "info", "1.ota"), 0, "%s", lab.out);
	EXPECT_SAYS(&lab, "verified:    yes");
	EXPECT_SAYS(&lab, "version:     1.0");
	EXPECT_RUN(&lab, 0, "status");
	EXPECT_SAYS(&lab, "booted:      A");
	cr_assert_not(file_exists(&lab, "state"), "status made a file");
	cr_assert_eq(run_on(&lab, "install --dry-run", "1.ota"), 0, "%s", lab.out);
	cr_assert(cmd_lab_same(&lab, "b", "ka", LAB_SLOT_BYTES), "a dry run wrote");
	cr_assert_eq(run_on(&lab, "install", "1.ota"), 0, "%s", lab.out);
	cr_assert(cmd_lab_same(&lab, "b", "rootfs", LAB_IMAGE_BYTES));
	cr_assert(cmd_lab_same(&lab, "kb", "kernel", LAB_IMAGE_BYTES / 2));
	cr_assert(cmd_lab_same(&lab, "a", "ka", LAB_SLOT_BYTES), "the running slot was written");
	EXPECT_RUN(&lab, 0, "status");
	EXPECT_SAYS(&lab, "next boot:   B, on trial: 0 of 3 boots used");
	EXPECT_RUN(&lab, 5, "commit");
	EXPECT_SAYS(&lab, "TRIAL_PENDING");
	cmd_lab_configure(&lab, "B", "");
	EXPECT_RUN(&lab, 0, "resume --verbose");
	EXPECT_SAYS(&lab, "S15");
	EXPECT_RUN(&lab, 0, "status --output-format=json");
	EXPECT_SAYS(&lab, "\"booted\": \"B\"");
	EXPECT_SAYS(&lab, "\"trial\": false");
	EXPECT_SAYS(&lab, "\"floor\": 10");
	EXPECT_SAYS(&lab, "\"installed_version\": \"1.0\"");
	cr_assert_eq(run_on(&lab, "install", "1.ota"), 0);
	EXPECT_SAYS(&lab, "ALREADY_INSTALLED");
	EXPECT_RUN(&lab, 0, "mark-good");
	EXPECT_SAYS(&lab, "NOTHING_TO_DO");
	cmd_lab_deinit(&lab);
}

/* Invariant: a failing, a hanging and a missing health check each end in the old version, with the check's name. */
Test(cmd, health_decides, .timeout = 60)
{
	static const struct {
		const char *check; /* NULL: the directory is missing */
		const char *reason;
	} rows[] = {
	    {"echo no network; exit 1", "HEALTH_FAILED"},
	    {"sleep 60", "HEALTH_TIMEOUT"},
	    {NULL, "HEALTH_FAILED"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cmd_lab lab;
		char extra[512];

		cmd_lab_init(&lab);
		(void)snprintf(extra, sizeof(extra),
			       "[health]\ndir=%s/health\ntimeout-ms=700\n[handlers]\nreboot=%s/reboot\n", lab.dir,
			       lab.dir);
		(void)snprintf(lab.out, sizeof(lab.out), ": > %s/rebooted", lab.dir);
		cmd_lab_script(&lab, "reboot", lab.out);
		if (rows[i].check != NULL) {
			cr_assert_eq(mkdir(cmd_lab_path(&lab, "health"), 0755), 0);
			cmd_lab_script(&lab, "health/10-good", "exit 0");
			cmd_lab_script(&lab, "health/20-bad", rows[i].check);
			cmd_lab_script(&lab, "health/30-never", "exit 0");
		}
		cmd_lab_configure(&lab, "A", extra);
		cmd_lab_bundle(&lab, "1.ota", "1.0", 10);
		cr_assert_eq(run_on(&lab, "install", "1.ota"), 0, "%s", lab.out);
		cr_assert(file_exists(&lab, "rebooted"), "the reboot handler was not run");
		cr_assert_eq(unlink(cmd_lab_path(&lab, "rebooted")), 0);
		cmd_lab_configure(&lab, "B", extra);
		EXPECT_RUN(&lab, 6, "resume");
		EXPECT_SAYS(&lab, rows[i].reason);
		if (rows[i].check != NULL)
			EXPECT_SAYS(&lab, "20-bad");
		cr_assert(file_exists(&lab, "rebooted"), "a version judged bad must be left");
		cmd_lab_configure(&lab, "A", extra);
		(void)cmd_lab_run(&lab, "resume");
		EXPECT_RUN(&lab, 0, "status");
		EXPECT_SAYS(&lab, "next boot:   A\n");
		EXPECT_SAYS(&lab, rows[i].reason);
		cr_assert_eq(run_on(&lab, "install", "1.ota"), 3, "%s", lab.out);
		EXPECT_SAYS(&lab, "KNOWN_BAD");
		cmd_lab_deinit(&lab);
	}
}

/* Invariant: started by one who ignores that its children end, a run still learns how a health check ended. */
Test(cmd, health_where_children_are_ignored, .timeout = 60)
{
	struct cmd_lab lab;
	char text[1024];

	cmd_lab_init(&lab);
	(void)snprintf(text, sizeof(text), "[health]\ndir=%s/health\n", lab.dir);
	cmd_lab_configure(&lab, "A", text);
	cmd_lab_bundle(&lab, "1.ota", "1.0", 10);
	cr_assert_eq(mkdir(cmd_lab_path(&lab, "health"), 0700), 0);
	cmd_lab_script(&lab, "health/10-good", "exit 0");
	cr_assert_eq(run_on(&lab, "install", "1.ota"), 0, "%s", lab.out);
	(void)snprintf(text, sizeof(text), "[health]\ndir=%s/health\n", lab.dir);
	cmd_lab_configure(&lab, "B", text);
	(void)snprintf(text, sizeof(text), "env --ignore-signal=CHLD %s --config=%s resume >%s/said 2>&1", lab.binary,
		       lab.config, lab.dir);
	cr_assert_eq(system(text), 0, "see %s/said", lab.dir);
	EXPECT_RUN(&lab, 0, "status");
	EXPECT_SAYS(&lab, "next boot:   B\n");
	EXPECT_RUN(&lab, 0, "commit"); /* nothing to do: it was committed */
	EXPECT_SAYS(&lab, "NOTHING_TO_DO");
	cmd_lab_deinit(&lab);
}

/* Invariant: what the update's policy refuses is refused by name, with exit status 3, before a byte is written. */
Test(cmd, refusals)
{
	struct cmd_lab lab;
	char text[512];

	cmd_lab_init(&lab);
	cmd_lab_bundle(&lab, "1.ota", "1.0", 10);
	(void)snprintf(text, sizeof(text), "sed -i s/compatible=lab/compatible=other/ %s", lab.config);
	cr_assert_eq(system(text), 0);
	cr_assert_eq(run_on(&lab, "install", "1.ota"), 3, "%s", lab.out);
	EXPECT_SAYS(&lab, "INCOMPATIBLE");
	cmd_lab_configure(&lab, "A", "");
	(void)snprintf(text, sizeof(text),
		       "head -c 3000 %s/1.ota > %s/short.ota; cp %s/1.ota %s/bad.ota; "
		       "printf x | dd of=%s/bad.ota bs=1 seek=40 conv=notrunc status=none",
		       lab.dir, lab.dir, lab.dir, lab.dir, lab.dir);
	cr_assert_eq(system(text), 0);
	cr_assert_eq(run_on(&lab, "install", "short.ota"), 3, "%s", lab.out);
	cr_assert_eq(run_on(&lab, "install", "bad.ota"), 3, "%s", lab.out);
	EXPECT_SAYS(&lab, "BAD_SIGNATURE");
	cr_assert_eq(run_on(&lab, "info", "bad.ota"), 3, "%s", lab.out);
	cr_assert_eq(run_on(&lab, "info --no-verify", "bad.ota"), 0, "%s", lab.out);
	EXPECT_SAYS(&lab, "verified:    no");
	cr_assert_eq(run_on(&lab, "info", "rootfs"), 3, "%s", lab.out);
	EXPECT_SAYS(&lab, "BAD_MAGIC");
	cr_assert(cmd_lab_same(&lab, "b", "ka", LAB_SLOT_BYTES), "something was written");
	cmd_lab_deinit(&lab);
}

/* Invariant: what can never work is exit status 2, in one line that says what to do; nothing on a medium changes. */
Test(cmd, usage)
{
	static const struct {
		const char *words, *says;
	} rows[] = {
	    {"", "no verb given"},
	    {"instal x", "unknown verb 'instal'"},
	    {"install", "takes one argument"},
	    {"install a b", "takes one argument"},
	    {"status x", "takes no argument"},
	    {"status --force", "does not take --force"},
	    {"status --output-format=xml", "give text or json"},
	    {"--nonsense status", "nonsense"},
	    {"install /nonexistent/x.ota", "No such file"},
	    {"install http://localhost/x.ota", "allow-http=yes"},
	    {"info /nonexistent/x.ota", "No such file"},
	    {"info --keyring=/nonexistent x", "No such file"},
	    {"check", "url="},
	    {"bundle --version=1 x", "needs --compatible"},
	    {"bundle --compatible=x --version=1 --sequence=x y", "give a number"},
	    {"bundle --chunk-bytes=5000 x", "power of two"},
	    {"bundle --image=rootfs x", "CLASS=PATH"},
	    {"bundle --compatible=x --version=1 --sequence=1 --image=rootfs=/x --certificate=/x --key=/x /dev/null",
	     "no regular file"},
	    {"bundle --compatible=x --version=1 --sequence=1 --image=rootfs=/x --certificate=/x --key=/x /tmp/x",
	     "give another path"},
	    {"bundle --compatible=x --version=1 --sequence=1 --image=rootfs=LICENSE --certificate=/x --key=/x /tmp/x",
	     "pad it to a multiple of 512"},
	};
	struct cmd_lab lab;

	cmd_lab_init(&lab);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(cmd_lab_run(&lab, rows[i].words), 2, "%s\n%s", rows[i].words, lab.out);
		cr_expect(strstr(lab.out, rows[i].says) != NULL, "%s: no \"%s\" in\n%s", rows[i].words, rows[i].says,
			  lab.out);
		cr_expect_eq(strchr(lab.out, '\n'), lab.out + strlen(lab.out) - 1, "%s: not one line:\n%s",
			     rows[i].words, lab.out);
	}
	cr_assert_not(file_exists(&lab, "state"));
	cmd_lab_configure(&lab, "A", "[update]\nspeed=1\n");
	EXPECT_RUN(&lab, 2, "status");
	EXPECT_SAYS(&lab, "system.conf:24: unknown key speed=");
	cmd_lab_configure(&lab, "A", "");
	cr_assert_eq(unlink(cmd_lab_path(&lab, "b")), 0);
	cr_assert_eq(symlink("a", cmd_lab_path(&lab, "b")), 0);
	EXPECT_RUN(&lab, 2, "status");
	EXPECT_SAYS(&lab, "is the device of slot A rootfs as well");
	cmd_lab_deinit(&lab);
}

/* Invariant: help is there for everything and is no error. */
Test(cmd, help)
{
	static const char *const verbs[] = {"install",  "check",    "status", "commit", "mark-good",
					    "mark-bad", "rollback", "resume", "info",   "bundle"};
	struct cmd_lab lab;
	char words[64];

	cmd_lab_init(&lab);
	EXPECT_RUN(&lab, 0, "--help");
	EXPECT_SAYS(&lab, "Exit status:");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		(void)snprintf(words, sizeof(words), "%s --help", verbs[i]);
		EXPECT_RUN(&lab, 0, words);
		EXPECT_SAYS(&lab, "Example");
	}
	EXPECT_RUN(&lab, 0, "--version");
	EXPECT_SAYS(&lab, "ota 0.");
	cmd_lab_deinit(&lab);
}

/* Invariant: one run at a time; the second ends at once, with the holder's pid. status needs no lock. */
Test(cmd, busy)
{
	struct cmd_lab lab;
	char text[32];
	int fd;

	cmd_lab_init(&lab);
	fd = open(cmd_lab_path(&lab, "lock"), O_RDWR | O_CREAT, 0600);
	cr_assert(fd >= 0 && flock(fd, LOCK_EX) == 0);
	(void)snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	EXPECT_RUN(&lab, 5, "resume");
	(void)snprintf(text, sizeof(text), "process %ld holds", (long)getpid());
	EXPECT_SAYS(&lab, text);
	EXPECT_RUN(&lab, 0, "status");
	cr_assert_eq(close(fd), 0);
	EXPECT_RUN(&lab, 0, "resume");
	cmd_lab_deinit(&lab);
}

/* Invariant: a hook may refuse; then nothing was written. Hooks know what they are run for. */
Test(cmd, hooks)
{
	struct cmd_lab lab;
	char extra[512];

	cmd_lab_init(&lab);
	(void)snprintf(extra, sizeof(extra), "[handlers]\npre-install=%s/hook\npost-install=%s/hook\n", lab.dir,
		       lab.dir);
	cmd_lab_configure(&lab, "A", extra);
	cmd_lab_bundle(&lab, "1.ota", "1.0", 10);
	cmd_lab_script(&lab, "hook", "echo not now; exit 1");
	cr_assert_eq(run_on(&lab, "install", "1.ota"), 5, "%s", lab.out);
	EXPECT_SAYS(&lab, "| not now");
	EXPECT_SAYS(&lab, "HOOK_REFUSED");
	cr_assert(cmd_lab_same(&lab, "b", "ka", LAB_SLOT_BYTES), "something was written");
	cmd_lab_script(&lab, "hook", "echo $OTA_PURPOSE $OTA_VERSION $OTA_SLOT $OTA_TARGET $OTA_COMPATIBLE $HOME.");
	cr_assert_eq(run_on(&lab, "install", "1.ota"), 0, "%s", lab.out);
	EXPECT_SAYS(&lab, "| pre-install 1.0 A B lab .");
	EXPECT_SAYS(&lab, "| post-install 1.0 A B lab .");
	cmd_lab_deinit(&lab);
}

/* Invariant: with an executable as the bootloader's back-end, an install selects the new slot through it alone. */
Test(cmd, custom_bootloader)
{
	struct cmd_lab lab;
	char text[1024], extra[512];

	cmd_lab_init(&lab);
	(void)snprintf(text, sizeof(text),
		       "cd %s\ncase $1 in\nget-primary) cat primary;;\nset-primary) echo $2 > primary;;\n"
		       "get-state) cat state-$2;;\nset-state) echo $3 > state-$2;;\n*) exit 1;;\nesac",
		       lab.dir);
	cmd_lab_script(&lab, "backend", text);
	cmd_lab_write(&lab, "primary", "A\n", 2);
	cmd_lab_write(&lab, "state-A", "good\n", 5);
	cmd_lab_write(&lab, "state-B", "bad\n", 4);
	(void)snprintf(extra, sizeof(extra), "[handlers]\nbootloader-custom-backend=%s/backend\n", lab.dir);
	cmd_lab_configure(&lab, "A", extra);
	(void)snprintf(text, sizeof(text), "sed -i s/bootloader=uboot/bootloader=custom/ %s", lab.config);
	cr_assert_eq(system(text), 0);
	cmd_lab_bundle(&lab, "1.ota", "1.0", 10);
	EXPECT_RUN(&lab, 0, "status");
	EXPECT_SAYS(&lab, "next boot:   A");
	cr_assert_eq(run_on(&lab, "install", "1.ota"), 0, "%s", lab.out);
	EXPECT_RUN(&lab, 0, "status");
	EXPECT_SAYS(&lab, "next boot:   B");
	cr_assert(cmd_lab_same(&lab, "b", "rootfs", LAB_IMAGE_BYTES));
	cr_assert(cmd_lab_same(&lab, "env", "a", 65536), "the environment was written");
	cmd_lab_deinit(&lab);
}

/* Invariant: asked to stop, a run ends by itself with status 7, and the next one goes on and ends well. */
Test(cmd, stopped_by_a_signal, .timeout = 60)
{
	struct cmd_lab lab;
	char extra[512], words[256];
	int pid;

	cmd_lab_init(&lab);
	(void)snprintf(extra, sizeof(extra), "[handlers]\npre-install=%s/hook\n", lab.dir);
	cmd_lab_configure(&lab, "A", extra);
	cmd_lab_bundle(&lab, "1.ota", "1.0", 10);
	/* The hook tells when it runs; without the signal it would wait for ever. */
	(void)snprintf(words, sizeof(words), "echo go > %s/fifo; sleep 600", lab.dir);
	cmd_lab_script(&lab, "hook", words);
	cr_assert_eq(mkfifo(cmd_lab_path(&lab, "fifo"), 0600), 0);
	(void)snprintf(words, sizeof(words), "install %s/1.ota", lab.dir);
	pid = cmd_lab_start(&lab, words);
	(void)snprintf(words, sizeof(words), "read line < %s/fifo", lab.dir);
	cr_assert_eq(system(words), 0);
	cr_assert_eq(kill(pid, SIGTERM), 0);
	cr_assert_eq(cmd_lab_wait(&lab, pid), 7, "%s", lab.out);
	EXPECT_SAYS(&lab, "STOPPED");
	cmd_lab_script(&lab, "hook", "exit 0");
	cr_assert_eq(run_on(&lab, "install", "1.ota"), 0, "%s", lab.out);
	cmd_lab_deinit(&lab);
}

/* Invariant: started without standard streams, a run writes to the media what it does otherwise, and nothing else. */
Test(cmd, closed_streams)
{
	struct cmd_lab lab;
	char words[512];

	cmd_lab_init(&lab);
	cmd_lab_bundle(&lab, "1.ota", "1.0", 10);
	lab.streams_closed = true;
	(void)snprintf(words, sizeof(words), "install --verbose %s/1.ota", lab.dir);
	EXPECT_RUN(&lab, 0, words);
	lab.streams_closed = false;
	cr_assert(cmd_lab_same(&lab, "b", "rootfs", LAB_IMAGE_BYTES));
	(void)snprintf(words, sizeof(words), "! grep -alq 'ota: ' %s/lock %s/env %s/state %s/b", lab.dir, lab.dir,
		       lab.dir, lab.dir);
	cr_assert_eq(system(words), 0, "messages lie where none belong");
	EXPECT_RUN(&lab, 0, "status");
	EXPECT_SAYS(&lab, "next boot:   B");
	cmd_lab_deinit(&lab);
}

/* Of so few descriptors that the loader finds no library there is nothing to say. */
static unsigned fewest_descriptors(struct cmd_lab *lab)
{
	lab->descriptors = 3;
	while (lab->descriptors < 16 && cmd_lab_run(lab, "--version") != 0)
		lab->descriptors++;
	cr_assert_lt(lab->descriptors, 16, "%s", lab->out);
	return lab->descriptors;
}

/*
 * Invariant: out of descriptors, a run does its work or says that they ran out, as NO_MEMORY: it blames neither the
 * configuration nor the network, and nothing that it could not look at counts as free to be written.
 */
Test(cmd, short_of_descriptors, .timeout = 60)
{
	static const struct {
		const char *words, *name, *good; /* good: the end when there are enough */
	} rows[] = {{"status", NULL, ""},
		    {"info", "1.ota", ""},
		    {"resume", NULL, "resume: OK"},
		    {"install https://localhost:1/x.ota", NULL, "UNREACHABLE"},
		    {"install", "1.ota", "install: OK"}};
	struct cmd_lab lab;
	char extra[512], words[512];
	unsigned fewest;

	cmd_lab_init(&lab);
	cmd_lab_bundle(&lab, "1.ota", "1.0", 10);
	(void)snprintf(extra, sizeof(extra), "[update]\nfetch-attempts=1\nretry-delay-ms=1\n[tls]\nca=%s/ca.pem\n",
		       lab.dir);
	cmd_lab_configure(&lab, "A", extra);
	fewest = fewest_descriptors(&lab);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned refused = 0;
		bool enough = false;

		if (rows[i].name != NULL)
			(void)snprintf(words, sizeof(words), "%s %s/%s", rows[i].words, lab.dir, rows[i].name);
		else
			(void)snprintf(words, sizeof(words), "%s", rows[i].words);
		for (lab.descriptors = fewest; !enough && lab.descriptors < fewest + 28; lab.descriptors++) {
			int status = cmd_lab_run(&lab, words);
			bool short_of = strstr(lab.out, ": NO_MEMORY: ") != NULL;

			cr_expect(short_of || strstr(lab.out, rows[i].good) != NULL, "%s with %u: %d\n%s", words,
				  lab.descriptors, status, lab.out);
			cr_expect_eq(short_of, status == 1, "%s with %u: %d\n%s", words, lab.descriptors, status,
				     lab.out);
			refused += short_of;
			enough = !short_of;
		}
		cr_expect(refused > 0 && enough, "%s: refused %u times", words, refused);
	}
	cmd_lab_deinit(&lab);
}

/* Invariant: a target that is mounted is not touched, whoever mounted it; only with root and loop devices. */
Test(cmd, mounted_target, .timeout = 60)
{
	struct cmd_lab lab;
	char command[1024];
	int result;

	cmd_lab_init(&lab);
	cmd_lab_bundle(&lab, "1.ota", "1.0", 10);
	(void)snprintf(
	    command, sizeof(command),
	    "cd %s && mkfs.ext4 -q b >/dev/null 2>&1 && mkdir m && mount -o loop b m >/dev/null 2>&1 && cp b before",
	    lab.dir);
	result = system(command);
	if (result != 0) {
		cmd_lab_deinit(&lab);
		cr_skip("mounting a loop device needs root and loop devices");
	}
	result = run_on(&lab, "install", "1.ota");
	(void)snprintf(command, sizeof(command), "cd %s && sync -f m && cp b after && umount m", lab.dir);
	cr_assert_eq(system(command), 0);
	cr_assert_eq(result, 5, "%s", lab.out);
	EXPECT_SAYS(&lab, "SLOT_IN_USE");
	EXPECT_SAYS(&lab, "mounted on");
	cr_assert_eq(run_on(&lab, "install", "1.ota"), 0, "%s", lab.out);
	cmd_lab_deinit(&lab);
}
