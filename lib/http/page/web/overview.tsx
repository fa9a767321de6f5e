/**
 * What stands beside the map while no node is picked: who needs attention, and what has happened.
 * @module
 */

import type { VNode } from "preact";
import { bits, counted, moment, span } from "./format.ts";
import type { LiveStore } from "./live_store.ts";
import { HEALTH_WORDS, HEALTHS, type Mesh, type MeshNode } from "./mesh_model.ts";
import { toneOf } from "./marks.tsx";
import { Badge } from "./parts.tsx";

const MOST_UNWELL = 8;
const MOST_BUSY = 5;
const MOST_EVENTS = 9;

/** Three short lists. */
export function Overview({ store, mesh, onSelect }: {
  readonly store: LiveStore;
  readonly mesh: Mesh;
  readonly onSelect: (key: string) => void;
}): VNode {
  const unwell = mesh.nodes.filter(({ health }) => health !== "healthy" && health !== "self")
    .toSorted((a, b) => HEALTHS.indexOf(a.health) - HEALTHS.indexOf(b.health));
  const busy = mesh.nodes.filter(({ rates }) => rates.rx + rates.tx > 1_000)
    .toSorted((a, b) => b.rates.rx + b.rates.tx - a.rates.rx - a.rates.tx);
  const concerns = concernsOf(store);
  const events = store.all("event").slice(-MOST_EVENTS).reverse();
  const now = store.now();
  const pick = (node: MeshNode): VNode => (
    <button
      type="button"
      class="plain"
      onClick={() => onSelect(node.key)}
    >
      {node.name}
    </button>
  );
  return (
    <div class="overview">
      <section>
        <h2>{unwell.length + concerns.length === 0 ? "All is well" : "Needs attention"}</h2>
        {unwell.length === 0 && (
          <p class="quiet">Every node answers. Pick one on the map to see all about it.</p>
        )}
        <ul class="rows">
          {unwell.slice(0, MOST_UNWELL).map((node) => (
            <li key={node.key}>
              {pick(node)}
              <span>
                <Badge tone={toneOf(node.health)}>{HEALTH_WORDS[node.health]}</Badge>{" "}
                <span class="quiet">
                  {node.peer?.lastSeenMs === undefined ? "" : span(now - node.peer.lastSeenMs)}
                </span>
              </span>
            </li>
          ))}
          {concerns.map((text) => <li key={text}>{text}</li>)}
        </ul>
        {unwell.length > MOST_UNWELL && (
          <p class="quiet">and {unwell.length - MOST_UNWELL} more, first in the list below</p>
        )}
      </section>
      {busy.length > 0 && (
        <section>
          <h2>Busiest with this node</h2>
          <ul class="rows">
            {busy.slice(0, MOST_BUSY).map((node) => (
              <li key={node.key}>
                {pick(node)}
                <span class="rate">{bits(node.rates.rx + node.rates.tx)}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <section>
        <h2>Lately</h2>
        <ul class="plain-list">
          {events.map(({ number, at, text }) => (
            <li key={number}>
              <time class="quiet">{moment(at, now)}</time> {text}
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}

/** What is not as it is to be while every node may answer. */
function concernsOf(store: LiveStore): readonly string[] {
  const policy = store.one("policy");
  const behind = policy?.stale ?? 0;
  const failing = policy?.failures.length ?? 0;
  const away = store.one("counters")?.services.providers.unhealthy ?? 0;
  const kept = [...store.all("collection"), ...store.all("queue")];
  const lost = kept.filter(({ state }) => state === "away").length;
  const dead = store.all("queue").reduce((total, queue) => total + (queue.dead ?? 0), 0);
  const own = store.one("node");
  const warnings = (own?.warnings?.length ?? 0) + (own?.leadership?.problem === undefined ? 0 : 1);
  return [
    ...warnings === 0 ? [] : [`${counted(warnings, "warning")}, above`],
    ...behind === 0 ? [] : [`${counted(behind, "member does", "members do")} not enforce the policy yet`],
    ...failing === 0 ? [] : [`${counted(failing, "test")} of the policy fail${failing === 1 ? "s" : ""}`],
    ...lost === 0 ? [] : [`${counted(lost, "collection or queue", "collections and queues")} away`],
    ...dead === 0 ? [] : [`${counted(dead, "dead letter")} in queues`],
    ...away === 0 ? [] : [`${counted(away, "provider")} of services away`],
  ];
}
