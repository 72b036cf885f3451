/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_CORRUPT_PLAIN_RUN_H
#define IMAGES_CORRUPT_PLAIN_RUN_H

/* argv: what IN OUT [OTHER]. Writes OUT: IN with one change that is independent of its format. Exit status: 0,
 * 2 bad usage, 3 a file cannot be read or written, 4 there was nothing to change. */
int plain_main(int argc, char **argv);

#endif
