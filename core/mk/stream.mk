# SPDX-License-Identifier: Apache-2.0
# Fetch, verify, decode, write; libcurl and files.
CORE_SRC += core/src/stream.c core/src/source.c core/src/plan.c core/src/batch.c core/src/pipeline.c core/src/retry.c \
	core/src/http_answer.c core/src/fetch_curl.c core/src/fetch_file.c
