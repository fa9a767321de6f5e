/**
 * How a stream of a channel becomes a connection to a service of the other end:
 *
 * ```text
 *   header    01 | port (2) | host …      port in network order; a name in lower case or an address, 1 to 253 bytes
 *   answer    00                          before everything else, when the service has accepted
 *   refusal   the stream is reset by one of REFUSAL_CODES
 * ```
 *
 * The answer is needed because a SOCKS client is told what came of its request before it sends anything.
 *
 * @module
 */

import { IpAddress } from "../net/mod.ts";
import { type DialLimits, type DialRefusal, type DialTarget, REFUSAL_CODES, refusalOf } from "./dial.ts";
import { type Duplex, resumed } from "./duplex.ts";

/** The topic of such streams. */
export const FORWARD_TOPIC = "forward";

const VERSION = 1;
const ACCEPTED = 0;
const HOST_AT = 3;
const MAX_HOST_BYTES = 253;
const NAME = /^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_.])?$/;

/**
 * @returns the header of a stream to `target`, 4 to 256 bytes
 * @throws RangeError when host or port is none
 */
export function encodeForwardHeader({ host, port }: DialTarget): Uint8Array {
  if (!isHost(host) || !Number.isInteger(port) || port < 1 || port > 65535) {
    throw new RangeError(`Cannot ask for port ${port} of ${JSON.stringify(host)}: that is no place`);
  }
  return Uint8Array.of(VERSION, port >> 8, port & 0xff, ...new TextEncoder().encode(host));
}

/** @returns where the other end wants to go, or undefined when the header is none */
export function decodeForwardHeader(header: Uint8Array): DialTarget | undefined {
  if (header.length <= HOST_AT || header.length > HOST_AT + MAX_HOST_BYTES || header[0] !== VERSION) {
    return undefined;
  }
  const port = (header[1] ?? 0) << 8 | (header[2] ?? 0);
  const host = String.fromCharCode(...header.subarray(HOST_AT));
  return port > 0 && isHost(host) ? { host, port } : undefined;
}

/** Says that the service has accepted; bytes may follow at once. */
export function acceptForward(stream: Duplex): Promise<boolean> {
  return stream.write(Uint8Array.of(ACCEPTED));
}

/**
 * Waits for the other end's answer.
 * @param stream was opened with a header just now; it is reset when there is no connection
 * @returns the stream behind the answer, or why there is no connection; it never throws
 */
export async function awaitAccepted(
  stream: Duplex,
  { signal, timeoutMs }: DialLimits,
): Promise<Duplex | DialRefusal> {
  const giveUp = (): void => stream.reset(REFUSAL_CODES.failed);
  const timer = setTimeout(() => stream.reset(REFUSAL_CODES.timeout), timeoutMs);
  signal.addEventListener("abort", giveUp);
  if (signal.aborted) giveUp();
  const answer = await stream.read();
  clearTimeout(timer);
  signal.removeEventListener("abort", giveUp);
  if (answer?.[0] === ACCEPTED) return resumed(stream, answer.subarray(1));
  giveUp();
  return { refusal: answer === undefined ? refusalOf(stream.resetCode) : "failed" };
}

function isHost(text: string): boolean {
  if (text.length > MAX_HOST_BYTES) return false;
  return NAME.test(text) || IpAddress.parse(text)?.toString() === text;
}
