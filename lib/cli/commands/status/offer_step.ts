/**
 * Whether a port is reached that no packet reaches: of a node without an interface, or from one, what is offered is all
 * that connections lead to.
 * @module
 */

import type { PeerReport } from "../../../api/mod.ts";
import type { ExplanationFacts, ExplanationStep } from "./explanation_facts.ts";

/** @returns the step, where a port was asked for whose being offered matters; else nothing */
export function offerStep(
  { target, offers, status }: Pick<ExplanationFacts, "target" | "offers" | "status">,
  { name, way }: PeerReport,
): readonly ExplanationStep[] {
  const step = "offer";
  const port = Number(/^(?:tcp\/)?(\d{1,5})$/.exec(target)?.[1]);
  const isRootlessThere = way?.problem === "rootless-there";
  const isRootlessHere = status.dataplane.interfaceName === undefined;
  if (way === undefined || offers === undefined) return [];
  if (Number.isNaN(port)) {
    if (!isRootlessThere || !target.startsWith("udp/")) return [];
    return [{
      step,
      state: "broken",
      detail: `${name} has no interface (--rootless): nothing but TCP ports that it offers leads there`,
      hint: `\`weft up --no-rootless\` as root gives ${name} an interface.`,
    }];
  }
  const offered = offers.find((offer) => offer.node === name && offer.port === port);
  if (offered !== undefined) {
    const whom = offered.isRestricted ? "some members" : "every member";
    const how = offered.isForAllPrograms
      ? "programs reach it as any port"
      : "`weft forward` and `weft proxy` lead there, other programs to what listens at its address";
    return [{ step, state: "ok", detail: `${name} offers port ${port} to ${whom}: ${how}` }];
  }
  if (!isRootlessThere && !isRootlessHere) return [];
  const hint = `\`weft offer ${port}\` on ${name} offers it; \`weft offer list\` shows what is offered.`;
  if (isRootlessThere) {
    const detail =
      `${name} does not offer port ${port}, and has no interface (--rootless): nothing leads there`;
    return [{ step, state: "broken", detail, hint }];
  }
  const detail =
    `${name} does not offer port ${port}: this node (--rootless) is let in where --forward-allow names it alone`;
  return [{ step, state: "warning", detail, hint }];
}
