/**
 * How health, paths and denials are marked, wherever they stand.
 * @module
 */

import type { VNode } from "preact";
import type { PolicyLogLine } from "../../../api/mod.ts";
import { moment } from "./format.ts";
import { type Health, type MeshNode, PATH_WORDS } from "./mesh_model.ts";
import type { Tone } from "./parts.tsx";

/** @returns the colour of a health */
export function toneOf(health: Health): Tone {
  switch (health) {
    case "self":
    case "healthy":
      return "good";
    case "degraded":
      return "warn";
    case "unhealthy":
      return "bad";
    default:
      return "quiet";
  }
}

/** A path with its line. */
export function PathText({ kind, via }: { readonly kind: MeshNode["path"]; readonly via?: string }): VNode {
  return (
    <span class="path">
      <i class={`key key-${kind}`} aria-hidden="true" />
      {PATH_WORDS[kind]}
      {via === undefined ? "" : ` by ${via}`}
    </span>
  );
}

/** A denial in one line. */
export function DenialText({ line, now }: { readonly line: PolicyLogLine; readonly now: number }): VNode {
  if ("dropped" in line) return <span class="quiet">{line.dropped} more were left out</span>;
  const { source, destination, protocol, destinationPort, path, rule, at, count, isTrial } = line;
  const what = path ?? (destinationPort > 0 ? `${protocol}/${destinationPort}` : protocol);
  return (
    <span>
      <time class="quiet">{moment(at, now)}</time> {source} → {destination} <code>{what}</code>{" "}
      <span class="quiet">
        by {rule}
        {count > 1 ? `, ${count} times` : ""}
        {isTrial ? ", trial: it passed" : ""}
      </span>
    </span>
  );
}
