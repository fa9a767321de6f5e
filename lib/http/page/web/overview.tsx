/**
 * What stands beside the map while no node is picked: who needs attention, and what has happened.
 * @module
 */

import type { VNode } from "preact";
import { bits, counted, figure, moment, span } from "./format.ts";
import type { LiveStore } from "./live_store.ts";
import { HEALTH_WORDS, HEALTHS, type Mesh, type MeshNode } from "./mesh_model.ts";
import { toneOf } from "./marks.tsx";
import { Badge } from "./parts.tsx";
import { failingShare, SERIOUS_SHARE } from "./service_view.tsx";

const MOST_UNWELL = 8;
const MOST_BUSY = 5;
const MOST_EVENTS = 9;
const MOST_FAILING = 3;

/** Three short lists. */
export function Overview({ store, mesh, onSelect, onList }: {
  readonly store: LiveStore;
  readonly mesh: Mesh;
  readonly onSelect: (key: string) => void;
  /** Shows a list. */
  readonly onList: (list: ConcernedList) => void;
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
          {concerns.map(({ text, list }) => (
            <li key={text}>
              {list === undefined
                ? text
                : <button type="button" class="plain" onClick={() => onList(list)}>{text}</button>}
            </li>
          ))}
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

/** A list that has more of a concern. */
export type ConcernedList = "policy" | "data" | "services";

interface Concern {
  readonly text: string;
  /** Where it is told in full; undefined for what stands at the top of the page. */
  readonly list?: ConcernedList;
}

/** What is not as it is to be while every node may answer. */
function concernsOf(store: LiveStore): readonly Concern[] {
  const policy = store.one("policy");
  const behind = policy?.stale ?? 0;
  const failing = policy?.failures.length ?? 0;
  const away = store.one("counters")?.services.providers.unhealthy ?? 0;
  const kept = [...store.all("collection"), ...store.all("queue")];
  const lost = kept.filter(({ state }) => state === "away").length;
  const dead = store.all("queue").reduce((total, queue) => total + (queue.dead ?? 0), 0);
  const own = store.one("node");
  const warnings = (own?.warnings?.length ?? 0) + (own?.leadership?.problem === undefined ? 0 : 1);
  const when = (count: number, text: string, list?: ConcernedList): readonly Concern[] =>
    count === 0 ? [] : [{ text, ...list !== undefined && { list } }];
  return [
    ...when(warnings, `${counted(warnings, "warning")}, above`),
    ...failingCalls(store).map((text): Concern => ({ text, list: "services" })),
    ...when(behind, `${counted(behind, "member does", "members do")} not enforce the policy yet`, "policy"),
    ...when(failing, `${counted(failing, "test")} of the policy fail${failing === 1 ? "s" : ""}`, "policy"),
    ...when(lost, `${counted(lost, "collection or queue", "collections and queues")} away`, "data"),
    ...when(dead, `${counted(dead, "dead letter")} in queues`, "data"),
    ...when(away, `${counted(away, "provider")} of services away`, "services"),
  ];
}

/** @returns the services of whose calls by this node, or to it, many fail now; the worst first */
function failingCalls(store: LiveStore): readonly string[] {
  const stats = store.one("counters")?.services.callStats ?? [];
  const byService = Map.groupBy(stats.filter(({ service }) => service !== ""), ({ service }) => service);
  return [...byService].map(([service, each]) => ({ service, share: failingShare(each) ?? 0 }))
    .filter(({ share }) => share > SERIOUS_SHARE)
    .toSorted((a, b) => b.share - a.share)
    .slice(0, MOST_FAILING)
    .map(({ service, share }) => `${figure(100 * share)} % of the calls of ${service} fail`);
}
