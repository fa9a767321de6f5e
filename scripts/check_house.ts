// deno-lint-ignore-file no-console -- a command prints
/**
 * Checks the rules of the house: `deno run --allow-read scripts/check_house.ts`. Prints each violation as
 * `path:line: rule: what` and exits with 1 when there is one; warnings fail nothing.
 * @module
 */

import { checkHouse, formatViolation, lineCount, readTree } from "./house/mod.ts";

const files = await readTree(new URL("../", import.meta.url));
const violations = checkHouse(files);
for (const violation of violations) console.log(formatViolation(violation));

const lengths = files.filter((file) => file.isTypeScript && !file.isGenerated).map(lineCount).sort((a, b) =>
  a - b
);
const defects = violations.filter((violation) => !violation.isWarning).length;
console.log(
  `house: ${lengths.length} modules, median ${lengths[lengths.length >> 1] ?? 0} lines, ` +
    `longest ${lengths.at(-1) ?? 0}; ${defects} violations, ${violations.length - defects} warnings`,
);
if (defects > 0) Deno.exit(1);
