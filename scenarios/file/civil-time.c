/* SPDX-License-Identifier: Apache-2.0 */
/* Times as people write them, in UTC. */
#include "file/civil-time.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define DAY_S  INT64_C(86400)
#define YEAR_S INT64_C(31557600)

static int read_digits(const char *text, unsigned count, int *out)
{
	int value = 0;
	for (unsigned i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		value = value * 10 + (text[i] - '0');
	}
	*out = value;
	return 0;
}

/* Days since 1970-01-01 in the Gregorian calendar: years counted from March, so that leap days come last. */
static int64_t days_from_civil(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = y / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (INT64_C(153) * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static int parse_relative(const char *text, int64_t base_s, int64_t *out_s)
{
	size_t length = strlen(text);
	int count = 0;
	if (length < 3 || length > 7 || read_digits(text + 1, (unsigned)length - 2, &count))
		return -EINVAL;
	int64_t unit = text[length - 1] == 'd' ? DAY_S : text[length - 1] == 'y' ? YEAR_S : 0;
	if (!unit)
		return -EINVAL;
	*out_s = base_s + (text[0] == '-' ? -unit : unit) * count;
	return 0;
}

static bool in_month(int year, int month, int day)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	if (month < 1 || month > 12 || day < 1)
		return false;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return day <= lengths[month - 1] + (leap && month == 2);
}

int yp_civil_parse(const char *text, int64_t base_s, int64_t *out_s)
{
	if (*text == '+' || *text == '-')
		return parse_relative(text, base_s, out_s);
	int year = 0;
	int month = 0;
	int day = 0;
	int hour = 0;
	int minute = 0;
	int second = 0;
	size_t length = strlen(text);
	if (length != 10 && length != 20)
		return -EINVAL;
	if (read_digits(text, 4, &year) || text[4] != '-' || read_digits(text + 5, 2, &month) || text[7] != '-' ||
	    read_digits(text + 8, 2, &day) || year < 1970 || !in_month(year, month, day))
		return -EINVAL;
	if (length == 20 &&
	    (text[10] != 'T' || read_digits(text + 11, 2, &hour) || text[13] != ':' ||
	     read_digits(text + 14, 2, &minute) || text[16] != ':' || read_digits(text + 17, 2, &second) ||
	     text[19] != 'Z' || hour > 23 || minute > 59 || second > 59))
		return -EINVAL;
	*out_s = days_from_civil(year, month, day) * DAY_S + hour * INT64_C(3600) + minute * INT64_C(60) + second;
	return 0;
}
