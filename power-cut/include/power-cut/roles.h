/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POWER_CUT_ROLES_H
#define POWER_CUT_ROLES_H

#include "power-cut/log.h"
#include "power-cut/phase.h"

/* What a medium is for. */
enum yp_role { YP_ROLE_OTHER, YP_ROLE_SLOT, YP_ROLE_ENV, YP_ROLE_STATE, YP_ROLE_DATA };

/*
 * The roles of a subject's media, by index of the log's layout, and what it calls the phases of an update. A slot may
 * have several media (a kernel, a root filesystem): they have the same boot name.
 */
struct yp_lint_roles {
	enum yp_role role[YP_MEDIA_MAX];
	char slot[YP_MEDIA_MAX][16];        /* boot name, of YP_ROLE_SLOT */
	char running[16];                   /* boot name of the slot that runs when the log begins; "": not known */
	uint64_t env_first[2], env_sectors; /* of the two copies on the YP_ROLE_ENV medium */
	const struct yp_phase_mark *marks;  /* borrowed; NULL: the subject prints none */
	size_t marks_count;
};

/*
 * The phase of every entry of a log, from roles and order alone; marks that roles->marks lists refine it. `out` has
 * room for yp_log_count(log) phases. `from_boot`: the log begins with the device being switched on, so that its first
 * reads of the environment are the bootloader's. 0 or -ENOMEM.
 *
 * What follows from roles and order; "inactive" is a slot that does not run:
 *   fetch      all before the first store to the inactive slot, if there is one
 *   bar        zeros or a discard at the start of the inactive slot before anything else is written to it, and the
 *              environment store and flushes around it
 *   write      any other write to the inactive slot
 *   flush      a flush of it that has something to flush, unless what follows is one more write to the same medium
 *   verify     a read of it after its flush; the first sectors that are written after that, and their flush: a header
 *              that goes last
 *   arm        an environment store after which the inactive slot is not written again before the device boots
 *   select     the reads of the environment, the copy that was stored last not alone, after that store is flushed, or a
 *              mark that means select, and the stores there: the bootloader's
 *   fall back  the same if stores are among them and the slot that is read next is the one that ran before arm; a
 *              commit if the start of that slot is read next, which is a boot; and what the old slot stores then
 *   boot       reads of a slot after select
 *   health     stores of anything else while a trial runs
 *   commit     an environment store while a trial runs, unless the start of a slot is read right after it, which is
 *              another boot
 *   report     a mark of the world (YP_MARK_WORLD) and what follows it
 * Reads of the environment right before a store of it are of that store's phase. An entry without a rule has the phase
 * of the entry before it. The floor is derived from marks only.
 *
 * A mark that is listed holds from its entry to the next one that is listed; one that means YP_PHASE_NONE ends the
 * refinement.
 */
int yp_phases_derive(const struct yp_log *log, const struct yp_lint_roles *roles, bool from_boot, enum yp_phase *out)
    __attribute__((warn_unused_result));

/* The phase that a subject's table gives for a mark's text; YP_PHASE_COUNT: it is not listed. */
enum yp_phase yp_roles_mark_phase(const struct yp_lint_roles *roles, const char *text);

#endif
