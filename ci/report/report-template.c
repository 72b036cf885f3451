/* SPDX-License-Identifier: Apache-2.0 */
/* The assembler takes the page in as it is, so that it stays a file that a browser opens. */
#include "report/report-template.h"

__asm__(".section .rodata\n"
	"report_html_text:\n"
	".incbin \"" REPORT_HTML "\"\n"
	".byte 0\n"
	".previous\n");

extern const char report_html_text[] __asm__("report_html_text");

const char *template_html(void)
{
	return report_html_text;
}
