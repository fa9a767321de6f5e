/**
 * Networks, names, policy and tokens: a list each.
 * @module
 */

import type { VNode } from "preact";
import type { DnsRecordReport, NetworkReport, PolicyRuleCounters } from "../../../api/mod.ts";
import type { LiveToken } from "../../events/mod.ts";
import { byName, bytes, counted, span } from "./format.ts";
import { DenialText } from "./marks.tsx";
import { has, type ViewProps } from "./list_search.ts";
import { Badge, type Column, Command, Nothing, Table, type Tone } from "./parts.tsx";

const MOST_ENDPOINTS = 12;

/** Overlay networks with their endpoints. */
export function NetworkView({ store, search }: ViewProps): VNode {
  const networks = store.all("network");
  if (networks.length === 0) {
    return (
      <Nothing>
        There is no overlay network. A leader makes one by{" "}
        <Command text="weft network create blue --cidr 10.0.0.0/24" />
      </Nothing>
    );
  }
  const rows = networks.filter(({ name, type, cidrs }) => has(search, name, type, ...cidrs));
  return (
    <Table
      label="Networks"
      columns={NETWORK_COLUMNS}
      rows={rows}
      keyOf={({ name }) => name}
      initial={{ column: 0, isReverse: false }}
    />
  );
}

const NETWORK_COLUMNS: readonly Column<NetworkReport>[] = [
  {
    title: "Network",
    compare: (a, b) => byName(a.name, b.name),
    cell: ({ name, isActive, problem }) => {
      const state = !isActive ? "inactive" : problem === undefined ? "active" : "failed";
      return (
        <>
          <span class="name">{name}</span>{" "}
          <Badge tone={state === "active" ? "good" : state === "failed" ? "bad" : "quiet"}>{state}</Badge>
          {problem !== undefined && <span class="quiet line">{problem}</span>}
        </>
      );
    },
  },
  {
    title: "Type",
    cell: ({ type, identifierName, identifier, underlay, mtuBytes }) => (
      <>
        {type}, {identifierName} {identifier}
        <span class="quiet line">{underlay}, MTU {mtuBytes}</span>
      </>
    ),
  },
  {
    title: "Addresses",
    cell: ({ cidrs }) =>
      cidrs.length === 0 ? "–" : cidrs.map((cidr) => <span class="line mono" key={cidr}>{cidr}</span>),
  },
  {
    title: "Endpoints",
    compare: (a, b) => b.endpointCount - a.endpointCount,
    cell: ({ endpoints, endpointCount }) => (
      <>
        {endpoints.slice(0, MOST_ENDPOINTS).map((endpoint) => (
          <span class="line" key={endpoint.name}>
            {endpoint.name} <span class="quiet">{endpoint.isLocal ? "here" : `on ${endpoint.node}`}</span>
            {" "}
            <span class="mono">{endpoint.ipAddresses[0]}</span>
            {endpoint.state !== "up" && endpoint.state !== "remote" && (
              <Badge tone="bad">{endpoint.state}</Badge>
            )}
          </span>
        ))}
        {endpointCount > endpoints.length && (
          <span class="quiet line">{endpointCount - endpoints.length} on other nodes</span>
        )}
        {endpointCount === 0 && "none"}
      </>
    ),
  },
  {
    title: "In",
    isNumber: true,
    cell: ({ counts }) =>
      counts === undefined ? "–" : (
        <>
          {bytes(counts.bytesIn)}
          <span class="quiet line">{counted(counts.framesIn, "frame")}</span>
        </>
      ),
  },
  {
    title: "Out",
    isNumber: true,
    cell: ({ counts }) =>
      counts === undefined ? "–" : (
        <>
          {bytes(counts.bytesOut)}
          <span class="quiet line">{counted(counts.framesOut, "frame")}</span>
        </>
      ),
  },
  {
    title: "Dropped",
    cell: ({ counts }) => {
      const drops = Object.entries(counts?.drops ?? {}).filter(([, count]) => count > 0).sort((
        [, a],
        [, b],
      ) => b - a);
      return drops.length === 0
        ? "–"
        : drops.slice(0, 4).map(([reason, count]) => (
          <span class="line" key={reason}>{reason} {count.toLocaleString("en")}</span>
        ));
    },
  },
];

/** Names of the zone. */
export function NameView({ store, search }: ViewProps): VNode {
  const names = store.all("name");
  if (names.length === 0) return <Nothing>This node serves no names.</Nothing>;
  const rows = names.filter(({ name, type, data, source }) => has(search, name, type, data, source));
  return (
    <Table
      label="Names"
      columns={NAME_COLUMNS}
      rows={rows}
      keyOf={({ name, type, data }) => `${name} ${type} ${data}`}
      initial={{ column: 0, isReverse: false }}
    />
  );
}

const NAME_COLUMNS: readonly Column<DnsRecordReport>[] = [
  {
    title: "Name",
    compare: (a, b) => byName(a.name, b.name),
    cell: ({ name }) => <span class="name">{name.replace(/\.$/, "")}</span>,
  },
  { title: "Type", compare: (a, b) => byName(a.type, b.type), cell: ({ type }) => type },
  {
    title: "Data",
    compare: (a, b) => byName(a.data, b.data),
    cell: ({ data }) => <span class="mono wrap">{data}</span>,
  },
  { title: "From", compare: (a, b) => byName(a.source, b.source), cell: ({ source }) => source },
  {
    title: "Cached for",
    isNumber: true,
    compare: (a, b) => a.ttlSeconds - b.ttlSeconds,
    cell: ({ ttlSeconds }) => span(ttlSeconds * 1_000),
  },
];

/** The policy, what its rules have decided here, and what was denied. */
export function PolicyView({ store, search }: ViewProps): VNode {
  const policy = store.one("policy");
  const now = store.now();
  const denials = store.one("denials") ?? [];
  if (policy === undefined || (policy.enforced === null && policy.trial === null)) {
    return (
      <Nothing>
        No policy is in force: all members reach each other. A leader applies one, and tries it first by{" "}
        <Command text="weft policy apply policy.yaml --dry-run" />
      </Nothing>
    );
  }
  const { enforced, trial, stale, staleMembers, failures, warnings, denied, flows } = policy;
  const rules = store.all("rule").filter(({ rule, text }) => has(search, rule, text));
  return (
    <>
      <p class="tab-summary">
        {enforced !== null && (
          <>
            Revision <code>{enforced.revision}</code>, applied by {enforced.appliedBy}{" "}
            {span(now - enforced.appliedAt)} ago.
          </>
        )}
        {trial !== null && (
          <>
            {" "}Trial of <code>{trial.revision}</code>.
          </>
        )} {stale === 0 ? "In force on all members." : (
          <>
            <Badge tone="warn">{counted(stale, "member")} behind</Badge>:{" "}
            {staleMembers.slice(0, 5).join(", ")}.
          </>
        )} {counted(denied, "denial")} and {counted(flows, "flow")} here.
      </p>
      {failures.map(({ message }) => <p class="notice bad" key={message}>A test fails: {message}</p>)}
      {warnings.map((text) => <p class="notice" key={text}>{text}</p>)}
      {rules.length > 0 && (
        <Table
          label="Rules"
          columns={RULE_COLUMNS}
          rows={rules}
          keyOf={({ rule }) => rule}
        />
      )}
      {denials.length > 0 && (
        <section class="below">
          <h3>Denied here lately</h3>
          <ul class="plain-list">
            {denials.slice(0, 30).map((line, i) => (
              <li key={i}>
                <DenialText line={line} now={now} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

const RULE_COLUMNS: readonly Column<PolicyRuleCounters>[] = [
  {
    title: "Rule",
    compare: (a, b) => byName(a.rule, b.rule),
    cell: ({ rule }) => <span class="name">{rule}</span>,
  },
  { title: "What", cell: ({ text }) => <span class="wrap">{text}</span> },
  {
    title: "Packets",
    isNumber: true,
    compare: (a, b) => b.packets - a.packets,
    cell: ({ packets }) => packets.toLocaleString("en"),
  },
  { title: "Bytes", isNumber: true, compare: (a, b) => b.bytes - a.bytes, cell: (rule) => bytes(rule.bytes) },
  {
    title: "Flows",
    isNumber: true,
    compare: (a, b) => b.flows - a.flows,
    cell: ({ flows }) => flows.toLocaleString("en"),
  },
];

/** Tokens by use; their secrets are nowhere. */
export function TokenView({ store, search }: ViewProps): VNode {
  const tokens = store.all("token");
  const now = store.now();
  if (tokens.length === 0) {
    return (
      <Nothing>
        {store.one("node")?.node.role === "leader"
          ? (
            <>
              No token is out. One lets a machine in: <Command text="weft token create" />
            </>
          )
          : "Leaders have the tokens; this node is a member."}
      </Nothing>
    );
  }
  const tones: Readonly<Record<LiveToken["state"], Tone>> = {
    usable: "good",
    used: "quiet",
    expired: "quiet",
    revoked: "bad",
  };
  const columns: readonly Column<LiveToken>[] = [
    {
      title: "Token",
      compare: (a, b) => byName(a.id, b.id),
      cell: ({ id }) => <span class="name mono">{id}</span>,
    },
    {
      title: "State",
      compare: (a, b) => byName(a.state, b.state),
      cell: ({ state }) => <Badge tone={tones[state]}>{state}</Badge>,
    },
    {
      title: "Used",
      isNumber: true,
      compare: (a, b) => b.used - a.used,
      cell: ({ used }) => used.toLocaleString("en"),
    },
    { title: "Left", isNumber: true, cell: ({ usesLeft }) => usesLeft ?? "any number" },
    {
      title: "Expires",
      compare: (a, b) => a.expiresAt - b.expiresAt,
      cell: ({ expiresAt }) =>
        expiresAt > now ? `in ${span(expiresAt - now)}` : `${span(now - expiresAt)} ago`,
    },
    {
      title: "Made",
      compare: (a, b) => b.createdAt - a.createdAt,
      cell: ({ createdAt }) => `${span(now - createdAt)} ago`,
    },
    {
      title: "Labels",
      cell: ({ labels }) =>
        Object.entries(labels).map(([key, value]) => <span class="label" key={key}>{key}={value}</span>),
    },
  ];
  const rows = tokens.filter(({ id, state, labels }) =>
    has(search, id, state, ...Object.entries(labels).map(String))
  );
  return (
    <Table
      label="Tokens"
      columns={columns}
      rows={rows}
      keyOf={({ id }) => id}
      initial={{ column: 5, isReverse: false }}
    />
  );
}
