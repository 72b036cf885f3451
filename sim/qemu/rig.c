/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "sim/qemu.h"

bool sim_qemu_present(const char *images, char *why, size_t why_bytes)
{
	(void)snprintf(why, why_bytes, "%s cannot be run yet", images);
	return false;
}

int sim_qemu_new(const struct sim_qemu_options *options, struct sim_qemu **out, char *detail, size_t detail_bytes)
{
	(void)options;
	(void)out;
	(void)snprintf(detail, detail_bytes, "not there yet");
	return -ENOSYS;
}

void sim_qemu_free(struct sim_qemu *rig)
{
	(void)rig;
}

const struct bp_layout *sim_qemu_layout(const struct sim_qemu *rig)
{
	(void)rig;
	return NULL;
}

int sim_qemu_base(const struct sim_qemu *rig, struct bp_pool *pool, const struct bp_region *regions, unsigned count,
		  struct bp_image **out)
{
	(void)rig;
	(void)pool;
	(void)regions;
	(void)count;
	(void)out;
	return -ENOSYS;
}

int sim_qemu_run(struct sim_qemu *rig, const struct sim_qemu_start *start, const struct sim_qemu_run *run,
		 struct sim_qemu_result *result)
{
	(void)rig;
	(void)start;
	(void)run;
	(void)result;
	return -ENOSYS;
}

int sim_qemu_say(struct sim_qemu *rig, char *out, size_t out_bytes, const char *format, ...)
{
	(void)rig;
	(void)out;
	(void)out_bytes;
	(void)format;
	return -ENOSYS;
}

int sim_qemu_save(struct sim_qemu *rig, const struct sim_qemu_start *start, const char *dir)
{
	(void)rig;
	(void)start;
	(void)dir;
	return -ENOSYS;
}
