/**
 * The head of the page: whose it is, how the connection is doing, and what is most worth knowing.
 * @module
 */

import type { ComponentChildren, VNode } from "preact";
import { bits, counted, span } from "./format.ts";
import type { LiveStore } from "./live_store.ts";
import type { Mesh } from "./mesh_model.ts";
import { Sparkline } from "./parts.tsx";

/** Which colours are shown. */
export type Theme = "auto" | "light" | "dark";

const NEXT_THEME: Readonly<Record<Theme, Theme>> = { auto: "light", light: "dark", dark: "auto" };
const THEME_SIGNS: Readonly<Record<Theme, string>> = { auto: "◐", light: "☀", dark: "☾" };

/** Mark, names, connection and colours. */
export function Header({ store, theme, onTheme, onRetry }: {
  readonly store: LiveStore;
  readonly theme: Theme;
  readonly onTheme: (theme: Theme) => void;
  readonly onRetry: () => void;
}): VNode {
  const own = store.one("node");
  return (
    <header class="top">
      <h1>
        <span class="mark" aria-hidden="true" />weft
        {own !== undefined && (
          <span class="whose">
            {own.node.name} <span class="net">{own.network.cidr}</span>
          </span>
        )}
      </h1>
      <div class="top-end">
        <ConnectionState store={store} onRetry={onRetry} />
        <button
          type="button"
          class="round"
          aria-label={`Colours: ${theme}. Change`}
          title={`Colours: ${theme}`}
          onClick={() => onTheme(NEXT_THEME[theme])}
        >
          <span aria-hidden="true">{THEME_SIGNS[theme]}</span>
        </button>
      </div>
    </header>
  );
}

function ConnectionState(
  { store, onRetry }: { readonly store: LiveStore; readonly onRetry: () => void },
): VNode {
  const { connection } = store;
  const state = store.one("node")?.state ?? "starting";
  switch (connection.state) {
    case "live":
      return state === "running"
        ? <p class="live good" role="status">Live</p>
        : (
          <p class="live warn" role="status">
            {state === "stopping" ? "The agent stops" : "The agent starts"}
          </p>
        );
    case "connecting":
      return <p class="live" role="status">Connecting…</p>;
    case "paused":
      return <p class="live" role="status">Paused while hidden</p>;
    case "lost":
      return (
        <div class="live bad">
          <span>
            <span role="status">Lost: {connection.reason}</span>
            {/* What counts on is not read aloud. */}
            {store.isReady && <span aria-hidden="true">; as of {span(Date.now() - store.heardAt)} ago</span>}
          </span>
          <button type="button" class="plain" onClick={onRetry}>Try now</button>
        </div>
      );
  }
}

/** What a person should mend, and how. */
export function Warnings({ store }: { readonly store: LiveStore }): VNode | null {
  const own = store.one("node");
  const leadership = own?.leadership;
  const warnings = [
    ...(own?.warnings ?? []),
    ...leadership?.problem === undefined
      ? []
      : [{ kind: "leaders", text: leadership.problem, hint: leadership.hint ?? "" }],
  ];
  if (warnings.length === 0) return null;
  return (
    <ul class="warnings" aria-label="Warnings">
      {warnings.map(({ text, hint }) => (
        <li key={text}>
          <strong>{sentence(text)}</strong> <Hint text={hint} />
        </li>
      ))}
    </ul>
  );
}

/** What stands in backticks is a command. */
function Hint({ text }: { readonly text: string }): VNode {
  return <span>{text.split("`").map((part, i) => i % 2 === 1 ? <code key={i}>{part}</code> : part)}</span>;
}

/** Warnings begin with names, which are as they are. */
function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** The figures that come first. */
export function Summary({ store, mesh, onFilter, onList }: {
  readonly store: LiveStore;
  readonly mesh: Mesh;
  readonly onFilter: (id: string) => void;
  /** Shows a list. */
  readonly onList: (list: "services") => void;
}): VNode {
  const members = mesh.nodes.length;
  const well = mesh.nodes.filter(({ health }) => health === "healthy" || health === "self").length;
  const unwell = mesh.nodes.filter(({ health }) => health === "unhealthy" || health === "degraded").length;
  const away = members - well - unwell;
  const healthy = mesh.links.filter(({ isHealthy }) => isHealthy);
  const kinds = Map.groupBy(
    healthy,
    ({ ends }) => (ends.find((end) => end?.healthy) ?? ends[0])?.path ?? "none",
  );
  const direct = kinds.get("direct")?.length ?? 0;
  const [received = 0, sent = 0] = [store.received.at(-1), store.sent.at(-1)];
  const providers = store.one("counters")?.services.providers;
  const policy = store.one("policy");
  const enforced = policy?.enforced ?? undefined;
  const words = [...kinds].map(([kind, links]) =>
    kind === "direct" ? `${direct} direct` : `${links.length} by ${kind === "carrier" ? "stream" : kind}`
  );
  return (
    <section class="summary" aria-label="Summary">
      <Figure name="Nodes" value={`${well} of ${members}`} tone={unwell > 0 ? "bad" : "good"}>
        {unwell > 0
          ? (
            <button type="button" class="plain bad" onClick={() => onFilter("unwell")}>
              {counted(unwell, "needs", "need")} attention
            </button>
          )
          : away > 0
          ? <button type="button" class="plain" onClick={() => onFilter("away")}>{away} away</button>
          : "all healthy"}
      </Figure>
      <Figure name="Links" value={healthy.length.toLocaleString("en")}>
        {healthy.length === 0 ? "none yet" : direct === healthy.length ? "all direct" : words.join(", ")}
      </Figure>
      <Figure name="Traffic of this node" value={bits(received + sent)}>
        <span class="with-spark">
          <span class="nowrap">↓ {bits(received)} ↑ {bits(sent)}</span>
          <Sparkline
            points={store.received.map((rx, i) => rx + (store.sent[i] ?? 0))}
            least={1_000}
            width={96}
            height={18}
            label="Traffic lately"
          />
        </span>
      </Figure>
      <Figure
        name="Services"
        value={store.all("service").length.toLocaleString("en")}
      >
        {providers === undefined || providers.healthy + providers.unhealthy === 0
          ? "none offered"
          : providers.unhealthy === 0
          ? counted(providers.healthy, "provider")
          : (
            <button type="button" class="plain warn-text" onClick={() => onList("services")}>
              {providers.unhealthy} of {counted(providers.healthy + providers.unhealthy, "provider")} away
            </button>
          )}
      </Figure>
      <Figure
        name="Policy"
        value={policy === undefined || enforced === undefined
          ? "none"
          : policy.stale > 0
          ? `${policy.stale} behind`
          : "in force"}
        tone={policy?.stale ? "warn" : undefined}
      >
        {policy === undefined || enforced === undefined ? "all may reach all" : (
          <>
            {counted(policy.denied, "denial")} here, <code>{enforced.revision.slice(0, 8)}</code>
          </>
        )}
      </Figure>
    </section>
  );
}

function Figure({ name, value, tone, children }: {
  readonly name: string;
  readonly value: string;
  readonly tone?: string | undefined;
  readonly children: ComponentChildren;
}): VNode {
  return (
    <div class={`stat ${tone ?? ""}`}>
      <p class="stat-name">{name}</p>
      <p class="stat-value">{value}</p>
      <p class="stat-more">{children}</p>
    </div>
  );
}
