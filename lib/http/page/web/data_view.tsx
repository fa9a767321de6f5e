/**
 * What the mesh keeps: collections, queues, and how they are.
 * @module
 */

import type { VNode } from "preact";
import type { CollectionReport, KeptReport, KeptState, QueueReport } from "../../../api/mod.ts";
import { byName, counted, span } from "./format.ts";
import { has, type ViewProps } from "./list_search.ts";
import { Badge, type Column, Command, Nothing, Table, type Tone } from "./parts.tsx";

const STATES: Readonly<Record<KeptState, readonly [tone: Tone, word: string]>> = {
  away: ["bad", "away"],
  refused: ["quiet", "not for this node"],
  asked: ["quiet", "asked"],
  kept: ["good", "kept"],
};
const WORST_FIRST: readonly KeptState[] = ["away", "refused", "asked", "kept"];
const MOST_OWNERS = 6;

/** Collections and queues. */
export function DataView({ store, search }: ViewProps): VNode {
  const collections = store.all("collection");
  const queues = store.all("queue");
  if (collections.length + queues.length === 0) {
    return (
      <Nothing>
        The mesh keeps no collection and no queue. Any member makes one by{" "}
        <Command text="weft data create orders --key id" />
      </Nothing>
    );
  }
  const now = store.now();
  const isWanted = ({ name, owners }: KeptReport): boolean => has(search, name, ...owners);
  return (
    <>
      <p class="tab-summary">
        {counted(collections.length, "collection")} with{" "}
        {counted(sumOf(collections, ({ entries }) => entries), "entry", "entries")},{" "}
        {counted(queues.length, "queue")} with {counted(sumOf(queues, ({ waiting }) => waiting), "message")}
        {" "}
        waiting
      </p>
      {collections.length > 0 && (
        <Table
          label="Collections"
          columns={collectionColumns(now)}
          rows={collections.filter(isWanted)}
          keyOf={({ name }) => name}
          initial={{ column: 0, isReverse: false }}
        />
      )}
      {queues.length > 0 && (
        <section class="below">
          <h3>Queues</h3>
          <Table
            label="Queues"
            columns={queueColumns(now)}
            rows={queues.filter(isWanted)}
            keyOf={({ name }) => name}
            initial={{ column: 0, isReverse: false }}
          />
        </section>
      )}
    </>
  );
}

const sumOf = <Row,>(rows: readonly Row[], of: (row: Row) => number | undefined): number =>
  rows.reduce((total, row) => total + (of(row) ?? 0), 0);

/** Those that nobody can reach come first. */
function byNeed(a: KeptReport, b: KeptReport): number {
  return WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state) || byName(a.name, b.name);
}

function NameAndState({ name, state, at, now }: KeptReport & { readonly now: number }): VNode {
  const [tone, word] = STATES[state];
  return (
    <>
      <span class="name">{name}</span> {state !== "kept" && <Badge tone={tone}>{word}</Badge>}
      {state === "away" && at !== undefined && <span class="quiet line">as of {span(now - at)} ago</span>}
    </>
  );
}

function Owners({ owners }: KeptReport): VNode {
  return (
    <>
      {owners.slice(0, MOST_OWNERS).join(", ")}
      {owners.length > MOST_OWNERS && <span class="quiet">and {owners.length - MOST_OWNERS} more</span>}
    </>
  );
}

/** Whom a selector lets; without one it is every member. */
function Rights({ verb, selector }: { readonly verb: string; readonly selector: string | undefined }): VNode {
  return (
    <span class="line">
      <span class="quiet">{verb}</span> {selector ?? "every member"}
    </span>
  );
}

function figure(value: number | undefined): string {
  return value === undefined ? "–" : value.toLocaleString("en");
}

function collectionColumns(now: number): readonly Column<CollectionReport>[] {
  return [
    { title: "Collection", compare: byNeed, cell: (row) => <NameAndState {...row} now={now} /> },
    { title: "Kept by", cell: (row) => <Owners {...row} /> },
    {
      title: "Entries",
      isNumber: true,
      compare: (a, b) => (b.entries ?? -1) - (a.entries ?? -1),
      cell: ({ entries }) => figure(entries),
    },
    {
      title: "Revision",
      isNumber: true,
      compare: (a, b) => (b.revision ?? -1) - (a.revision ?? -1),
      cell: ({ revision }) => figure(revision),
    },
    {
      title: "Key and indexes",
      cell: ({ key, index = [], shards, schemaVersion }) =>
        key === undefined ? "–" : (
          <>
            <code>{key}</code>
            {index.length > 0 && <span class="quiet line">by {index.join(", ")}</span>}
            {shards !== undefined && <span class="quiet line">{counted(shards, "shard")}</span>}
            {schemaVersion !== undefined && <span class="quiet line">schema {schemaVersion}</span>}
          </>
        ),
    },
    {
      title: "Who may",
      cell: ({ key, read, write, seal }) =>
        key === undefined ? "–" : (
          <>
            <Rights verb="read" selector={seal ?? read} />
            <Rights verb="write" selector={write} />
            {seal !== undefined && <Badge tone="plain">sealed</Badge>}
          </>
        ),
    },
  ];
}

function queueColumns(now: number): readonly Column<QueueReport>[] {
  return [
    {
      title: "Queue",
      compare: (a, b) => (b.dead ?? 0) - (a.dead ?? 0) || byNeed(a, b),
      cell: (row) => <NameAndState {...row} now={now} />,
    },
    { title: "Kept by", cell: (row) => <Owners {...row} /> },
    {
      title: "Waiting",
      isNumber: true,
      compare: (a, b) => (b.waiting ?? -1) - (a.waiting ?? -1),
      cell: ({ waiting }) => figure(waiting),
    },
    {
      title: "With workers",
      isNumber: true,
      compare: (a, b) => (b.leased ?? -1) - (a.leased ?? -1),
      cell: ({ leased }) => figure(leased),
    },
    {
      title: "Dead letters",
      isNumber: true,
      compare: (a, b) => (b.dead ?? -1) - (a.dead ?? -1),
      cell: ({ dead }) =>
        dead !== undefined && dead > 0 ? <Badge tone="warn">{figure(dead)}</Badge> : figure(dead),
    },
    {
      title: "Room",
      isNumber: true,
      cell: ({ waiting = 0, leased = 0, dead = 0, maxLength }) => {
        if (maxLength === undefined || maxLength === 0) return "–";
        const share = (waiting + leased + dead) / maxLength;
        return share < 0.8 ? `of ${figure(maxLength)}` : (
          <Badge tone={share < 1 ? "warn" : "bad"}>
            {Math.floor(100 * share)} % of {figure(maxLength)}
          </Badge>
        );
      },
    },
  ];
}
