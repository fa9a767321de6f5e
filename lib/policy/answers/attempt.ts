/**
 * What somebody might try, as people write it.
 * @module
 */

import { IpAddress } from "../../net/mod.ts";
import { hasPorts, parseProtocol, PROTOCOL } from "../model/mod.ts";
import type { Decision, PolicyEvaluator, SubjectNumber } from "../evaluate/mod.ts";

/** One attempt to reach somebody. */
export type Attempt =
  | {
    readonly kind: "packet";
    /** Of IP. */
    readonly protocol: number;
    readonly sourcePort: number;
    readonly destinationPort: number;
  }
  | { readonly kind: "frame"; readonly etherType: number }
  | { readonly kind: "call"; readonly path: string }
  | { readonly kind: "event"; readonly path: string };

/** An attempt, and to whom; calls and events of a text are for nobody in particular. */
export interface AttemptText {
  /** A name, an address, or a selector; undefined for calls and events. */
  readonly destination: string | undefined;
  /** Undefined for anything at all. */
  readonly attempt: Attempt | undefined;
}

// What programs get that ask for no port (RFC 6335 §6).
const EPHEMERAL_PORT = 49_152;
const PORT = /^(0|[1-9]\d{0,4})$/;
const MAX_PORT = 65_535;

/**
 * Reads `db-1:5432`, `db-1:udp/53`, `db-1:icmp`, `db-1`, `[fd00::7]:443`, `service:orders/refund`, `topic:metrics/cpu`.
 * @returns undefined when `text` is none of them
 */
export function parseAttempt(text: string): AttemptText | undefined {
  const path = /^(service|topic):([A-Za-z0-9_.$:/-]+)$/.exec(text);
  if (path !== null) {
    const attempt = { kind: path[1] === "service" ? "call" : "event", path: path[2] ?? "" } as const;
    return { destination: undefined, attempt };
  }
  if (text === "") return undefined;
  if (IpAddress.parse(text) !== undefined) return { destination: text, attempt: undefined };
  const bracketed = /^\[([^\]]+)\](?::(.+))?$/.exec(text);
  const colon = bracketed === null ? text.lastIndexOf(":") : -1;
  const destination = bracketed?.[1] ?? (colon < 0 ? text : text.slice(0, colon));
  const what = bracketed === null ? colon < 0 ? undefined : text.slice(colon + 1) : bracketed[2];
  if (destination === "") return undefined;
  if (what === undefined) return { destination, attempt: undefined };
  const attempt = parseTransport(what);
  return attempt && { destination, attempt };
}

function parseTransport(text: string): Attempt | undefined {
  const [name, portText] = PORT.test(text) ? ["tcp", text] : text.split("/", 2);
  const protocol = parseProtocol(name ?? "");
  if (protocol === undefined || protocol === PROTOCOL.ANY) return undefined;
  if (protocol >= PROTOCOL.ETHERTYPE) {
    return portText === undefined ? { kind: "frame", etherType: protocol - PROTOCOL.ETHERTYPE } : undefined;
  }
  if (protocol >= PROTOCOL.CALL) return undefined;
  if (!hasPorts(protocol)) {
    return portText === undefined
      ? { kind: "packet", protocol, sourcePort: 0, destinationPort: 0 }
      : undefined;
  }
  if (portText === undefined || !PORT.test(portText) || Number(portText) > MAX_PORT) return undefined;
  return { kind: "packet", protocol, sourcePort: EPHEMERAL_PORT, destinationPort: Number(portText) };
}

/** @returns what an evaluator decides of an attempt */
export function decideAttempt(
  evaluator: PolicyEvaluator,
  network: number,
  source: SubjectNumber,
  destination: SubjectNumber,
  attempt: Attempt,
): Decision {
  switch (attempt.kind) {
    case "packet": {
      const { protocol, sourcePort, destinationPort } = attempt;
      return evaluator.decide(network, source, destination, protocol, sourcePort, destinationPort);
    }
    case "frame":
      return evaluator.decideFrame(network, source, destination, attempt.etherType);
    case "call":
      return evaluator.decideCall(source, destination, attempt.path);
    case "event":
      return evaluator.decideEvent(source, destination, attempt.path);
  }
}
