/**
 * weft whose packets to some members go by stream carriers and no other way: `CARRY` has pairs of names, as in
 * `lead>lead,lead>web`: over whose link, and to whom.
 * @module
 */

import { Agent } from "../../lib/agent/agent.ts";
import { PeerSync } from "../../lib/agent/overlay/peer_sync.ts";

const EVERY_MS = 200;

const pairs = (Deno.env.get("CARRY") ?? "").split(",").filter(Boolean).map((pair) => pair.split(">"));
let peers: PeerSync | undefined;

const startPeers = PeerSync.prototype.start;
PeerSync.prototype.start = function (): void {
  peers = this;
  startPeers.call(this);
};

const startAgent = Agent.prototype.start;
Agent.prototype.start = async function (): Promise<void> {
  await startAgent.call(this);
  for (const [via = "", target = ""] of pairs) void keepCarrying(this, via, target);
};

async function keepCarrying(agent: Agent, via: string, target: string): Promise<void> {
  const { roster } = agent.mesh;
  for (;;) {
    const [viaId, targetId] = [via, target].map((name) => roster.byName(name)?.record.nodeId);
    const carrier = viaId && targetId && await agent.carriers.open(viaId, targetId);
    if (carrier) {
      // deno-lint-ignore no-console -- the test reads it
      console.log(`carried to ${target}`);
      peers?.tryAt(carrier.target, carrier.endpoint);
      await carrier.closed;
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

await import("../../main.ts");
