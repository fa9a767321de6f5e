/**
 * The table of nodes, which a screen reader has in place of the map.
 * @module
 */

import type { VNode } from "preact";
import { bits, byName, roundTrip, span } from "./format.ts";
import type { LiveStore } from "./live_store.ts";
import { HEALTH_WORDS, HEALTHS, type MeshNode } from "./mesh_model.ts";
import { PathText, toneOf } from "./marks.tsx";
import { Badge, type Column, Nothing, Sparkline, Table } from "./parts.tsx";

/** What a table can be narrowed down to. */
export const FILTERS: readonly {
  readonly id: string;
  readonly name: string;
  readonly matches: (node: MeshNode) => boolean;
}[] = [
  { id: "all", name: "All", matches: () => true },
  {
    id: "unwell",
    name: "Needs attention",
    matches: ({ health }) => health === "unhealthy" || health === "degraded",
  },
  { id: "away", name: "Away", matches: ({ health }) => health === "away" || health === "unknown" },
  {
    id: "indirect",
    name: "Not direct",
    matches: ({ path, health, isSelf }) => !isSelf && path !== "direct" && health === "healthy",
  },
  { id: "leaders", name: "Leaders", matches: ({ isLeader }) => isLeader },
  { id: "devices", name: "Devices", matches: ({ isDevice }) => isDevice },
];

/** @returns the nodes that have all words of a search */
export function searched(nodes: readonly MeshNode[], text: string): readonly MeshNode[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return words.length === 0 ? nodes : nodes.filter((node) => words.every((word) => node.text.includes(word)));
}

const rank = ({ health }: MeshNode): number => HEALTHS.indexOf(health);
const nullsLast = (value: number | null): number => value ?? Infinity;

/** Unhealthy ones first. */
export function NodeTable({ nodes, store, selected, onSelect }: {
  readonly nodes: readonly MeshNode[];
  readonly store: LiveStore;
  readonly selected: string | undefined;
  readonly onSelect: (key: string) => void;
}): VNode {
  const columns: readonly Column<MeshNode>[] = [
    {
      title: "Name",
      compare: (a, b) => byName(a.name, b.name),
      cell: (node) => (
        <>
          <button type="button" class="plain name" onClick={() => onSelect(node.key)}>{node.name}</button>
          {node.isLeader && <span class="tag">{node.isElected ? "elected" : "leader"}</span>}
          {node.isDevice && <span class="tag">device</span>}
        </>
      ),
    },
    {
      title: "Health",
      compare: (a, b) => rank(a) - rank(b) || byName(a.name, b.name),
      cell: (node) => (
        <>
          <Badge tone={toneOf(node.health)}>{HEALTH_WORDS[node.health]}</Badge>
          {node.peer?.lastSeenMs !== undefined && (
            <span class="quiet line">{span(store.now() - node.peer.lastSeenMs)} ago</span>
          )}
        </>
      ),
    },
    {
      title: "Address",
      compare: (a, b) => byName(a.addresses[0] ?? "", b.addresses[0] ?? ""),
      cell: ({ addresses }) =>
        addresses.slice(0, 2).map((address) => <span class="line mono" key={address}>{address}</span>),
    },
    {
      title: "Path",
      compare: (a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : byName(a.name, b.name),
      cell: (node) => {
        if (node.isSelf) return "–";
        const via = node.peer?.way?.via ?? node.peer?.hub ?? undefined;
        return <PathText kind={node.path} {...via !== undefined && via !== node.name && { via }} />;
      },
    },
    {
      title: "Round trip",
      isNumber: true,
      compare: (a, b) => nullsLast(a.rttMs) - nullsLast(b.rttMs),
      cell: ({ rttMs }) => roundTrip(rttMs),
    },
    {
      title: "Traffic",
      isNumber: true,
      compare: (a, b) => b.rates.rx + b.rates.tx - a.rates.rx - a.rates.tx,
      cell: (node) =>
        node.isSelf ? "–" : (
          <span class="with-spark">
            <Sparkline
              points={store.traffic(node.key).past}
              least={1_000}
              width={64}
              height={16}
              label="Traffic lately"
            />
            <span class="rate">{bits(node.rates.rx + node.rates.tx)}</span>
          </span>
        ),
    },
    {
      title: "Handshake",
      isNumber: true,
      compare: (a, b) => (b.numbers?.[3] ?? 0) - (a.numbers?.[3] ?? 0),
      cell: (node) => {
        const at = node.numbers?.[3] ?? null;
        return node.isSelf ? "–" : at === null ? "never" : `${span(store.now() - at)} ago`;
      },
    },
    {
      title: "Version",
      compare: (a, b) => byName(a.version ?? "", b.version ?? ""),
      cell: ({ version, system }) => (
        <>
          {version ?? "–"}
          {system !== undefined && <span class="quiet line">{system}</span>}
        </>
      ),
    },
  ];
  if (nodes.length === 0) {
    return <Nothing>No node matches. Clear the search, or choose another filter.</Nothing>;
  }
  return (
    <Table
      label="Nodes"
      columns={columns}
      rows={nodes}
      keyOf={({ key }) => key}
      initial={{ column: 1, isReverse: false }}
      onPick={({ key }) => onSelect(key)}
      picked={selected}
    />
  );
}
