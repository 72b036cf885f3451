/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"
const struct corrupt_row rows_manifest[] = {{.id = NULL}};
