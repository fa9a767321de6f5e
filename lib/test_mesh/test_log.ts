/**
 * What the nodes of a test say, and send.
 * @module
 */

import type { Clock, Logger } from "../base/mod.ts";
import { decodeNodeMessage, type NodeMessage, showPath } from "../service/mod.ts";

/** One line of a node's log. */
export interface LogLine {
  /** When, in milliseconds of virtual time since the mesh was made. */
  readonly atMs: number;
  /** Whose line it is. */
  readonly node: string;
  /** How much it matters. */
  readonly level: "debug" | "info" | "warn" | "error";
  /** A constant of the code: what has happened. */
  readonly message: string;
  /** The values that belong to it. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** One message from a node to another, as it was sent; whether it arrives is another matter. */
export interface SentMessage {
  /** When, in milliseconds of virtual time since the mesh was made. */
  readonly atMs: number;
  /** The name of the node that sends it. */
  readonly from: string;
  /** The name of the node that it is for. */
  readonly to: string;
  /** What it is; `discovery` and `leadership` go between nodes and their programs alone. */
  readonly kind: "request" | "response" | "event" | "cancel" | "heartbeat" | "discovery" | "leadership";
  /** The action that is called, or the event's topic; empty for every other kind. */
  readonly path: string;
}

/** @param lines where they are kept @param also takes them as well @returns the log of one node */
export function keepLog(lines: LogLine[], clock: Clock, node: string, also: Logger): Logger {
  const write = (level: LogLine["level"]) => (message: string, fields: LogLine["fields"] = {}) => {
    lines.push({ atMs: clock.now(), node, level, message, fields });
    also[level](message, { node, ...fields });
  };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

/** @returns undefined when it can't be read */
export function describeMessage(
  atMs: number,
  from: string,
  to: string,
  bytes: Uint8Array,
): SentMessage | undefined {
  const message = decodeNodeMessage(bytes, true);
  return message && { atMs, from, to, kind: message.kind, path: pathOf(message) };
}

function pathOf(message: NodeMessage): string {
  if (message.kind === "request") return showPath(message.path);
  return message.kind === "event" ? showPath(message.topic) : "";
}
