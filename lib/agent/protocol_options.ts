/**
 * Which protocol versions a node speaks.
 * @module
 */

import type { AgentOptions } from "../config/mod.ts";
import { OWN_PROTOCOLS, type ProtocolVersions } from "../mesh/mod.ts";

/** @returns those of this release, but for what a test has it speak */
export function spokenProtocols({ testProtocols }: Pick<AgentOptions, "testProtocols">): ProtocolVersions {
  const told = Object.entries(testProtocols).map(([protocol, text]) => {
    const [oldest = 1, newest = oldest] = text.split("-").map(Number);
    return [protocol, { oldest, newest }] as const;
  });
  return { ...OWN_PROTOCOLS, ...Object.fromEntries(told) };
}
