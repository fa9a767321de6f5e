/**
 * Texts without what tells a network apart: the same address, name or key is the same word everywhere in a report.
 * @module
 */

import { IpAddress } from "../../../net/mod.ts";

/** What is a secret wherever it stands: a join token, and what a server asks for. */
const TOKEN = /weft1-[A-Za-z0-9_-]{8,}/g;
const BEARER = /\b(bearer|token|password|passphrase)(["']?\s*[=:]\s*["']?|\s+)[A-Za-z0-9._~+/-]{16,}=*/gi;
/** RFC 3986 §3.2.1: of a URL, who asks and by which password. */
const USER_INFO = /(?<=:\/\/)[^/?#@\s"']{1,512}@/g;
/** As `wg` prints keys: 32 bytes. */
const KEY = /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=/g;
const NODE_ID = /\b[0-9a-f]{32}\b/g;
const MAC = /\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/gi;
const IPV4 = /\b\d{1,3}(?:\.\d{1,3}){3}\b/g;
const IPV6 = /(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])/gi;

/** Takes secrets out of a text, and what is known to be one. */
export function withoutSecrets(text: string, known: readonly string[]): string {
  let shown = text.replace(TOKEN, "weft1-…").replace(BEARER, "$1$2…").replace(USER_INFO, "…@");
  for (const secret of known) if (secret.length >= 8) shown = shown.replaceAll(secret, "…");
  return shown;
}

/** Replaces what tells a network apart, the same by the same. */
export class Anonymizer {
  readonly #words = new Map<string, string>();
  readonly #counts = new Map<string, number>();
  readonly #names: readonly string[];

  /** @param names of members, of this host, of its users: whatever is a word of its own */
  constructor(names: readonly string[]) {
    // A longer one may have a shorter one in it.
    this.#names = [...new Set(names)].filter((name) => name.length > 1 && !COMMON.has(name))
      .toSorted((a, b) => b.length - a.length);
  }

  /** @returns the text without them */
  text(text: string): string {
    let shown = text
      .replace(KEY, (key) => this.#word("key", key))
      .replace(NODE_ID, (id) => this.#word("id", id))
      .replace(MAC, (mac) => this.#word("mac", mac.toLowerCase()))
      .replace(IPV4, (address) => this.#address(address))
      .replace(IPV6, (address) => this.#address(address));
    for (const name of this.#names) {
      const pattern = new RegExp(`(?<![\\w-])${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\w-])`, "gi");
      shown = shown.replace(pattern, this.#word("name", name));
    }
    return shown;
  }

  #address(text: string): string {
    const address = IpAddress.parse(text);
    // What every host has tells nothing.
    if (address === undefined || address.isLoopback || address.isUnspecified) return text;
    return this.#word(address.family === 4 ? "address4" : "address6", address.toString());
  }

  #word(kind: string, of: string): string {
    const key = `${kind} ${of}`;
    const known = this.#words.get(key);
    if (known !== undefined) return known;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    const word = `${kind}-${count}`;
    this.#words.set(key, word);
    return word;
  }
}

/** Words of the report itself. */
const COMMON: ReadonlySet<string> = new Set([
  "weft",
  "root",
  "node",
  "leader",
  "member",
  "localhost",
  "linux",
]);
