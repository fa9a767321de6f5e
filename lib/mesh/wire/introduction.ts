/**
 * How two members that have no path for packets are introduced by a third one that has links to both: each is told where
 * the other may be, and a port of a relay.
 * @module
 */

import type { Endpoint } from "../../net/mod.ts";
import type {
  Introduction as WireIntroduction,
  IntroductionSchema,
  MessageFields,
  PathCall as WirePathCall,
  PathCallSchema,
} from "../../proto/mod.ts";
import { idBytes, type NodeId, nodeIdFromBytes } from "../identity/mod.ts";
import { complete, readEndpoints } from "../records/mod.ts";

/** How many endpoints of a member one message may name. */
export const MAX_INTRODUCED_ENDPOINTS = 16;

const LEG_ID_BYTES = 8;
const LEG_SECRET_BYTES = 32;

/** A wish for a path to a member, or the answer of one that was introduced. */
export interface PathCall {
  readonly target: NodeId;
  /** Where the sender may be reached, the best first. */
  readonly candidates: readonly Endpoint[];
  readonly wantsRelay: boolean;
  /** Whether the target has asked before. */
  readonly isAnswer: boolean;
}

/** One end of a session on a relay. */
export interface RelayLeg {
  /** Of UDP, at the relay's addresses. */
  readonly port: number;
  /** 8 bytes. */
  readonly id: Uint8Array;
  /** 32 bytes; never log them. */
  readonly secret: Uint8Array;
}

/** Where a member may be reached, told by one that has links to both. */
export interface Introduction {
  readonly member: NodeId;
  readonly candidates: readonly Endpoint[];
  /** A port of the sender's that leads to the member. */
  readonly leg?: RelayLeg;
  /** Whether it answers this node's own call. */
  readonly isAnswer: boolean;
}

/** @returns the message as fields */
export function pathCallToWire(call: PathCall): MessageFields<typeof PathCallSchema> {
  const { target, candidates, wantsRelay, isAnswer } = call;
  return { target: idBytes(target), candidates: candidates.map(String), wantsRelay, isAnswer };
}

/** @returns the call, or undefined when a field is out of bounds */
export function readPathCall(wire: WirePathCall): PathCall | undefined {
  return complete<PathCall>({
    target: nodeIdFromBytes(wire.target),
    candidates: readEndpoints(wire.candidates, MAX_INTRODUCED_ENDPOINTS),
    wantsRelay: wire.wantsRelay,
    isAnswer: wire.isAnswer,
  });
}

/** @returns the message as fields */
export function introductionToWire(
  { member, candidates, leg, isAnswer }: Introduction,
): MessageFields<typeof IntroductionSchema> {
  return { member: idBytes(member), candidates: candidates.map(String), isAnswer, ...leg && { leg } };
}

/** @returns the introduction, or undefined when a field is out of bounds */
export function readIntroduction(wire: WireIntroduction): Introduction | undefined {
  const introduction = complete<Introduction>({
    member: nodeIdFromBytes(wire.member),
    candidates: readEndpoints(wire.candidates, MAX_INTRODUCED_ENDPOINTS),
    isAnswer: wire.isAnswer,
  });
  if (introduction === undefined || wire.leg === undefined) return introduction;
  const { port, id, secret } = wire.leg;
  const isSound = port > 0 && port < 65_536 && id.length === LEG_ID_BYTES &&
    secret.length === LEG_SECRET_BYTES;
  return isSound ? { ...introduction, leg: { port, id, secret } } : undefined;
}
