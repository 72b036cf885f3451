#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Invariant: what stands in a table of the code stands in scenarios/README.md too: rigs, storage models, invariants with their
# sentence, and verbs. Usage: words-test.sh BUILD
set -euo pipefail
readme=scenarios/README.md passed=0 failed=0
check() {
	if grep -qF -- "$1" "$readme"; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAIL: $readme has no '$1'"; fi
}
section=
while IFS= read -r line; do
	case $line in
	'Rigs,'*) section=rig ;; 'Storage models,'*) section=model ;; 'Invariants,'*) section=invariant ;; '  '*)
		read -r name rest <<<"$line"
		case $section in
		invariant) check "| $name | $(sed -E 's/^(no downgrade|data kept|[a-z]+) +/\1 | /' <<<"$rest")" ;;
		rig | model) check "\`$name\`" ;;
		*) check "$name" ;;
		esac
		;;
	esac
done < <("$1/yankproof" --help)
[ "$passed" -gt 20 ] || failed=$((failed + 1)) # the help was read
echo "counted: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
