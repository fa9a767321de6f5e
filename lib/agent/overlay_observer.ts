/**
 * What the interface tells a running node, led to the parts that it concerns.
 * @module
 */

import type { MeshState } from "../mesh/mod.ts";
import type { MemberSession } from "./member_session.ts";
import type { Networks } from "./networks/mod.ts";
import type { OverlayObserver } from "./overlay/mod.ts";
import type { NodePolicies } from "./policy/mod.ts";
import type { ServiceHost } from "./services/mod.ts";

/** The parts; links and health are others after the keys have changed. */
export interface ObservingParts {
  readonly session: MemberSession | undefined;
  readonly networks: Pick<Networks, "handlePortEvent">;
  readonly policies: Pick<NodePolicies, "note" | "messages">;
  readonly services: Pick<ServiceHost, "forward">;
  readonly mesh: Pick<MeshState, "identity">;
}

/** @returns what leads events to whoever is there when they come */
export function overlayObserver(agent: ObservingParts): OverlayObserver {
  const { networks, policies, services, mesh } = agent;
  return {
    handleDeviceEvent: (event) => agent.session?.handleDeviceEvent(event),
    handleProbe: (datagram, source) => agent.session?.paths?.handleProbe(datagram, source),
    handlePortEvent: (event) => networks.handlePortEvent(event),
    handlePolicyReport: (report) => policies.note("packets", report),
    dial: (host, port, signal) => services.forward.dial(host, port, signal),
    ping: async (nodeId) => {
      const denied = policies.messages.guard.admitPing("out", mesh.identity.id, nodeId);
      return denied === undefined ? await agent.session?.health.reachChannel(nodeId) : undefined;
    },
  };
}
