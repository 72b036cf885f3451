/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_TEMPLATE_H
#define REPORT_TEMPLATE_H

/* The text of report.html, zero-terminated, static. */
const char *template_html(void);

#endif
