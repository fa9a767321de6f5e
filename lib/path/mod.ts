/**
 * Which way packets take to a member, sans-IO: endpoints where it may be, probes that find out where it is, and the choice.
 *
 *     candidates ─▶ MemberPaths ─▶ Path (round trip, MTU) ─▶ chosen endpoint
 *                       ▲ │ questions, answers
 *     datagrams ⇄ PathProber, which knows all members
 *
 * @module
 */

export { type MemberPaths, type PathChange, type Traffic } from "./member_paths.ts";
export { type Candidate, type Path, type PathKind } from "./path.ts";
export {
  type PathEvent,
  PathProber,
  type PathProberParts,
  type ProbeDropReason,
  type ProbeTransmit,
} from "./path_prober.ts";
export { MAX_PROBE_BYTES } from "./probe.ts";
