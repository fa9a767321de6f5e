/**
 * What stood in a resolv.conf before, and who has replaced it, written into the file itself: so whoever starts next can put
 * it back, whatever became of the agent's state.
 *
 * ```text
 *   # Written by weft …
 *   nameserver 10.200.0.1
 *   …
 *   # before: eyJmb3JtZXIi…   the former file and the process, in base64, as many lines as it needs
 *   # before: …
 * ```
 * @module
 */

import { decodeBase64, encodeBase64, utf8Bytes } from "../../base/mod.ts";
import { decodeFormer, encodeFormer, type FormerFile } from "../store/mod.ts";
import type { ProcessIdentity } from "./process_identity.ts";
import { parseResolverConf } from "./resolver_conf.ts";

const PREFIX = "# before: ";
const LINE_CHARACTERS = 96;
/** Every program reads the file whenever it starts; a longer one is put back by the journal of its agent alone. */
const MAX_CHARACTERS = 16_384;

/** What weft's own resolv.conf says of itself. */
export interface ResolverMark {
  readonly former: FormerFile;
  readonly writer: ProcessIdentity;
}

/** @returns the lines, each a comment; none when it is too much */
export function markLines({ former, writer }: ResolverMark): readonly string[] {
  const text = encodeBase64(utf8Bytes(JSON.stringify({ former: encodeFormer(former), writer })));
  if (text.length > MAX_CHARACTERS) return [];
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += LINE_CHARACTERS) {
    lines.push(PREFIX + text.slice(at, at + LINE_CHARACTERS));
  }
  return lines;
}

/** @returns what a resolv.conf that weft has written says; undefined when it says nothing, or another has written it */
export function readMark(text: string): ResolverMark | undefined {
  if (!parseResolverConf(text).isOwn) return undefined;
  const lines = text.split("\n").filter((line) => line.startsWith(PREFIX));
  const bytes = decodeBase64(lines.map((line) => line.slice(PREFIX.length).trim()).join(""));
  if (bytes === undefined || bytes.length === 0) return undefined;
  try {
    const { former, writer } = JSON.parse(new TextDecoder().decode(bytes));
    const read = decodeFormer(former);
    const { pid, startTicks, pidNamespace, bootId } = writer;
    const isProcess = Number.isInteger(pid) &&
      [startTicks, pidNamespace, bootId].every((each) => typeof each === "string");
    return read !== undefined && isProcess && isResolverConf(read)
      ? { former: read, writer: { pid, startTicks, pidNamespace, bootId } }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whoever has written the text, or copied it from another machine, is not to have the path lead to any file. */
function isResolverConf(former: FormerFile): boolean {
  return former.kind !== "link" || /(?:^|\/)[^/\0]*resolv[^/\0]*$/.test(former.target);
}
