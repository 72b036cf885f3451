/* SPDX-License-Identifier: Apache-2.0 */
/* Text input of the block server: commands, media, layouts, the path of its control socket. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/control-socket.h"

/* Every command has its shape, and each misuse its clause. */
Test(server, commands)
{
	static const char *const good[] = {"mark step S06",
					   "cut",
					   "cut seed=4294967295 form=none kill=77 answer=hang",
					   "power",
					   "power /a path",
					   "  restore\t",
					   "apply x",
					   "crash 42.a.0.0t1.3.2 x",
					   "fault cut any * 3 seed=1 form=all",
					   "unfault all",
					   "wait fault 3 1000",
					   "save-image env /x y"};
	static const char *const bad[] = {"",
					  "marks",
					  "mark step",
					  "mark stop x",
					  "cut seed=4294967296",
					  "cut kill=1",
					  "cut form=any",
					  "restore now",
					  "apply",
					  "crash 1 x",
					  "crash 1.a.0.0-2.a.0.0 x",
					  "fault eio write env",
					  "fault eio write env 0",
					  "fault eio writes env 1",
					  "fault oops write env 1",
					  "fault flip flush env 1",
					  "fault eio write 0123456789012345678901234567890123 1",
					  "fault delay write env 1 ms=",
					  "unfault",
					  "unfault 0",
					  "wait cut",
					  "wait x 1",
					  "save-image env",
					  "stats\r",
					  "quit 1"};
	struct yp_command command;
	char detail[160];
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		cr_assert_eq(yp_command_parse(good[i], strlen(good[i]), &command, detail, sizeof detail), 0, "%s: %s",
			     good[i], detail);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		cr_assert_eq(yp_command_parse(bad[i], strlen(bad[i]), &command, detail, sizeof detail), 1, "%s",
			     bad[i]);
		cr_assert(*detail);
	}
}

/* Media and exports as people write them, and what is wrong with others. */
Test(server, media_lines)
{
	static const char *const bad[] = {"",
					  "a b:1",
					  "m",
					  "m:",
					  "m:x",
					  "m:0",
					  "m:1:fast",
					  "m:1:torn+big",
					  "m:::/nonexistent",
					  "m:99999999999999999999",
					  "m:18446744073709551615"};
	struct yp_media media;
	char detail[160];
	yp_media_init(&media);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		detail[0] = 0;
		cr_assert_neq(yp_media_add(&media, bad[i], detail, sizeof detail), 0, "%s", bad[i]);
		cr_assert(*detail);
	}
	cr_assert_eq(yp_media_add(&media, "boot:8", detail, sizeof detail), 0);
	cr_assert_eq(yp_media_add(&media, "slot-a:16:+bulk", detail, sizeof detail), 0);
	cr_assert_neq(yp_media_add(&media, "boot:8", detail, sizeof detail), 0);
	cr_assert_neq(yp_media_export_add(&media, "card:boot+slot-c", detail, sizeof detail), 0);
	cr_assert_eq(yp_media_export_add(&media, "card:slot-a+boot", detail, sizeof detail), 0);
	cr_assert_neq(yp_media_export_add(&media, "card:boot", detail, sizeof detail), 0);
	cr_assert_eq(yp_media_complete(&media, detail, sizeof detail), 0);
	cr_assert_eq(media.exports_count, 4);
	cr_assert_eq(yp_media_export(&media, "card")->bytes, 24 * 512);
	cr_assert_eq(yp_media_export(&media, "card")->media[0], 1);
	cr_assert(media.layout.media[1].bulk);
	yp_media_deinit(&media);
}

/* A layout file says which media there are and how they are laid end to end. */
Test(server, layout_file)
{
	char path[] = "/tmp/block-server-layout-XXXXXX";
	char detail[160];
	int fd = mkstemp(path);
	struct yp_media media;
	cr_assert(fd >= 0);
	cr_assert(dprintf(fd, "# two parts\nboot:8\n\nenv:64:ordered\nexport=card:env+boot\n") > 0);
	(void)close(fd);
	yp_media_init(&media);
	cr_assert_eq(yp_media_load(&media, path, detail, sizeof detail), 0, "%s", detail);
	cr_assert_eq(media.layout.count, 2);
	cr_assert_eq(yp_media_export(&media, "card")->bytes, 72 * 512);
	cr_assert_eq(yp_media_export(&media, "card")->media[0], 1);
	yp_media_deinit(&media);
	(void)unlink(path);
}

/* The socket of a server that was killed is replaced; a file that is no socket is refused and stays. */
Test(server, control_takes_no_foreign_file)
{
	char path[] = "/tmp/block-server-control-XXXXXX";
	struct yp_control *control = NULL;
	struct sockaddr_un left = {.sun_family = AF_UNIX};
	int fd = mkstemp(path);
	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, "log", 3), 3);
	(void)close(fd);
	cr_assert_eq(yp_control_new(path, NULL, NULL, &control), -EADDRINUSE);
	cr_assert_eq(access(path, F_OK), 0, "the file was removed");
	cr_assert_eq(unlink(path), 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(left.sun_path, sizeof left.sun_path, "%s", path);
	cr_assert_eq(bind(fd, (const struct sockaddr *)&left, sizeof left), 0);
	(void)close(fd);
	cr_assert_eq(yp_control_new(path, NULL, NULL, &control), 0);
	yp_control_free(control);
	cr_assert_neq(access(path, F_OK), 0);
}
