/* SPDX-License-Identifier: Apache-2.0 */
/* One HTML file that opens offline: the page of report.html with the folded results in place of its marker. */
#include "report/report-results.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report-template.h"

#define MARKER "/*RESULTS*/"

/* JSON inside <script>: "</" would end the element, U+2028/9 are line ends in old engines (JSON_ENSURE_ASCII). */
static int put_json(const json_t *results, FILE *f)
{
	char *text = json_dumps(results, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (!text)
		return -ENOMEM;
	for (const char *at = text; *at; at++) {
		if (at[0] == '<')
			(void)fputs("\\u003c", f);
		else
			(void)fputc(*at, f);
	}
	free(text);
	return 0;
}

int html_write(const json_t *results, const char *path)
{
	const char *page = template_html();
	const char *marker = strstr(page, MARKER);
	if (!marker)
		return -EINVAL;
	FILE *f = fopen(path, "w");
	if (!f)
		return -errno;
	(void)fwrite(page, 1, (size_t)(marker - page), f);
	int result = put_json(results, f);
	(void)fputs(marker + strlen(MARKER), f);
	bool bad = ferror(f);
	if (fclose(f) || bad)
		return errno ? -errno : -EIO;
	return result;
}
