/**
 * Services, and how calls of them went on this node.
 * @module
 */

import type { VNode } from "preact";
import type { CallStatsReport as CallStats } from "../../../api/mod.ts";
import type { LiveService } from "../../events/mod.ts";
import { byName, counted, figure, roundTrip } from "./format.ts";
import type { LiveStore } from "./live_store.ts";
import { Badge, type Column, Command, Nothing, Table } from "./parts.tsx";

interface Row extends LiveService {
  readonly stats: readonly CallStats[];
}

/** The services of the mesh. */
export function ServiceView(
  { store, search }: { readonly store: LiveStore; readonly search: string },
): VNode {
  const services = store.all("service");
  const counters = store.one("counters")?.services;
  const stats: readonly CallStats[] = counters?.callStats ?? [];
  const rows = services.filter(({ path, providers }) =>
    `${path} ${providers.map(({ name }) => name).join(" ")}`.toLowerCase().includes(search.toLowerCase())
  ).map((service): Row => ({ ...service, stats: stats.filter((each) => each.service === service.path) }));
  if (services.length === 0) {
    return (
      <Nothing>
        Nobody offers a service. Programs do by the library; a TCP port of this machine is offered to the mesh
        by <Command text="weft offer 8080" />
      </Nothing>
    );
  }
  return (
    <>
      {counters !== undefined && (
        <p class="tab-summary">
          {counted(counters.calls.pending, "call")} pending, {counters.calls.running} running here;{" "}
          {counted(counters.programs, "program")} attached
          {counters.openBreakers > 0 && (
            <>
              ; <Badge tone="warn">{counted(counters.openBreakers, "open breaker")}</Badge>
            </>
          )}
        </p>
      )}
      <Table
        label="Services"
        columns={COLUMNS}
        rows={rows}
        keyOf={({ path }) => path}
        initial={{ column: 0, isReverse: false }}
      />
    </>
  );
}

const sum = (stats: readonly CallStats[], of: (each: CallStats) => number): number =>
  stats.reduce((total, each) => total + of(each), 0);
/** More than so much is what somebody has to look at. */
export const SERIOUS_SHARE = 0.01;

/** @returns what part of the calls of the last minute has failed; undefined when there were none, or nobody counts it */
export function failingShare(stats: readonly CallStats[]): number | undefined {
  const rate = sum(stats, (each) => each.rate);
  return rate === 0 ? undefined : sum(stats, ({ errorRate }) => errorRate ?? 0) / rate;
}

const slowest = (stats: readonly CallStats[]): number | null => {
  const known = stats.flatMap(({ p99Ms }) => p99Ms ?? []);
  return known.length === 0 ? null : Math.max(...known);
};

const COLUMNS: readonly Column<Row>[] = [
  {
    title: "Service",
    compare: (a, b) => byName(a.path, b.path),
    cell: ({ path, description }) => (
      <>
        <span class="name">{path}</span>
        {description !== "" && <span class="quiet line">{description}</span>}
      </>
    ),
  },
  {
    title: "Offered by",
    compare: (a, b) => b.providers.length - a.providers.length,
    cell: ({ providers }) => (
      <span class="chips">
        {providers.slice(0, 8).map((provider) => {
          const isGood = provider.state === "running" && provider.isHealthy;
          const word = provider.isHealthy ? provider.state : "away";
          return (
            <span class="chip" key={provider.id}>
              <i class={`dot ${isGood ? "good" : provider.isHealthy ? "warn" : "bad"}`} aria-hidden="true" />
              {provider.name}
              {provider.isLeader && <span class="tag">leads</span>}
              {!isGood && <span class="tag">{word}</span>}
            </span>
          );
        })}
        {providers.length > 8 && <span class="quiet">and {providers.length - 8} more</span>}
      </span>
    ),
  },
  {
    title: "Actions",
    cell: ({ actions }) => <span class="wrap">{actions.map(({ name }) => name).join(", ") || "–"}</span>,
  },
  {
    title: "Calls",
    isNumber: true,
    compare: (a, b) => sum(b.stats, ({ calls }) => calls) - sum(a.stats, ({ calls }) => calls),
    cell: ({ stats }) => {
      const calls = sum(stats, (each) => each.calls);
      if (calls === 0) return "–";
      return (
        <>
          {calls.toLocaleString("en")}
          <span class="quiet line">{figure(sum(stats, (each) => each.rate))}/s</span>
        </>
      );
    },
  },
  {
    title: "Errors",
    isNumber: true,
    compare: (a, b) =>
      (failingShare(b.stats) ?? 0) - (failingShare(a.stats) ?? 0) ||
      sum(b.stats, ({ errors }) => errors) - sum(a.stats, ({ errors }) => errors),
    cell: ({ stats }) => {
      const [errors, calls] = [sum(stats, (each) => each.errors), sum(stats, (each) => each.calls)];
      if (calls === 0) return "–";
      const share = failingShare(stats) ?? 0;
      return (
        <>
          {share === 0
            ? "0 %"
            : <Badge tone={share > SERIOUS_SHARE ? "bad" : "warn"}>{figure(100 * share)} %</Badge>}
          {errors > 0 && <span class="quiet line">{errors.toLocaleString("en")} in all</span>}
        </>
      );
    },
  },
  {
    title: "99th percentile",
    isNumber: true,
    compare: (a, b) => (slowest(b.stats) ?? -1) - (slowest(a.stats) ?? -1),
    cell: ({ stats }) => roundTrip(slowest(stats)),
  },
];
