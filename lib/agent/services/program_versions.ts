/**
 * What a program and the agent of its machine speak with each other. Nothing between them is sealed, so there is no handshake
 * to say it in: each end says it in its first message, on the topic `protocols`, and closes the channel when there is nothing
 * that both speak. Whoever says nothing is of a release that speaks the first version.
 * @module
 */

import type { Channel } from "../../channel/mod.ts";
import {
  agreeOnVersions,
  decodeHelloReply,
  encodeHelloReply,
  isConflict,
  type ProtocolVersions,
  type VersionConflict,
} from "../../mesh/mod.ts";

/** The topic of that message. */
const PROTOCOLS_TOPIC = "protocols";

/** Of all that nodes speak, what programs do. */
const USED = ["channel", "service", "forward"] as const;

/** What became of it. */
export interface ProgramVersions {
  /** What stands between the two; looked up when the other end has had its say, or has answered anything else. */
  conflict(): VersionConflict | undefined;
}

/**
 * Says which versions this end speaks, before anything else.
 * @param ours what it speaks
 * @param onConflict is told once, when the other end has said that it speaks others; the channel is to be closed then
 */
export function stateVersions(
  channel: Channel,
  ours: ProtocolVersions,
  onConflict: (conflict: VersionConflict) => void,
): ProgramVersions {
  const own = Object.fromEntries(USED.map((protocol) => [protocol, ours[protocol]]));
  let theirs: ProtocolVersions | undefined;
  const conflict = () => {
    const outcome = agreeOnVersions(own, theirs);
    return isConflict(outcome) ? outcome : undefined;
  };
  channel.attach(PROTOCOLS_TOPIC, (bytes) => {
    const stated = decodeHelloReply(bytes);
    if (stated === undefined || stated === "malformed" || theirs !== undefined) return;
    theirs = stated;
    const found = conflict();
    if (found !== undefined) onConflict(found);
  });
  channel.post(PROTOCOLS_TOPIC, encodeHelloReply(own, own));
  return { conflict };
}
