/**
 * What carries a running node's packets and frames: the interface with its packet plane, or on a rootless node frames
 * alone. What either tells is led to the parts that it concerns.
 * @module
 */

import type { WeftError } from "../base/mod.ts";
import type { FramePlane } from "../dataplane/mod.ts";
import type { MeshState } from "../mesh/mod.ts";
import type { AgentContext } from "./agent_context.ts";
import { InterruptedError } from "./errors.ts";
import type { MemberSession } from "./member_session.ts";
import { type Networks, type ProgramEndpoints, RootlessFrames } from "./networks/mod.ts";
import { OverlayInterface, type OverlayObserver } from "./overlay/mod.ts";
import type { NodePolicies } from "./policy/mod.ts";
import type { ServiceHost } from "./services/mod.ts";

/** The node's parts that use it or are told; links and health are others after the keys have changed. */
export interface ObservingParts {
  readonly session: MemberSession | undefined;
  readonly networks: Pick<Networks, "handlePortEvent" | "channels" | "start" | "close">;
  readonly programEndpoints: Pick<ProgramEndpoints, "start">;
  readonly policies: NodePolicies;
  readonly services: Pick<ServiceHost, "forward">;
  readonly mesh: Pick<MeshState, "identity">;
}

/** What a data plane is made of. */
export interface DataPlaneParts {
  readonly context: AgentContext;
  readonly node: ObservingParts;
  /** Whether the node is on its way up, and nobody has stopped it meanwhile. */
  isStarting(): boolean;
  /** Called when the interface is gone. */
  end(reason: WeftError): void;
}

/** The data plane of one node. */
export class DataPlane {
  readonly #parts: DataPlaneParts;
  readonly #resources: AsyncDisposableStack;
  #overlay: OverlayInterface | undefined;
  /** Of a node without a packet plane. */
  #frames: RootlessFrames | undefined;

  /** @param resources take back what is opened, together with what the node opens before and after */
  constructor(parts: DataPlaneParts, resources: AsyncDisposableStack) {
    this.#parts = parts;
    this.#resources = resources;
  }

  /** The interface, once it is open; none on a rootless node. */
  get overlay(): OverlayInterface | undefined {
    return this.#overlay;
  }

  /**
   * Makes the interface.
   * @throws WeftError that says what this host lacks
   * @throws InterruptedError when the node was stopped meanwhile
   */
  async openInterface(): Promise<void> {
    const { context, node } = this.#parts;
    const opened = this.#resources.use(await OverlayInterface.open(context, overlayObserver(node)));
    if (!this.#parts.isStarting()) throw new InterruptedError();
    this.#overlay = opened;
    // Before the first peer is set, and with it the first packet.
    this.#resources.defer(node.policies.all.attach(opened));
    opened.ended.then((reason) => {
      if (reason !== undefined) this.#parts.end(reason);
    });
  }

  /** Carries frames from now on: through the interface's plane if it has them. */
  startNetworks(): void {
    const { networks, programEndpoints } = this.#parts.node;
    const plane = this.#overlay?.plane;
    const frames = plane?.frames ?? this.#openFrames();
    programEndpoints.start(frames);
    // Before the first device is made, which stays otherwise when a later one fails.
    this.#resources.defer(() => networks.close());
    networks.start({ frames, hasHeader: plane?.kind === "fast" });
  }

  /** How many frames were dropped, by reason. */
  frameDrops(): Readonly<Record<string, number>> {
    return { ...this.#parts.node.networks.channels.counters.snapshot(), ...this.#frames?.plane.drops() };
  }

  /** To be called every few seconds. */
  lookAfter(): void {
    this.#frames?.lookAfter();
  }

  #openFrames(): FramePlane {
    const { context, node: { networks, policies } } = this.#parts;
    const frames = this.#frames = new RootlessFrames(context, {
      handlePortEvent: (event) => networks.handlePortEvent(event),
      handlePolicyReport: (report) => policies.note("packets", report),
    });
    this.#resources.defer(policies.all.attach(frames));
    this.#resources.defer(() => frames.close());
    return frames.plane;
  }
}

/** @returns what leads the interface's events to whoever is there when they come */
function overlayObserver(node: ObservingParts): OverlayObserver {
  const { networks, policies, services, mesh } = node;
  return {
    handleDeviceEvent: (event) => node.session?.handleDeviceEvent(event),
    handleProbe: (datagram, source) => node.session?.paths?.handleProbe(datagram, source),
    handlePortEvent: (event) => networks.handlePortEvent(event),
    handlePolicyReport: (report) => policies.note("packets", report),
    dial: (host, port, signal) => services.forward.dial(host, port, signal),
    ping: async (nodeId) => {
      const denied = policies.messages.guard.admitPing("out", mesh.identity.id, nodeId);
      return denied === undefined ? await node.session?.health.reachChannel(nodeId) : undefined;
    },
  };
}
