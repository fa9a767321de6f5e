/**
 * The whole page.
 * @module
 */

/// <reference lib="dom" />
import type { VNode } from "preact";
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { Empty } from "./empty.tsx";
import type { Feed } from "./feed.ts";
import { Header, Summary, type Theme, Warnings } from "./header.tsx";
import { AgentView } from "./agent_view.tsx";
import { DataView } from "./data_view.tsx";
import { NameView, NetworkView, PolicyView, TokenView } from "./list_views.tsx";
import type { LiveStore } from "./live_store.ts";
import { MeshMap } from "./map/mod.ts";
import { type Mesh, meshOf } from "./mesh_model.ts";
import { NodeDetail } from "./node_detail.tsx";
import { FILTERS, NodeTable, searched } from "./node_table.tsx";
import { Overview } from "./overview.tsx";
import { Search } from "./parts.tsx";
import { ServiceView } from "./service_view.tsx";
import { TimelineView } from "./timeline_view.tsx";

const TABS = [
  ["nodes", "Nodes"],
  ["services", "Services"],
  ["data", "Data"],
  ["networks", "Networks"],
  ["names", "Names"],
  ["policy", "Policy"],
  ["tokens", "Tokens"],
  ["timeline", "Timeline"],
  ["agent", "This node"],
] as const;
type Tab = typeof TABS[number][0];

/** Draws again when the store has something new, once a frame at most. */
function useStore(store: LiveStore): void {
  const [, redraw] = useReducer((count: number, _: undefined) => count + 1, 0);
  useEffect(() => {
    let isDue = false;
    return store.subscribe(() => {
      if (isDue) return;
      isDue = true;
      const draw = (): void => {
        isDue = false;
        redraw(undefined);
      };
      // No frame comes while the page is hidden, and its title goes on.
      if (document.hidden) setTimeout(draw, 1_000);
      else requestAnimationFrame(draw);
    });
  }, []);
}

function useMedia(query: string): boolean {
  const media = useMemo(() => matchMedia(query), [query]);
  const [matches, setMatches] = useState(media.matches);
  useEffect(() => {
    const follow = (): void => setMatches(media.matches);
    media.addEventListener("change", follow);
    return () => media.removeEventListener("change", follow);
  }, [media]);
  return matches;
}

function useTheme(): readonly [Theme, string, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(() => (localStorage.getItem("weft-theme") ?? "auto") as Theme);
  const isDark = useMedia("(prefers-color-scheme: dark)");
  const shown = theme === "auto" ? isDark ? "dark" : "light" : theme;
  useEffect(() => {
    document.documentElement.dataset.theme = shown;
    localStorage.setItem("weft-theme", theme);
  }, [shown, theme]);
  return [theme, shown, setTheme];
}

/** The page of one agent. */
export function App({ store, feed }: { readonly store: LiveStore; readonly feed: Feed }): VNode {
  useStore(store);
  const [theme, shown, setTheme] = useTheme();
  const isStill = useMedia("(prefers-reduced-motion: reduce)");
  const [tab, setTab] = useState<Tab>("nodes");
  const [search, setSearch] = useState("");
  const [filter, setFilter] = useState("all");
  const [selected, setSelected] = useState<string>();
  const mesh = meshOf(store);
  const own = store.one("node");
  useEffect(() => {
    document.title = own === undefined ? "weft" : `${own.node.name} · weft`;
  }, [own?.node.name]);
  useEffect(() => {
    const handleKey = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      document.getElementById("search")?.focus();
    };
    addEventListener("keydown", handleKey);
    return () => removeEventListener("keydown", handleKey);
  }, []);
  const found = searched(mesh.nodes, search);
  const matches = FILTERS.find(({ id }) => id === filter)?.matches ?? (() => true);
  const rows = found.filter(matches);
  const isNarrowed = rows.length < mesh.nodes.length && tab === "nodes";
  const node = selected === undefined ? undefined : mesh.byKey.get(selected);
  const select = (key: string | undefined, isFromTable = false): void => {
    setSelected(key);
    if (!isFromTable || key === undefined) return;
    // Beside the table there is no room for it: who picks there is led to it.
    requestAnimationFrame(() => document.getElementById("detail-title")?.focus());
  };
  const showList = (list: Tab): void => {
    setTab(list);
    requestAnimationFrame(() => document.getElementById(`tab-${list}`)?.focus());
  };
  const isLost = store.connection.state === "lost";
  return (
    <>
      <a class="skip" href="#lists">Skip to the lists</a>
      <Header store={store} theme={theme} onTheme={setTheme} onRetry={() => feed.retryNow()} />
      <main class={isLost ? "stale" : ""}>
        <Warnings store={store} />
        {!store.isReady && <Skeleton isLost={isLost} />}
        {store.isReady && (
          <>
            <Summary
              store={store}
              mesh={mesh}
              onFilter={(id) => {
                setFilter(id);
                setTab("nodes");
              }}
              onList={showList}
            />
            {mesh.nodes.length <= 1 ? <Empty store={store} /> : (
              <section class="stage" aria-label="Mesh">
                <MeshMap
                  mesh={mesh}
                  selected={node?.key}
                  found={isNarrowed ? new Set(rows.map(({ key }) => key)) : undefined}
                  isStill={isStill || isLost}
                  theme={shown}
                  onSelect={(key) => select(key)}
                />
                <aside class="side" aria-label="Details">
                  {node === undefined
                    ? <Overview store={store} mesh={mesh} onSelect={(key) => select(key)} onList={showList} />
                    : <NodeDetail node={node} mesh={mesh} store={store} onSelect={(key) => select(key)} />}
                </aside>
              </section>
            )}
            <p class="off-screen" role="status">
              {node === undefined ? "" : `${node.name} is shown beside the map`}
            </p>
            <Lists
              {...{ store, mesh, tab, setTab, search, setSearch, filter, setFilter }}
              rows={rows}
              selected={node?.key}
              onSelect={(key) => select(key, true)}
            />
          </>
        )}
      </main>
      <Footer store={store} />
    </>
  );
}

interface ListsProps {
  readonly store: LiveStore;
  readonly mesh: Mesh;
  readonly rows: Mesh["nodes"];
  readonly tab: Tab;
  readonly setTab: (tab: Tab) => void;
  readonly search: string;
  readonly setSearch: (text: string) => void;
  readonly filter: string;
  readonly setFilter: (id: string) => void;
  readonly selected: string | undefined;
  readonly onSelect: (key: string) => void;
}

function Lists(props: ListsProps): VNode {
  const { store, mesh, rows, tab, setTab, search, setSearch, filter, setFilter, selected, onSelect } = props;
  const list = useRef<HTMLDivElement>(null);
  const counts: Readonly<Partial<Record<Tab, number>>> = {
    nodes: mesh.nodes.length,
    services: store.all("service").length,
    data: store.all("collection").length + store.all("queue").length,
    networks: store.all("network").length,
    names: store.all("name").length,
    tokens: store.all("token").length,
  };
  const handleKey = (event: KeyboardEvent): void => {
    const at = TABS.findIndex(([id]) => id === tab);
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const [next] = TABS[(at + step + TABS.length) % TABS.length] ?? TABS[0];
    setTab(next);
    list.current?.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  };
  const byName = (name: string): void => {
    const node = mesh.byName.get(name);
    if (node !== undefined) onSelect(node.key);
  };
  return (
    <section class="lists" id="lists" aria-label="Lists">
      <div class="lists-head">
        <div class="tabs" role="tablist" aria-label="Lists" ref={list} onKeyDown={handleKey}>
          {TABS.map(([id, name]) => (
            <button
              type="button"
              role="tab"
              key={id}
              id={`tab-${id}`}
              aria-selected={tab === id}
              aria-controls="tab-panel"
              tabIndex={tab === id ? 0 : -1}
              onClick={() => setTab(id)}
            >
              {name}
              {counts[id] !== undefined && <span class="count">{counts[id].toLocaleString("en")}</span>}
            </button>
          ))}
        </div>
        <Search id="search" value={search} onChange={setSearch} label="Search  /" />
      </div>
      <div class="panel" role="tabpanel" id="tab-panel" aria-labelledby={`tab-${tab}`}>
        {tab === "nodes" && (
          <>
            <div class="filters" role="group" aria-label="Filters">
              {FILTERS.map(({ id, name, matches }) => {
                const count = mesh.nodes.filter(matches).length;
                return (id === "all" || count > 0 || filter === id) && (
                  <button
                    type="button"
                    key={id}
                    aria-pressed={filter === id}
                    onClick={() => setFilter(id)}
                  >
                    {name} <span class="count">{count.toLocaleString("en")}</span>
                  </button>
                );
              })}
            </div>
            <NodeTable nodes={rows} store={store} selected={selected} onSelect={onSelect} />
          </>
        )}
        {tab === "services" && <ServiceView store={store} search={search} />}
        {tab === "data" && <DataView store={store} search={search} />}
        {tab === "networks" && <NetworkView store={store} search={search} />}
        {tab === "names" && <NameView store={store} search={search} />}
        {tab === "policy" && <PolicyView store={store} search={search} />}
        {tab === "tokens" && <TokenView store={store} search={search} />}
        {tab === "timeline" && <TimelineView store={store} search={search} onSelect={byName} />}
        {tab === "agent" && <AgentView store={store} search={search} />}
      </div>
    </section>
  );
}

function Skeleton({ isLost }: { readonly isLost: boolean }): VNode {
  return (
    <div class="skeleton" aria-hidden="true">
      <p>{isLost ? "The agent does not answer yet." : "Asking the agent…"}</p>
    </div>
  );
}

function Footer({ store }: { readonly store: LiveStore }): VNode {
  const own = store.one("node");
  return (
    <footer>
      <span>{own === undefined ? "" : `weft ${own.version} on ${own.node.name}`}</span>
      <nav aria-label="For programs">
        {["/status", "/events", "/metrics", "/openapi.json"].map((path) => (
          <a href={path} key={path}>{path}</a>
        ))}
      </nav>
    </footer>
  );
}
