/**
 * The way that packets take to a member, and why it is not a direct one: part of what an agent says of itself.
 * @module
 */

import * as z from "zod";
import { type LazyObject, named, object, orNull } from "../json_schema.ts";

/**
 * Why packets take no direct path:
 * - `rootless-here`, `rootless-there`: this node, or the member, has no packet plane;
 * - `unused`: nothing was to be sent to it, so nothing was tried;
 * - `no-endpoint`: it states none, and nobody has seen it at one;
 * - `searching`: its endpoints are being tried;
 * - `udp-silent`: no member that has a link here has answered any datagram: UDP seems to be blocked;
 * - `nat-varies`: this node's NAT uses another port for each destination, and nothing came back;
 * - `unanswered`: it has answered at none of its endpoints.
 */
export type PathProblem =
  | "rootless-here"
  | "rootless-there"
  | "unused"
  | "no-endpoint"
  | "searching"
  | "udp-silent"
  | "nat-varies"
  | "unanswered";

/**
 * Why packets take no relay either: no other member has a `link` here, none of them has offered to relay, or none of those
 * that have was reached.
 */
export type RelayProblem = "no-link" | "no-relay" | "relay-silent";

/** The way that packets to a member take now. */
export interface PathReport {
  /**
   * To the member itself, by a relay, by a stream that carries them where UDP does not pass; `channel` where the message
   * plane alone reaches it, and packets don't; `none` where nothing does.
   */
  readonly kind: "direct" | "relay" | "carrier" | "channel" | "none";
  /** The name of the member that relays, or at whose end the stream ends, which may be the member itself. */
  readonly via?: string;
  /** Where datagrams are sent, `address:port`; absent unless it is a direct path or a relay. */
  readonly endpoint?: string;
  /** Round trip of its probes in milliseconds; null where none was answered: former releases answer none. */
  readonly rttMs: number | null;
  /** The longest packet that it carries, in bytes; absent while nothing was measured. */
  readonly mtuBytes?: number;
  /** How many other paths answer and stand ready. */
  readonly standbyCount: number;
  /** Why it is not direct; absent where it is. */
  readonly problem?: PathProblem;
  /** Why it is no relay either; absent where packets arrive. */
  readonly relayProblem?: RelayProblem;
  /** Both for people, one sentence without its full stop; absent where the path is direct. */
  readonly why?: string;
}

/** How this node can be reached, as others see it. */
export interface ReachReport {
  /** Whether members that have a link here answer datagrams, too; `unknown` where none was asked. */
  readonly udp: "works" | "silent" | "unknown";
  /** Whether members see this node at one port, or its NAT uses another one for each of them. */
  readonly mapping: "same" | "varies" | "unknown";
  /** Where members see it, `address:port`, what most of them say first. */
  readonly seenAt: readonly string[];
}

const problem = () =>
  z.enum([
    "rootless-here",
    "rootless-there",
    "unused",
    "no-endpoint",
    "searching",
    "udp-silent",
    "nat-varies",
    "unanswered",
  ]);

/** The schema of `PathReport`. */
export const pathReport: LazyObject<PathReport> = named("PathReport", () => ({
  kind: z.enum(["direct", "relay", "carrier", "channel", "none"]),
  via: z.string().exactOptional(),
  endpoint: z.string().exactOptional(),
  rttMs: orNull(z.number().min(0)),
  mtuBytes: z.int().min(0).exactOptional(),
  standbyCount: z.int().min(0),
  problem: problem().exactOptional(),
  relayProblem: z.enum(["no-link", "no-relay", "relay-silent"]).exactOptional(),
  why: z.string().exactOptional(),
}), "The way that packets to a member take now.");

/** The schema of `ReachReport`. */
export const reachReport: LazyObject<ReachReport> = object(() => ({
  udp: z.enum(["works", "silent", "unknown"]),
  mapping: z.enum(["same", "varies", "unknown"]),
  seenAt: z.array(z.string()),
}));
