/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CI_REPORT_REPORT_TEMPLATE_H
#define CI_REPORT_REPORT_TEMPLATE_H

/* The text of report.html, zero-terminated, static. */
const char *template_html(void);

#endif
