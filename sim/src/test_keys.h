/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_TEST_KEYS_H
#define SIM_TEST_KEYS_H

/* PEM texts, see test_keys.c. */
extern const char sim_test_certificate_root[];
extern const char sim_test_certificate_signer[];
extern const char sim_test_certificate_tls[];
extern const char sim_test_certificate_rogue[];
extern const char sim_test_key[];

#endif
