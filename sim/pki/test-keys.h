/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_PKI_TEST_KEYS_H
#define SIM_PKI_TEST_KEYS_H

/* PEM texts, see test-keys.c. */
extern const char yp_sim_test_certificate_root[];
extern const char yp_sim_test_certificate_signer[];
extern const char yp_sim_test_certificate_tls[];
extern const char yp_sim_test_certificate_rogue[];
extern const char yp_sim_test_key[];

#endif
