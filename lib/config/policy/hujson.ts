/**
 * JSON with comments and commas at the end, as Tailscale's policy files are written.
 * @module
 */

const QUOTE = '"';

/**
 * @param text JSON with comments of both kinds and with commas behind the last member
 * @returns JSON in which everything stands where it stood: blanks take the place of what is gone
 */
export function plainJson(text: string): string {
  const chars = [...withoutComments(text)];
  let isQuoted = false;
  let comma = -1;
  for (const [at, char] of chars.entries()) {
    if (isQuoted) {
      if (char === QUOTE && !isEscaped(chars, at)) isQuoted = false;
    } else if (char === QUOTE) {
      isQuoted = true;
      comma = -1;
    } else if (char === ",") comma = at;
    else if (!/\s/.test(char)) {
      if ((char === "}" || char === "]") && comma >= 0) chars[comma] = " ";
      comma = -1;
    }
  }
  return chars.join("");
}

function withoutComments(text: string): string {
  // Strings first, so that what looks like a comment in them stays.
  return text.replace(
    /"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (part) => part.startsWith(QUOTE) ? part : part.replace(/[^\n]/g, " "),
  );
}

/** Whether an odd number of backslashes stands before it. */
function isEscaped(chars: readonly string[], at: number): boolean {
  let first = at;
  while (first > 0 && chars[first - 1] === "\\") first--;
  return (at - first) % 2 === 1;
}
