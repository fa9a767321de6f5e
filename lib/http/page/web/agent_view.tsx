/**
 * This node's own facts and counters.
 * @module
 */

import type { VNode } from "preact";
import type { LiveCounters, LiveNode } from "../../events/mod.ts";
import { bytes, counted } from "./format.ts";
import { has, type ViewProps } from "./list_search.ts";

/** This node's own facts and counters. */
export function AgentView({ store, search }: ViewProps): VNode | null {
  const own = store.one("node");
  const counters = store.one("counters");
  if (own === undefined || counters === undefined) return null;
  const lists: readonly (readonly [string, Readonly<Record<string, number>>])[] = [
    ["Dropped datagrams and packets", counters.drops],
    ["Refused records of others", counters.refused],
    ["Name queries", counters.dns ?? {}],
    ["Not relayed", counters.relay?.drops ?? {}],
  ];
  return (
    <>
      <dl class="facts wide">
        {nodeFacts(own, counters).map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {lists.map(([title, counts]) => {
        const shown = Object.entries(counts).filter(([name, count]) => count > 0 && has(search, name)).sort((
          [, a],
          [, b],
        ) => b - a);
        return shown.length === 0 ? null : (
          <section class="below" key={title}>
            <h3>{title}</h3>
            <ul class="counts">
              {shown.map(([name, count]) => (
                <li key={name}>
                  <span>{name}</span>
                  <span>{count.toLocaleString("en")}</span>
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </>
  );
}

function nodeFacts(own: LiveNode, counters: LiveCounters): readonly (readonly [string, string])[] {
  const { dns, discovery, dht, portMapping, leadership, network } = own;
  const { relay, clockSkewMs, services } = counters;
  return [
    ["Network", `${network.cidr}, ${counted(network.members, "member")}`],
    ...leadership
      ? [
        [
          "Leaders",
          `${leadership.present} present; ${leadership.problem ?? "the network would outlive one of them"}`,
        ] as const,
      ]
      : [],
    ...dns
      ? [
        [
          "Names",
          `${dns.zone.replace(/\.$/, "")}, resolver ${dns.resolver}${dns.problem ? `: ${dns.problem}` : ""}`,
        ] as const,
      ]
      : [],
    ...discovery
      ? [
        ["Found nearby", `${counted(discovery.heard, "node")} by ${discovery.providers.join(", ")}`] as const,
      ]
      : [],
    ...dht ? [["DHT", counted(dht.contacts, "contact")] as const] : [],
    ...(portMapping ?? []).map((gateway) =>
      [
        `Router ${gateway.gateway}`,
        gateway.udp === undefined ? gateway.state : `opened ${gateway.udp} by ${gateway.protocol}`,
      ] as const
    ),
    [
      "Relays for others",
      relay === undefined ? "no" : `${counted(relay.sessions, "session")}, ${bytes(relay.bytes)} carried`,
    ],
    [
      "Clock",
      clockSkewMs === null
        ? "no links to compare with"
        : `others are ${Math.abs(clockSkewMs)} ms ${clockSkewMs < 0 ? "behind" : "ahead"}`,
    ],
    ["Held for others", bytes(services.memory.usedBytes)],
  ];
}
