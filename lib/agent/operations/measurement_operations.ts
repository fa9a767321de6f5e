/**
 * What is measured, gathered from the parts of a node.
 * @module
 */

import type { CallMeasurements, MeasurementControl } from "../../api/mod.ts";
import { LoopLag, processFigures, systemTimers } from "../../host/mod.ts";
import { type CallCounters, LATENCY_BOUNDS_SECONDS } from "../../service/mod.ts";
import type { Agent } from "../agent.ts";
import { partsOf } from "../services/mod.ts";

/** @returns the operation of metrics; how late the event loop is is looked at from the first time on that it is asked for */
export function measurementOperations(agent: Agent): MeasurementControl {
  let lag: LoopLag | undefined;
  const startLag = () => {
    const started = new LoopLag(systemTimers, () => agent.clock.now());
    const end = () => started[Symbol.dispose]();
    agent.closed.then(end, end);
    return started;
  };
  return {
    measurements() {
      const { services: { runtime: { stats }, data }, session } = agent;
      const { published, delivered, sent, lost, dropped } = stats.events;
      return {
        calls: [...measured(stats.caller, "caller"), ...measured(stats.provider, "provider")],
        events: { published, delivered, sent, lost, dropped },
        handshakes: session?.handshakes.snapshot() ?? {},
        gossip: session?.messages.gossipCounts.snapshot() ?? {},
        data: data.figures,
        process: processFigures(),
        eventLoopLag: (lag ??= startLag()).snapshot(),
      };
    },
  };
}

function measured(counters: CallCounters, side: CallMeasurements["side"]): readonly CallMeasurements[] {
  return Array.from(counters.entries(), ([path, action]) => {
    const { outcomes, buckets, count, sumSeconds } = action.totals();
    const duration = { boundsSeconds: LATENCY_BOUNDS_SECONDS, buckets, count, sumSeconds };
    return { ...partsOf(path), side, outcomes, duration };
  });
}
