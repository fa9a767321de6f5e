/**
 * Byte strings: joining, comparing, and their text forms.
 * @module
 */

/** Joins byte strings into a new one. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Compares two public byte strings; secrets are compared in lib/crypto, in constant time. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Encodes text as UTF-8. */
export function utf8Bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** @returns lower-case hexadecimal, two digits a byte */
export function encodeHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

/** @returns the bytes, or undefined when `text` is not an even number of hexadecimal digits */
export function decodeHex(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromHex(text);
  } catch {
    return undefined;
  }
}

/** @returns standard base64 with padding (RFC 4648 §4), as `wg` prints keys */
export function encodeBase64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

/** @returns the bytes, or undefined when `text` is not canonical, padded base64 (RFC 4648 §4) */
export function decodeBase64(text: string): Uint8Array | undefined {
  return decode64(text, "base64");
}

/** @returns URL-safe base64 without padding (RFC 4648 §5) */
export function encodeBase64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** @returns the bytes, or undefined when `text` is not canonical, unpadded URL-safe base64 (RFC 4648 §5) */
export function decodeBase64Url(text: string): Uint8Array | undefined {
  return decode64(text, "base64url");
}

function decode64(text: string, alphabet: "base64" | "base64url"): Uint8Array | undefined {
  // fromBase64 skips white space and, for base64url, allows padding; one key must have one spelling.
  if (alphabet === "base64url" ? !/^[\w-]*$/.test(text) : !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    return undefined;
  }
  try {
    const strict = alphabet === "base64" ? "strict" : "loose";
    const bytes = Uint8Array.fromBase64(text, { alphabet, lastChunkHandling: strict });
    return alphabet === "base64" || encodeBase64Url(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}
