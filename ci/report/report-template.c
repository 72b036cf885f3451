/* SPDX-License-Identifier: Apache-2.0 */
/* The assembler includes the page unchanged, so that a browser can also open the file itself. */
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
