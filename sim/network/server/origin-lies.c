/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong answers that are a correct answer with one change. Separate answers are in origin-reply.c. */
#include <stdio.h>

#include "network/server/origin-reply.h"

const char *yp_network_http_lie_name(enum yp_network_http_lie lie)
{
	static const char *const names[YP_NETWORK_HTTP_COUNT] = {
	    "truth",          "range-ignored",     "range-shifted", "range-spliced", "range-unsaid", "range-short",
	    "range-long",     "range-total",       "range-twice",   "multipart",     "body-short",   "body-long",
	    "body-stall",     "body-flip",         "body-endless",  "etag-other",    "etag-weak",    "etag-none",
	    "length-none",    "length-none-short", "length-two",    "chunked",       "chunked-open", "chunked-bad",
	    "chunked-length", "encoding",          "type",          "status",        "interim",      "portal",
	    "redirect",       "headers-huge",      "headers-slow",  "other-file",    "swap-file",    "garbage",
	    "restart",        "lost-answer",
	};

	return (unsigned)lie < YP_NETWORK_HTTP_COUNT ? names[lie] : "?";
}

/* Moves the range by so many bytes, as far as the file goes. */
static void shift_range(struct yp_network_reply *reply, bool said, bool sent)
{
	uint64_t by = reply->rule.arg;

	if (reply->last + by >= reply->file.size_bytes)
		by = 0 - (reply->first < by ? reply->first : by); /* backwards then */
	if (said) {
		reply->first += by;
		reply->last += by;
	}
	if (sent)
		reply->from += by;
}

static void lie_about_range(struct yp_network_reply *reply)
{
	const uint64_t arg = reply->rule.arg;

	if (!reply->ranged)
		return;
	reply->told = true;
	switch (reply->rule.lie) {
	case YP_NETWORK_HTTP_RANGE_IGNORED:
		reply->ranged = false;
		reply->status = 200;
		reply->from = 0;
		reply->bytes = reply->file.size_bytes;
		break;
	case YP_NETWORK_HTTP_RANGE_SHIFTED:
		shift_range(reply, true, true);
		break;
	case YP_NETWORK_HTTP_RANGE_SPLICED:
		shift_range(reply, false, true);
		break;
	case YP_NETWORK_HTTP_RANGE_UNSAID:
		reply->ranged = false;
		break;
	case YP_NETWORK_HTTP_RANGE_SHORT:
		reply->last -= arg < reply->bytes ? arg : reply->bytes - 1;
		reply->bytes = reply->last - reply->first + 1;
		break;
	case YP_NETWORK_HTTP_RANGE_LONG:
		reply->last += reply->last + arg < reply->file.size_bytes ? arg : 0;
		reply->bytes = reply->last - reply->first + 1;
		break;
	case YP_NETWORK_HTTP_RANGE_TOTAL:
		reply->total += arg;
		break;
	case YP_NETWORK_HTTP_RANGE_TWICE:
		(void)snprintf(reply->extra, sizeof(reply->extra), "Content-Range: bytes 1-2/%llu\r\n",
			       (unsigned long long)reply->total);
		break;
	default:
		reply->told = false;
		break;
	}
}

static void lie_about_body(struct yp_network_reply *reply)
{
	const struct yp_network_rule *rule = &reply->rule;

	switch (rule->lie) {
	case YP_NETWORK_HTTP_BODY_SHORT:
	case YP_NETWORK_HTTP_BODY_STALL:
	case YP_NETWORK_HTTP_RESTART:
		reply->cut_bytes = rule->arg;
		break;
	case YP_NETWORK_HTTP_LENGTH_NONE_SHORT:
		reply->cut_bytes = rule->arg;
		reply->unsized = reply->close = true;
		break;
	case YP_NETWORK_HTTP_LENGTH_NONE:
		reply->unsized = reply->close = reply->told = true;
		break;
	case YP_NETWORK_HTTP_LENGTH_TWO:
		(void)snprintf(reply->extra, sizeof(reply->extra), "Content-Length: %llu\r\n",
			       (unsigned long long)reply->bytes + 7);
		reply->told = true;
		break;
	case YP_NETWORK_HTTP_CHUNKED:
	case YP_NETWORK_HTTP_CHUNKED_OPEN:
		reply->chunked = reply->unsized = reply->told = true;
		break;
	case YP_NETWORK_HTTP_CHUNKED_BAD:
		reply->chunked = reply->unsized = true;
		reply->cut_bytes = rule->arg;
		break;
	case YP_NETWORK_HTTP_CHUNKED_LENGTH:
		reply->chunked = reply->told = true;
		(void)snprintf(reply->extra, sizeof(reply->extra), "Content-Length: %llu\r\n",
			       (unsigned long long)(reply->bytes / 2));
		reply->unsized = true;
		break;
	case YP_NETWORK_HTTP_ENCODING:
		(void)snprintf(reply->extra, sizeof(reply->extra), "Content-Encoding: %s\r\n", rule->text);
		reply->told = true;
		break;
	case YP_NETWORK_HTTP_TYPE:
		reply->type = rule->text;
		reply->told = true;
		break;
	case YP_NETWORK_HTTP_BODY_LONG: /* the head says it */
	case YP_NETWORK_HTTP_ETAG_NONE:
	case YP_NETWORK_HTTP_ETAG_WEAK:
	case YP_NETWORK_HTTP_ETAG_OTHER:
		reply->told = true;
		break;
	default:
		break;
	}
}

void yp_network_reply_lie(struct yp_network_reply *reply)
{
	lie_about_range(reply);
	lie_about_body(reply);
}
